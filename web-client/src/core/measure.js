/**
 * Numbers about the running session, from differences of the browser's counters.
 *
 * `jitterBufferTargetDelay` grows while the real delay stays near nothing, so only what was emitted counts.
 */

/** @import { FrameTrace, FromViewer } from "./protocol/protocol.js" */
/** @import { Stats } from "./types.js" */

import { HostClock } from "./host-clock.js";

/** Traces and frames that wait for each other. */
const MAX_WAITING = 240;

/** A picture that had no frame for so long stands still. */
const MOVING_MS = 5_000;

/** @typedef {{ [counter: string]: number }} Counters */
/** By the page's clock. @typedef {{ received: number | null, decoding: number | null, shown: number }} Presented */

export class Measure {
  /** @type {Map<number, FrameTrace>} */
  #traces = new Map();
  /** @type {Map<number, Presented>} by RTP timestamp */
  #presented = new Map();
  #clock = new HostClock();
  #frameAt = -Infinity;
  /** The newest frame that the host told of: its RTP timestamp, and when it was captured. @type {{ rtp: number, at: number } | null} */
  #anchor = null;
  /** @type {Counters | null} */
  #before = null;
  /** @type {number | null} */
  #pingMs = null;
  /** What the host has not heard yet. */
  #untold = { frames: 0, way: 0, decode: 0, show: 0, age: 0 };
  #means = {
    captureMs: new Mean(),
    convertMs: new Mean(),
    encodeMs: new Mean(),
    sendMs: new Mean(),
    wayMs: new Mean(),
    decodingMs: new Mean(),
    showMs: new Mean(),
    endToEndMs: new Mean(),
    tilesMs: new Mean(),
  };

  /** @param {FrameTrace[]} frames */
  trace(frames) {
    for (const frame of frames) {
      this.#anchor = { rtp: frame.rtp, at: frame.at_ms };
      const local = this.#presented.get(frame.rtp);
      if (local === undefined) keep(this.#traces, frame.rtp, frame);
      else this.#pair(frame, local);
    }
  }

  /**
   * Exact pixels are shown.
   * @param {number} stamp RTP time at which the host had the screen so
   * @param {number} now
   */
  painted(stamp, now) {
    if (this.#anchor === null) return;
    const at = this.#clock.here(this.#anchor.at + ((stamp - this.#anchor.rtp) | 0) / 90);
    if (at !== null) this.#means.tilesMs.add(now - at);
  }

  /** What frames took since this was asked last, for the host's figures. @returns {Extract<FromViewer, { type: "video.shown" }> | null} */
  report() {
    const { frames, way, decode, show, age } = this.#untold;
    this.#untold = { frames: 0, way: 0, decode: 0, show: 0, age: 0 };
    if (frames === 0) return null;
    const us = (/** @type {number} */ ms) => Math.min(0xffff_ffff, Math.max(0, Math.round((ms / frames) * 1000) || 0));
    return { type: "video.shown", frames, way_us: us(way), decode_us: us(decode), show_us: us(show), age_us: us(age) };
  }

  /** Whether the host's clock is hardly known. */
  get young() {
    return this.#clock.young;
  }

  /** Whether frames came lately. @param {number} now */
  isMoving(now) {
    return now - this.#frameAt < MOVING_MS;
  }

  /**
   * The page is about to show a frame. What comes after that is the same for all that a page shows.
   * @param {VideoFrameCallbackMetadata} metadata
   * @param {number} now
   */
  frame(metadata, now) {
    this.#frameAt = now;
    const { rtpTimestamp, receiveTime, processingDuration } = metadata;
    if (rtpTimestamp === undefined) return;
    const local = {
      received: receiveTime ?? null,
      decoding: processingDuration === undefined ? null : processingDuration * 1000,
      shown: now,
    };
    const trace = this.#traces.get(rtpTimestamp);
    if (trace === undefined) keep(this.#presented, rtpTimestamp, local);
    else this.#pair(trace, local);
  }

  /**
   * @param {number} sent when the ping left
   * @param {number} now when its pong came
   * @param {number} hostMs
   */
  pong(sent, now, hostMs) {
    this.#clock.pong(sent, now, hostMs);
    const ms = now - sent;
    this.#pingMs = this.#pingMs === null ? ms : this.#pingMs * 0.7 + ms * 0.3;
  }

  /**
   * @param {RTCPeerConnection} pc
   * @returns {Promise<Omit<Stats, "width" | "height" | "scale" | "encoder" | "maxKbps" | "exact">>}
   */
  async read(pc) {
    const report = await pc.getStats();
    /** @type {any[]} */
    const entries = [...report.values()];
    const video = entries.find(({ type, kind }) => type === "inbound-rtp" && kind === "video") ?? {};
    const transport = entries.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
    // Firefox has no transport entry and marks the pair itself.
    const pair =
      report.get(transport?.selectedCandidatePairId) ??
      entries.find(({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded") ??
      {};
    const codec = report.get(video.codecId);
    /** @type {Counters} */
    const now = {
      at: video.timestamp ?? performance.now(),
      bytes: video.bytesReceived ?? 0,
      packets: video.packetsReceived ?? 0,
      lost: video.packetsLost ?? 0,
      decoded: video.framesDecoded ?? 0,
      decodeTime: video.totalDecodeTime ?? 0,
      jitterDelay: video.jitterBufferDelay ?? 0,
      emitted: video.jitterBufferEmittedCount ?? 0,
      dropped: video.framesDropped ?? 0,
    };
    const d = difference(now, this.#before);
    this.#before = now;
    const seconds = d === null ? 0 : (d["at"] ?? 0) / 1000;
    const per = (/** @type {string} */ counter, /** @type {number} */ over, /** @type {number} */ factor) =>
      d === null || over <= 0 ? null : ((d[counter] ?? 0) / over) * factor;
    const rttMs = typeof pair.currentRoundTripTime === "number" ? pair.currentRoundTripTime * 1000 : this.#pingMs;
    return {
      fps: per("decoded", seconds, 1),
      codec: describeCodec(codec),
      kbps: per("bytes", seconds, 8 / 1000),
      rttMs,
      lossPercent: d === null ? null : (100 * Math.max(0, d["lost"] ?? 0)) / Math.max(1, (d["packets"] ?? 0) + Math.max(0, d["lost"] ?? 0)),
      decodeMs: per("decodeTime", d?.["decoded"] ?? 0, 1000),
      jitterBufferMs: per("jitterDelay", d?.["emitted"] ?? 0, 1000),
      framesDropped: d === null ? null : (d["dropped"] ?? 0),
      path: describePath(report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)),
      captureMs: this.#means.captureMs.take(),
      convertMs: this.#means.convertMs.take(),
      encodeMs: this.#means.encodeMs.take(),
      sendMs: this.#means.sendMs.take(),
      wayMs: this.#means.wayMs.take(),
      decodingMs: this.#means.decodingMs.take(),
      showMs: this.#means.showMs.take(),
      endToEndMs: this.#means.endToEndMs.take(),
      tilesMs: this.#means.tilesMs.take(),
    };
  }

  /**
   * @param {FrameTrace} trace
   * @param {Presented} local
   */
  #pair(trace, { received, decoding, shown }) {
    this.#traces.delete(trace.rtp);
    this.#presented.delete(trace.rtp);
    const means = this.#means;
    means.captureMs.add(trace.capture_ms);
    means.convertMs.add(trace.convert_ms);
    means.encodeMs.add(trace.encode_ms);
    means.sendMs.add(trace.send_ms);
    const captured = this.#clock.here(trace.at_ms);
    if (captured === null) return;
    const age = shown - captured + trace.capture_ms;
    means.endToEndMs.add(age);
    // Not every browser tells these of every frame.
    if (received === null) return;
    const way = received - captured - trace.convert_ms - trace.encode_ms - trace.send_ms;
    const show = shown - received - (decoding ?? 0);
    means.wayMs.add(way);
    means.showMs.add(show);
    if (decoding !== null) means.decodingMs.add(decoding);
    const sums = this.#untold;
    sums.frames += 1;
    sums.way += way;
    sums.decode += decoding ?? 0;
    sums.show += show;
    sums.age += age;
  }
}

/** The mean since the last look; a still desktop keeps the last one. */
class Mean {
  #sum = 0;
  #count = 0;
  /** @type {number | null} */
  #last = null;

  /** @param {number} value */
  add(value) {
    if (!Number.isFinite(value)) return;
    this.#sum += value;
    this.#count += 1;
  }

  take() {
    if (this.#count > 0) this.#last = this.#sum / this.#count;
    this.#sum = 0;
    this.#count = 0;
    return this.#last;
  }
}

/**
 * @param {Counters} now
 * @param {Counters | null} before
 * @returns {Counters | null}
 */
function difference(now, before) {
  if (before === null) return null;
  return Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - (before[name] ?? 0)]));
}

/**
 * @template K, V
 * @param {Map<K, V>} map
 * @param {K} key
 * @param {V} value
 */
function keep(map, key, value) {
  map.set(key, value);
  for (const old of map.keys()) {
    if (map.size <= MAX_WAITING) break;
    map.delete(old);
  }
}

/** @param {{ mimeType?: string, sdpFmtpLine?: string } | undefined} codec */
function describeCodec(codec) {
  const name = (codec?.mimeType ?? "").replace(/^video\//i, "");
  const profile = /profile-level-id=(\w+)/.exec(codec?.sdpFmtpLine ?? "")?.[1];
  return profile === undefined ? name : `${name} ${profile}`;
}

/**
 * @param {{ candidateType?: string, protocol?: string, relayProtocol?: string } | undefined} local
 * @param {{ candidateType?: string } | undefined} remote
 */
function describePath(local, remote) {
  if (local === undefined) return "";
  const relayed = local.candidateType === "relay" || remote?.candidateType === "relay";
  return `${relayed ? "relay" : "direct"} ${local.relayProtocol ?? local.protocol ?? ""}`.trim();
}
