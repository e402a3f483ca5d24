/**
 * Several at one desktop: whose keys and pointer reach the host, and where the others point.
 *
 * The host judges; this keeps what it said, and keeps back what it would refuse.
 */

/** @import { FromHost, FromViewer } from "./protocol/protocol.js" */
/** @import { ControlInfo, InputMessage } from "./types.js" */

import { Pointers } from "./pointers.js";

/** Before the host has said anything, and where it never does. @type {ControlInfo} */
const FREE = { mode: "free", holder: null, asking: [] };

/**
 * @typedef {object} ControlHost
 * @property {(message: FromViewer) => void} send
 * @property {() => number | null} viewer this reader's number
 * @property {(blocked: boolean) => void} changed `blocked`: keys were pressed that the host would refuse
 */

export class Control {
  pointers = new Pointers();
  /** @type {ControlInfo} */
  #info = FREE;
  #host;

  /** @param {ControlHost} host */
  constructor(host) {
    this.#host = host;
  }

  /** What the host said last. */
  get info() {
    return this.#info;
  }

  /** Whether this reader's keys and pointer reach the host, rights permitting. */
  get mine() {
    const { mode, holder } = this.#info;
    return mode === "free" || (mode === "held" && holder === this.#host.viewer());
  }

  /** Asks for the lease; the host gives it at once when it is free. */
  ask() {
    this.#host.send({ type: "control.ask" });
  }

  /** Takes the lease: when it is free, its holder does nothing, or this reader manages the session. */
  take() {
    this.#host.send({ type: "control.take" });
  }

  /** Gives the lease back, or asks no longer. */
  release() {
    this.#host.send({ type: "control.release" });
  }

  /** Nobody's keys reach the host until somebody takes the lease. */
  stop() {
    this.#host.send({ type: "control.stop" });
  }

  /** @param {number} viewer */
  give(viewer) {
    this.#host.send({ type: "control.give", viewer });
  }

  /** @param {number} viewer who asked */
  decline(viewer) {
    this.#host.send({ type: "control.decline", viewer });
  }

  /**
   * Whether the host would refuse this. Where the pointer is, is shown to the others in any case.
   * @param {InputMessage} message
   */
  blocks(message) {
    if (this.mine || message.kind === "release" || message.kind === "move") return false;
    const pressed = (message.kind === "key" || message.kind === "button") && message.down;
    if (pressed || message.kind === "text") this.#host.changed(true);
    return true;
  }

  /** Another connection. */
  swapped() {
    this.#info = FREE;
    this.pointers.clear();
  }

  /**
   * @param {FromHost} message
   * @returns {boolean} whether it was for here
   */
  handle(message) {
    switch (message.type) {
      case "control.state": {
        const { mode, holder, asking } = message;
        this.#info = { mode, holder: holder ?? null, asking };
        this.#host.changed(false);
        return true;
      }
      case "pointer.at":
        this.pointers.at(message.viewer, message.at ?? null);
        return true;
      default:
        return false;
    }
  }
}
