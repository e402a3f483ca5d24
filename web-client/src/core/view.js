/**
 * Which part of the picture is shown where in the element: all monitors or one, as large as fits or enlarged by two
 * fingers. Everything is in device pixels; see `fit.js` for why.
 */

/** @import { Monitor } from "./protocol/protocol.js" */
/** @import { Layout } from "./fit.js" */
/** @import { Scale } from "./types.js" */

import { full } from "./half.js";
import { layout, pixelAt, wantedSize, wirePosition } from "./fit.js";

/** @typedef {{ width: number, height: number }} Size */

/** Text is legible long before this, and a finger hits a single pixel. */
const MAX_ZOOM = 8;

export class View {
  /** @type {Size} */
  box = { width: 0, height: 0 };
  /** @type {Scale} */
  scale = "exact";
  /** The one monitor that is shown; null shows them all. @type {Monitor | null} */
  monitor = null;
  /** The whole screen by the host's count, which the monitor's place belongs to. @type {Size} */
  screen = { width: 0, height: 0 };
  /** @type {Size} */
  #video = { width: 0, height: 0 };
  #zoom = 1;
  #pan = { x: 0, y: 0 };
  #layout = layout(this.box, this.#video, "exact");

  /** Where the part that is shown lies. @returns {Layout} */
  get layout() {
    return this.#layout;
  }

  get zoom() {
    return this.#zoom;
  }

  /** The screen's size in the picture, as it was placed last. */
  get size() {
    return this.#video;
  }

  /**
   * Shows one monitor only, if there is one of that name.
   * @param {readonly Monitor[]} monitors
   * @param {string | null} name
   */
  pick(monitors, name) {
    this.monitor = monitors.find((monitor) => monitor.name === name) ?? null;
  }

  /**
   * The size to ask for.
   * @param {number} dpr
   */
  wanted(dpr) {
    const { width, height } = this.box.width === 0 ? this.box : wantedSize(this.box);
    return { width, height, density: Math.min(400, Math.max(50, Math.round(dpr * 100))) };
  }

  /**
   * Lays out a picture of that size.
   * @param {Size} video
   */
  place(video) {
    this.#video = this.#seen(full(video, this.screen));
    const region = this.#region(this.#video);
    const base = layout(this.box, region, this.scale);
    const scale = base.scale * this.#zoom;
    const width = this.#zoom === 1 ? base.width : Math.round(region.width * scale);
    const height = this.#zoom === 1 ? base.height : Math.round(region.height * scale);
    this.#pan.x = clamp(this.#pan.x, 0, Math.max(0, width - this.box.width));
    this.#pan.y = clamp(this.#pan.y, 0, Math.max(0, height - this.box.height));
    this.#layout = {
      left: width <= this.box.width ? Math.floor((this.box.width - width) / 2) : -Math.round(this.#pan.x),
      top: height <= this.box.height ? Math.floor((this.box.height - height) / 2) : -Math.round(this.#pan.y),
      width,
      height,
      scale,
      pixelated: scale >= 2 && Number.isInteger(scale),
    };
  }

  /**
   * Where a picture of that size lies as a whole, and how much of each side is not shown.
   * @param {Size} video
   * @returns {{ at: Layout, clip: { left: number, top: number, right: number, bottom: number } | null }}
   */
  whole(video) {
    video = full(video, this.screen);
    const region = this.#region(this.#seen(video));
    const { left, top, width, height, scale, pixelated } = this.#layout;
    if (region.width === video.width && region.height === video.height) return { at: this.#layout, clip: null };
    const [before, above] = [region.x * scale, region.y * scale];
    const [wide, high] = [video.width * scale, video.height * scale];
    return {
      at: { left: left - before, top: top - above, width: wide, height: high, scale, pixelated },
      clip: { left: before, top: above, right: wide - before - width, bottom: high - above - height },
    };
  }

  /**
   * The position on the wire of a point in the element.
   * @param {number} x in device pixels
   * @param {number} y
   */
  aim(x, y) {
    const region = this.#region(this.#video);
    const { px, py, inside } = pixelAt(this.#layout, region, x, y);
    return {
      x: wirePosition(region.x + px, this.#video.width),
      y: wirePosition(region.y + py, this.#video.height),
      inside: inside && this.#video.width > 0,
    };
  }

  /**
   * The point in the element where that position on the wire is shown.
   * @param {{ x: number, y: number }} position
   */
  point({ x, y }) {
    const region = this.#region(this.#video);
    const along = (/** @type {number} */ at, /** @type {number} */ side) => (at * Math.max(0, side - 1)) / 65_535 + 0.5;
    return {
      x: this.#layout.left + (along(x, this.#video.width) - region.x) * this.#layout.scale,
      y: this.#layout.top + (along(y, this.#video.height) - region.y) * this.#layout.scale,
    };
  }

  /**
   * Enlarges by a factor around a point, which stays where it is.
   * @param {number} factor
   * @param {number} x in device pixels
   * @param {number} y
   */
  zoomAt(factor, x, y) {
    const next = clamp(this.#zoom * factor, 1, MAX_ZOOM);
    const ratio = next / this.#zoom;
    const { left, top } = this.#layout;
    this.#pan = { x: (x - left) * ratio - x, y: (y - top) * ratio - y };
    this.#zoom = next < 1.02 ? 1 : next;
    this.place(this.#video);
  }

  /**
   * Moves the enlarged picture along with the fingers.
   * @param {number} dx in device pixels
   * @param {number} dy
   */
  panBy(dx, dy) {
    this.#pan = { x: this.#pan.x - dx, y: this.#pan.y - dy };
    this.place(this.#video);
  }

  /** Shows the picture as large as it fits again. */
  reset() {
    this.#zoom = 1;
    this.#pan = { x: 0, y: 0 };
    this.place(this.#video);
  }

  /**
   * The screen in the video: encoders need even sides, so an odd screen's last column and row are there twice.
   * @param {Size} video
   */
  #seen({ width, height }) {
    const { screen } = this;
    const odd = (/** @type {number} */ side, /** @type {number} */ own) => (own % 2 === 1 && side === own + 1 ? own : side);
    return { width: odd(width, screen.width), height: odd(height, screen.height) };
  }

  /** The part that is shown, in the video's pixels. @param {Size} video */
  #region(video) {
    const { monitor, screen } = this;
    if (monitor === null || screen.width === 0 || screen.height === 0) return { x: 0, y: 0, ...video };
    // An encoder may have made the picture smaller than the screen.
    const [across, down] = [video.width / screen.width, video.height / screen.height];
    const x = Math.round(monitor.x * across);
    const y = Math.round(monitor.y * down);
    const width = Math.min(Math.round(monitor.width * across), video.width - x);
    const height = Math.min(Math.round(monitor.height * down), video.height - y);
    return width < 1 || height < 1 ? { x: 0, y: 0, ...video } : { x, y, width, height };
  }
}

/**
 * @param {number} value
 * @param {number} min
 * @param {number} max
 */
function clamp(value, min, max) {
  return Math.min(max, Math.max(min, value));
}
