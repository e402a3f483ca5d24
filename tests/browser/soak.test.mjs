/**
 * Memory over a long time of work, in `./test.sh full`: ten minutes, or REMOVID_SOAK_MINUTES. The agent and its encoders
 * may not grow by half a megabyte an hour, as far as the slope's own error lets one say.
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
import { Stack } from "./lib/wait.mjs";

const MINUTES = Number(process.env.REMOVID_SOAK_MINUTES ?? 10);
const SKIP = (process.env.REMOVID_FULL ?? "") === "" && process.env.REMOVID_SOAK_MINUTES === undefined && "only with full";
/** Caches fill and buffers take their size in this part of the time. */
const WARM = 0.3;
const MOST_MB_AN_HOUR = 0.5;

/** Private memory of processes in MB: what is shared would count twice. */
const memory = (pids) => {
  let kb = 0;
  for (const pid of pids) {
    const lines = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm);
    for (const [, part] of lines) kb += Number(part);
  }
  return kb / 1024;
};

/** The slope of points [hours, MB] by least squares, and its standard error. */
function slope(points) {
  const n = points.length;
  const mean = (at) => points.reduce((sum, point) => sum + point[at], 0) / n;
  const [x, y] = [mean(0), mean(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  const by = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread;
  const rest = points.reduce((sum, point) => sum + (point[1] - y - by * (point[0] - x)) ** 2, 0);
  return { by, error: Math.sqrt(rest / (n - 2) / spread) };
}

describe("a long time of work", { skip: SKIP }, () => {
  it(`leaves the agent as large as it was: ${MINUTES} minutes`, { timeout: (MINUTES + 3) * 60_000 }, async () => {
    const stack = new Stack();
    try {
      const agent = await stack.use(Agent.open());
      const browser = await stack.use(Browser.open(BROWSERS[0], await stack.use(Display.viewer())));
      const viewer = await browser.view(agent.url());
      await viewer.live();
      const x = await agent.x();
      const pids = () => [agent.process.pid, ...agent.workers().map(({ pid }) => pid)];
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
        points.push([elapsed / 3_600_000, memory(pids())]);
      }
      const kept = points.slice(Math.floor(points.length * WARM));
      const { by, error } = slope(kept);
      console.log(`memory ${kept.at(-1)[1].toFixed(1)} MB, slope ${by.toFixed(2)} ± ${error.toFixed(2)} MB an hour over ${kept.length} looks`);
      assert.ok(by - 2 * error < MOST_MB_AN_HOUR, `it grows by ${by} ± ${error} MB an hour`);
      assert.equal((await viewer.look()).state, "live");
    } finally {
      await stack.end();
    }
  });
});
