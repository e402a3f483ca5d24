/**
 * One session in several windows of one page: the first has the connection, the others show its picture and send by it.
 */

/** @import { FromHost, FromViewer } from "./protocol/protocol.js" */
/** @import { TileLayer } from "./tiles.js" */
/** @import { InputMessage, StateDetail, Stats } from "./types.js" */

import { arrivedAt } from "./arrivals.js";
import { Hands } from "./input/hands.js";
import { VideoSink } from "./video.js";

/** How soon a window that shows nothing yet asks for a picture: what stands still is not sent again by itself. */
const REFRESH_MS = 500;
const MAX_REFRESHES = 20;
/** Shapes of the pointer that are kept for windows to come. */
const MAX_SHAPES = 512;

/** What a window that comes later has to hear first. Pure. */
export class Echo {
  /** @type {Map<string, FromHost>} */
  #last = new Map();

  clear() {
    this.#last.clear();
  }

  /** @param {FromHost} message */
  record(message) {
    // Said to whoever points just then.
    if (message.type === "pointer.held" || message.type === "pointer.at") return;
    const key = message.type === "cursor.shape" ? `${message.type} ${message.id}` : message.type;
    // The newest last, so that the oldest goes first.
    this.#last.delete(key);
    this.#last.set(key, message);
    if (this.#last.size <= MAX_SHAPES) return;
    for (const [old, { type }] of this.#last) {
      if (type === "cursor.shape") return void this.#last.delete(old);
    }
  }

  /** In an order in which a host could have said it. */
  replay() {
    return [...this.#last.values()];
  }
}

/**
 * What a window hears.
 * @typedef {object} Listener
 * @property {(detail: StateDetail) => void} state
 * @property {(message: FromHost) => void} control
 * @property {() => void} swapped another stream is shown
 */

/**
 * What the element of the first window gives.
 * @typedef {object} Source
 * @property {() => MediaStream | null} stream
 * @property {() => TileLayer | null} tiles
 * @property {() => StateDetail} state
 * @property {(message: FromViewer) => void} send
 * @property {(message: InputMessage) => void} input
 * @property {(rtp: number | undefined, at: number) => void} shown
 * @property {() => void} visibility whether anybody looks may have changed
 * @property {() => Promise<Stats | null>} stats
 */

export class Share {
  #source;
  #echo = new Echo();
  #hands = new Hands();
  /** @type {Map<Listener, boolean>} whether each window is hidden */
  #windows = new Map();

  /** @param {Source} source */
  constructor(source) {
    this.#source = source;
    window.addEventListener("pagehide", (e) => !e.persisted && this.told({ state: "ended", reason: "opener" }));
  }

  /** Whether none of the windows can be seen. */
  get hidden() {
    return document.hidden && [...this.#windows.values()].every((hidden) => hidden);
  }

  get stream() {
    return this.#source.stream();
  }

  get tiles() {
    return this.#source.tiles();
  }

  get state() {
    return this.#source.state();
  }

  // --- For the first window -----------------------------------------------------------------------

  /** @param {FromHost} message */
  control(message) {
    this.#echo.record(message);
    for (const window of this.#windows.keys()) window.control(message);
  }

  /** @param {StateDetail} detail */
  told(detail) {
    for (const window of [...this.#windows.keys()]) window.state(detail);
  }

  swapped() {
    this.#echo.clear();
    for (const window of this.#windows.keys()) window.swapped();
  }

  // --- For each window ----------------------------------------------------------------------------

  /** @param {Listener} window */
  join(window) {
    this.#windows.set(window, false);
    this.#source.visibility();
    for (const message of this.#echo.replay()) window.control(message);
  }

  /** @param {Listener} window */
  leave(window) {
    if (!this.#windows.delete(window)) return;
    const release = this.#hands.leave(window);
    if (release !== null) this.#source.input(release);
    this.#source.visibility();
  }

  /**
   * @param {Listener} window
   * @param {boolean} hidden
   */
  seen(window, hidden) {
    this.#windows.set(window, hidden);
    this.#source.visibility();
  }

  /**
   * @param {unknown} from the window
   * @param {InputMessage} message
   */
  input(from, message) {
    const numbered = this.#hands.admit(from, message);
    if (numbered !== null) this.#source.input(numbered);
  }

  /** @param {FromViewer} message */
  send(message) {
    this.#source.send(message);
  }

  /**
   * Another window shows a frame.
   * @param {number | undefined} rtp
   * @param {number} at when it arrived, in ms since 1970
   */
  shown(rtp, at) {
    this.#source.shown(rtp, at);
  }

  stats() {
    return this.#source.stats();
  }
}

/** What stands for the session in a window that follows another. */
export class Follower {
  video;
  #share;
  #listener;
  #abort = new AbortController();
  /** @type {ReturnType<typeof setInterval> | undefined} while no picture is there */
  #asking;
  #asked = 0;
  /** Whose exact pixels are shown, too. @type {TileLayer | null} */
  #leader = null;

  /**
   * @param {Share} share
   * @param {HTMLElement} stage
   * @param {Listener & { resized: () => void }} on
   */
  constructor(share, stage, on) {
    this.#share = share;
    this.video = new VideoSink(stage, {
      shown: () => clearInterval(this.#asking),
      frame: (metadata) => share.shown(metadata.rtpTimestamp, arrivedAt(metadata)),
      resized: on.resized,
    });
    this.#listener = { ...on, swapped: () => this.#show(on.swapped) };
    const signal = this.#abort.signal;
    document.addEventListener("visibilitychange", () => this.#visibility(), { signal });
    window.addEventListener("pagehide", () => this.end(), { signal });
  }

  get videos() {
    return [this.video];
  }

  start() {
    this.#share.join(this.#listener);
    this.#show(() => {});
    this.#listener.state(this.#share.state);
  }

  /** @param {FromViewer} message */
  send(message) {
    this.#share.send(message);
  }

  /** @param {InputMessage} message */
  input(message) {
    this.#share.input(this.#listener, message);
  }

  stats() {
    return this.#share.stats();
  }

  end() {
    this.#abort.abort();
    clearInterval(this.#asking);
    this.#share.leave(this.#listener);
    this.#leader?.leave(this.video.tiles);
    this.video.close();
  }

  #ask() {
    if (document.hidden) return;
    this.#asked += 1;
    if (this.video.size.width > 0 || this.#asked > MAX_REFRESHES) return clearInterval(this.#asking);
    this.#share.send({ type: "video.refresh" });
  }

  #visibility() {
    this.#share.seen(this.#listener, document.hidden);
    if (!document.hidden) this.video.play();
  }

  /** @param {() => void} then */
  #show(then) {
    const stream = this.#share.stream;
    if (stream !== null) {
      this.video.attach(stream);
      this.#leader?.leave(this.video.tiles);
      this.#leader = this.#share.tiles;
      this.#leader?.lead(this.video.tiles);
      clearInterval(this.#asking);
      this.#asked = 0;
      this.#asking = setInterval(() => this.#ask(), REFRESH_MS);
    }
    then();
  }
}
