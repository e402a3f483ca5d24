/**
 * What fingers mean: clicks, drags, scrolling, enlarging. Pure: events and times in, acts out.
 *
 * In `direct` mode the pointer is where the finger is; in `trackpad` mode the finger pushes it. A tap holds the button
 * for a moment, so that a finger that comes back can drag with it; a second tap in that time makes a double click.
 * Lengths are CSS pixels, times milliseconds.
 */

/** @typedef {"direct" | "trackpad"} TouchMode */

/**
 * What to do. `point`: the pointer is there; `shift`: it moves by that much; `wheel`: as a wheel's pixels; `zoom` and
 * `pan`: the picture here, nothing for the host.
 * @typedef {{ kind: "point", x: number, y: number }
 *   | { kind: "shift", dx: number, dy: number }
 *   | { kind: "button", button: number, down: boolean }
 *   | { kind: "wheel", dx: number, dy: number }
 *   | { kind: "zoom", factor: number, x: number, y: number }
 *   | { kind: "pan", dx: number, dy: number }} Act
 */

/** @typedef {{ x: number, y: number, startX: number, startY: number }} Finger */

/** A finger that moved less than this has not moved. */
const SLOP = 10;
/** Two fingers' distance has to change by this much to enlarge, more than what they move together. */
const PINCH = 24;
/** A second tap of a double tap is within this distance of the first. */
const NEAR = 32;
const LONG_MS = 500;
const TAP_MS = 250;
/** A fast push goes further than a slow one, as on a laptop. */
const GAIN = { least: 1, most: 2.5, perSpeed: 1 };

const click = (/** @type {number} */ button) => /** @type {Act[]} */ ([
  { kind: "button", button, down: true },
  { kind: "button", button, down: false },
]);

export class Gestures {
  mode;
  /** @type {Map<number, Finger>} */
  #fingers = new Map();
  /** @type {"idle" | "pressing" | "again" | "drag" | "glide" | "several" | "scroll" | "pinch" | "spent"} */
  #phase = "idle";
  #began = 0;
  #moved = 0;
  #most = 0;
  /** The button of a tap is still down. @type {{ x: number, y: number, until: number } | null} */
  #tap = null;
  #spread = 0;
  #centre = { x: 0, y: 0 };

  /** @param {TouchMode} [mode] */
  constructor(mode = "direct") {
    this.mode = mode;
  }

  /** When `poll` has something to do, or null. */
  get due() {
    if (this.#phase === "pressing") return this.#began + LONG_MS;
    return this.#tap !== null && this.#phase !== "again" && this.#phase !== "drag" ? this.#tap.until : null;
  }

  /**
   * @param {number} id
   * @param {number} x
   * @param {number} y
   * @param {number} now
   * @returns {Act[]}
   */
  down(id, x, y, now) {
    const out = this.poll(now);
    this.#fingers.set(id, { x, y, startX: x, startY: y });
    this.#most = Math.max(this.#most, this.#fingers.size);
    if (this.#fingers.size === 1) {
      this.#began = now;
      this.#moved = now;
      this.#most = 1;
      if (this.#tap !== null && (this.mode === "trackpad" || Math.hypot(x - this.#tap.x, y - this.#tap.y) <= NEAR)) {
        this.#phase = "again";
        return out;
      }
      out.push(...this.#letGo());
      this.#phase = "pressing";
      if (this.mode === "direct") out.push({ kind: "point", x, y });
      return out;
    }
    if (this.#phase === "drag" || this.#phase === "spent") return out;
    out.push(...this.#letGo());
    this.#phase = "several";
    this.#measure();
    for (const finger of this.#fingers.values()) [finger.startX, finger.startY] = [finger.x, finger.y];
    return out;
  }

  /**
   * @param {number} id
   * @param {number} x
   * @param {number} y
   * @param {number} now
   * @returns {Act[]}
   */
  move(id, x, y, now) {
    const finger = this.#fingers.get(id);
    if (finger === undefined) return [];
    const out = this.poll(now);
    const [dx, dy] = [x - finger.x, y - finger.y];
    [finger.x, finger.y] = [x, y];
    const far = Math.hypot(x - finger.startX, y - finger.startY) > SLOP;
    switch (this.#phase) {
      case "pressing":
      case "again":
        if (far) out.push(...this.#start(finger));
        break;
      case "drag":
      case "glide":
        out.push(this.mode === "direct" ? { kind: "point", x, y } : this.#push(dx, dy, now));
        break;
      case "several":
      case "scroll":
      case "pinch":
        out.push(...this.#together());
        break;
      case "idle":
      case "spent":
        break;
    }
    this.#moved = now;
    return out;
  }

  /**
   * @param {number} id
   * @param {number} now
   * @returns {Act[]}
   */
  up(id, now) {
    const finger = this.#fingers.get(id);
    if (finger === undefined) return [];
    const out = this.poll(now);
    this.#fingers.delete(id);
    switch (this.#phase) {
      case "again":
      case "pressing":
        // A second tap is one like the first, at the first's place.
        out.push(...this.#letGo(), { kind: "button", button: 0, down: true });
        this.#tap = { x: finger.startX, y: finger.startY, until: now + TAP_MS };
        break;
      case "drag":
        if (this.#fingers.size === 0) out.push({ kind: "button", button: 0, down: false });
        else return out;
        break;
      case "several":
        if (now - this.#began < LONG_MS) out.push(...click(this.#most > 2 ? 1 : 2));
        break;
      case "idle":
      case "glide":
      case "scroll":
      case "pinch":
      case "spent":
        break;
    }
    this.#phase = this.#fingers.size === 0 ? "idle" : "spent";
    return out;
  }

  /**
   * @param {number} now
   * @returns {Act[]}
   */
  poll(now) {
    if (this.due === null || now < this.due) return [];
    if (this.#phase !== "pressing") return this.#letGo();
    this.#phase = "spent";
    return click(2);
  }

  /** Fingers are taken away by the system, or the reader looks elsewhere: what is held is let go. */
  cancel() {
    const held = this.#phase === "drag" || this.#tap !== null;
    this.#fingers.clear();
    this.#phase = "idle";
    this.#tap = null;
    return /** @type {Act[]} */ (held ? [{ kind: "button", button: 0, down: false }] : []);
  }

  /** @returns {Act[]} */
  #letGo() {
    if (this.#tap === null) return [];
    this.#tap = null;
    return [{ kind: "button", button: 0, down: false }];
  }

  /**
   * One finger begins to move.
   * @param {Finger} finger
   * @returns {Act[]}
   */
  #start({ x, y, startX, startY }) {
    const held = this.#phase === "again";
    if (held) this.#tap = null;
    if (this.mode === "trackpad") {
      this.#phase = held ? "drag" : "glide";
      return [{ kind: "shift", dx: x - startX, dy: y - startY }];
    }
    this.#phase = "drag";
    /** @type {Act[]} */
    const press = held ? [] : [{ kind: "button", button: 0, down: true }];
    return [...press, { kind: "point", x, y }];
  }

  /**
   * @param {number} dx
   * @param {number} dy
   * @param {number} now
   * @returns {Act}
   */
  #push(dx, dy, now) {
    const speed = Math.hypot(dx, dy) / Math.max(1, now - this.#moved);
    const gain = Math.min(GAIN.most, GAIN.least + GAIN.perSpeed * speed);
    return { kind: "shift", dx: dx * gain, dy: dy * gain };
  }

  /** Several fingers moved: as one, or apart. @returns {Act[]} */
  #together() {
    const [spread, centre] = [this.#spread, this.#centre];
    this.#measure();
    const [dx, dy] = [this.#centre.x - centre.x, this.#centre.y - centre.y];
    if (this.#phase === "several") {
      let [apart, along] = [0, 0];
      const fingers = [...this.#fingers.values()];
      const [first, second] = fingers;
      if (first !== undefined && second !== undefined) {
        const before = Math.hypot(first.startX - second.startX, first.startY - second.startY);
        apart = Math.abs(this.#spread - before);
        const mean = (/** @type {(finger: Finger) => number} */ of) => fingers.reduce((sum, finger) => sum + of(finger), 0) / fingers.length;
        along = Math.hypot(mean((f) => f.x - f.startX), mean((f) => f.y - f.startY));
      }
      if (apart > PINCH && apart > along) this.#phase = "pinch";
      else if (along > SLOP && along >= apart) this.#phase = "scroll";
      return [];
    }
    if (this.#phase === "scroll") return dx === 0 && dy === 0 ? [] : [{ kind: "wheel", dx: -dx, dy: -dy }];
    const factor = spread > 0 ? this.#spread / spread : 1;
    return [{ kind: "zoom", factor, ...this.#centre }, { kind: "pan", dx, dy }];
  }

  #measure() {
    const [first, second] = [...this.#fingers.values()];
    if (first === undefined || second === undefined) return;
    this.#spread = Math.hypot(first.x - second.x, first.y - second.y);
    this.#centre = { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
  }
}
