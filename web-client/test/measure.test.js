/**
 * Numbers for people from what `getStats` counts.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Measure } from "../src/core/measure.js";

/** @param {object} video @param {object} pair */
const peer = (video, pair = {}) => ({
  getStats: async () =>
    new Map(
      [
        { id: "v", type: "inbound-rtp", kind: "video", codecId: "c", ...video },
        { id: "c", type: "codec", mimeType: "video/H264", sdpFmtpLine: "profile-level-id=42e01f;packetization-mode=1" },
        { id: "t", type: "transport", selectedCandidatePairId: "p" },
        { id: "p", type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "r", ...pair },
        { id: "l", type: "local-candidate", candidateType: "host", protocol: "udp" },
        { id: "r", type: "remote-candidate", candidateType: "host" },
      ].map((entry) => [entry.id, entry]),
    ),
});

test("numbers are differences between two looks", async () => {
  const measure = new Measure();
  const first = await measure.read(peer({ timestamp: 1_000, framesDecoded: 10, bytesReceived: 0, jitterBufferDelay: 1, jitterBufferEmittedCount: 10 }));
  assert.equal(first.fps, null);
  const second = await measure.read(
    peer(
      { timestamp: 2_000, framesDecoded: 40, bytesReceived: 125_000, jitterBufferDelay: 1.06, jitterBufferEmittedCount: 40, totalDecodeTime: 0.15, packetsReceived: 99, packetsLost: 1 },
      { currentRoundTripTime: 0.004 },
    ),
  );
  assert.equal(second.fps, 30);
  assert.equal(second.kbps, 1000);
  assert.equal(second.rttMs, 4);
  assert.equal(second.lossPercent, 1);
  assert.equal(second.decodeMs, 5);
  assert.ok(Math.abs(second.jitterBufferMs - 2) < 1e-6);
  assert.equal(second.codec, "H264 42e01f");
  assert.equal(second.path, "direct udp");
});

test("the way of a frame is added up when both ends told of it, in either order", async () => {
  const measure = new Measure();
  // The host's clock is 1000 ahead; a pong that was held up says otherwise, and counts less.
  measure.pong(0, 10, 1_005);
  measure.pong(20, 80, 1_080);
  const shown = { rtpTimestamp: 7, receiveTime: 100, processingDuration: 0.003, presentationTime: 104 };
  measure.frame(shown, 106);
  measure.trace([{ rtp: 7, capture_ms: 2, convert_ms: 1, encode_ms: 5, send_ms: 1, at_ms: 1_090 }]);
  measure.trace([{ rtp: 8, capture_ms: 4, convert_ms: 3, encode_ms: 7, send_ms: 0, at_ms: 1_080 }]);
  measure.frame({ ...shown, rtpTimestamp: 8 }, 106);
  const { captureMs, convertMs, encodeMs, sendMs, wayMs, decodingMs, showMs, endToEndMs } = await measure.read(peer({}));
  assert.deepEqual([captureMs, convertMs, encodeMs, sendMs, wayMs, decodingMs, showMs], [3, 2, 6, 0.5, 6.5, 3, 3]);
  assert.equal(endToEndMs, 3 + 2 + 6 + 0.5 + 6.5 + 3 + 3);
  const told = { type: "video.shown", frames: 2, way_us: 6_500, decode_us: 3_000, show_us: 3_000, age_us: 24_000 };
  assert.deepEqual([measure.report(), measure.report()], [told, null]);
  // 180 of 90 kHz after the last frame that the host told of.
  measure.painted(8 + 180, 90);
  assert.equal((await measure.read(peer({}))).tilesMs, 8);
});
