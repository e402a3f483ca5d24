/**
 * When to offer the pointer lock: an application that hides the pointer although it is moved, or confines it, wants its
 * motion, not its place. One that hides it only while somebody types shows it again at the first move. Pure.
 */

/** The pointer stays hidden for this long although it moves. */
const PATIENCE_MS = 600;
const MOVES = 8;
/** Who did not take it twice does not want it. */
const MOST = 2;

export class LockOffer {
  #hidden = false;
  #moves = 0;
  /** @type {number | null} the first move since it is hidden */
  #since = null;
  #offered = 0;
  #done = false;

  /** @param {boolean} hidden the host shows no pointer */
  pointer(hidden) {
    if (hidden === this.#hidden) return;
    this.#hidden = hidden;
    this.#moves = 0;
    this.#since = null;
    this.#done = false;
  }

  /**
   * The pointer moved over the picture.
   * @param {number} now
   * @returns {boolean} whether to offer it now
   */
  moved(now) {
    if (!this.#hidden || this.#done || this.#offered >= MOST) return false;
    this.#since ??= now;
    this.#moves += 1;
    if (this.#moves < MOVES || now - this.#since < PATIENCE_MS) return false;
    this.#done = true;
    this.#offered += 1;
    return true;
  }

  /**
   * The host says that an application confines the pointer.
   * @returns {boolean} whether to offer it now
   */
  held() {
    if (this.#offered >= MOST) return false;
    this.#offered += 1;
    return true;
  }

  /** It was taken: next time it is welcome again. */
  taken() {
    this.#offered = 0;
    this.#done = true;
  }
}
