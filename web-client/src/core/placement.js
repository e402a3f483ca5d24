/**
 * Puts the picture into the element's box, and turns points of the window into positions on the host.
 *
 * Callers speak of the window in CSS pixels, as events do; inside everything is in device pixels.
 */

/** @import { Cursor } from "./cursor.js" */
/** @import { Scale } from "./types.js" */
/** @import { VideoSink } from "./video.js" */

import { Box } from "./box.js";
import { View } from "./view.js";

export class Placement {
  view = new View();
  #layer;
  #cursor;
  #changed;
  /** @type {Box | null} */
  #box = null;

  /**
   * @param {Element} layer as large as the element
   * @param {Cursor} cursor
   * @param {(laidOut: boolean) => void} changed the box or the density is another
   */
  constructor(layer, cursor, changed) {
    this.#layer = layer;
    this.#cursor = cursor;
    this.#changed = changed;
  }

  open() {
    this.#box = new Box(this.#layer, (laidOut) => this.#changed(laidOut));
  }

  close() {
    this.#box?.close();
    this.#box = null;
  }

  /** The size of a desktop that fills the box. */
  get wanted() {
    this.#measure();
    return this.view.wanted(devicePixelRatio);
  }

  /**
   * @param {readonly VideoSink[]} videos
   * @param {{ width: number, height: number }} size of the picture that is shown
   * @param {Scale} scale
   */
  place(videos, size, scale) {
    this.#measure();
    this.view.scale = scale;
    this.view.place(size);
    for (const video of videos) video.place(this.view.whole(video.size), devicePixelRatio);
    this.#cursor.scale(this.view.layout.scale / devicePixelRatio);
  }

  /**
   * @param {number} clientX
   * @param {number} clientY
   */
  aim(clientX, clientY) {
    const { x, y } = this.#point(clientX, clientY);
    return this.view.aim(x, y);
  }

  /**
   * The pointer is there; a cursor that is drawn follows it.
   * @param {number} clientX
   * @param {number} clientY
   */
  moved(clientX, clientY) {
    const rect = this.#layer.getBoundingClientRect();
    this.#cursor.moved(clientX - rect.left, clientY - rect.top);
  }

  /**
   * Where a position on the wire is shown, in CSS pixels of the element.
   * @param {{ x: number, y: number }} position
   */
  spot(position) {
    const { x, y } = this.view.point(position);
    const { left, top, width, height } = this.view.layout;
    const inside = x >= left && y >= top && x <= left + width && y <= top + height;
    return { x: x / devicePixelRatio, y: y / devicePixelRatio, inside };
  }

  /** Draws the pointer there, or leaves it to the browser. @param {{ x: number, y: number } | null} at */
  pin(at) {
    const rect = this.#layer.getBoundingClientRect();
    this.#cursor.pin(at === null ? null : { x: at.x - rect.left, y: at.y - rect.top });
  }

  /** The part of the window in which the picture can be seen. */
  get bounds() {
    const { left, top } = this.#layer.getBoundingClientRect();
    const { box, layout } = this.view;
    const dpr = devicePixelRatio;
    return {
      left: left + Math.max(0, layout.left) / dpr,
      top: top + Math.max(0, layout.top) / dpr,
      right: left + Math.min(box.width, layout.left + layout.width) / dpr,
      bottom: top + Math.min(box.height, layout.top + layout.height) / dpr,
    };
  }

  /**
   * Enlarges the picture around a point.
   * @param {number} factor
   * @param {number} clientX
   * @param {number} clientY
   */
  zoom(factor, clientX, clientY) {
    const { x, y } = this.#point(clientX, clientY);
    this.view.zoomAt(factor, x, y);
    this.#changed(false);
  }

  /**
   * Moves the enlarged picture.
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.view.panBy(dx * devicePixelRatio, dy * devicePixelRatio);
    this.#changed(false);
  }

  #measure() {
    this.view.box = this.#box?.size ?? this.view.box;
  }

  /**
   * @param {number} clientX
   * @param {number} clientY
   */
  #point(clientX, clientY) {
    return this.#box?.point(clientX, clientY) ?? { x: 0, y: 0 };
  }
}
