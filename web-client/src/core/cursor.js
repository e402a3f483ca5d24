/**
 * The host's pointer, drawn here: it moves without waiting for the picture.
 *
 * Browsers take a PNG of up to 128 by 128 CSS pixels as a cursor; a larger one is drawn on a canvas that
 * follows the pointer. So is one that would reach over the page's edge: there browsers show the keyword instead, lest a
 * page cover what is theirs (Chromium any, Firefox one of more than 32 pixels).
 */

/** @import { FromHost } from "./protocol/protocol.js" */

/** @typedef {Omit<Extract<FromHost, { type: "cursor.shape" }>, "type">} Shape */

export const MAX_CSS_CURSOR = 128;
/** A fast pointer is nearer the edge than we know: we draw from a little before it. */
const EDGE = 12;
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

/**
 * Whether a browser may show its arrow instead of the shape, because that reaches over the page's edge. Pure.
 * @param {Shape} shape
 * @param {number} cssPerPixel
 * @param {{ x: number, y: number }} at the hot spot on the page
 * @param {{ width: number, height: number }} page
 */
export function overhangs(shape, cssPerPixel, at, page) {
  // In a drag that leads out of the page the pointer is the browser's.
  if (at.x < 0 || at.y < 0 || at.x >= page.width || at.y >= page.height) return false;
  const [left, top] = [at.x - shape.hot_x * cssPerPixel, at.y - shape.hot_y * cssPerPixel];
  const [right, bottom] = [left + shape.width * cssPerPixel, top + shape.height * cssPerPixel];
  return left < EDGE || top < EDGE || right > page.width - EDGE || bottom > page.height - EDGE;
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
  /** What CSS takes for the shape in use; null when it has to be drawn anyhow. @type {string | null} */
  #value = null;
  #overhanging = false;
  #drawing = 0;
  /** Where it is, as far as is known. @type {{ x: number, y: number } | null} */
  #at = null;
  /** Drawn where we say, since a finger has no pointer. */
  #pinned = false;

  /**
   * @param {HTMLElement} layer where the pointer is the host's
   * @param {HTMLCanvasElement} canvas laid over it, for shapes that CSS does not take
   */
  constructor(layer, canvas) {
    this.#layer = layer;
    this.#canvas = canvas;
    layer.addEventListener("pointerleave", () => this.left());
    this.reset();
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
    const shape = this.#shape;
    if (shape !== undefined && this.#value !== null && !this.#pinned && this.#overhangs(shape) !== this.#overhanging) this.#show();
    if (this.#drawn) this.#follow();
  }

  /** The pointer is not over the picture. */
  left() {
    if (this.#pinned) return;
    this.#canvas.hidden = true;
    this.#at = null;
    if (this.#overhanging) this.#show();
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
    if (this.#at === null) return;
    this.#canvas.style.translate = `${this.#at.x}px ${this.#at.y}px`;
    this.#canvas.hidden = false;
  }

  get #shape() {
    return typeof this.#used === "number" ? this.#shapes.get(this.#used) : undefined;
  }

  /** @param {Shape} shape */
  #overhangs(shape) {
    if (this.#at === null) return false;
    const { left, top } = this.#layer.getBoundingClientRect();
    const at = { x: left + this.#at.x, y: top + this.#at.y };
    return overhangs(shape, this.#cssPerPixel, at, { width: innerWidth, height: innerHeight });
  }

  #show() {
    this.#drawing += 1;
    const shape = this.#shape;
    this.#value = shape === undefined ? null : cursorValue(shape, this.#cssPerPixel);
    if (shape === undefined) return this.#set(this.#used === null ? "none" : "default");
    this.#overhanging = this.#value !== null && this.#overhangs(shape);
    if (this.#value !== null && !this.#overhanging && !this.#pinned) return this.#set(this.#value);
    // What was there before stays until this can be drawn: an arrow in between would flicker.
    void this.#draw(shape, this.#drawing);
  }

  /** Leaves the pointer to the browser. @param {string} value */
  #set(value) {
    this.#drawn = false;
    this.#canvas.hidden = true;
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
      if (turn === this.#drawing) this.#set("default");
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
    this.#layer.style.cursor = this.#pinned ? "default" : "none";
    if (this.#pinned || this.#layer.matches(":hover")) this.#follow();
    else canvas.hidden = true;
  }
}
