/**
 * Moves, buttons and the wheel as they go over the wire.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Pointer, Wheel } from "../src/core/input/pointer.js";

const inside = (x, y) => ({ x, y, inside: true });
const outside = (x, y) => ({ x, y, inside: false });
const told = (messages) => messages.map((m) => (m.kind === "button" ? `${m.down ? "+" : "-"}${m.button}` : m.kind));

test("all five buttons, numbered as Pointer Events do", () => {
  for (const [mask, button] of [
    [1, 0],
    [4, 1],
    [2, 2],
    [8, 3],
    [16, 4],
  ]) {
    const pointer = new Pointer();
    assert.deepEqual(told(pointer.event(mask, inside(5, 6))), ["move", `+${button}`]);
    assert.equal(pointer.held, 1 << button);
    assert.deepEqual(told(pointer.event(0, inside(5, 6))), [`-${button}`]);
  }
});

test("the move comes before the press, and the press says where", () => {
  const pointer = new Pointer();
  const [move, press] = pointer.event(1, inside(7, 8));
  assert.deepEqual(move, { channel: "motion", kind: "move", seq: 1, x: 7, y: 8 });
  assert.deepEqual(press, { channel: "input", kind: "button", button: 0, down: true, x: 7, y: 8 });
});

test("a release that no event told of is seen with the next one", () => {
  const pointer = new Pointer();
  pointer.event(3, inside(1, 1));
  assert.deepEqual(told(pointer.event(0, outside(0, 0))), ["move", "-0", "-2"]);
});

test("a drag may leave the picture, a press outside is not the host's, nor is its release", () => {
  const pointer = new Pointer();
  assert.deepEqual(told(pointer.event(1, outside(0, 0))), []);
  assert.deepEqual(told(pointer.event(1, inside(9, 9))), ["move"]);
  assert.deepEqual(told(pointer.event(0, inside(9, 9))), []);
  pointer.event(1, inside(9, 9));
  assert.deepEqual(told(pointer.event(1, outside(65_535, 0))), ["move"]);
  assert.deepEqual(told(pointer.event(0, outside(65_535, 0))), ["-0"]);
});

test("what was let go by force is not let go again", () => {
  const pointer = new Pointer();
  pointer.event(1, inside(1, 1));
  assert.equal(pointer.clear(), true);
  assert.deepEqual(told(pointer.event(1, inside(2, 2))), ["move"]);
  assert.deepEqual(told(pointer.event(0, inside(2, 2))), []);
  assert.deepEqual(told(pointer.event(1, inside(2, 2))), ["+0"]);
});

test("a pointer that rests sends nothing", () => {
  const pointer = new Pointer();
  pointer.event(0, inside(3, 3));
  assert.deepEqual(pointer.event(0, inside(3, 3)), []);
});

test("relative motion is the sum since the lock", () => {
  const pointer = new Pointer();
  pointer.lock();
  pointer.relative(0, 1.5, -2);
  const [second] = pointer.relative(0, 1.5, -2);
  assert.deepEqual(second, { channel: "motion", kind: "relative", seq: 2, lock: 1, total_x: 3, total_y: -4 });
  pointer.lock();
  assert.deepEqual(pointer.relative(0, 1, 0)[0].total_x, 1);
});

test("one notch is 120, however the browser counts", () => {
  const down = { dx: 0, dy: 120 };
  const turn = (mode, y, notchY) => new Wheel().turn({ mode, x: 0, y, notchX: 0, notchY })[0];
  assert.deepEqual(turn(0, 53, -120), down);
  assert.deepEqual(turn(0, 100, undefined), down);
  assert.deepEqual(turn(1, 3, undefined), down);
  assert.deepEqual(turn(2, 1, undefined), down);
  assert.deepEqual(turn(1, 3, -120), down);
  assert.deepEqual(turn(0, -100, 120), { dx: 0, dy: -120 });
  assert.deepEqual(turn(0, 40, -120), { dx: 0, dy: 48 }, "a touchpad");
});

test("fractions of a notch add up", () => {
  const wheel = new Wheel();
  const sum = Array.from({ length: 100 }, () => wheel.turn({ mode: 0, x: 0, y: 1, notchX: 0, notchY: -3 }))
    .flat()
    .reduce((total, { dy }) => total + dy, 0);
  assert.equal(sum, 120);
});

test("the wheel turns nothing from a bar", () => {
  assert.deepEqual(new Pointer().wheel({ mode: 0, x: 0, y: 100, notchX: 0, notchY: -120 }, outside(0, 0)), []);
});
