/**
 * Numbers about the running session, from differences of the browser's counters.
 *
 * `jitterBufferTargetDelay` grows while the real delay stays near nothing, so only what was emitted counts.
 */

/** @import { FrameTrace } from "./protocol/protocol.js" */
/** @import { Stats } from "./types.js" */

/** Traces and frames that wait for each other. */
const MAX_WAITING = 240;

/** @typedef {{ [counter: string]: number }} Counters */

export class Measure {
  /** @type {Map<number, FrameTrace>} */
  #traces = new Map();
  /** @type {Map<number, number>} RTP timestamp to milliseconds from arrival to presentation */
  #presented = new Map();
  /** @type {Counters | null} */
  #before = null;
  /** @type {number | null} */
  #pingMs = null;
  #captureMs = new Mean();
  #encodeMs = new Mean();
  #localMs = new Mean();

  /** @param {FrameTrace[]} frames */
  trace(frames) {
    for (const frame of frames) {
      const local = this.#presented.get(frame.rtp);
      if (local === undefined) keep(this.#traces, frame.rtp, frame);
      else this.#pair(frame, local);
    }
  }

  /** @param {VideoFrameCallbackMetadata} metadata */
  frame(metadata) {
    const { rtpTimestamp, receiveTime, expectedDisplayTime, presentationTime } = metadata;
    if (rtpTimestamp === undefined) return;
    const local = Math.max(expectedDisplayTime, presentationTime) - (receiveTime ?? presentationTime);
    const trace = this.#traces.get(rtpTimestamp);
    if (trace === undefined) keep(this.#presented, rtpTimestamp, local);
    else this.#pair(trace, local);
  }

  /** @param {number} ms */
  pong(ms) {
    this.#pingMs = this.#pingMs === null ? ms : this.#pingMs * 0.7 + ms * 0.3;
  }

  /**
   * @param {RTCPeerConnection} pc
   * @returns {Promise<Omit<Stats, "width" | "height" | "scale" | "encoder" | "maxKbps">>}
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
    const [captureMs, encodeMs, localMs] = [this.#captureMs.take(), this.#encodeMs.take(), this.#localMs.take()];
    const known = captureMs !== null && encodeMs !== null && localMs !== null;
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
      captureMs,
      encodeMs,
      endToEndMs: known ? captureMs + encodeMs + (rttMs ?? 0) / 2 + localMs : null,
    };
  }

  /**
   * @param {FrameTrace} trace
   * @param {number} local
   */
  #pair(trace, local) {
    this.#traces.delete(trace.rtp);
    this.#presented.delete(trace.rtp);
    this.#captureMs.add(trace.capture_ms);
    this.#encodeMs.add(trace.encode_ms);
    this.#localMs.add(local);
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
