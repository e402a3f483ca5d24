/**
 * What to tell the host about the pointer: buttons, moves, wheel, relative motion. Pure.
 *
 * Buttons are read from the whole set that every event carries, so that a release which happened outside
 * the window, and which no event told of, is seen with the next one.
 */

/** @import { InputMessage } from "../types.js" */

/** Bits of `MouseEvent.buttons` with the number that `MouseEvent.button` gives them. */
const BUTTONS = /** @type {const} */ ([
  [1, 0],
  [4, 1],
  [2, 2],
  [8, 3],
  [16, 4],
]);

/** @typedef {{ x: number, y: number, inside: boolean }} Aim a position on the wire; whether it is in the picture */

export class Pointer {
  /** `MouseEvent.buttons` as the host knows it. */
  #buttons = 0;
  /** Pressed where it is none of the host's business: their release is not either. */
  #foreign = 0;
  #moveSeq = 0;
  #relativeSeq = 0;
  #lock = 0;
  #totalX = 0;
  #totalY = 0;
  /** The last position told; null when the next one must be told whatever it is. @type {{ x: number, y: number } | null} */
  #told = null;
  #at = { x: 0, y: 0 };
  #wheel = new Wheel();

  /** Held buttons, one bit per button number. */
  get held() {
    let bits = 0;
    for (const [mask, button] of BUTTONS) if (this.#buttons & mask) bits |= 1 << button;
    return bits;
  }

  /** Position of the last move or press. */
  get at() {
    return this.#at;
  }

  /**
   * Any pointer event outside a pointer lock.
   * @param {number} buttons `MouseEvent.buttons`
   * @param {Aim} aim
   * @returns {InputMessage[]}
   */
  event(buttons, aim) {
    /** @type {InputMessage[]} */
    const out = [];
    const at = aim.inside || this.#buttons !== 0 ? { x: aim.x, y: aim.y } : null;
    if (at !== null && (at.x !== this.#told?.x || at.y !== this.#told.y)) {
      this.#told = at;
      this.#at = at;
      this.#moveSeq = (this.#moveSeq + 1) & 0xffff;
      out.push({ channel: "motion", kind: "move", seq: this.#moveSeq, ...at });
    }
    out.push(...this.#changes(buttons, aim.inside || this.#buttons !== 0));
    return out;
  }

  /**
   * A pointer event inside a pointer lock.
   * @param {number} buttons
   * @param {number} dx
   * @param {number} dy
   * @returns {InputMessage[]}
   */
  relative(buttons, dx, dy) {
    /** @type {InputMessage[]} */
    const out = [];
    if (dx !== 0 || dy !== 0) {
      this.#totalX += dx;
      this.#totalY += dy;
      this.#relativeSeq = (this.#relativeSeq + 1) & 0xffff;
      const total_x = Math.trunc(this.#totalX) | 0;
      const total_y = Math.trunc(this.#totalY) | 0;
      out.push({ channel: "motion", kind: "relative", seq: this.#relativeSeq, lock: this.#lock, total_x, total_y });
    }
    out.push(...this.#changes(buttons, true));
    return out;
  }

  /** A pointer lock began: its sums start at nothing under a new number. */
  lock() {
    this.#lock = (this.#lock + 1) & 0xff;
    this.#totalX = 0;
    this.#totalY = 0;
  }

  /**
   * @param {WheelInput} turn
   * @param {Aim} aim
   * @returns {InputMessage[]}
   */
  wheel(turn, aim) {
    if (!aim.inside) return [];
    return this.#wheel.turn(turn).map(({ dx, dy }) => ({ channel: "input", kind: "wheel", dx, dy, x: aim.x, y: aim.y }));
  }

  /** Forgets what is held; the caller sends `release`. */
  clear() {
    const any = this.#buttons !== 0;
    // What is still down was let go for the host; its real release later must not be told again.
    this.#foreign |= this.#buttons;
    this.#buttons = 0;
    this.#told = null;
    this.#wheel = new Wheel();
    return any;
  }

  /**
   * @param {number} buttons
   * @param {boolean} ours whether a press now is meant for the host
   */
  #changes(buttons, ours) {
    /** @type {InputMessage[]} */
    const out = [];
    this.#foreign &= buttons;
    for (const [mask, button] of BUTTONS) {
      const down = (buttons & mask) !== 0;
      if (down === ((this.#buttons & mask) !== 0) || (down && this.#foreign & mask)) continue;
      if (down && !ours) {
        this.#foreign |= mask;
        continue;
      }
      this.#buttons ^= mask;
      out.push({ channel: "input", kind: "button", button, down, ...this.at });
    }
    return out;
  }
}

/**
 * A wheel event without the DOM; `notchX` and `notchY` are `wheelDeltaX` and `wheelDeltaY`, where there are.
 * @typedef {{ mode: number, x: number, y: number, notchX: number | undefined, notchY: number | undefined }} WheelInput
 */

/** One notch on the wire. */
const NOTCH = 120;
/** Browsers scroll three lines, or about a hundred pixels, for one notch. */
const PER_LINE = NOTCH / 3;
const PER_PIXEL = NOTCH / 100;
const MAX_TURN = 0x7fff;

export class Wheel {
  #restX = 0;
  #restY = 0;

  /**
   * @param {WheelInput} turn
   * @returns {{ dx: number, dy: number }[]}
   */
  turn(turn) {
    this.#restX += units(turn.mode, turn.x, turn.notchX);
    this.#restY += units(turn.mode, turn.y, turn.notchY);
    const dx = whole(this.#restX);
    const dy = whole(this.#restY);
    this.#restX -= dx;
    this.#restY -= dy;
    return dx === 0 && dy === 0 ? [] : [{ dx, dy }];
  }
}

/** @param {number} value */
function whole(value) {
  // Sums of fractions such as 1.2 end a hair below a whole number.
  const steps = Math.trunc(value + Math.sign(value) * 1e-6);
  return Math.min(MAX_TURN, Math.max(-MAX_TURN, steps)) + 0;
}

/**
 * @param {number} mode `WheelEvent.deltaMode`
 * @param {number} delta
 * @param {number | undefined} notch
 */
function units(mode, delta, notch) {
  if (delta === 0) return 0;
  // Three to one is a touchpad, whose pixels are true; a wheel's depend on settings, and its notches count.
  const precise = mode === 0 && notch !== undefined && Math.abs(Math.abs(notch) - 3 * Math.abs(delta)) < 1;
  if (precise) return delta * PER_PIXEL;
  if (notch !== undefined && notch !== 0 && notch % NOTCH === 0 && Math.sign(notch) !== Math.sign(delta)) return -notch;
  if (mode === 1) return delta * PER_LINE;
  if (mode === 2) return delta * NOTCH;
  return delta * PER_PIXEL;
}
