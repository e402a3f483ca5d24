/**
 * What a session does beside picture and input: the clipboard, files, sound, and who of several works. One place for the element to tell of both.
 */

/** @import { FromHost, FromViewer, Right } from "./protocol/protocol.js" */
/** @import { ClipState } from "./clipboard.js" */
/** @import { FileJob } from "./files.js" */
/** @import { Session } from "./session.js" */
/** @import { SoundState } from "./sound.js" */
/** @import { State } from "./types.js" */

import { ClipLink } from "./clip-link.js";
import { Control } from "./control.js";
import { FileLink } from "./drop.js";
import { Sound } from "./sound.js";

/**
 * @typedef {object} ServicesHost
 * @property {(message: FromViewer) => void} send
 * @property {() => Session | null} session null without one of its own
 * @property {() => number | null} viewer
 * @property {() => State} state
 * @property {(right: Right) => boolean} can
 * @property {(state: ClipState) => void} clip
 * @property {(job: FileJob) => void} file
 * @property {(state: SoundState) => void} sound
 * @property {(blocked: boolean) => void} control
 */

export class Services {
  clips;
  control;
  files;
  sound;

  /** @param {ServicesHost} host */
  constructor({ send, session, viewer, state, can, clip, file, sound, control }) {
    const bulk = () => session()?.bulk ?? null;
    this.control = new Control({ send, viewer, changed: control });
    this.sound = new Sound({
      send,
      viewer,
      can,
      changed: sound,
      stream: () => session()?.soundStream ?? null,
      microphone: async (track) => session()?.microphone(track),
    });
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
    this.sound.end();
  }

  /** The connection is another one. */
  swapped() {
    this.control.swapped();
    this.clips.reset();
    this.files.reset();
    this.sound.swapped();
  }

  /** @param {State} state */
  told(state) {
    if (state === "live") this.files.live();
    if (state !== "ended") return;
    this.files.end();
    this.sound.end();
  }

  /** @param {FromHost} message */
  handle(message) {
    return this.control.handle(message) || this.sound.handle(message) || this.clips.handle(message) || this.files.handle(message);
  }
}
