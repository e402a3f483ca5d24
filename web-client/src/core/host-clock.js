/**
 * The host's clock as seen from here: pure; both clocks are handed in.
 *
 * A pong has the host's time, and is half a round trip old. The shortest of the last trips is the truest, since whatever
 * held one up did so on one side only; old ones go, because clocks drift.
 */

const KEPT = 30;
/** From so many trips on the shortest is true enough. */
const ENOUGH = 8;

export class HostClock {
  /** @type {{ trip: number, ahead: number }[]} */
  #trips = [];

  /**
   * @param {number} sent when the ping left, by the page's clock, in ms
   * @param {number} now when its pong came
   * @param {number} hostMs what the host's clock said, in ms since 1970
   */
  pong(sent, now, hostMs) {
    this.#trips.push({ trip: now - sent, ahead: hostMs - (sent + now) / 2 });
    if (this.#trips.length > KEPT) this.#trips.shift();
  }

  /** Whether more trips are needed for a good guess. */
  get young() {
    return this.#trips.length < ENOUGH;
  }

  /** A host's time by the page's clock; null before any pong. @param {number} hostMs */
  here(hostMs) {
    const [first, ...rest] = this.#trips;
    if (first === undefined) return null;
    return hostMs - rest.reduce((best, next) => (next.trip < best.trip ? next : best), first).ahead;
  }
}
