/**
 * One attempt to reach the host, and the session that comes of it: seat, signalling, checks, media.
 *
 * What can run at the same time does: the socket opens while the key is hashed and candidates are gathered.
 */

/** @import { FromHost, FromViewer, Right, SessionCreated, Signal } from "./protocol/protocol.js" */
/** @import { InputMessage, TokenSource } from "./types.js" */

import { Arrivals, arrivedAt } from "./arrivals.js";
import { certificateFingerprint, follows, keyHash, keyIsKnown, nonce, pinKey, pinnedKey, sdpFingerprint, verifyBinding } from "./bind.js";
import { browserName } from "./caps.js";
import { Failure } from "./failure.js";
import { Measure } from "./measure.js";
import { Tail } from "./tail.js";
import { Peer } from "./peer.js";
import { decodeFromHost } from "./protocol/decode.js";
import { encodeControl, encodeInput } from "./protocol/encode.js";
import { Signaling, createSession } from "./signaling.js";
import { VideoSink } from "./video.js";

/**
 * @typedef {object} AttemptEvents
 * @property {() => void} up there is a picture, or the host said why there is none
 * @property {() => void} waiting the person at the host is asked
 * @property {(code: string, message: string) => void} failed
 * @property {(message: FromHost) => void} control
 * @property {() => void} sign of life
 * @property {() => void} resized the picture has another size
 */

/**
 * @typedef {object} AttemptOptions
 * @property {URL} base
 * @property {TokenSource} token
 * @property {string | undefined} hostKey
 * @property {string | undefined} host its number, where the router has many
 * @property {(() => object | undefined) | undefined} extra what else goes with the wish for a seat
 * @property {string | undefined} resume
 * @property {{ width: number, height: number, density: number }} size wanted, in device pixels
 * @property {number} patience for a seat, in ms
 * @property {boolean} tcpOnly whether no path by UDP is to be tried
 * @property {HTMLElement} stage
 * @property {() => boolean} hidden nobody can see the picture
 */

/** Words that follow a key on a lossy path. */
const NUDGES_MS = [6, 12, 18];
const ACCEPT_MS = 10_000;
const CONNECT_MS = 15_000;
const PICTURE_MS = 8_000;
/** The first picture may have been lost: a whole one is asked for after this long. */
const REFRESH_MS = 2_000;
/** Control messages that wait until the picture is there. */
const MAX_BACKLOG = 2_000;
const NEGOTIATION = 1;

export class Attempt {
  measure = new Measure();
  tail = new Tail();
  /** @type {VideoSink} */
  video;
  /** Whether the host took this session; the one that it resumes is gone then. */
  accepted = false;
  /** @type {string | undefined} */
  sid;
  /** @type {MediaStream | null} */
  soundStream = null;
  /** How long the host took to give a seat, in ms. @type {number | null} */
  seatTook = null;
  #options;
  #on;
  /** @type {Peer | undefined} */
  #peer;
  /** @type {Signaling | undefined} */
  #signaling;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #deadline;
  #abort = new AbortController();
  #closed = false;
  #up = false;
  /** @type {FromHost[]} */
  #backlog = [];
  #arrivals = new Arrivals((bytes) => this.#peer?.tiles(bytes));
  #viewerFp = "";
  #viewerNonce = nonce();
  #offer = "";
  /** @type {SessionCreated | undefined} */
  #seat;
  /** @type {Promise<void>} */
  #prepared = Promise.resolve();
  /** @type {{ hostFp: string, rights: Right[] } | undefined} */
  #welcome;
  /** Own candidates that were found before the offer was sent. @type {(RTCIceCandidate | null)[] | null} */
  #gathered = [];

  /**
   * @param {AttemptOptions} options
   * @param {AttemptEvents} on
   */
  constructor(options, on) {
    this.#options = options;
    this.#on = on;
    this.video = new VideoSink(options.stage, {
      shown: () => this.#cameUp(),
      tiles: (bytes) => this.#peer?.tiles(bytes),
      painted: (stamp) => this.measure.painted(stamp, performance.now()),
      frame: (metadata) => {
        this.measure.frame(metadata, performance.now());
        this.shown(metadata.rtpTimestamp, arrivedAt(metadata));
        on.sign();
      },
      resized: () => on.resized(),
    });
    this.#run().catch((error) => this.#fail(error));
  }

  /** @returns {RTCPeerConnection | undefined} */
  get pc() {
    return this.#peer?.pc;
  }

  get bulk() {
    return this.#peer?.bulk ?? null;
  }

  /** @param {MediaStreamTrack | null} track */
  async microphone(track) {
    await this.#peer?.microphone(track);
  }

  /** @param {FromViewer} message */
  send(message) {
    this.#peer?.control(encodeControl(message));
  }

  /** @param {InputMessage} message */
  input(message) {
    this.#peer?.input(message.channel, encodeInput(message));
    // SCTP sends again at once what three later packets left out (RFC 9260, 7.2.4), and else after 400 ms: a lost key
    // would come that late, with nothing after it.
    if (message.channel === "input" && this.video.tiles.lossy) for (const ms of NUDGES_MS) setTimeout(() => this.video.tiles.again(), ms);
  }

  /**
   * A window shows that frame.
   * @param {number | undefined} rtp
   * @param {number} at when it arrived, in ms since 1970
   */
  shown(rtp, at) {
    this.tail.shown(rtp);
    if (rtp !== undefined) this.#arrivals.frame(rtp, at);
  }

  /**
   * @param {boolean} tell whether the host should hear that this viewer left
   */
  close(tell) {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#deadline);
    this.#abort.abort();
    this.#arrivals.close();
    this.video.close();
    if (tell && this.sid !== undefined && this.#signaling) {
      this.#signaling.send({ type: "session.end", sid: this.sid, reason: "closed" });
      // Were the connection to fall silent first, the host would take it for lost, and wait for a return.
      this.#signaling.close(() => this.#peer?.close());
    } else {
      this.#signaling?.close();
      this.#peer?.close();
    }
  }

  async #run() {
    const { base, token, host, extra, resume } = this.#options;
    this.#within(this.#options.patience, "unreachable", "the host did not answer in time");
    const peer = await Peer.create({
      candidate: (candidate) => this.#trickle(candidate),
      stream: (stream) => this.video.attach(stream),
      sound: (stream) => (this.soundStream = stream),
      control: (text) => this.#control(text),
      tiles: (data) => this.video.tiles.message(data),
      tilesOpen: () => {
        this.#arrivals.open();
        this.video.tiles.open();
      },
      open: () => this.#connected().catch((error) => this.#fail(error)),
      broken: (code) => this.#fail(new Failure(code, "the connection to the host failed")),
    }, this.#options.tcpOnly);
    if (this.#closed) return peer.close();
    this.#peer = peer;
    this.#offer = await peer.offer();
    const own = sdpFingerprint(this.#offer);
    if (own === null) throw new Failure("webrtc", "the browser's offer has no certificate");
    this.#viewerFp = own;
    const body = { viewer_fp: own, viewer_nonce: this.#viewerNonce, ...(resume === undefined ? {} : { resume }), ...extra?.() };
    const asked = performance.now();
    const held = typeof token === "string" ? token : await token();
    const seat = await createSession({ base, host, token: held }, body, this.#abort.signal);
    if (this.#closed) return;
    this.seatTook = performance.now() - asked;
    this.#seat = seat;
    this.sid = seat.sid;
    this.#within(ACCEPT_MS, "host_offline", "the host did not answer in time");
    this.#signaling = new Signaling(base, seat.ticket, {
      message: (signal) => this.#signal(signal),
      closed: (code) => this.#socketClosed(code),
    });
    // The check of the key and the start of gathering run while the socket opens.
    this.#prepared = Promise.all([this.#checkKey(seat), peer.begin(this.#offer, seat.ice_servers, seat.relay_only === true)]).then(() => {});
    await this.#prepared;
  }

  /** @param {SessionCreated} seat */
  async #checkKey(seat) {
    const hash = await keyHash(seat.host_pub);
    if (hash === null) throw new Failure("protocol", "the host's key is not an Ed25519 key");
    if (keyIsKnown(seat.host_id, hash, this.#options.hostKey, pins())) return;
    // Only for the first visit's word: a link's stands.
    const pinned = this.#options.hostKey ? null : pinnedKey(seat.host_id, pins());
    if (pinned === null || !(await follows(seat.host_id, pinned, seat.host_pub, seat.key_chain ?? []))) {
      throw new Failure("hostkey", "the host shows another key than the link or the first visit names");
    }
  }

  /** @param {Signal} signal */
  #signal(signal) {
    if (this.#closed || ("sid" in signal && signal.sid !== this.sid)) return;
    switch (signal.type) {
      case "session.accept":
        return void this.#accept(signal.host_fp, signal.rights).catch((error) => this.#fail(error));
      case "session.waiting":
        this.#within(signal.seconds * 1_000 + ACCEPT_MS, "consent", "the person at the host did not answer in time");
        return this.#on.waiting();
      case "session.reject":
        return this.#fail(new Failure(signal.code, "the host refused the session"));
      case "sdp.answer":
        return void this.#answer(signal).catch((error) => this.#fail(error));
      case "ice.candidate":
        return this.#peer?.remote({ candidate: signal.candidate, sdpMid: signal.mid ?? "0" });
      case "ice.end":
        return this.#peer?.remote(null);
      case "session.end":
        return this.#fail(new Failure(signal.reason, "the host ended the session"));
      case "error":
        // A late error about a candidate does not undo a running session.
        if (!this.#up) this.#fail(new Failure(signal.code, `the host refused ${signal.ref ?? "a message"}`));
        return;
      default:
        return;
    }
  }

  /**
   * @param {string} hostFp
   * @param {Right[]} rights
   */
  async #accept(hostFp, rights) {
    if (this.#welcome !== undefined || this.sid === undefined) return;
    this.accepted = true;
    this.#welcome = { hostFp, rights };
    this.#within(CONNECT_MS, () => this.#peer?.failure ?? "ice", "no path to the host was found in time");
    await this.#prepared;
    if (this.#closed) return;
    const { width, height, density } = this.#options.size;
    const size = /** @type {[number, number]} */ ([width, height]);
    const caps = { browser: browserName(), ...(width > 0 ? { size, density } : {}) };
    this.#signaling?.send({ type: "sdp.offer", sid: this.sid, negotiation: NEGOTIATION, sdp: this.#offer, caps });
    const gathered = this.#gathered ?? [];
    this.#gathered = null;
    for (const candidate of gathered) this.#trickle(candidate);
  }

  /** @param {Extract<Signal, { type: "sdp.answer" }>} answer */
  async #answer(answer) {
    const [welcome, seat] = [this.#welcome, this.#seat];
    if (welcome === undefined || seat === undefined || answer.negotiation !== NEGOTIATION) return;
    if (sdpFingerprint(answer.sdp) !== welcome.hostFp) {
      throw new Failure("fingerprint", "the answer's certificate is not the announced one");
    }
    const binding = {
      sid: seat.sid,
      hostId: seat.host_id,
      hostFp: welcome.hostFp,
      viewerFp: this.#viewerFp,
      viewerNonce: this.#viewerNonce,
      rights: welcome.rights,
      iat: answer.bind_iat,
    };
    if (!(await verifyBinding(binding, seat.host_pub, answer.bind_sig))) {
      throw new Failure("signature", "the answer is not signed by the host's key");
    }
    const hash = await keyHash(seat.host_pub);
    if (hash !== null) pinKey(seat.host_id, hash, pins());
    if (!this.#closed) await this.#peer?.answer(answer.sdp);
  }

  /** @param {RTCIceCandidate | null} candidate */
  #trickle(candidate) {
    if (this.sid === undefined) return;
    if (this.#gathered !== null) {
      this.#gathered.push(candidate);
      return;
    }
    if (candidate === null) return this.#signaling?.send({ type: "ice.end", sid: this.sid });
    const mid = candidate.sdpMid === null ? {} : { mid: candidate.sdpMid };
    this.#signaling?.send({ type: "ice.candidate", sid: this.sid, candidate: candidate.candidate, ...mid });
  }

  async #connected() {
    this.#within(PICTURE_MS, "picture", "the host sends no picture that this browser can show");
    setTimeout(() => !this.#up && this.send({ type: "video.refresh" }), REFRESH_MS);
    const certificate = this.#peer?.remoteCertificate() ?? null;
    if (certificate === null || this.#welcome === undefined) return;
    if ((await certificateFingerprint(certificate)) !== this.#welcome.hostFp) {
      throw new Failure("fingerprint", "the connection's certificate is not the announced one");
    }
  }

  /** @param {string} text */
  #control(text) {
    /** @type {FromHost} */
    let message;
    try {
      message = decodeFromHost(text);
    } catch (error) {
      console.warn("REMOVID: a control message was refused:", error instanceof Error ? error.message : "");
      return;
    }
    this.#on.sign();
    if (this.#up) return this.#on.control(message);
    if (this.#backlog.length < MAX_BACKLOG) this.#backlog.push(message);
    // With nothing to show, or nobody who looks, the first frame does not come; the session is there all the same.
    const nothing = message.type === "display.state" && message.state !== "live";
    if (nothing || (message.type === "hello" && this.#options.hidden())) this.#cameUp();
  }

  #cameUp() {
    if (this.#up || this.#closed) return;
    this.#up = true;
    clearTimeout(this.#deadline);
    this.#on.up();
    for (const message of this.#backlog.splice(0)) this.#on.control(message);
  }

  /** @param {string} code */
  #socketClosed(code) {
    // While media lives the socket is not needed, unless its end says that the session is over.
    const over = code === "replaced" || code === "revoked" || code === "dismissed";
    if (this.#up && !over) return;
    this.#fail(new Failure(code, "the signalling socket was closed"));
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.#closed) return;
    clearTimeout(this.#deadline);
    if (error instanceof Failure) return this.#on.failed(error.code, error.message);
    this.#on.failed("failed", error instanceof Error ? error.message : "unexpected failure");
  }

  /**
   * @param {number} ms
   * @param {string | (() => string)} code
   * @param {string} message
   */
  #within(ms, code, message) {
    clearTimeout(this.#deadline);
    // On a long path the picture is there before the channels are.
    if (this.#up) return;
    this.#deadline = setTimeout(() => this.#fail(new Failure(typeof code === "string" ? code : code(), message)), ms);
  }
}

/** Storage may be closed to an embedded page; then every visit is the first. */
function pins() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
