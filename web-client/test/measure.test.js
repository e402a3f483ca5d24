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
  const shown = { rtpTimestamp: 7, receiveTime: 100, presentationTime: 104, expectedDisplayTime: 106 };
  measure.frame(shown);
  measure.trace([{ rtp: 7, capture_ms: 2, encode_ms: 5, at_ms: 0 }]);
  measure.trace([{ rtp: 8, capture_ms: 4, encode_ms: 7, at_ms: 0 }]);
  measure.frame({ ...shown, rtpTimestamp: 8 });
  const { captureMs, encodeMs, endToEndMs } = await measure.read(peer({}, { currentRoundTripTime: 0.01 }));
  assert.deepEqual([captureMs, encodeMs, endToEndMs], [3, 6, 3 + 6 + 5 + 6]);
});
