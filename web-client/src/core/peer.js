/**
 * The peer connection: the host's picture and sound, a microphone's place, and five data channels.
 *
 * Candidates trickle both ways; those of the host that come before its answer wait for it.
 */

/** @import { IceServer } from "./protocol/protocol.js" */

import { BulkChannel } from "./bulk.js";
import { Failure } from "./failure.js";
import { localNetwork } from "./local-network.js";
import { MAX_CANDIDATES, MAX_CANDIDATE_BYTES } from "./protocol/limits.js";

/** @typedef {"input" | "motion" | "ctl" | "bulk" | "tiles"} ChannelName */

/** Candidate lines of a description, with their ends. */
const CANDIDATES = /^a=candidate:.*\r?\n/gm;

/** Unsent motion beyond this is older than what the reader sees: newer motion replaces it. */
const MOTION_BACKLOG = 2_048;

/**
 * A path that was found but carries no handshake for this long passes small datagrams only: browsers begin
 * DTLS with datagrams of 1200 bytes and more.
 */
const HANDSHAKE_MS = 4_000;

/** @type {Promise<RTCCertificate> | null} */
let certificate = null;

/** One certificate serves a page: making a new one for each attempt would delay a reconnect. */
function ownCertificate() {
  certificate ??= RTCPeerConnection.generateCertificate(/** @type {EcKeyGenParams} */ ({ name: "ECDSA", namedCurve: "P-256" }));
  return certificate;
}

/**
 * @typedef {object} PeerEvents
 * @property {(candidate: RTCIceCandidate | null) => void} candidate null: there are no more
 * @property {(stream: MediaStream) => void} stream
 * @property {(stream: MediaStream) => void} sound
 * @property {(text: string) => void} control
 * @property {(data: ArrayBuffer) => void} tiles
 * @property {() => void} tilesOpen
 * @property {() => void} open the control channel is open
 * @property {(code: string) => void} broken
 */

export class Peer {
  /** @type {RTCPeerConnection} */
  pc;
  /** @type {{ [C in ChannelName]: RTCDataChannel }} */
  #channels;
  #sound;
  /** @type {BulkChannel} */
  bulk;
  /** @type {(RTCIceCandidateInit | null)[]} */
  #early = [];
  #answered = false;
  #candidates = 0;
  #sent = 0;
  #loopbackOnly = true;
  /** @type {PermissionState | null} */
  #localNetwork = null;
  #tcpOnly;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #handshake;

  /**
   * @param {RTCCertificate} own
   * @param {PeerEvents} on
   * @param {boolean} tcpOnly whether no path by UDP is to be tried
   */
  constructor(own, on, tcpOnly) {
    this.#tcpOnly = tcpOnly;
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", certificates: [own] });
    this.pc = pc;
    pc.addTransceiver("video", { direction: "recvonly" });
    // Both ways from the start, so that a microphone needs no negotiation.
    this.#sound = pc.addTransceiver("audio", { direction: "sendrecv" });
    // What the desktop plays belongs to what it shows: the browser is not to hold it back for smoothness.
    if ("jitterBufferTarget" in this.#sound.receiver) this.#sound.receiver.jitterBufferTarget = 0;
    const channel = (/** @type {ChannelName} */ label, /** @type {RTCDataChannelInit} */ init) => {
      const made = pc.createDataChannel(label, init);
      made.binaryType = "arraybuffer";
      return made;
    };
    this.#channels = {
      ctl: channel("ctl", { ordered: true }),
      input: channel("input", { ordered: true }),
      motion: channel("motion", { ordered: false, maxRetransmits: 0 }),
      bulk: channel("bulk", { ordered: true }),
      tiles: channel("tiles", { ordered: false }),
    };
    const { ctl, tiles } = this.#channels;
    tiles.onopen = () => on.tilesOpen();
    tiles.onmessage = ({ data }) => data instanceof ArrayBuffer && on.tiles(data);
    this.bulk = new BulkChannel(this.#channels.bulk);
    ctl.onmessage = ({ data }) => typeof data === "string" && on.control(data);
    ctl.onopen = () => on.open();
    ctl.onclose = () => on.broken("transport");
    pc.ontrack = ({ streams, track }) => {
      // A stream of its own: in one with the picture, either would wait for the other.
      if (track.kind === "audio") on.sound(new MediaStream([track]));
      else on.stream(streams[0] ?? new MediaStream([track]));
    };
    pc.onicecandidate = ({ candidate }) => {
      if (candidate === null) return on.candidate(null);
      const short = candidate.candidate.length <= MAX_CANDIDATE_BYTES;
      if (candidate.candidate === "" || !short || !this.#usable(candidate.candidate) || ++this.#sent > MAX_CANDIDATES) return;
      on.candidate(candidate);
    };
    pc.oniceconnectionstatechange = () => {
      clearTimeout(this.#handshake);
      const found = pc.iceConnectionState === "connected" || pc.iceConnectionState === "completed";
      if (!found || pc.connectionState === "connected") return;
      this.#handshake = setTimeout(() => pc.connectionState === "connecting" && on.broken("handshake"), HANDSHAKE_MS);
    };
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === "failed") on.broken(this.failure);
      if (pc.connectionState === "closed") on.broken("transport");
    };
  }

  /**
   * @param {PeerEvents} on
   * @param {boolean} tcpOnly
   */
  static async create(on, tcpOnly) {
    return new Peer(await ownCertificate(), on, tcpOnly);
  }

  async offer() {
    const { sdp } = await this.pc.createOffer();
    if (sdp === undefined) throw new Failure("webrtc", "the browser made an empty offer");
    // Chromium plays one channel only unless its own description asks for two.
    return sdp.replace(/^(a=fmtp:(\d+) )(?=.*useinbandfec)/gm, (line, head, pt) => (sdp.includes(`a=rtpmap:${pt} opus/`) ? `${head}stereo=1;` : line));
  }

  /**
   * Starts gathering; until then no server is asked, so the servers may still come.
   * @param {string} sdp
   * @param {IceServer[]} servers
   * @param {boolean} relayOnly neither side is to see an address of the other
   */
  async begin(sdp, servers, relayOnly) {
    const policy = relayOnly ? "relay" : "all";
    if (servers.length > 0 || relayOnly) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: servers, iceTransportPolicy: policy });
    await this.pc.setLocalDescription({ type: "offer", sdp });
    this.#localNetwork = await localNetwork();
  }

  /** @param {string} sdp */
  async answer(sdp) {
    for (const [line] of sdp.matchAll(CANDIDATES)) this.#note(line);
    const usable = sdp.replace(CANDIDATES, (line) => (this.#usable(line) ? line : ""));
    if (/^m=video 0 /m.test(sdp)) throw new Failure("codec", "the host has no codec that this browser has");
    try {
      await this.pc.setRemoteDescription({ type: "answer", sdp: usable });
    } catch (cause) {
      throw new Failure("protocol", "the browser refuses the host's answer", { cause });
    }
    this.#answered = true;
    for (const candidate of this.#early.splice(0)) void this.#add(candidate);
  }

  /** @param {RTCIceCandidateInit | null} candidate null: the host has no more */
  remote(candidate) {
    if (candidate !== null && this.#candidates >= MAX_CANDIDATES) return;
    if (candidate !== null) this.#note(candidate.candidate ?? "");
    if (candidate !== null && !this.#usable(candidate.candidate ?? "")) return;
    if (this.#answered) void this.#add(candidate);
    else this.#early.push(candidate);
  }

  /** @param {string} candidate */
  #usable(candidate) {
    return !this.#tcpOnly || !/ udp /i.test(candidate);
  }

  /** @param {string} candidate */
  #note(candidate) {
    this.#candidates += 1;
    if (!isLoopback(candidate)) this.#loopbackOnly = false;
  }

  /** @param {RTCIceCandidateInit | null} candidate */
  async #add(candidate) {
    try {
      await this.pc.addIceCandidate(candidate ?? { candidate: "", sdpMid: this.pc.getTransceivers()[0]?.mid ?? "0" });
    } catch (error) {
      // One bad candidate among good ones is no reason to give up.
      console.debug("REMOVID: the browser refused a candidate:", error instanceof Error ? error.name : "");
    }
  }

  /** Why there is no path, as far as this end can tell. */
  get failure() {
    // A browser on a machine without a network has no address to offer, and gives up before it hears the host's.
    if (this.#loopbackOnly && (this.#candidates > 0 || this.#sent === 0)) return "loopback";
    return this.#localNetwork === "denied" ? "local_network" : "ice";
  }

  /**
   * The certificate that DTLS saw, where the browser shows it.
   * @returns {ArrayBuffer | null}
   */
  remoteCertificate() {
    const transport = this.pc.sctp?.transport;
    return typeof transport?.getRemoteCertificates === "function" ? (transport.getRemoteCertificates()[0] ?? null) : null;
  }

  /** @param {string} text */
  control(text) {
    const { ctl } = this.#channels;
    if (ctl.readyState === "open") ctl.send(text);
  }

  /**
   * @param {"input" | "motion"} name
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  input(name, bytes) {
    const channel = this.#channels[name];
    if (channel.readyState !== "open" || (name === "motion" && channel.bufferedAmount > MOTION_BACKLOG)) return;
    channel.send(bytes);
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  tiles(bytes) {
    const { tiles } = this.#channels;
    if (tiles.readyState === "open") tiles.send(bytes);
  }

  /** @param {MediaStreamTrack | null} track null sends nothing */
  async microphone(track) {
    await this.#sound.sender.replaceTrack(track);
  }

  close() {
    clearTimeout(this.#handshake);
    this.pc.oniceconnectionstatechange = null;
    this.pc.onconnectionstatechange = null;
    this.pc.onicecandidate = null;
    this.pc.ontrack = null;
    this.#channels.ctl.onclose = null;
    this.#channels.ctl.onmessage = null;
    this.#channels.tiles.onmessage = null;
    this.bulk.close();
    this.pc.close();
  }
}

/** @param {string} candidate */
function isLoopback(candidate) {
  return / (127(\.\d+){3}|::1) /.test(candidate);
}
