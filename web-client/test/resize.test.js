/**
 * When the desktop is asked to take another size.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { QUIET_MS, ResizeRule } from "../src/core/resize.js";

const A = { width: 800, height: 600 };
const B = { width: 1000, height: 700 };
const C = { width: 640, height: 480 };

test("a dragged window asks once, when it rests", () => {
  const rule = new ResizeRule();
  rule.display(A, true, 0);
  rule.box(C, 100);
  rule.box(B, 150);
  assert.equal(rule.poll(150 + QUIET_MS - 1), null);
  assert.deepEqual(rule.poll(150 + QUIET_MS), B);
  assert.equal(rule.poll(1_000), null);
});

test("without the right, or with a fixed display, nothing is asked", () => {
  const rule = new ResizeRule();
  rule.display(A, false, 0);
  rule.box(B, 0);
  assert.equal(rule.poll(1_000), null);
});

test("the first state of a session is compared at once", () => {
  const rule = new ResizeRule();
  rule.box(B, 0);
  rule.poll(1_000);
  rule.display(A, true, 1_000);
  assert.deepEqual(rule.poll(1_000), B);
});

test("a size that another window chose is left alone until this one is used", () => {
  const rule = new ResizeRule();
  rule.box(B, 0);
  rule.display(B, true, 0);
  rule.poll(500);
  rule.display(C, true, 600);
  rule.box(A, 700);
  assert.equal(rule.poll(2_000), null);
  rule.used(2_000);
  assert.deepEqual(rule.poll(2_000 + QUIET_MS), A);
});
