/**
 * Reading and writing messages, beyond the cases of the contract’s vectors.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError, decodeFromHost, decodeSignal, readSessionCreated } from "../src/core/protocol/decode.js";
import { encodeInput, keyText } from "../src/core/protocol/encode.js";

const refused = (run, code) => assert.throws(run, (error) => error instanceof DecodeError && error.code === code);

test("a fingerprint is read in either case, rights as a set in order", () => {
  const fp = Array(32).fill("ab").join(":");
  const wire = { type: "session.accept", sid: "s", host_fp: fp, rights: ["view", "input_keyboard", "view"], newer: 1 };
  assert.deepEqual(decodeSignal(JSON.stringify(wire)), {
    type: "session.accept",
    sid: "s",
    host_fp: fp.toUpperCase(),
    rights: ["input_keyboard", "view"],
  });
});

test("refusals have codes", () => {
  refused(() => decodeSignal("{"), "malformed");
  refused(() => decodeSignal("[]"), "malformed");
  refused(() => decodeSignal('{"type":1}'), "malformed");
  refused(() => decodeSignal('{"type":"nope"}'), "unsupported");
  refused(() => decodeSignal('{"type":"toString"}'), "unsupported");
  refused(() => decodeSignal('{"type":"ice.end"}'), "malformed");
  refused(() => decodeSignal(JSON.stringify({ type: "ice.end", sid: "s".repeat(70_000) })), "too_large");
  refused(() => decodeSignal(JSON.stringify({ type: "ice.candidate", sid: "s", candidate: "c".repeat(513) })), "too_large");
});

test("on channels unknown fields are refused, at every depth", () => {
  refused(() => decodeFromHost('{"type":"heartbeat","n":1,"x":2}'), "malformed");
  const frame = { rtp: 1, capture_ms: 1, convert_ms: 1, encode_ms: 1, send_ms: 1, at_ms: 1 };
  assert.equal(decodeFromHost(JSON.stringify({ type: "video.trace", frames: [frame] })).frames.length, 1);
  refused(() => decodeFromHost(JSON.stringify({ type: "video.trace", frames: [{ ...frame, x: 1 }] })), "malformed");
});

test("a cap that is not named is none", () => {
  assert.equal(decodeFromHost('{"type":"video.state","codec":"H264","encoder":"x"}').max_kbps, null);
  assert.equal(decodeFromHost('{"type":"cursor.use","id":null}').id, null);
});

test("a seat is read with its servers", () => {
  const seat = { sid: "s", ticket: "t", ice_servers: [{ urls: ["stun:x"], username: null }], host_id: "h", host_name: "n", host_pub: "p" };
  assert.deepEqual(readSessionCreated(seat).ice_servers, [{ urls: ["stun:x"] }]);
  refused(() => readSessionCreated(null), "malformed");
  refused(() => readSessionCreated({ ...seat, ticket: 1 }), "malformed");
});

test("what no host would take is not written", () => {
  const key = { channel: "input", kind: "key", code: "KeyA", down: true, repeat: false, modifiers: 0, text: "a" };
  for (const change of [{ code: "" }, { code: "Key-A" }, { text: "a".repeat(65) }, { down: false, repeat: true }, { modifiers: 256 }]) {
    assert.throws(() => encodeInput({ ...key, ...change }), RangeError, JSON.stringify(change));
  }
  assert.throws(() => encodeInput({ channel: "input", kind: "button", button: 5, down: true, x: 0, y: 0 }), RangeError);
  assert.throws(() => encodeInput({ channel: "motion", kind: "move", seq: 0, x: 65_536, y: 0 }), RangeError);
});

test("bytes are as in the table", () => {
  const hex = (message) => Buffer.from(encodeInput(message)).toString("hex");
  assert.equal(
    hex({ channel: "input", kind: "key", code: "KeyQ", down: true, repeat: false, modifiers: 0, text: "q" }),
    "010100044b6579510171",
  );
  assert.equal(hex({ channel: "input", kind: "wheel", dx: 0, dy: -120, x: 1, y: 2 }), "030000ff8800010002");
  assert.equal(hex({ channel: "motion", kind: "relative", seq: 1, lock: 2, total_x: -1, total_y: 256 }), "11000102ffffffff00000100");
  assert.equal(hex({ channel: "motion", kind: "held", seq: 1, buttons: 16, modifiers: 1, codes: ["Tab"] }), "120001100101" + "03546162");
  assert.equal(hex({ channel: "input", kind: "release" }), "04");
});

test("a text that does not fit is left out, not cut", () => {
  assert.equal(keyText("é".repeat(32)), "é".repeat(32));
  assert.equal(keyText("é".repeat(33)), "");
});
