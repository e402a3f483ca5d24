/**
 * Keeps the browser's clipboard and the host's together, whichever was copied to last.
 *
 * To the host only the forms are told; the bytes follow when somebody pastes there. From the host small clips come at
 * once, large ones when the reader asks. Nothing is polled, and the browser is never made to ask the reader.
 */

/** @import { FromHost, FromViewer } from "./protocol/protocol.js" */
/** @import { BulkChannel } from "./bulk.js" */
/** @import { Clip, Offered } from "./clip.js" */

import { Aborted } from "./bulk.js";
import { bytes, formats, marks, mayWrite, offered, readIfPermitted, same, writeParts } from "./clip.js";
import { EAGER_CLIP_BYTES, MAX_CLIP_BYTES } from "./protocol/limits.js";

/** How long a paste waits for the host to have heard of the clip. */
const TAKEN_MS = 3_000;
/** Marks that one clip may have gathered. */
const KNOWN = 6;

/**
 * What became of the host's newest clip: it is in the browser's clipboard too; the browser wants a gesture first; it is
 * large and comes when it is asked for; it has no form that a browser takes; it could not be had.
 * @typedef {"none" | "same" | "blocked" | "large" | "other" | "failed"} ClipState
 */

/**
 * @typedef {object} ClipboardHost
 * @property {(message: FromViewer) => void} send
 * @property {() => BulkChannel | null} bulk
 * @property {(right: "clipboard_to_host" | "clipboard_from_host") => boolean} can
 * @property {(state: ClipState) => void} state
 */

/** @typedef {Extract<FromHost, { type: "clip.copied" }>} Copied */

export class ClipboardSync {
  #on;
  #serial = 0;
  /** This viewer's newest clip, while it is the newest of all. @type {{ serial: number, clip: Offered } | null} */
  #mine = null;
  /** What the browser's clipboard holds, as far as is known: its marks. @type {string[]} */
  #seen = [];
  /** @type {Map<number, (taken: boolean) => void>} */
  #waiting = new Map();
  /** @type {Copied | null} */
  #host = null;
  /** A clip that the browser did not let in. @type {{ clip: Clip, marks: string[] } | null} */
  #blocked = null;
  /** The one that the browser is being given. @type {{ clip: Clip, marks: string[] } | null} */
  #writing = null;

  /** @param {ClipboardHost} on */
  constructor(on) {
    this.#on = on;
  }

  /** Another session: the host has forgotten what this viewer offered. */
  reset() {
    if (this.#mine !== null) this.#seen = [];
    this.#mine = null;
    this.#host = null;
    this.#blocked = null;
    for (const done of this.#waiting.values()) done(false);
    this.#waiting.clear();
  }

  /** Whether a clip is what the browser's clipboard holds; then it is known by its other marks, too. @param {string[]} now */
  #is(now) {
    if (!same(now, this.#seen)) return false;
    this.#seen = [...new Set([...now, ...this.#seen])].slice(0, KNOWN);
    return true;
  }

  // --- To the host --------------------------------------------------------------------------------

  /**
   * The reader pastes: the host is to have this clip before it hears of the keys.
   * @param {Clip} clip
   * @returns {Promise<boolean>} whether it has
   */
  async paste(clip) {
    if (!this.#on.can("clipboard_to_host") || formats(clip).length === 0) return true;
    const own = offered(clip);
    const now = await marks(own);
    // Nothing was copied here since: then the host's own clip is newer, or this one is there already.
    if (now.length === 0 || this.#is(now)) return true;
    this.#seen = now;
    this.#blocked = null;
    this.#serial = (this.#serial + 1) >>> 0;
    const serial = this.#serial;
    this.#mine = { serial, clip: own };
    const taken = new Promise((/** @type {(taken: boolean) => void} */ resolve) => {
      this.#waiting.set(serial, resolve);
      setTimeout(() => resolve(false), TAKEN_MS);
    });
    this.#on.send({ type: "clip.offer", serial, formats: formats(clip) });
    const done = await taken;
    this.#waiting.delete(serial);
    // It is tried again with the next paste.
    if (!done) this.#seen = [];
    return done;
  }

  /** The reader comes back to the page, or the browser tells of a copy: looks where that asks nobody anything. */
  async look() {
    if (!this.#on.can("clipboard_to_host")) return;
    const clip = await readIfPermitted();
    if (clip !== null) await this.paste(clip);
  }

  /** @param {Extract<FromHost, { type: "clip.taken" }>} message */
  taken({ serial }) {
    this.#waiting.get(serial)?.(true);
  }

  /** @param {Extract<FromHost, { type: "clip.want" }>} message */
  async want({ transfer, serial, format }) {
    const bulk = this.#on.bulk();
    const blob = this.#mine?.serial === serial ? bytes(this.#mine.clip, format) : undefined;
    if (blob === undefined || blob.size > MAX_CLIP_BYTES) return bulk?.abort(transfer, blob === undefined ? "gone" : "too_large");
    try {
      await bulk?.write(transfer, blob);
    } catch (error) {
      // Whoever pasted went away; the next paste begins anew.
      if (!(error instanceof Aborted)) throw error;
    }
  }

  // --- From the host ------------------------------------------------------------------------------

  /** @param {Copied} copied */
  async copied(copied) {
    this.#host = copied;
    this.#blocked = null;
    this.#mine = null;
    if (copied.formats.length === 0) return this.#on.state(copied.other ? "other" : "none");
    /** @type {Clip} */
    let clip;
    try {
      clip = await this.#fetchAll(copied, EAGER_CLIP_BYTES);
    } catch (error) {
      if (this.#host !== copied || !(error instanceof Aborted)) return;
      return this.#on.state(error.code === "too_large" ? "large" : "failed");
    }
    if (this.#host !== copied) return;
    const now = await marks(clip);
    if (this.#host !== copied) return;
    if (this.#is(now)) return this.#on.state("same");
    this.#blocked = { clip, marks: now };
    await this.gesture();
  }

  /** A press of a key or a button, after which a browser lets clips in. */
  async gesture() {
    const blocked = this.#blocked;
    // A browser that never answers for one clip does not keep the next from it.
    if (blocked === null || this.#writing === blocked) return;
    this.#writing = blocked;
    try {
      if (!(await mayWrite())) throw new Error("the browser would ask");
      await writeParts(parts(blocked.clip));
      this.#seen = blocked.marks;
      if (this.#blocked !== blocked) return;
      this.#blocked = null;
      this.#on.state("same");
    } catch {
      if (this.#blocked === blocked) this.#on.state("blocked");
    } finally {
      if (this.#writing === blocked) this.#writing = null;
    }
  }

  /**
   * Brings the host's clip, however large it is. Has to be called by a click.
   * @returns {Promise<void>}
   */
  async fetch() {
    if (this.#blocked !== null) return this.gesture();
    const copied = this.#host;
    if (copied === null || copied.formats.length === 0) return;
    // The browser takes the clip only now, so it gets a promise of it.
    const all = this.#fetchAll(copied, MAX_CLIP_BYTES);
    const part = (/** @type {keyof Clip} */ name, /** @type {string} */ type) =>
      all.then((clip) => new Blob([/** @type {BlobPart} */ (clip[name] ?? "")], { type }));
    try {
      await writeParts({
        ...(copied.formats.includes("text/plain") ? { "text/plain": part("text", "text/plain") } : {}),
        ...(copied.formats.includes("text/html") ? { "text/html": part("html", "text/html") } : {}),
        ...(copied.formats.includes("image/png") ? { "image/png": part("png", "image/png") } : {}),
      });
      this.#seen = await marks(await all);
      this.#on.state("same");
    } catch {
      if (this.#host === copied) this.#on.state("failed");
    }
  }

  /**
   * @param {Copied} copied
   * @param {number} most bytes in all
   * @returns {Promise<Clip>}
   */
  async #fetchAll({ serial, formats }, most) {
    const bulk = this.#on.bulk();
    if (bulk === null) throw new Aborted("lost");
    /** @type {Clip} */
    const clip = {};
    let left = most;
    for (const format of formats) {
      const transfer = bulk.number();
      /** @type {Uint8Array<ArrayBuffer>[]} */
      const chunks = [];
      const read = bulk.read(transfer, (data) => void chunks.push(data));
      this.#on.send({ type: "clip.get", transfer, serial, format, max: left });
      await read;
      const blob = new Blob(chunks, { type: format });
      left -= blob.size;
      if (format === "text/plain") clip.text = await blob.text();
      else if (format === "text/html") clip.html = await blob.text();
      else clip.png = blob;
    }
    return clip;
  }
}

/** @param {Clip} clip */
function parts({ text, html, png }) {
  return {
    ...(text === undefined ? {} : { "text/plain": new Blob([text], { type: "text/plain" }) }),
    ...(html === undefined ? {} : { "text/html": new Blob([html], { type: "text/html" }) }),
    ...(png === undefined ? {} : { "image/png": png }),
  };
}
