/**
 * Keeps one reader at one host: starts attempts, swaps pictures, notices silence, gives up with a reason.
 *
 * The rules are in `life.js`; this file has the timers and the two attempts that may exist at a time: the
 * one whose picture is shown, and the one that shall replace it.
 */

/** @import { FromHost, FromViewer } from "./protocol/protocol.js" */
/** @import { ErrorDetail, InputMessage, StateDetail, TokenSource } from "./types.js" */

import { Attempt } from "./attempt.js";
import { missing } from "./caps.js";
import { FINAL, Life, seatPatience } from "./life.js";
import { Tail } from "./tail.js";

/**
 * @typedef {object} SessionEvents
 * @property {(detail: StateDetail) => void} state
 * @property {(detail: ErrorDetail) => void} error
 * @property {(message: FromHost) => void} control
 * @property {() => void} swapped another session's picture is shown
 * @property {() => void} resized
 */

/**
 * @typedef {object} SessionOptions
 * @property {URL} base
 * @property {TokenSource} token
 * @property {string | undefined} hostKey
 * @property {string | undefined} host
 * @property {(() => object | undefined) | undefined} extra
 * @property {HTMLElement} stage
 * @property {() => { width: number, height: number, density: number }} size
 * @property {() => boolean} saves whether this viewer saves data
 * @property {() => boolean} hidden nobody can see the picture, in this window or another
 */

const TICK_MS = 250;
const PING_MS = 2_000;
const REPORT_MS = 5_000;
/** The first ones tell how the host's clock goes. */
const FIRST_PING_MS = 500;
/** The same while the picture stands still: whether the host lives is known from its heartbeats. */
const STILL_PING_MS = 10_000;
/** The wall clock may run ahead of the page's clock by this much before it means that the machine slept. */
const SLEPT_MS = 2_000;

export class Session {
  #options;
  #on;
  #life = new Life();
  /** @type {Attempt | null} */
  #shown = null;
  /** @type {Attempt | null} */
  #next = null;
  /** @type {string | undefined} */
  #lastSid;
  /** The next attempt leaves UDP alone, because the last one's path by UDP carried no handshake. */
  #tcpOnly = false;
  /** @type {number | null} */
  #seatTook = null;
  /** @type {ReturnType<typeof setInterval>} */
  #ticker;
  #told = { state: "idle", reason: "" };
  #clocks = { wall: Date.now(), page: performance.now() };
  #pings = new Map();
  #pingNumber = 0;
  #pingDue = 0;
  #reportDue = 0;
  #abort = new AbortController();
  /** What the host was told. */
  #hidden = false;

  /**
   * @param {SessionOptions} options
   * @param {SessionEvents} on
   */
  constructor(options, on) {
    this.#options = options;
    this.#on = on;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    const signal = this.#abort.signal;
    window.addEventListener("online", () => this.#hurry(), { signal });
    window.addEventListener("pageshow", () => this.#hurry(), { signal });
    document.addEventListener("visibilitychange", () => this.visibility(), { signal });
    document.addEventListener("resume", () => this.#hurry(), { signal });
    // A closed tab must not stay in the host's list until it is missed.
    window.addEventListener("pagehide", (e) => !e.persisted && this.#leave(), { signal });
    void this.#start();
  }

  get state() {
    return this.#life.state;
  }

  get reason() {
    return this.#life.reason;
  }

  get video() {
    return this.#shown?.video ?? null;
  }

  get bulk() {
    return this.#shown?.bulk ?? null;
  }

  get soundStream() {
    return this.#shown?.soundStream ?? null;
  }

  /** @param {MediaStreamTrack | null} track null sends nothing */
  async microphone(track) {
    await this.#shown?.microphone(track);
  }

  /** The pictures that exist, to be laid out alike. */
  get videos() {
    return [this.#shown, this.#next].flatMap((attempt) => (attempt === null ? [] : [attempt.video]));
  }

  /** @param {FromViewer} message */
  send(message) {
    this.#shown?.send(message);
  }

  /** @param {InputMessage} message */
  input(message) {
    // What is typed into a dead picture would arrive all at once when it comes back.
    if (this.#life.state === "live" || message.kind === "release") this.#shown?.input(message);
  }

  async stats() {
    const [attempt, pc] = [this.#shown, this.#shown?.pc];
    return attempt === null || pc === undefined ? null : attempt.measure.read(pc);
  }

  /**
   * Another window shows a frame.
   * @param {number | undefined} rtp
   * @param {number} at when it arrived, in ms since 1970
   */
  elsewhere(rtp, at) {
    this.#shown?.shown(rtp, at);
  }

  /** @param {string} reason */
  end(reason) {
    if (this.#life.state === "ended") return;
    this.#life.end(reason);
    this.#tell();
  }

  async #start() {
    const [lack] = await missing();
    if (this.#life.state === "ended") return;
    if (lack !== undefined) {
      this.#on.error({ code: lack, message: "this browser cannot show a session", fatal: true });
      return this.end(lack);
    }
    this.#life.start(performance.now());
    this.#tick();
  }

  #tick() {
    const now = performance.now();
    this.#watchClocks(now);
    if (this.#life.poll(now)) this.#begin();
    if (this.#life.state === "live" && now >= this.#pingDue) this.#ping(now);
    if (this.#life.state === "live" && now >= this.#reportDue) this.#report(now);
    this.#tell();
  }

  /** @param {number} now */
  #watchClocks(now) {
    const wall = Date.now();
    const slept = wall - this.#clocks.wall - (now - this.#clocks.page) > SLEPT_MS;
    this.#clocks = { wall, page: now };
    if (!slept) return;
    this.#life.woke(now);
    this.#ping(now);
  }

  #begin() {
    this.#next?.close(true);
    const { base, token, hostKey, host, extra, stage, size, hidden } = this.#options;
    /** @type {Attempt} */
    const attempt = new Attempt(
      { base, token, hostKey, host, extra, stage, hidden, size: size(), resume: this.#lastSid, tcpOnly: this.#tcpOnly, patience: seatPatience(this.#life.tries, this.#seatTook) },
      {
        up: () => this.#cameUp(attempt),
        waiting: () => {
          this.#life.waiting();
          this.#tell();
        },
        failed: (code, message) => this.#failed(attempt, code, message),
        control: (message) => this.#control(attempt, message),
        sign: () => {
          if (attempt === this.#shown) this.#sign();
        },
        resized: () => this.#on.resized(),
      },
    );
    this.#next = attempt;
  }

  #sign() {
    const wasStalled = this.#life.state === "stalled";
    this.#life.sign(performance.now());
    if (!wasStalled || this.#life.state !== "live") return;
    // The old session came back by itself. If the host has already taken the new one, the old is gone soon.
    if (this.#next !== null && !this.#next.accepted) {
      this.#next.close(true);
      this.#next = null;
      this.#life.abandoned();
    }
    this.#tell();
  }

  /** @param {Attempt} attempt */
  #cameUp(attempt) {
    if (attempt !== this.#next) return;
    this.#next = null;
    this.#shown?.close(false);
    this.#shown = attempt;
    this.#lastSid = attempt.sid;
    this.#seatTook = attempt.seatTook;
    this.#pings.clear();
    this.#life.shown(performance.now());
    this.#tell();
    this.#on.swapped();
    if (this.#options.saves()) attempt.send({ type: "quality.save", on: true });
    this.#hidden = this.#options.hidden();
    if (this.#hidden) attempt.send({ type: "page.hidden", hidden: true });
  }

  /**
   * @param {Attempt} attempt
   * @param {string} code
   * @param {string} message
   */
  #failed(attempt, code, message) {
    const now = performance.now();
    if (attempt === this.#shown) {
      // Our own newer session took its place: what becomes of the old one is no news.
      if (this.#next !== null && (code === "replaced" || code === "closed")) return;
      this.#life.broken(now, code);
    } else if (attempt === this.#next) {
      this.#next = null;
      // Either way may be the broken one: when it fails, the other is tried.
      this.#tcpOnly = code === "handshake" && !this.#tcpOnly;
      if (attempt.accepted) this.#lastSid = attempt.sid;
      attempt.close(true);
      this.#life.failed(now, code, Math.random());
    } else {
      return;
    }
    this.#on.error({ code, message, fatal: FINAL.has(code) });
    this.#tell();
  }

  /**
   * @param {Attempt} attempt
   * @param {FromHost} message
   */
  #control(attempt, message) {
    if (attempt !== this.#shown) return;
    if (message.type === "pong") {
      const sent = this.#pings.get(message.t);
      if (sent !== undefined) attempt.measure.pong(sent, performance.now(), message.at_ms);
      this.#pings.delete(message.t);
    } else if (message.type === "video.trace") {
      attempt.measure.trace(message.frames);
    } else if (message.type === "heartbeat") {
      attempt.tail.named(message.rtp ?? null, performance.now());
      setTimeout(() => this.#askForTail(attempt), Tail.PATIENCE_MS);
    } else {
      this.#on.control(message);
    }
  }

  /** A hidden page shows nothing, so nothing is missing there. @param {Attempt} attempt */
  #askForTail(attempt) {
    if (attempt !== this.#shown || this.#options.hidden() || !attempt.tail.isMissing(performance.now())) return;
    attempt.send({ type: "video.refresh" });
  }

  /** Tells the host what its frames took; nothing while there were none. @param {number} now */
  #report(now) {
    this.#reportDue = now + REPORT_MS;
    const report = this.#shown?.measure.report() ?? null;
    if (report !== null) this.#shown?.send(report);
  }

  /** @param {number} now */
  #ping(now) {
    const measure = this.#shown?.measure;
    this.#pingDue = now + (measure?.young ? FIRST_PING_MS : measure?.isMoving(now) ? PING_MS : STILL_PING_MS);
    this.#pingNumber += 1;
    if (this.#pings.size > 16) this.#pings.clear();
    this.#pings.set(this.#pingNumber, now);
    this.#shown?.send({ type: "ping", t: this.#pingNumber });
  }

  /** Whether the picture can be seen may have changed. */
  visibility() {
    const hidden = this.#options.hidden();
    if (hidden !== this.#hidden) this.#shown?.send({ type: "page.hidden", hidden });
    this.#hidden = hidden;
    if (document.hidden) return;
    this.#shown?.video.play();
    this.#hurry();
  }

  #hurry() {
    this.#life.hurry(performance.now());
    this.#tick();
  }

  #leave() {
    this.#next?.close(true);
    this.#shown?.close(true);
  }

  #tell() {
    const { state, reason } = this.#life;
    if (state === this.#told.state && reason === this.#told.reason) return;
    this.#told = { state, reason };
    if (state === "ended") {
      clearInterval(this.#ticker);
      this.#abort.abort();
      this.#leave();
      this.#next = null;
      this.#shown = null;
    }
    this.#on.state({ state, reason });
  }
}
