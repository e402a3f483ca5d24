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

/**
 * What a key means: the sign that it makes here, wherever the host has it, or the key in its place.
 * @typedef {"typed" | "physical"} KeyMode
 */

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

/**
 * Keys by what they are here, with their usual places: a layout may have put them elsewhere (Escape on CapsLock).
 * @type {{ [key: string]: readonly string[] }}
 */
const PLACES = {
  Shift: ["ShiftLeft", "ShiftRight"],
  Control: ["ControlLeft", "ControlRight"],
  Alt: ["AltLeft", "AltRight"],
  AltGraph: ["AltRight"],
  Meta: ["MetaLeft", "MetaRight", "OSLeft", "OSRight"],
  CapsLock: ["CapsLock"],
  Escape: ["Escape"],
  Backspace: ["Backspace"],
  Tab: ["Tab"],
  Enter: ["Enter", "NumpadEnter"],
  Delete: ["Delete", "NumpadDecimal", "NumpadComma"],
  ArrowLeft: ["ArrowLeft", "Numpad4"],
  ArrowRight: ["ArrowRight", "Numpad6"],
  ArrowUp: ["ArrowUp", "Numpad8"],
  ArrowDown: ["ArrowDown", "Numpad2"],
  Home: ["Home", "Numpad7"],
  End: ["End", "Numpad1"],
  PageUp: ["PageUp", "Numpad9"],
  PageDown: ["PageDown", "Numpad3"],
};

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
  /** Codes that are told to the host by another name. @type {Map<string, string>} */
  #alias = new Map();
  /** A Mac's Option keys that are down and not told of: they may only be picking a sign. @type {Set<string>} */
  #waiting = new Set();

  /**
   * @param {Platform} platform
   * @param {KeyMode} [mode]
   */
  constructor(platform, mode = "typed") {
    this.platform = platform;
    this.mode = mode;
  }

  /** The held keys by the names that the host knows. @returns {string[]} */
  get codes() {
    const told = [...this.#held.keys()].filter((code) => !this.#waiting.has(code));
    return [...new Set(told.map((code) => this.#alias.get(code) ?? code))];
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
    // What a dead key or another level's key makes comes as text.
    if (this.#typed && event.key === "Dead") return out;
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
      this.#name(code, event.key, text);
      if (this.#isOption(code)) {
        this.#waiting.add(code);
        return out;
      }
    }
    if (this.#waiting.has(code)) return out;
    // Option that only picks a sign is no Alt to the host.
    if (text === "" || event.state("Control") || event.state("Meta")) out.push(...this.flush());
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
      // Option alone is a tap of Alt.
      if (this.#waiting.has(code)) messages.push(...this.flush());
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

  /**
   * Tells of an Option key that is down: what follows is no sign.
   * @returns {KeyMessage[]}
   */
  flush() {
    const codes = [...this.#waiting];
    this.#waiting.clear();
    return codes.map((code) => this.#message(code, true, false, "", null));
  }

  /** Forgets everything; the caller sends `release`. */
  clear() {
    const any = this.#held.size > 0;
    this.#held.clear();
    this.#waiting.clear();
    this.#alias.clear();
    this.#chordClean = true;
    return any;
  }

  get #typed() {
    return this.mode === "typed";
  }

  /** @param {string} code */
  #isOption(code) {
    return this.#typed && this.platform === "mac" && (code === "AltLeft" || code === "AltRight");
  }

  /**
   * Settles by which name a key goes to the host until it comes up.
   * @param {string} code
   * @param {string} key
   * @param {string} text
   */
  #name(code, key, text) {
    this.#alias.delete(code);
    if (!this.#typed || text !== "") return;
    // A Mac's Command is the others' Control.
    if (this.platform === "mac" && key === "Meta") {
      this.#alias.set(code, code === "MetaRight" ? "ControlRight" : "ControlLeft");
      return;
    }
    const places = PLACES[key];
    const usual = places?.[0];
    if (usual !== undefined && !places?.includes(code)) this.#alias.set(code, usual);
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
    if ((event.key === "Dead" && !this.#typed) || code === "Unidentified") return true;
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
    if (this.#typed && this.platform === "mac") {
      if (modifiers & META) modifiers = (modifiers & ~META) | CTRL;
      if (this.#waiting.size > 0) modifiers &= ~ALT;
    }
    const told = this.#alias.get(code) ?? code;
    return { channel: "input", kind: "key", code: told, down, repeat, physical: !this.#typed, modifiers, text };
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
