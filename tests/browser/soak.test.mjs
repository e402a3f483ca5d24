/**
 * Memory over a long time of work, in `./test.sh full`: ten minutes, or REMOVID_SOAK_MINUTES. The agent and its encoders
 * may not grow by half a megabyte an hour, as far as the slope's own error lets one say. Which encoders run (for all
 * colours or not, or both while one takes over) follows from how busy the machine is, so a look is compared with looks at
 * the same encoders.
 *
 *   REMOVID_FULL=1 REMOVID_SOAK_MINUTES=120 node --test soak.test.mjs
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { slope } from "./lib/slope.mjs";
import { Stack } from "./lib/wait.mjs";

const MINUTES = Number(process.env.REMOVID_SOAK_MINUTES ?? 10);
const SKIP = (process.env.REMOVID_FULL ?? "") === "" && process.env.REMOVID_SOAK_MINUTES === undefined && "only with full";
/** Caches fill and buffers take their size in this part of the time. */
const WARM = 0.3;
const MOST_MB_AN_HOUR = 0.5;

/** Private memory of processes in MB: what is shared would count twice. NaN if one of them ends meanwhile. */
const memory = (pids) => {
  let kb = 0;
  for (const pid of pids) {
    let rollup = "";
    try {
      rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    } catch {
      return NaN;
    }
    const lines = rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm);
    for (const [, part] of lines) kb += Number(part);
  }
  return kb / 1024;
};

describe("a slope", () => {
  it("is what all have in common, whatever steps lie between groups", () => {
    const points = Array.from({ length: 60 }, (_, i) => [i / 30, 20 + 0.4 * (i / 30) + (i > 40 ? 15 : 0), i > 40 ? "b" : "a"]);
    const { by, error, groups } = slope(points);
    assert.ok(Math.abs(by - 0.4) < 1e-9 && error < 1e-6 && groups === 2, `${by} ± ${error}`);
    assert.ok(slope(points.map(([x, y]) => [x, y, "all"])).by > 5);
  });
  it("has an error as large as its points are apart", () => {
    const { by, error } = slope(Array.from({ length: 50 }, (_, i) => [i / 50, 30 + (i % 2), "a"]));
    assert.ok(Math.abs(by) < 2 * error && error > 0.1, `${by} ± ${error}`);
  });
});

describe("a long time of work", { skip: SKIP }, () => {
  it(`leaves the agent as large as it was: ${MINUTES} minutes`, { timeout: (MINUTES + 3) * 60_000 }, async () => {
    const stack = new Stack();
    try {
      const agent = await stack.use(Agent.open());
      const browser = await stack.use(Browser.open(BROWSERS[0], await stack.use(Display.viewer())));
      const viewer = await browser.view(agent.url());
      await viewer.live();
      const x = await agent.x();
      const points = [];
      const began = performance.now();
      for (let round = 0, elapsed = 0; elapsed < MINUTES * 60_000; round += 1, elapsed = performance.now() - began) {
        // Typing, a window that moves over others, and rest, at a person's pace: these sleeps are the work, nothing waits by them.
        const window = await x.window({ x: 40 + 8 * (round % 20), y: 60, width: 500, height: 360, colour: (round * 0x1f3a57) & 0xff_ffff });
        for (let key = 0; key < 20; key += 1) {
          await x.paint(window, { width: 12, height: 18 }, Buffer.alloc(12 * 18 * 3, (key * 37) & 255));
          await sleep(40);
        }
        for (let step = 0; step < 90; step += 1) {
          await x.place(window, { x: 40 + 5 * step, y: 60 + 2 * step, width: 500, height: 360 });
          await sleep(16);
        }
        await x.destroy(window);
        await sleep(1_500);
        const encoders = agent.workers();
        const names = encoders.map(({ args }) => args.at(-1)).sort().join(" and ");
        points.push([elapsed / 3_600_000, memory([agent.process.pid, ...encoders.map(({ pid }) => pid)]), names]);
      }
      const kept = points.filter(([, mb]) => mb > 0).slice(Math.floor(points.length * WARM));
      assert.ok(kept.length > points.length / 2, "most looks find all processes");
      const { by, error, groups } = slope(kept);
      console.log(`memory ${kept.at(-1)[1].toFixed(1)} MB, slope ${by.toFixed(2)} ± ${error.toFixed(2)} MB an hour over ${kept.length} looks at ${groups} sets of encoders`);
      assert.ok(by - 2 * error < MOST_MB_AN_HOUR, `it grows by ${by} ± ${error} MB an hour`);
      assert.equal((await viewer.look()).state, "live");
    } finally {
      await stack.end();
    }
  });
});
