/**
 * Notices that the newest frame never arrived.
 *
 * A frame that none follows leaves no gap behind it when it is lost, so the picture would stay old until
 * something moves. The host names its newest frame in heartbeats; one that is not shown soon is asked for
 * anew. Pure: the caller brings times and asks.
 */

/** How long a named frame may take to be shown, and the least time between two questions. */
const PATIENCE_MS = 250;
const AGAIN_MS = 1000;

/** Whether RTP timestamp `a` is older than `b` (RFC 3550: they wrap at 32 bits). @param {number} a @param {number} b */
const older = (a, b) => a !== b && ((b - a) >>> 0) < 0x8000_0000;

export class Tail {
  /** @type {number | null} */
  #named = null;
  #namedAt = 0;
  /** @type {number | null} */
  #shown = null;
  #askedAt = -Infinity;

  /** @param {number | null} rtp @param {number} now */
  named(rtp, now) {
    if (rtp === null || rtp === this.#named) return;
    this.#named = rtp;
    this.#namedAt = now;
  }

  /** @param {number | undefined} rtp of a frame that is shown */
  shown(rtp) {
    if (rtp !== undefined) this.#shown = rtp;
  }

  /** Whether to ask now. Browsers that never tell timestamps never ask. @param {number} now */
  isMissing(now) {
    if (this.#named === null || this.#shown === null || !older(this.#shown, this.#named)) return false;
    if (now - this.#namedAt < PATIENCE_MS || now - this.#askedAt < AGAIN_MS) return false;
    this.#askedAt = now;
    return true;
  }

  /** When to look, after a frame was named. */
  static PATIENCE_MS = PATIENCE_MS;
}
