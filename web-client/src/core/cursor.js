/**
 * The host's pointer, drawn here: it moves without waiting for the picture.
 *
 * Browsers take a PNG of up to 128 by 128 CSS pixels as a cursor; a larger one is drawn on a canvas that
 * follows the pointer. A cursor that would reach over the page's edge falls back to the keyword, so the
 * keyword is always one that makes sense.
 */

/** @import { FromHost } from "./protocol/protocol.js" */

/** @typedef {Omit<Extract<FromHost, { type: "cursor.shape" }>, "type">} Shape */

export const MAX_CSS_CURSOR = 128;
/** Shapes that are kept; an application that animates its pointer makes many. */
const MAX_SHAPES = 512;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The CSS value for a shape, or null when it has to be drawn. Pure.
 * @param {Shape} shape
 * @param {number} cssPerPixel CSS pixels per pixel of the desktop
 */
export function cursorValue(shape, cssPerPixel) {
  if (Math.max(shape.width, shape.height) * cssPerPixel > MAX_CSS_CURSOR) return null;
  const spot = (/** @type {number} */ hot, /** @type {number} */ side) =>
    Math.round(Math.min(hot, Math.max(0, side - 1)) * cssPerPixel);
  const url = `url("data:image/png;base64,${shape.png}")`;
  const density = +(1 / cssPerPixel).toFixed(4);
  const image = density === 1 ? url : `image-set(${url} ${density}x)`;
  return `${image} ${spot(shape.hot_x, shape.width)} ${spot(shape.hot_y, shape.height)}, default`;
}

export class Cursor {
  /** @type {Map<number, Shape>} */
  #shapes = new Map();
  /** @type {number | null | undefined} undefined before the host has said anything */
  #used;
  #cssPerPixel = 1;
  #layer;
  #canvas;
  #drawn = false;
  #drawing = 0;
  #at = { x: 0, y: 0 };
  /** Drawn where we say, since a finger has no pointer. */
  #pinned = false;

  /**
   * @param {HTMLElement} layer where the pointer is the host's
   * @param {HTMLCanvasElement} canvas laid over it, for shapes that CSS does not take
   */
  constructor(layer, canvas) {
    this.#layer = layer;
    this.#canvas = canvas;
  }

  /** A new session numbers its shapes anew. */
  reset() {
    this.#shapes.clear();
    this.#used = undefined;
    this.#show();
  }

  /** @param {Shape} shape */
  shape(shape) {
    if (!BASE64.test(shape.png) || shape.width < 1 || shape.height < 1) return;
    this.#shapes.delete(shape.id);
    this.#shapes.set(shape.id, shape);
    for (const id of this.#shapes.keys()) {
      if (this.#shapes.size <= MAX_SHAPES) break;
      if (id !== this.#used) this.#shapes.delete(id);
    }
    if (shape.id === this.#used) this.#show();
  }

  /** @param {number | null} id */
  use(id) {
    if (id === this.#used) return;
    this.#used = id;
    this.#show();
  }

  /** @param {number} cssPerPixel */
  scale(cssPerPixel) {
    if (cssPerPixel === this.#cssPerPixel || !(cssPerPixel > 0)) return;
    this.#cssPerPixel = cssPerPixel;
    this.#show();
  }

  /**
   * The pointer is here, in CSS pixels of the layer.
   * @param {number} x
   * @param {number} y
   */
  moved(x, y) {
    this.#at = { x, y };
    if (this.#drawn) this.#follow();
  }

  /** The pointer is not over the picture. */
  left() {
    if (!this.#pinned) this.#canvas.hidden = true;
  }

  /**
   * Draws the pointer at a place, whatever the browser's own does.
   * @param {{ x: number, y: number } | null} at in CSS pixels of the layer; null ends that
   */
  pin(at) {
    const changed = this.#pinned !== (at !== null);
    this.#pinned = at !== null;
    if (at !== null) this.moved(at.x, at.y);
    if (changed) this.#show();
  }

  #follow() {
    this.#canvas.style.translate = `${this.#at.x}px ${this.#at.y}px`;
    this.#canvas.hidden = false;
  }

  #show() {
    this.#drawn = false;
    this.#drawing += 1;
    this.#canvas.hidden = true;
    if (this.#used === null) return this.#set("none");
    const shape = this.#used === undefined ? undefined : this.#shapes.get(this.#used);
    if (shape === undefined) return this.#set("default");
    const value = cursorValue(shape, this.#cssPerPixel);
    if (value !== null && !this.#pinned) return this.#set(value);
    this.#set("default");
    void this.#draw(shape, this.#drawing);
  }

  /** @param {string} value */
  #set(value) {
    this.#layer.style.cursor = value;
  }

  /**
   * @param {Shape} shape
   * @param {number} turn
   */
  async #draw(shape, turn) {
    const image = new Image();
    image.src = `data:image/png;base64,${shape.png}`;
    try {
      await image.decode();
    } catch {
      return;
    }
    if (turn !== this.#drawing) return;
    const canvas = this.#canvas;
    canvas.width = shape.width;
    canvas.height = shape.height;
    canvas.style.width = `${shape.width * this.#cssPerPixel}px`;
    canvas.style.height = `${shape.height * this.#cssPerPixel}px`;
    canvas.style.left = `${-shape.hot_x * this.#cssPerPixel}px`;
    canvas.style.top = `${-shape.hot_y * this.#cssPerPixel}px`;
    canvas.getContext("2d")?.drawImage(image, 0, 0);
    this.#drawn = true;
    if (this.#pinned || this.#layer.matches(":hover")) this.#follow();
    if (!this.#pinned) this.#set("none");
  }
}
