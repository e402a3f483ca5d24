/**
 * Decides when this viewer's window tells its size. Pure: the caller has the clock.
 *
 * Whose window sizes the desktop is for the host to decide, which knows all of them. So each tells its own whenever
 * it has another, and the host takes it or keeps it for when it is this viewer's turn.
 */

/** @typedef {{ width: number, height: number, density: number }} Wish */

/** While a window is being dragged larger, every step would be a new desktop. */
export const QUIET_MS = 150;

/**
 * @param {Wish | null} a
 * @param {Wish | null} b
 */
const same = (a, b) => a !== null && b !== null && a.width === b.width && a.height === b.height && a.density === b.density;

export class ResizeRule {
  /** @type {Wish | null} */
  #wanted = null;
  /** @type {Wish | null} */
  #told = null;
  #allowed = false;
  /** @type {number | null} */
  #due = null;

  /** When `poll` has something to say, or null. */
  get due() {
    return this.#due;
  }

  /**
   * The window has this size now.
   * @param {Wish} wish
   * @param {number} now
   */
  box(wish, now) {
    if (same(wish, this.#wanted)) return;
    this.#wanted = wish;
    this.#due = now + QUIET_MS;
  }

  /**
   * The host said what it shows.
   * @param {boolean} follows whether it takes the size of a window, and of this viewer's
   * @param {number} now
   */
  display(follows, now) {
    if (follows && !this.#allowed && this.#due === null) this.#due = now;
    this.#allowed = follows;
  }

  /** A new session: what was told in the old one counts no more. */
  reset() {
    this.#told = null;
    this.#allowed = false;
    this.#due = null;
  }

  /**
   * @param {number} now
   * @returns {Wish | null} the size to tell
   */
  poll(now) {
    if (this.#due === null || now < this.#due) return null;
    this.#due = null;
    if (!this.#allowed || this.#wanted === null || same(this.#wanted, this.#told)) return null;
    this.#told = this.#wanted;
    return this.#wanted;
  }
}

/** The rule with the clock and the timer that it needs. */
export class WindowSize {
  #rule = new ResizeRule();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #tell;

  /** @param {(wish: Wish) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** @param {Wish} wish */
  box(wish) {
    this.#rule.box(wish, performance.now());
    this.#schedule();
  }

  /** @param {boolean} follows */
  display(follows) {
    this.#rule.display(follows, performance.now());
    this.#schedule();
  }

  reset() {
    this.#rule.reset();
    clearTimeout(this.#timer);
  }

  #schedule() {
    const { due } = this.#rule;
    clearTimeout(this.#timer);
    if (due === null) return;
    this.#timer = setTimeout(() => {
      const wish = this.#rule.poll(performance.now());
      if (wish !== null) this.#tell(wish);
      else if (this.#rule.due !== null) this.#schedule();
    }, Math.max(0, due - performance.now()) + 1);
  }
}
