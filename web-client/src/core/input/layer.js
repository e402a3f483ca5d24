/**
 * Connects the input layer, a transparent element above the picture, with the pure rules beside it.
 *
 * Keys are taken only while the layer has the focus, so the page's other fields stay usable, and
 * everything held is let go the moment that the reader may be looking elsewhere.
 */

/** @import { HeldState, InputMessage } from "../types.js" */
/** @import { Aim } from "./pointer.js" */
/** @import { KeyMode, Platform } from "./keyboard.js" */

import { HELD_HEARTBEAT_MS } from "../protocol/limits.js";
import { Keyboard } from "./keyboard.js";
import { LockOffer } from "./offer.js";
import { PasteGate } from "./paste.js";
import { Pointer } from "./pointer.js";
import { chordMessages, isChordSign } from "./chord.js";
import { Touch } from "./touch.js";
import { SENTINEL, backspaces, change, textMessages } from "./text.js";

/**
 * @typedef {object} LayerHost
 * @property {(message: InputMessage) => void} send
 * @property {(clientX: number, clientY: number) => Aim} aim
 * @property {() => void} chord
 * @property {(clientX: number, clientY: number) => void} moved where a drawn cursor belongs
 * @property {() => boolean} keys whether keys may be sent
 * @property {() => boolean} pointer whether the pointer may be sent
 * @property {import("./touch.js").TouchHost["bounds"]} bounds
 * @property {import("./touch.js").TouchHost["zoom"]} zoom
 * @property {import("./touch.js").TouchHost["pan"]} pan
 * @property {import("./touch.js").TouchHost["pin"]} pin
 * @property {() => void} offerLock an application seems to want the pointer's motion
 * @property {() => boolean} pasteWanted whether a paste brings this viewer's clip
 * @property {(data: DataTransfer) => Promise<boolean>} paste resolves when the host has it, or never will
 * @property {() => void} gesture a key or a button was pressed
 * @property {() => void} stickyUsed the sticky modifiers went with a key
 */

/** Heartbeats after the last release: a host that missed it hears that nothing is held. */
const TRAILING = 6;

export class InputLayer {
  #element;
  #host;
  #keyboard = new Keyboard(platform());
  #pointer = new Pointer();
  #touch;
  #offer = new LockOffer();
  /** What waits for a clip to be on the host. */
  #paste;
  /** Modifiers that the next key takes along. @type {string[]} */
  sticky = [];
  #heldSeq = 0;
  #trailing = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #beat;
  #abort = new AbortController();
  /** Whether a keyboard on the screen is asked for: what it writes is told at once, not when a word is done. */
  #onScreen = false;
  /** What the text field held when it was last looked at. */
  #written = "";

  /**
   * @param {HTMLTextAreaElement} element
   * @param {LayerHost} host
   */
  constructor(element, host) {
    this.#element = element;
    this.#host = host;
    const { aim, pointer, bounds, zoom, pan, pin } = host;
    this.#touch = new Touch(this.#pointer, { aim, pointer, bounds, zoom, pan, pin, send: (messages) => this.#send(messages) });
    this.#paste = new PasteGate(element, { send: host.send, wanted: host.pasteWanted, paste: host.paste, keys: () => this.tap(["ControlLeft", "KeyV"]) });
    const signal = this.#abort.signal;
    const quiet = { signal, passive: false };
    element.addEventListener("keydown", (e) => this.#key(e), quiet);
    element.addEventListener("keyup", (e) => this.#key(e), quiet);
    element.addEventListener("input", (e) => this.#write(/** @type {InputEvent} */ (e).isComposing), { signal });
    element.addEventListener("compositionend", () => this.#write(false), { signal });
    element.addEventListener("pointerdown", (e) => this.#press(e), quiet);
    element.addEventListener("pointerup", (e) => this.#point(e), quiet);
    const move = "onpointerrawupdate" in element ? "pointerrawupdate" : "pointermove";
    element.addEventListener(move, (e) => this.#point(/** @type {PointerEvent} */ (e)), quiet);
    // Further buttons of a mouse come as moves, and a frame-aligned move carries them even where raw ones do not.
    if (move !== "pointermove") element.addEventListener("pointermove", (e) => this.#point(e, true), quiet);
    element.addEventListener("pointercancel", () => this.release(), { signal });
    element.addEventListener("wheel", (e) => this.#wheel(e), quiet);
    for (const type of ["mousedown", "mouseup", "click", "auxclick", "dblclick", "contextmenu", "dragstart", "selectstart"]) {
      // The side buttons would leave the page by its history, the right one would open a menu.
      element.addEventListener(type, (e) => e.preventDefault(), quiet);
    }
    element.addEventListener("blur", () => element.classList.remove("quiet"), { signal });
    element.addEventListener("blur", () => this.release(), { signal });
    for (const type of ["blur", "pagehide"]) window.addEventListener(type, () => this.release(), { signal });
    for (const type of ["visibilitychange", "freeze", "fullscreenchange"]) {
      document.addEventListener(type, () => this.release(), { signal });
    }
    document.addEventListener("pointerlockchange", () => this.#lockChange(), { signal });
  }

  close() {
    this.release();
    clearInterval(this.#beat);
    this.#abort.abort();
    this.#paste.close();
  }

  /** Whether relative motion is on. */
  get locked() {
    const root = /** @type {ShadowRoot | Document} */ (this.#element.getRootNode());
    return root.pointerLockElement === this.#element;
  }

  /** Without the ring that shows a reader of the keyboard where the focus went: here it is plain. */
  focus() {
    this.#element.classList.add("quiet");
    this.#element.focus({ preventScroll: true });
  }

  async lock() {
    this.focus();
    try {
      await this.#element.requestPointerLock({ unadjustedMovement: true });
    } catch {
      // Not every system can switch off the pointer's acceleration.
      await this.#element.requestPointerLock();
    }
  }

  /** Lets go of everything, here and on the host. */
  release() {
    const keys = this.#keyboard.clear();
    this.#touch.cancel();
    this.#clear();
    const buttons = this.#pointer.clear();
    this.#paste.send({ channel: "input", kind: "release" });
    if (keys || buttons) this.#startBeat();
  }

  /**
   * Presses keys in order and lets them go in reverse, as for keys that the browser keeps.
   * @param {string[]} codes
   */
  tap(codes) {
    this.release();
    const keyboard = new Keyboard("other", "physical");
    const state = (/** @type {string} */ name) => keyboard.codes.some((code) => code.startsWith(name));
    const input = (/** @type {string} */ code) => ({ code, key: "", repeat: false, composing: false, time: 0, state });
    for (const code of codes) for (const message of keyboard.down(input(code))) this.#paste.send(message);
    for (const code of codes.toReversed()) for (const message of keyboard.up(input(code)).messages) this.#paste.send(message);
  }

  /** @returns {KeyMode} */
  get mode() {
    return this.#keyboard.mode;
  }

  set mode(mode) {
    this.release();
    this.#keyboard.mode = mode;
  }

  /**
   * Types a text as if it came from a keyboard; line ends as Enter.
   * @param {string} text
   */
  type(text) {
    if (this.#host.keys()) this.#send(textMessages(text));
  }

  /** @returns {import("./gestures.js").TouchMode} */
  get touchMode() {
    return this.#touch.mode;
  }

  set touchMode(mode) {
    this.release();
    this.#touch.mode = mode;
  }

  /** The host shows a pointer, or hides it. @param {boolean} hidden */
  pointerHidden(hidden) {
    this.#offer.pointer(hidden);
  }

  /** An application of the host confines the pointer. */
  pointerHeld() {
    if (!this.locked && this.#host.pointer() && this.#offer.held()) this.#host.offerLock();
  }

  /** Whether a device's own keyboard is asked for. */
  get keyboardShown() {
    return this.#onScreen;
  }

  /** Shows or hides a device's own keyboard on the screen. @param {boolean} shown */
  showKeyboard(shown) {
    this.#onScreen = shown;
    this.#element.inputMode = shown ? "text" : "none";
    // Only a new focus makes a device look at the mode.
    this.#element.blur();
    this.focus();
    this.#clear();
  }

  /** @param {number} button */
  click(button) {
    for (const down of [true, false]) {
      this.#host.send({ channel: "input", kind: "button", button, down, ...this.#pointer.at });
    }
  }

  /** @param {KeyboardEvent} e */
  #key(e) {
    if (!e.isTrusted) return;
    e.stopPropagation();
    if (e.type === "keydown") this.#host.gesture();
    const pastes = e.type === "keydown" && this.#paste.begin(e);
    // A sign beyond the basic plane is written by Firefox even where its key was prevented: so it comes as text.
    const astral = this.mode === "typed" && [...e.key].length === 1 && e.key.length === 2;
    const composing = e.isComposing || e.keyCode === 229 || e.key === "Process" || astral;
    // An input method gets what is its own: a dead key is the beginning of a sign.
    if (!composing && !pastes && !(e.key === "Dead" && this.mode === "typed")) e.preventDefault();
    const input = {
      code: e.code,
      key: e.key,
      repeat: e.repeat,
      composing,
      time: e.timeStamp,
      state: (/** @type {string} */ name) => e.getModifierState(name),
    };
    let chord = false;
    /** @type {InputMessage[]} */
    let messages;
    if (e.type === "keydown") messages = this.#keyboard.down(input);
    else ({ messages, chord } = this.#keyboard.up(input));
    if (this.#host.keys()) this.#send(messages);
    if (!chord) return;
    this.release();
    if (this.locked) document.exitPointerLock();
    // The way out for whoever has no mouse: from here the Tab key goes on to the page's other fields.
    this.#element.blur();
    this.#host.chord();
  }

  /** @param {boolean} composing a word is not done */
  #write(composing) {
    const now = this.#element.value;
    if (composing && !this.#onScreen) return;
    const { remove, insert } = change(this.#written, now);
    this.#written = now;
    if (this.#host.keys()) this.#send([...backspaces(remove), ...this.#text(insert)]);
    if (!composing) this.#clear();
  }

  /** @param {string} text that was written */
  #text(text) {
    if (this.sticky.length === 0 || !isChordSign(text)) return textMessages(text);
    const messages = chordMessages(this.sticky, text);
    this.#host.stickyUsed();
    return messages;
  }

  #clear() {
    this.#written = this.#onScreen ? SENTINEL : "";
    if (this.#element.value === this.#written) return;
    this.#element.value = this.#written;
    this.#element.setSelectionRange(this.#written.length, this.#written.length);
  }

  /** @param {PointerEvent} e */
  #press(e) {
    this.focus();
    this.#host.gesture();
    this.#sendKeys(this.#keyboard.flush());
    if (e.pointerType === "touch") return this.#point(e);
    // A pointer that went is no longer to be captured, and one that was locked cannot be.
    if (!this.locked && this.#element.isConnected) {
      try {
        this.#element.setPointerCapture(e.pointerId);
      } catch {
        // It was let go before this event was handled: the buttons of the next one tell.
      }
    }
    // Not prevented: that would also keep back the mouse events, and a side button would leave the page.
    this.#point(e);
  }

  /**
   * @param {PointerEvent} e
   * @param {boolean} [buttonsOnly] the motion was already told by a raw event
   */
  #point(e, buttonsOnly = false) {
    if (!e.isTrusted) return;
    if (e.pointerType === "touch") return e.type === "pointerrawupdate" ? undefined : this.#touch.handle(e);
    if (!e.isPrimary) return;
    if (this.#offer.moved(e.timeStamp) && !this.locked && this.#host.pointer()) this.#host.offerLock();
    this.#host.moved(e.clientX, e.clientY);
    this.#sendKeys(this.#keyboard.observe((name) => e.getModifierState(name), e.timeStamp));
    if (!this.#host.pointer()) return;
    if (this.locked) {
      const [dx, dy] = buttonsOnly || e.type === "pointerup" || e.type === "pointerdown" ? [0, 0] : [e.movementX, e.movementY];
      this.#send(this.#pointer.relative(e.buttons, dx, dy));
    } else {
      this.#send(this.#pointer.event(e.buttons, this.#host.aim(e.clientX, e.clientY)));
    }
  }

  /** @param {WheelEvent} e */
  #wheel(e) {
    e.preventDefault();
    // A pinch on a touchpad comes as a wheel with a Control that nobody holds.
    if (e.ctrlKey && !this.#keyboard.codes.some((code) => code.startsWith("Control"))) return;
    // Firefox counts in pixels from the moment that a page reads the deltas before the mode.
    const mode = e.deltaMode;
    const legacy = /** @type {{ wheelDeltaX?: number, wheelDeltaY?: number }} */ (/** @type {unknown} */ (e));
    const turn = { mode, x: e.deltaX, y: e.deltaY, notchX: legacy.wheelDeltaX, notchY: legacy.wheelDeltaY };
    const aim = this.locked ? { ...this.#pointer.at, inside: true } : this.#host.aim(e.clientX, e.clientY);
    if (this.#host.pointer()) this.#send(this.#pointer.wheel(turn, aim));
  }

  #lockChange() {
    this.release();
    if (!this.locked) return;
    this.#pointer.lock();
    this.#offer.taken();
  }

  /** @param {InputMessage[]} messages */
  #sendKeys(messages) {
    if (this.#host.keys()) this.#send(messages);
  }

  /** @param {InputMessage[]} messages */
  #send(messages) {
    for (const message of messages) this.#paste.send(message);
    const held = this.#held();
    if (held.codes.length > 0 || held.buttons !== 0) this.#startBeat();
  }

  /** @returns {HeldState} */
  #held() {
    return { buttons: this.#pointer.held, modifiers: this.#keyboard.modifiers, codes: this.#keyboard.codes };
  }

  #startBeat() {
    this.#trailing = TRAILING;
    this.#beat ??= setInterval(() => this.#heartbeat(), HELD_HEARTBEAT_MS);
  }

  #heartbeat() {
    const held = this.#held();
    if (held.codes.length > 0 || held.buttons !== 0) {
      this.#trailing = TRAILING;
    } else if (this.#trailing-- <= 0) {
      clearInterval(this.#beat);
      this.#beat = undefined;
      return;
    }
    this.#heldSeq = (this.#heldSeq + 1) & 0xffff;
    this.#paste.send({ channel: "motion", kind: "held", seq: this.#heldSeq, ...held });
  }
}

/** @returns {Platform} */
function platform() {
  const name = navigator.userAgentData?.platform ?? navigator.platform;
  if (/mac|iphone|ipad/i.test(name)) return "mac";
  return /win/i.test(name) ? "windows" : "other";
}
