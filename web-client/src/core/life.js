/**
 * When a session is alive, in doubt, tried again or over. Pure: the caller has the clock and the dice.
 *
 * A still desktop sends no frames, so life is any sign from the host: a heartbeat or a frame. The last
 * picture of a dead session looks like a living one, so doubt must show within three seconds.
 */

/** @import { State } from "./types.js" */

/** No sign of life for this long is doubt. */
export const SILENCE_MS = 2_500;
/** Doubt for this long starts a new session. */
export const DOUBT_MS = 2_000;
export const BACKOFF_MIN_MS = 500;
export const BACKOFF_MAX_MS = 15_000;
/** A host that cannot be reached at all is not hurt by a try, and may be back any moment. */
export const AWAY_MAX_MS = 750;

/** A first try may take this long to get a seat; a later one no more than thrice what it took before. */
const SEAT_MS = 8_000;
const SEAT_AGAIN_MS = 1_500;

/**
 * How long a try may take to get a seat. While the host is away its answer cannot come, and browsers ask
 * again ever more rarely within one request: short tries find it sooner. Some are longer, for slower paths.
 * @param {number} tries failures in a row
 * @param {number | null} took what it took last time
 */
export function seatPatience(tries, took) {
  if (took === null) return SEAT_MS;
  const patience = Math.max(SEAT_AGAIN_MS, 3 * took);
  return Math.min(SEAT_MS, tries % 4 === 3 ? 2 * patience : patience);
}

/**
 * Causes that another try cannot mend: somebody has to do something first.
 * @type {ReadonlySet<string>}
 */
export const FINAL = new Set([
  "closed",
  "codec",
  "consent",
  "dismissed",
  "ed25519",
  "factor",
  "fingerprint",
  "forbidden",
  "full",
  "hostkey",
  "insecure",
  "locked",
  "login_required",
  "malformed",
  "no_passkeys",
  "not_found",
  "origin",
  "passkey_missing",
  "passkey_refused",
  "passkey_required",
  "policy",
  "protocol",
  "replaced",
  "revoked",
  "signature",
  "step_up_required",
  "token_expired",
  "token_not_yet_valid",
  "token_revoked",
  "too_large",
  "unauthorized",
  "unsupported",
  "webrtc",
]);

/**
 * @param {number} tries failures in a row, from 1
 * @param {number} dice 0…1
 * @param {number} most
 */
export function backoff(tries, dice, most = BACKOFF_MAX_MS) {
  const full = Math.min(most, BACKOFF_MIN_MS * 1.5 ** (tries - 1));
  return Math.max(BACKOFF_MIN_MS, full * (0.75 + dice / 2));
}

export class Life {
  /** @type {State} */
  state = "idle";
  /** A stable code that says why the state is what it is. */
  reason = "";
  #lastSign = 0;
  #tries = 0;
  #busy = false;
  #broken = false;
  /** @type {number | null} */
  #due = null;

  /** Failures in a row. */
  get tries() {
    return this.#tries;
  }

  /** @param {number} now */
  start(now) {
    this.state = "connecting";
    this.reason = "";
    this.#tries = 0;
    this.#busy = false;
    this.#due = now;
  }

  /**
   * An attempt failed. The picture of an older session stays as it is, dimmed.
   * @param {number} now
   * @param {string} code
   * @param {number} dice
   */
  failed(now, code, dice) {
    if (this.state === "ended" || this.state === "idle") return;
    this.#busy = false;
    if (FINAL.has(code)) return this.end(code);
    this.#tries += 1;
    const most = code === "unreachable" ? AWAY_MAX_MS : BACKOFF_MAX_MS;
    this.#due = this.state === "live" ? null : now + backoff(this.#tries, dice, most);
    if (this.state !== "live") this.reason = code;
  }

  /** The person at the host is asked. */
  waiting() {
    if (this.state === "connecting") this.reason = "consent_asked";
  }

  /**
   * The newest session shows its picture.
   * @param {number} now
   */
  shown(now) {
    if (this.state === "ended" || this.state === "idle") return;
    this.state = "live";
    this.reason = "";
    this.#lastSign = now;
    this.#tries = 0;
    this.#busy = false;
    this.#broken = false;
    this.#due = null;
  }

  /**
   * A sign of life of the session whose picture is shown.
   * @param {number} now
   */
  sign(now) {
    this.#lastSign = now;
    if (this.state !== "stalled" || this.#broken) return;
    this.state = "live";
    this.reason = "";
    this.#due = null;
  }

  /**
   * The shown session cannot come back: its transport failed or its channels closed.
   * @param {number} now
   * @param {string} code
   */
  broken(now, code) {
    if (this.state !== "live" && this.state !== "stalled") return;
    this.#broken = true;
    if (FINAL.has(code)) return this.end(code);
    this.state = "stalled";
    this.reason = code;
    this.#due ??= now;
    this.#due = Math.min(this.#due, now);
  }

  /**
   * The machine slept, so nothing that was known is known: doubt comes sooner.
   * @param {number} now
   */
  woke(now) {
    this.#lastSign = Math.min(this.#lastSign, now - (SILENCE_MS - 1_000));
    this.hurry(now);
  }

  /**
   * The network came back or the reader looks again: waiting is over.
   * @param {number} now
   */
  hurry(now) {
    if (this.#due === null || this.#busy) return;
    if (this.state === "connecting" || this.#tries > 0 || this.#broken) this.#due = now;
  }

  /** @param {string} reason */
  end(reason) {
    this.state = "ended";
    this.reason = reason;
    this.#due = null;
    this.#busy = false;
  }

  /**
   * @param {number} now
   * @returns {boolean} whether an attempt is to be started now
   */
  poll(now) {
    if (this.state === "live" && now - this.#lastSign > SILENCE_MS) {
      this.state = "stalled";
      this.reason = "silence";
      this.#due = now + DOUBT_MS;
    }
    if (this.#due === null || now < this.#due || this.#busy) return false;
    this.#due = null;
    this.#busy = true;
    return true;
  }

  /** The attempt under way was given up because the old session came back. */
  abandoned() {
    this.#busy = false;
  }
}
