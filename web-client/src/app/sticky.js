/**
 * Modifiers on a bar of keys: a press arms one for the next key, a second press keeps it, a third lets it go. Pure.
 */

/** @typedef {"off" | "once" | "kept"} Hold */

export class Sticky {
  /** @type {Map<string, Hold>} */
  #holds = new Map();

  /** The armed modifiers, in the order of arming. */
  get codes() {
    return [...this.#holds.keys()];
  }

  /**
   * @param {string} code
   * @returns {Hold}
   */
  hold(code) {
    return this.#holds.get(code) ?? "off";
  }

  /** @param {string} code */
  press(code) {
    const hold = this.hold(code);
    if (hold === "kept") this.#holds.delete(code);
    else this.#holds.set(code, hold === "off" ? "once" : "kept");
  }

  /** A key went with them. */
  used() {
    for (const [code, hold] of [...this.#holds]) if (hold === "once") this.#holds.delete(code);
  }
}
