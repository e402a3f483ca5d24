/**
 * What the host hears of frames that arrived.
 */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Arrivals } from "../src/core/arrivals.js";

/** @param {Uint8Array} bytes */
const read = (bytes) => {
  const view = new DataView(bytes.buffer);
  return [view.getUint8(0), view.getUint32(1), view.getFloat64(5)];
};

test("the newest frame is told of, thirty times a second at most, and the last one always", (t) => {
  let now = 1_000;
  t.mock.method(performance, "now", () => now);
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  /** @type {number[][]} */
  const told = [];
  const arrivals = new Arrivals((bytes) => told.push(read(bytes)));
  const pass = (/** @type {number} */ ms) => {
    now += ms;
    mock.timers.tick(ms);
  };
  arrivals.frame(1, 500.25);
  assert.deepEqual(told, [[4, 1, 500.25]]);
  for (const rtp of [2, 3, 4]) {
    pass(8);
    arrivals.frame(rtp, 500 + rtp);
  }
  assert.equal(told.length, 1);
  pass(20);
  assert.deepEqual(told.slice(1), [[4, 4, 504]]);
  pass(1_000);
  assert.equal(told.length, 2, "nothing is said where nothing came");
  arrivals.frame(5, 600);
  assert.deepEqual(told.at(-1), [4, 5, 600]);
  arrivals.frame(6, 601);
  arrivals.close();
  pass(1_000);
  assert.equal(told.length, 3, "nothing after its end");
});
