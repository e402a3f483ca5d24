/**
 * Which keys this viewer holds, and what to tell the host about them. Pure.
 *
 * Browsers lose releases: shortcuts that they keep, dead keys, Command on a Mac, a changed window. A key
 * that stays down on the host makes it unusable, so every event is also a chance to put things right.
 */

/** @import { KeyMessage } from "../types.js" */

import { MAX_HELD_KEYS } from "../protocol/limits.js";
import { isCode, keyText } from "../protocol/encode.js";

/**
 * A keyboard event without the DOM.
 * @typedef {object} KeyInput
 * @property {string} code
 * @property {string} key
 * @property {boolean} repeat
 * @property {boolean} composing whether an input method is at work (`isComposing`, key code 229)
 * @property {number} time in milliseconds
 * @property {(name: string) => boolean} state `getModifierState`
 */

/** @typedef {"mac" | "windows" | "other"} Platform */

export const SHIFT = 1;
export const CTRL = 2;
export const ALT = 4;
export const META = 8;
export const ALT_GRAPH = 16;
export const CAPS_LOCK = 32;
export const NUM_LOCK = 64;

/** @type {{ [code: string]: number }} */
const MODIFIER_KEYS = {
  ShiftLeft: SHIFT,
  ShiftRight: SHIFT,
  ControlLeft: CTRL,
  ControlRight: CTRL,
  AltLeft: ALT,
  AltRight: ALT,
  MetaLeft: META,
  MetaRight: META,
};

/** @type {readonly (readonly [string, number])[]} */
const STATES = [
  ["Shift", SHIFT],
  ["Control", CTRL],
  ["Alt", ALT],
  ["Meta", META],
  ["AltGraph", ALT_GRAPH],
  ["CapsLock", CAPS_LOCK],
  ["NumLock", NUM_LOCK],
];

/** Windows reports AltGr as a left Control and a right Alt within this time. */
const FAKE_CTRL_MS = 50;

export class Keyboard {
  /** Code to the modifier bits that it stands for; in the order of pressing. @type {Map<string, number>} */
  #held = new Map();
  #locks = 0;
  #ctrlSince = -Infinity;
  /** When the newest key event happened. */
  #newest = -Infinity;
  /** Whether the keys down since all were up are modifiers only. */
  #chordClean = true;

  /** @param {Platform} platform */
  constructor(platform) {
    this.platform = platform;
  }

  /** @returns {string[]} */
  get codes() {
    return [...this.#held.keys()];
  }

  get modifiers() {
    let bits = this.#locks;
    for (const bit of this.#held.values()) bits |= bit;
    return bits;
  }

  /**
   * @param {KeyInput} event
   * @returns {KeyMessage[]}
   */
  down(event) {
    this.#newest = event.time;
    if (event.composing || event.key === "Process") return [];
    const out = this.#heal(event);
    const code = isCode(event.code) ? event.code : "Unidentified";
    const text = printable(event.key);
    if (code === "Unidentified" && text === "") return out;
    const bit = modifierBit(code, event.key);
    const known = this.#held.has(code);
    // A repeat of a key that was pressed elsewhere types into the wrong window.
    if (event.repeat && !known && bit === 0) return out;
    if (!known) {
      if (this.#held.size >= MAX_HELD_KEYS) return out;
      if (bit === 0) this.#chordClean = false;
      if (bit === ALT_GRAPH) this.#dropFakeCtrl(event.time, out);
      if (code === "ControlLeft") this.#ctrlSince = event.time;
      this.#held.set(code, bit);
    }
    out.push(this.#message(code, true, known, text, event));
    if (this.#neverReleased(code, event)) {
      this.#held.delete(code);
      out.push(this.#message(code, false, false, "", event));
    }
    return out;
  }

  /**
   * @param {KeyInput} event
   * @returns {{ messages: KeyMessage[], chord: boolean }} `chord`: Ctrl+Alt+Shift and nothing else was let go
   */
  up(event) {
    const chord = this.#chordClean && this.#isChord();
    this.#newest = event.time;
    const messages = event.composing ? [] : this.#heal(event);
    const code = isCode(event.code) ? event.code : "Unidentified";
    const bit = this.#held.get(code);
    // Windows keeps the press of this one key to itself.
    if (bit === undefined && code === "PrintScreen" && this.platform === "windows") {
      messages.push(this.#message(code, true, false, "", event), this.#message(code, false, false, "", event));
    }
    if (bit !== undefined) {
      this.#held.delete(code);
      messages.push(this.#message(code, false, false, "", event));
      // A Mac reports no release of what was held together with Command.
      if (bit === META && this.platform === "mac") {
        for (const [other, mod] of [...this.#held]) if (mod === 0) messages.push(this.#release(other));
      }
    }
    if (this.#held.size === 0) this.#chordClean = true;
    return { messages, chord };
  }

  /**
   * Any other trusted event that knows the modifiers' state, such as a pointer's. Browsers hold moves back
   * until the next frame, so one may come after a key that was pressed later: it knows nothing new.
   * @param {(name: string) => boolean} state
   * @param {number} time of the event, by the clock of the key events
   * @returns {KeyMessage[]}
   */
  observe(state, time) {
    if (time <= this.#newest) return [];
    return this.#heal({ code: "", key: "", state });
  }

  /** Forgets everything; the caller sends `release`. */
  clear() {
    const any = this.#held.size > 0;
    this.#held.clear();
    this.#chordClean = true;
    return any;
  }

  #isChord() {
    if (this.#held.size !== 3) return false;
    let bits = 0;
    for (const bit of this.#held.values()) bits |= bit;
    return bits === (CTRL | ALT | SHIFT);
  }

  /**
   * Releases modifiers that the browser says are up, and takes over the locks.
   * @param {Pick<KeyInput, "code" | "key" | "state">} event
   */
  #heal(event) {
    let bits = 0;
    for (const [name, bit] of STATES) if (event.state(name)) bits |= bit;
    this.#locks = bits & (CAPS_LOCK | NUM_LOCK);
    // The event's own key is about to change; some browsers count it already, others do not yet.
    const own = modifierBit(event.code, event.key);
    /** @type {KeyMessage[]} */
    const out = [];
    for (const [code, bit] of [...this.#held]) {
      if (bit === 0 || bit === own || code === event.code) continue;
      // AltGr is Alt or AltGraph, as the browser likes.
      const shown = bit === ALT_GRAPH || code === "AltRight" ? ALT | ALT_GRAPH : bit;
      if ((bits & shown) === 0) out.push(this.#release(code));
    }
    return out;
  }

  /**
   * @param {number} time
   * @param {KeyMessage[]} out
   */
  #dropFakeCtrl(time, out) {
    if (this.platform !== "windows" || !this.#held.has("ControlLeft")) return;
    if (time - this.#ctrlSince <= FAKE_CTRL_MS) out.push(this.#release("ControlLeft"));
  }

  /**
   * Whether this key's release may never be reported.
   * @param {string} code
   * @param {KeyInput} event
   */
  #neverReleased(code, event) {
    if (event.key === "Dead" || code === "Unidentified") return true;
    if (this.platform !== "mac") return false;
    return code === "CapsLock" || (event.state("Meta") && modifierBit(code, event.key) === 0);
  }

  /** @param {string} code */
  #release(code) {
    this.#held.delete(code);
    return this.#message(code, false, false, "", null);
  }

  /**
   * @param {string} code
   * @param {boolean} down
   * @param {boolean} repeat
   * @param {string} text
   * @param {KeyInput | null} event
   * @returns {KeyMessage}
   */
  #message(code, down, repeat, text, event) {
    const own = modifierBit(code, "");
    let modifiers = this.modifiers;
    // Modifiers that were down before the focus came are true as well; the own bit is ours to say.
    if (event !== null) for (const [name, bit] of STATES) if (bit !== own && event.state(name)) modifiers |= bit;
    if (own !== 0 && !down && ![...this.#held.values()].includes(own)) modifiers &= ~own;
    return { channel: "input", kind: "key", code, down, repeat, modifiers, text };
  }
}

/**
 * @param {string} code
 * @param {string} key
 */
function modifierBit(code, key) {
  if (key === "AltGraph") return ALT_GRAPH;
  return MODIFIER_KEYS[code] ?? 0;
}

/**
 * The text that a key makes; named keys (`Enter`, `F1`, `Dead`) make none.
 * @param {string} key
 */
function printable(key) {
  return [...key].length === 1 || /^[^\x00-\x7f]/u.test(key) ? keyText(key) : "";
}
