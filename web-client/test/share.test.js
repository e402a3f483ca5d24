/**
 * Several windows on one session: what they send looks as if it came from one, and who comes later hears what counts.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { Hands } from "../src/core/input/hands.js";
import { Echo } from "../src/core/share.js";

const key = { channel: "input", kind: "key", code: "KeyA", down: true, repeat: false, physical: false, modifiers: 0, text: "a" };
const move = { channel: "motion", kind: "move", seq: 1, x: 2, y: 3 };
const held = (codes) => ({ channel: "motion", kind: "held", seq: 1, buttons: 0, modifiers: 0, codes });
const release = { channel: "input", kind: "release" };

test("moves of two windows are counted as one row", () => {
  const hands = new Hands();
  const numbers = ["a", "b", "a", "b"].map((from) => hands.admit(from, move).seq);
  assert.deepEqual(numbers, [1, 2, 3, 4]);
});

test("numbers wrap at 16 bits", () => {
  const hands = new Hands();
  for (let n = 0; n < 0xffff; n += 1) hands.admit("a", move);
  assert.equal(hands.admit("a", move).seq, 0);
});

test("a window that lost the focus neither lets go nor speaks of what the other holds", () => {
  const hands = new Hands();
  assert.deepEqual(hands.admit("a", release), release);
  assert.deepEqual(hands.admit("a", key), key);
  assert.equal(hands.admit("a", held(["KeyA"])).seq, 1);
  hands.admit("b", key);
  assert.equal(hands.admit("a", release), null);
  assert.equal(hands.admit("a", held([])), null);
  assert.equal(hands.admit("b", held(["KeyA"])).seq, 2);
  assert.deepEqual(hands.admit("b", release), release);
});

test("a window that goes lets go of what it held, and only then", () => {
  const hands = new Hands();
  hands.admit("b", key);
  assert.equal(hands.leave("a"), null);
  assert.deepEqual(hands.leave("b"), release);
  assert.equal(hands.leave("b"), null);
  assert.equal(hands.admit("a", held([])).seq, 1, "the next may speak");
});

test("each pointer lock of each window has a number of its own", () => {
  const hands = new Hands();
  const turn = (from, lock) => hands.admit(from, { channel: "motion", kind: "relative", seq: 9, lock, total_x: 1, total_y: 1 }).lock;
  assert.deepEqual([turn("a", 1), turn("a", 1), turn("b", 1), turn("b", 2), turn("a", 1)], [1, 1, 2, 3, 4]);
});

test("a window that comes later hears the newest of each kind, and the pointer's shapes up to a number", () => {
  const echo = new Echo();
  echo.record({ type: "cursor.shape", id: 0, png: "A", width: 1, height: 1, hot_x: 0, hot_y: 0 });
  echo.record({ type: "cursor.use", id: 0 });
  echo.record({ type: "viewers", list: [] });
  echo.record({ type: "cursor.use", id: null });
  assert.deepEqual(echo.replay().map(({ type }) => type), ["cursor.shape", "viewers", "cursor.use"]);
  for (let id = 1; id < 2_000; id += 1) echo.record({ type: "cursor.shape", id, png: "A", width: 1, height: 1, hot_x: 0, hot_y: 0 });
  const kept = echo.replay();
  assert.equal(kept.length, 512);
  assert.equal(kept.filter(({ type }) => type === "viewers" || type === "cursor.use").length, 2);
  echo.clear();
  assert.deepEqual(echo.replay(), []);
});
