/**
 * Keeps a transfer below everything else on the path, by the delay that it causes itself (after LEDBAT, RFC 6817):
 * more bytes are on their way while answers come as fast as they ever did, fewer when they come later. Pure.
 */

/** Least bytes that are on their way. */
const LEAST = 64 * 1024;
/** Delay that a transfer may add to the path, in ms. */
const TARGET_MS = 25;
/** The path's own delay is looked up over this time. */
const MEMORY_MS = 20_000;

export class Pace {
  #most;
  #window;
  #taken;
  /** A byte whose answer is awaited, and when it was sent. @type {{ at: number, time: number } | null} */
  #probe = null;
  /** @type {{ delay: number, since: number } | null} */
  #base = null;
  #next = Infinity;

  /**
   * @param {number} from the first byte
   * @param {number} most bytes on their way
   */
  constructor(from, most) {
    this.#taken = from;
    this.#most = most;
    this.#window = most / 2;
  }

  /** Up to which byte may be sent. */
  get until() {
    return this.#taken + this.#window;
  }

  /**
   * @param {number} sent bytes so far
   * @param {number} now in ms
   */
  sent(sent, now) {
    this.#probe ??= { at: sent, time: now };
  }

  /**
   * @param {number} taken bytes that the other end has done with
   * @param {number} now in ms
   */
  taken(taken, now) {
    this.#taken = Math.max(this.#taken, taken);
    if (this.#probe === null || this.#probe.at > taken) return;
    const delay = now - this.#probe.time;
    this.#probe = null;
    const queued = delay - this.#learn(delay, now);
    const window = queued <= TARGET_MS ? this.#window * 1.25 : this.#window * 0.8;
    // Whole bytes: half a byte would be sent as none, and counted.
    this.#window = Math.min(this.#most, Math.max(LEAST, Math.floor(window)));
  }

  /**
   * @param {number} delay
   * @param {number} now
   */
  #learn(delay, now) {
    this.#next = Math.min(this.#next, delay);
    const base = this.#base;
    if (base !== null && base.delay <= delay && now - base.since < MEMORY_MS) return base.delay;
    if (base !== null && delay < base.delay) {
      this.#base = { delay, since: now };
      return delay;
    }
    // The path may be another one by now.
    this.#base = { delay: this.#next, since: now };
    this.#next = Infinity;
    return this.#base.delay;
  }
}
