/**
 * Several windows that drive one session: which of them holds keys and buttons, and numbers as if from one. Pure.
 *
 * The host puts messages in order by their numbers, and takes what is held from the latest of them. Two windows that
 * count for themselves would each look like the other's past.
 */

/** @import { InputMessage } from "../types.js" */

const MASK_16 = 0xffff;
const MASK_8 = 0xff;

export class Hands {
  /** Who pressed last; whatever is held is held there. @type {unknown} */
  #hand = null;
  #moves = 0;
  #turns = 0;
  #beats = 0;
  #lock = 0;
  /** @type {{ from: unknown, lock: number } | null} */
  #locked = null;

  /**
   * @param {unknown} from the window
   * @param {InputMessage} message
   * @returns {InputMessage | null} what to send, if anything
   */
  admit(from, message) {
    switch (message.kind) {
      case "key":
      case "button":
      case "text":
        this.#hand = from;
        return message;
      case "wheel":
        return message;
      case "release":
        // A window that lost the focus lets go of what it held, not of what the next one holds already.
        return this.#isHand(from) ? message : null;
      case "held":
        if (!this.#isHand(from)) return null;
        this.#beats = (this.#beats + 1) & MASK_16;
        return { ...message, seq: this.#beats };
      case "move":
        this.#moves = (this.#moves + 1) & MASK_16;
        return { ...message, seq: this.#moves };
      case "relative":
        if (this.#locked === null || this.#locked.from !== from || this.#locked.lock !== message.lock) {
          this.#locked = { from, lock: message.lock };
          this.#lock = (this.#lock + 1) & MASK_8;
        }
        this.#turns = (this.#turns + 1) & MASK_16;
        return { ...message, seq: this.#turns, lock: this.#lock };
    }
  }

  /**
   * That window is gone.
   * @param {unknown} from
   * @returns {InputMessage | null}
   */
  leave(from) {
    if (this.#hand !== from) return null;
    this.#hand = null;
    return { channel: "input", kind: "release" };
  }

  /** @param {unknown} from */
  #isHand(from) {
    return this.#hand === null || this.#hand === from;
  }
}
