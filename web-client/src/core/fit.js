/**
 * Where the picture lies in its box, and which of its pixels a point is. Pure.
 *
 * A picture is sharp only when one video pixel is exactly one device pixel: a box that is off by less
 * than a CSS pixel already blurs every line of text. So everything here counts in device pixels.
 */

/** @import { Scale } from "./types.js" */

import { MAX_DISPLAY_HEIGHT, MAX_DISPLAY_WIDTH, MIN_DISPLAY_SIDE } from "./protocol/limits.js";

/**
 * @typedef {object} Layout
 * @property {number} left in device pixels from the box's corner, whole
 * @property {number} top
 * @property {number} width in device pixels
 * @property {number} height
 * @property {number} scale device pixels per video pixel
 * @property {boolean} pixelated whether enlarging must not smooth
 */

/**
 * `exact` shows 1:1 whenever the picture fits and shrinks it otherwise; `fit` fills the box; `integer`
 * enlarges by whole factors only.
 * @param {{ width: number, height: number }} box in device pixels
 * @param {{ width: number, height: number }} video in pixels
 * @param {Scale} mode
 * @returns {Layout}
 */
export function layout(box, video, mode) {
  if (video.width < 1 || video.height < 1 || box.width < 1 || box.height < 1) {
    return { left: 0, top: 0, width: 0, height: 0, scale: 1, pixelated: false };
  }
  const room = Math.min(box.width / video.width, box.height / video.height);
  const scale = chosen(room, mode);
  const width = Math.min(box.width, Math.round(video.width * scale));
  const height = Math.min(box.height, Math.round(video.height * scale));
  return {
    left: Math.floor((box.width - width) / 2),
    top: Math.floor((box.height - height) / 2),
    width,
    height,
    scale,
    pixelated: scale >= 2 && Number.isInteger(scale),
  };
}

/**
 * @param {number} room the scale at which the picture just fits
 * @param {Scale} mode
 */
function chosen(room, mode) {
  if (room < 1) return room;
  if (mode === "exact") return 1;
  if (mode === "integer") return Math.floor(room);
  // An odd window leaves one pixel over: that is no reason to blur.
  const whole = Math.round(room);
  return whole <= room && room - whole <= 0.004 * whole ? whole : room;
}

/**
 * The video pixel under a point, clamped into the picture.
 *
 * A pointer rests on whole device pixels. In a shrunken picture there are fewer of those than video pixels,
 * so the first and the last of each row are mapped on each other; otherwise the last could not be reached.
 * @param {Layout} at
 * @param {{ width: number, height: number }} video
 * @param {number} x in device pixels from the box's corner
 * @param {number} y
 * @returns {{ px: number, py: number, inside: boolean }}
 */
export function pixelAt(at, video, x, y) {
  // Fractions of CSS pixels come a hair short of the device pixel that is meant.
  const column = Math.floor(x - at.left + 0.01);
  const row = Math.floor(y - at.top + 0.01);
  return {
    px: along(column, at.width, video.width),
    py: along(row, at.height, video.height),
    inside: 0 <= column && column < at.width && 0 <= row && row < at.height,
  };
}

/**
 * @param {number} place the device pixel
 * @param {number} shown device pixels that the picture takes
 * @param {number} side its own pixels
 */
function along(place, shown, side) {
  const pixel = shown < side ? Math.round((place * (side - 1)) / Math.max(1, shown - 1)) : Math.floor(((place + 0.5) * side) / shown);
  return clamp(pixel, 0, Math.max(0, side - 1));
}

/**
 * A pixel as a position on the wire, 0…65535 from the first pixel to the last.
 * @param {number} pixel
 * @param {number} side
 */
export function wirePosition(pixel, side) {
  return side <= 1 ? 0 : clamp(Math.round((pixel * 65_535) / (side - 1)), 0, 65_535);
}

/**
 * The desktop's size to ask for: even, because encoders halve the colour planes, and within the limits.
 * @param {{ width: number, height: number }} box in device pixels
 */
export function wantedSize(box) {
  const even = (/** @type {number} */ side, /** @type {number} */ max) =>
    clamp(Math.floor(side / 2) * 2, MIN_DISPLAY_SIDE, max);
  return { width: even(box.width, MAX_DISPLAY_WIDTH), height: even(box.height, MAX_DISPLAY_HEIGHT) };
}

/**
 * @param {number} value
 * @param {number} min
 * @param {number} max
 */
function clamp(value, min, max) {
  return Math.min(max, Math.max(min, value));
}
