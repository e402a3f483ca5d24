/**
 * When a window tells its size.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { QUIET_MS, ResizeRule } from "../src/core/resize.js";

const B = { width: 1000, height: 700, density: 100 };
const C = { width: 640, height: 480, density: 100 };

test("a dragged window tells once, when it rests", () => {
  const rule = new ResizeRule();
  rule.display(true, 0);
  rule.box(C, 100);
  rule.box(B, 150);
  assert.equal(rule.poll(150 + QUIET_MS - 1), null);
  assert.deepEqual(rule.poll(150 + QUIET_MS), B);
  rule.box(C, 500);
  rule.box(B, 510);
  assert.equal(rule.poll(1_000), null, "it is as it was");
});

test("a display that does not follow is told nothing until it does", () => {
  const rule = new ResizeRule();
  rule.display(false, 0);
  rule.box(B, 0);
  assert.equal(rule.poll(1_000), null);
  rule.display(true, 1_000);
  assert.deepEqual(rule.poll(1_000), B);
});

test("each session is told anew, and a denser screen is another size", () => {
  const rule = new ResizeRule();
  rule.box(B, 0);
  rule.display(true, 0);
  assert.deepEqual(rule.poll(1_000), B);
  rule.reset();
  rule.display(true, 1_000);
  assert.deepEqual(rule.poll(1_000), B);
  rule.box({ ...B, density: 200 }, 2_000);
  assert.deepEqual(rule.poll(3_000), { ...B, density: 200 });
});
