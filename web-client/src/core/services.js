/**
 * What a session does beside picture and input: the clipboard and files. One place for the element to tell of both.
 */

/** @import { FromHost, FromViewer, Right } from "./protocol/protocol.js" */
/** @import { BulkChannel } from "./bulk.js" */
/** @import { ClipState } from "./clipboard.js" */
/** @import { FileJob } from "./files.js" */
/** @import { State } from "./types.js" */

import { ClipLink } from "./clip-link.js";
import { FileLink } from "./drop.js";

/**
 * @typedef {object} ServicesHost
 * @property {(message: FromViewer) => void} send
 * @property {() => BulkChannel | null} bulk null without a session of its own
 * @property {() => State} state
 * @property {(right: Right) => boolean} can
 * @property {(state: ClipState) => void} clip
 * @property {(job: FileJob) => void} file
 */

export class Services {
  clips;
  files;

  /** @param {ServicesHost} host */
  constructor({ send, bulk, state, can, clip, file }) {
    this.files = new FileLink({ send, bulk, live: () => state() === "live", can: () => can("files_to_host"), changed: (job) => file({ ...job }) });
    this.clips = new ClipLink({ send, bulk, can, state: clip, files: (files) => this.files.upload(files.map((pasted) => ({ path: pasted.name, file: pasted }))) });
  }

  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} layer
   */
  open(element, layer) {
    this.clips.open(layer);
    this.files.open(element);
  }

  close() {
    this.clips.close();
    this.files.close();
  }

  /** The connection is another one. */
  swapped() {
    this.clips.reset();
    this.files.reset();
  }

  /** @param {State} state */
  told(state) {
    if (state === "live") this.files.live();
    if (state === "ended") this.files.end();
  }

  /** @param {FromHost} message */
  handle(message) {
    return this.clips.handle(message) || this.files.handle(message);
  }
}
