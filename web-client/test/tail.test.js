// A lost last frame is asked for, an ordinary one is not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Tail } from "../src/core/tail.js";

test("a frame that is shown in time is not asked for", () => {
  const tail = new Tail();
  tail.shown(1);
  tail.named(900, 0);
  assert.equal(tail.isMissing(100), false);
  tail.shown(900);
  assert.equal(tail.isMissing(5000), false);
});

test("a lost one is asked for, once a second", () => {
  const tail = new Tail();
  tail.shown(1);
  tail.named(900, 0);
  assert.deepEqual([250, 300, 1249, 1250].map((now) => tail.isMissing(now)), [true, false, false, true]);
  tail.shown(1800);
  assert.equal(tail.isMissing(9000), false);
});

test("timestamps wrap", () => {
  const tail = new Tail();
  tail.shown(0xffff_ff00);
  tail.named(0x100, 0);
  assert.equal(tail.isMissing(300), true);
  tail.shown(0x100);
  tail.named(0xffff_ff00, 400);
  assert.equal(tail.isMissing(2000), false);
});

test("without timestamps nothing is asked", () => {
  const tail = new Tail();
  tail.named(5, 0);
  assert.equal(tail.isMissing(9999), false);
});
