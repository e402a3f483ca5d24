/**
 * The host's clock as seen from the page.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { HostClock } from "../src/core/host-clock.js";

test("the shortest trip is believed, and forgotten after a while", () => {
  const clock = new HostClock();
  assert.equal(clock.here(5_000), null);
  clock.pong(100, 110, 5_105);
  assert.ok(clock.young);
  assert.equal(clock.here(5_105), 105);
  // Held up on its way back: half the trip is not where the host was.
  clock.pong(200, 400, 5_205);
  assert.equal(clock.here(5_105), 105);
  // A clock that drifts is followed once the old trips are gone.
  for (let at = 1_000; at < 61_000; at += 2_000) clock.pong(at, at + 12, 5_016 + at);
  assert.equal(clock.here(6_016), 1_006);
  assert.ok(!clock.young);
});
