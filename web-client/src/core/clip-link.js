/**
 * Joins the clipboard's rules with one element: when to look, and which message concerns them.
 */

/** @import { FromHost, FromViewer, Right } from "./protocol/protocol.js" */
/** @import { BulkChannel } from "./bulk.js" */
/** @import { ClipState } from "./clipboard.js" */

import { fromTransfer } from "./clip.js";
import { ClipboardSync } from "./clipboard.js";

/**
 * @typedef {object} ClipLinkHost
 * @property {(message: FromViewer) => void} send
 * @property {() => BulkChannel | null} bulk null without a session of its own
 * @property {(right: Right) => boolean} can
 * @property {(state: ClipState) => void} state
 * @property {(files: File[]) => void} files were pasted
 */

export class ClipLink {
  #host;
  #sync;
  #abort = new AbortController();

  /** @param {ClipLinkHost} host */
  constructor(host) {
    this.#host = host;
    this.#sync = new ClipboardSync(host);
  }

  /** @param {HTMLElement} layer */
  open(layer) {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const look = () => void this.#sync.look();
    window.addEventListener("focus", look, { signal });
    layer.addEventListener("pointerenter", look, { signal });
    // Chromium tells of copies elsewhere.
    if (navigator.clipboard instanceof EventTarget) navigator.clipboard.addEventListener("clipboardchange", look, { signal });
    window.addEventListener("focus", () => void this.#sync.gesture(), { signal });
  }

  close() {
    this.#abort.abort();
    this.#sync.reset();
  }

  /** What the input layer asks of the clipboard. */
  get layer() {
    return {
      pasteWanted: () => this.#host.can("clipboard_to_host") && this.#host.bulk() !== null,
      paste: (/** @type {DataTransfer} */ data) => {
        const clip = fromTransfer(data);
        if (clip.files.length > 0) this.#host.files(clip.files);
        return this.#sync.paste(clip);
      },
      gesture: () => void this.#sync.gesture(),
    };
  }

  reset() {
    this.#sync.reset();
  }

  /** Brings the host's clip, however large; by a click. */
  fetch() {
    return this.#sync.fetch();
  }

  /**
   * @param {FromHost} message
   * @returns {boolean} whether it was one of the clipboard's
   */
  handle(message) {
    if (message.type === "clip.copied") void this.#sync.copied(message);
    else if (message.type === "clip.taken") this.#sync.taken(message);
    else if (message.type === "clip.want") void this.#sync.want(message);
    else return false;
    return true;
  }
}
