/**
 * When a session is alive, in doubt, tried again or over.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AWAY_MAX_MS, BACKOFF_MAX_MS, Life, backoff, seatPatience } from "../src/core/life.js";

function live() {
  const life = new Life();
  life.start(0);
  assert.equal(life.poll(0), true);
  life.shown(100);
  return life;
}

test("a still desktop with a heartbeat stays live", () => {
  const life = live();
  for (let now = 1_000; now < 60_000; now += 1_000) {
    life.sign(now);
    assert.equal(life.poll(now), false);
    assert.equal(life.state, "live");
  }
});

test("silence is doubt within three seconds, and a new session two seconds later", () => {
  const life = live();
  assert.equal(life.poll(2_500), false);
  assert.equal(life.poll(2_700), false);
  assert.deepEqual([life.state, life.reason], ["stalled", "silence"]);
  assert.equal(life.poll(4_600), false);
  assert.equal(life.poll(4_700), true);
  assert.equal(life.poll(4_800), false, "one attempt at a time");
  life.shown(5_000);
  assert.deepEqual([life.state, life.reason], ["live", ""]);
});

test("a sign of life ends doubt and the plan for a new session", () => {
  const life = live();
  life.poll(2_700);
  life.sign(3_000);
  assert.equal(life.state, "live");
  assert.equal(life.poll(4_800), false);
});

test("a broken transport is tried again at once and no late sign revives it", () => {
  const life = live();
  life.broken(1_000, "transport");
  life.sign(1_001);
  assert.equal(life.state, "stalled");
  assert.equal(life.poll(1_001), true);
});

test("failures wait longer each time; the network's return ends the wait", () => {
  const life = live();
  life.broken(1_000, "transport");
  life.poll(1_000);
  life.failed(1_100, "unreachable", 0.5);
  assert.equal(life.poll(1_500), false);
  assert.equal(life.poll(1_600), true);
  life.failed(1_700, "unreachable", 0.5);
  assert.equal(life.poll(2_300), false);
  life.hurry(2_301);
  assert.equal(life.poll(2_301), true);
});

test("the wait is never longer than its limit", () => {
  assert.ok(backoff(50, 1) <= BACKOFF_MAX_MS * 1.25);
  assert.ok(backoff(1, 0) >= 500);
});

test("a refused token ends it: no loop", () => {
  const life = live();
  life.broken(1_000, "lost");
  life.poll(1_000);
  life.failed(1_100, "unauthorized", 0);
  assert.deepEqual([life.state, life.reason], ["ended", "unauthorized"]);
  for (let now = 1_100; now < 100_000; now += 1_000) assert.equal(life.poll(now), false);
});

test("dismissed is over, lost is not", () => {
  const over = live();
  over.broken(500, "dismissed");
  assert.equal(over.state, "ended");
  const lost = live();
  lost.broken(500, "lost");
  assert.equal(lost.state, "stalled");
});

test("after sleep doubt comes sooner", () => {
  const life = live();
  life.sign(10_000);
  life.woke(10_100);
  assert.equal(life.poll(10_200), false);
  life.poll(11_200);
  assert.equal(life.state, "stalled");
});

test("a host that is away is tried often, one that has none to offer ever more seldom", () => {
  const waits = (/** @type {string} */ code) => {
    const life = live();
    life.broken(0, "transport");
    assert.equal(life.poll(0), true);
    let now = 0;
    return Array.from({ length: 20 }, () => {
      const since = now;
      life.failed(now, code, 1);
      while (!life.poll(now)) now += 50;
      return now - since;
    });
  };
  assert.ok(Math.max(...waits("unreachable")) <= AWAY_MAX_MS * 1.25 + 50);
  assert.ok(waits("host_offline").at(-1) >= BACKOFF_MAX_MS);
});

test("a seat is waited for as long as the last one took, and now and then longer", () => {
  assert.equal(seatPatience(0, null), 8_000);
  assert.equal(seatPatience(1, null), 8_000);
  assert.equal(seatPatience(1, 50), 1_500);
  assert.equal(seatPatience(2, 2_000), 6_000);
  assert.equal(seatPatience(3, 50), 3_000);
  assert.equal(seatPatience(5, 9_000), 8_000);
});
