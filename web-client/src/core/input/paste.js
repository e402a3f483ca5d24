/**
 * Holds the keys of a paste back until the host has the clip that they paste, and everything that comes after them.
 *
 * The browser gives its clipboard away in the `paste` event, which only comes when the keys are not prevented. A key
 * that overtook its clip would paste the one before.
 */

/** @import { InputMessage } from "../types.js" */

/** A `paste` event comes at once, or not at all. */
const EVENT_MS = 60;

/**
 * @typedef {object} PasteHost
 * @property {(message: InputMessage) => void} send
 * @property {() => boolean} wanted whether a paste brings this viewer's clip
 * @property {(data: DataTransfer) => Promise<boolean>} paste whether the host has it
 * @property {() => void} keys presses what pastes on the host, for a paste that came without keys
 */

export class PasteGate {
  #host;
  /** What waits, while something does. @type {InputMessage[] | null} */
  #waiting = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #abort = new AbortController();

  /**
   * @param {HTMLElement} element
   * @param {PasteHost} host
   */
  constructor(element, host) {
    this.#host = host;
    element.addEventListener("paste", (event) => void this.#paste(event), { signal: this.#abort.signal });
  }

  close() {
    this.#abort.abort();
    this.#open(true);
  }

  /**
   * A key goes down. Returns whether it pastes, and is therefore left to the browser.
   * @param {KeyboardEvent} e
   */
  begin(e) {
    if (e.repeat || !isPaste(e) || !this.#host.wanted()) return false;
    if (this.#waiting !== null) return true;
    this.#waiting = [];
    this.#timer = setTimeout(() => this.#open(true), EVENT_MS);
    return true;
  }

  /** @param {InputMessage} message */
  send(message) {
    if (this.#waiting === null) return this.#host.send(message);
    // Moves may go before; what is held is told again in a moment.
    if (message.kind === "held") return;
    if (message.channel === "motion") return this.#host.send(message);
    this.#waiting.push(message);
  }

  /** @param {ClipboardEvent} event */
  async #paste(event) {
    event.preventDefault();
    const { clipboardData } = event;
    if (clipboardData === null || !this.#host.wanted()) return this.#open(true);
    const byKeys = this.#waiting !== null;
    clearTimeout(this.#timer);
    const there = await this.#host.paste(clipboardData);
    if (byKeys) return this.#open(there);
    if (there) this.#host.keys();
  }

  /** @param {boolean} there whether the clip is on the host; without it the press would paste another one */
  #open(there) {
    clearTimeout(this.#timer);
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    let skip = !there;
    for (const message of waiting) {
      if (skip && message.kind === "key" && message.down && (message.code === "KeyV" || message.code === "Insert" || message.text.toLowerCase() === "v")) {
        skip = false;
        continue;
      }
      this.#host.send(message);
    }
  }
}

/** @param {KeyboardEvent} e */
function isPaste(e) {
  const v = e.key.toLowerCase() === "v" || e.code === "KeyV" && !/^[a-z]$/i.test(e.key);
  return (v && (e.ctrlKey || e.metaKey) && !e.altKey) || e.key === "Paste" || (e.key === "Insert" && e.shiftKey && !e.ctrlKey && !e.altKey);
}
