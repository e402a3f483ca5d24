/**
 * Where the other viewers point: an arrow with a name for each.
 */

/** @import { ViewerInfo } from "./protocol/protocol.js" */

/** Who has not moved for this long is looking, not pointing. */
const FADE_MS = 10_000;
const COLOURS = ["#e8710a", "#1a73e8", "#188038", "#a142f4", "#d01884", "#007b83"];
const ARROW = "M1 1 L1 17 L5.2 13.2 L8 19.5 L10.8 18.3 L8 12 L13.5 12 Z";
const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {object} Pointer
 * @property {HTMLElement} element
 * @property {HTMLElement} name
 * @property {{ x: number, y: number }} at on the wire
 * @property {ReturnType<typeof setTimeout> | undefined} fade
 */

export class Pointers {
  element = document.createElement("div");
  /** @type {Map<number, Pointer>} */
  #all = new Map();
  /** @type {Map<number, string>} */
  #names = new Map();
  /** @type {(at: { x: number, y: number }) => { x: number, y: number, inside: boolean }} */
  #spot = () => ({ x: 0, y: 0, inside: false });

  constructor() {
    this.element.id = "pointers";
    // The list of viewers says who is there; a reader of screens need not hear every move.
    this.element.setAttribute("aria-hidden", "true");
  }

  /** @param {(at: { x: number, y: number }) => { x: number, y: number, inside: boolean }} spot of a position, in CSS pixels of the element */
  open(spot) {
    this.#spot = spot;
  }

  /** @param {readonly ViewerInfo[]} viewers */
  viewers(viewers) {
    this.#names = new Map(viewers.map(({ viewer, subject }) => [viewer, subject]));
    for (const [viewer, pointer] of this.#all) {
      if (!this.#names.has(viewer)) this.#drop(viewer);
      else pointer.name.textContent = this.#names.get(viewer) ?? "";
    }
  }

  /**
   * @param {number} viewer
   * @param {readonly number[] | null} at null: nowhere
   */
  at(viewer, at) {
    if (at === null) return this.#drop(viewer);
    const pointer = this.#all.get(viewer) ?? this.#make(viewer);
    const [x = 0, y = 0] = at;
    pointer.at = { x, y };
    clearTimeout(pointer.fade);
    pointer.element.classList.remove("still");
    pointer.fade = setTimeout(() => pointer.element.classList.add("still"), FADE_MS);
    this.#place(pointer);
  }

  /** The picture lies elsewhere now. */
  place() {
    for (const pointer of this.#all.values()) this.#place(pointer);
  }

  clear() {
    for (const viewer of [...this.#all.keys()]) this.#drop(viewer);
  }

  /** @param {number} viewer */
  #make(viewer) {
    const element = document.createElement("div");
    const name = document.createElement("span");
    const svg = document.createElementNS(SVG, "svg");
    const path = document.createElementNS(SVG, "path");
    svg.setAttribute("viewBox", "0 0 15 21");
    path.setAttribute("d", ARROW);
    svg.append(path);
    name.textContent = this.#names.get(viewer) ?? "";
    const colour = COLOURS[viewer % COLOURS.length] ?? "";
    element.style.setProperty("--own", colour);
    element.className = "pointer";
    element.dataset["viewer"] = String(viewer);
    element.append(svg, name);
    this.element.append(element);
    /** @type {Pointer} */
    const pointer = { element, name, at: { x: 0, y: 0 }, fade: undefined };
    this.#all.set(viewer, pointer);
    return pointer;
  }

  /** @param {Pointer} pointer */
  #place({ element, at }) {
    const { x, y, inside } = this.#spot(at);
    element.hidden = !inside;
    element.style.translate = `${x}px ${y}px`;
  }

  /** @param {number} viewer */
  #drop(viewer) {
    const pointer = this.#all.get(viewer);
    if (pointer === undefined) return;
    clearTimeout(pointer.fade);
    pointer.element.remove();
    this.#all.delete(viewer);
  }
}
