/**
 * Drives the rules in `gestures.js` by touch events, and turns their acts into the pointer's messages.
 */

/** @import { InputMessage } from "../types.js" */
/** @import { Act, TouchMode } from "./gestures.js" */
/** @import { Aim, Pointer } from "./pointer.js" */

import { Gestures } from "./gestures.js";

/**
 * @typedef {object} TouchHost
 * @property {(clientX: number, clientY: number) => Aim} aim
 * @property {() => boolean} pointer whether the pointer may be sent
 * @property {(messages: InputMessage[]) => void} send
 * @property {() => { left: number, top: number, right: number, bottom: number }} bounds where the picture can be seen
 * @property {(factor: number, clientX: number, clientY: number) => void} zoom
 * @property {(dx: number, dy: number) => void} pan
 * @property {(at: { x: number, y: number } | null) => void} pin the pointer is drawn there; null: not by us
 */

export class Touch {
  #gestures = new Gestures();
  #host;
  #pointer;
  #buttons = 0;
  /** Where the pointer is, in the window. @type {{ x: number, y: number } | null} */
  #at = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Pointer} pointer
   * @param {TouchHost} host
   */
  constructor(pointer, host) {
    this.#pointer = pointer;
    this.#host = host;
  }

  /** @returns {TouchMode} */
  get mode() {
    return this.#gestures.mode;
  }

  set mode(mode) {
    this.cancel();
    this.#gestures.mode = mode;
    this.#host.pin(mode === "trackpad" ? this.#place() : null);
  }

  /** @param {PointerEvent} e of a finger */
  handle(e) {
    const now = e.timeStamp;
    const { pointerId: id, clientX: x, clientY: y } = e;
    if (e.type === "pointerdown") this.#act(this.#gestures.down(id, x, y, now));
    else if (e.type === "pointermove") this.#act(this.#gestures.move(id, x, y, now));
    else if (e.type === "pointerup") this.#act(this.#gestures.up(id, now));
    this.#wait();
  }

  /** The caller tells the host that everything is let go. */
  cancel() {
    clearTimeout(this.#timer);
    this.#gestures.cancel();
    this.#buttons = 0;
  }

  #wait() {
    clearTimeout(this.#timer);
    const { due } = this.#gestures;
    if (due === null) return;
    // A timer may come a hair early by the events' clock.
    this.#timer = setTimeout(() => {
      this.#act(this.#gestures.poll(performance.now() + 1));
      this.#wait();
    }, Math.max(0, due - performance.now()));
  }

  /** @param {Act[]} acts */
  #act(acts) {
    for (const act of acts) this.#do(act);
  }

  /** @param {Act} act */
  #do(act) {
    switch (act.kind) {
      case "point":
        this.#at = { x: act.x, y: act.y };
        return this.#tell();
      case "shift": {
        const from = this.#place();
        const to = { x: from.x + act.dx, y: from.y + act.dy };
        const { left, top, right, bottom } = this.#host.bounds();
        // One pixel inside, so that the last one is hit, not the first beyond.
        this.#at = { x: Math.min(right - 0.5, Math.max(left, to.x)), y: Math.min(bottom - 0.5, Math.max(top, to.y)) };
        // Pushed against the edge, the pointer takes an enlarged picture along.
        this.#host.pan(this.#at.x - to.x, this.#at.y - to.y);
        this.#host.pin(this.#at);
        return this.#tell();
      }
      case "button": {
        const mask = [1, 4, 2][act.button] ?? 0;
        this.#buttons = act.down ? this.#buttons | mask : this.#buttons & ~mask;
        return this.#tell();
      }
      case "wheel": {
        const at = this.#place();
        const turn = { mode: 0, x: act.dx, y: act.dy, notchX: undefined, notchY: undefined };
        if (this.#host.pointer()) this.#host.send(this.#pointer.wheel(turn, this.#host.aim(at.x, at.y)));
        return;
      }
      case "zoom":
        return this.#host.zoom(act.factor, act.x, act.y);
      case "pan":
        return this.#host.pan(act.dx, act.dy);
    }
  }

  /** Before the first finger the pointer is in the middle of what is seen. */
  #place() {
    const { left, top, right, bottom } = this.#host.bounds();
    this.#at ??= { x: (left + right) / 2, y: (top + bottom) / 2 };
    return this.#at;
  }

  #tell() {
    const { x, y } = this.#place();
    if (this.#host.pointer()) this.#host.send(this.#pointer.event(this.#buttons, this.#host.aim(x, y)));
  }
}
