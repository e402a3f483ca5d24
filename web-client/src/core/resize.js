/**
 * Decides when this viewer asks for another size of the desktop. Pure: the caller has the clock.
 *
 * Several windows may watch one desktop. The one that was used last decides; when the desktop takes a
 * size that this one did not ask for, another window is in use, and this one holds still until its
 * reader does something.
 */

/** @typedef {{ width: number, height: number }} Size */

/** While a window is being dragged larger, every step would be a new desktop. */
export const QUIET_MS = 150;

/**
 * @param {Size | null} a
 * @param {Size | null} b
 */
const same = (a, b) => a !== null && b !== null && a.width === b.width && a.height === b.height;

export class ResizeRule {
  /** @type {Size | null} */
  #wanted = null;
  /** @type {Size | null} */
  #shown = null;
  /** @type {Size | null} */
  #asked = null;
  #allowed = false;
  #active = true;
  /** @type {number | null} */
  #due = null;

  /** When `poll` has something to say, or null. */
  get due() {
    return this.#due;
  }

  /**
   * The window has this size now.
   * @param {Size} size
   * @param {number} now
   */
  box(size, now) {
    if (same(size, this.#wanted)) return;
    this.#wanted = size;
    this.#schedule(now, QUIET_MS);
  }

  /**
   * The host said what it shows.
   * @param {Size} size
   * @param {boolean} allowed whether it can be resized and this viewer may
   * @param {number} now
   */
  display(size, allowed, now) {
    const first = this.#shown === null;
    const changed = !first && !same(size, this.#shown);
    if (changed && !same(size, this.#asked) && !same(size, this.#wanted)) this.#active = false;
    this.#shown = size;
    this.#allowed = allowed;
    if (first) this.#schedule(now, 0);
  }

  /**
   * The reader used this window.
   * @param {number} now
   */
  used(now) {
    if (this.#active) return;
    this.#active = true;
    this.#schedule(now, QUIET_MS);
  }

  /** A new session: what was asked in the old one counts no more. */
  reset() {
    this.#shown = null;
    this.#asked = null;
    this.#due = null;
  }

  /**
   * @param {number} now
   * @returns {Size | null} the size to ask for
   */
  poll(now) {
    if (this.#due === null || now < this.#due) return null;
    this.#due = null;
    const wanted = this.#wanted;
    if (!this.#allowed || !this.#active || wanted === null || same(wanted, this.#shown)) return null;
    this.#asked = wanted;
    return wanted;
  }

  /**
   * @param {number} now
   * @param {number} wait
   */
  #schedule(now, wait) {
    this.#due = now + wait;
  }
}
