/**
 * A picture with half as many pixels a side, as a host sends it over a path of few bits: it stands for the whole screen.
 */

/** @typedef {{ width: number, height: number }} Size */

/** Encoders need even sides. @param {number} side */
const even = (side) => side + (side & 1);

/** Half of an even side, which is even again, as the host makes it. @param {number} side */
const halved = (side) => 2 * Math.ceil(even(side) / 4);

/**
 * Whether this is a whole picture of that screen.
 * @param {Size} video
 * @param {Size} screen
 */
export const isWhole = (video, screen) => video.width === even(screen.width) && video.height === even(screen.height);

/**
 * Whether this is a half picture of that screen.
 * @param {Size} video
 * @param {Size} screen
 */
export const isHalf = (video, screen) => screen.width > 2 && video.width === halved(screen.width) && video.height === halved(screen.height);

/**
 * The size that the picture stands for.
 * @param {Size} video
 * @param {Size} screen
 * @returns {Size}
 */
export const full = (video, screen) => (isHalf(video, screen) ? { width: even(screen.width), height: even(screen.height) } : video);
