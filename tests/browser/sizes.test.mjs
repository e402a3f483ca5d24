/**
 * Screens that are very wide, very tall, larger than what an encoder takes, odd or tiny: the whole of each is seen,
 * to its last column and row, and its last pixel can be clicked.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { run } from "./lib/process.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { FULL, until } from "./lib/wait.mjs";

const START = [1280, 720];
const SIZES = [[1365, 767], [33, 33], [5120, 1440], [2560, 2880], ...(FULL ? [[1366, 768], [7680, 1080], [3841, 2161]] : [])];
const CODECS = { chromium: FULL ? ["h264", "vp9", "vp8"] : ["h264"], firefox: FULL ? ["vp9", "vp8"] : ["vp9"] };
const GRID = 4;
const colourAt = (column, row) => [0x30 + 0x38 * column, 0x30 + 0x38 * row, (column + row) % 2 === 0 ? 0x40 : 0xc0];

/** Cells of known colours over all of the screen. */
async function paintCells(x, [width, height]) {
  const windows = [];
  const edge = (i, side) => Math.round((i * side) / GRID);
  for (let row = 0; row < GRID; row += 1) {
    for (let column = 0; column < GRID; column += 1) {
      const [left, top] = [edge(column, width), edge(row, height)];
      const [r, g, b] = colourAt(column, row);
      windows.push(await x.window({ x: left, y: top, width: edge(column + 1, width) - left, height: edge(row + 1, height) - top, colour: (r << 16) | (g << 8) | b }));
    }
  }
  return windows;
}

/** As a person at the host does. */
function resize(display, [width, height]) {
  const xrandr = (...args) => run("xrandr", ["--display", display, ...args]);
  const mode = `${width}x${height}`;
  if (!xrandr().includes(` ${mode} `)) {
    xrandr("--newmode", mode, String((width * height * 30) / 1e6), ...[width, width, width, width, height, height, height, height].map(String));
    xrandr("--addmode", "screen", mode);
  }
  xrandr("--output", "screen", "--mode", mode);
  xrandr("--fb", mode);
}

for (const name of BROWSERS) {
  describe(`sizes of a screen in ${name}`, () => {
    const scene = new Scene();
    before(() => scene.browser(name));
    after(() => scene.end());

    for (const codec of CODECS[name]) {
      it(`shows all of each size, and all that can be clicked, with ${codec}`, () => within(async (stack) => {
        const host = await stack.use(Display.open({ width: 7680, height: 2880 }));
        const become = (size) => resize(host.name, size);
        become(START);
        const agent = await stack.use(Agent.open({ desktop: "x11", display: host.name, flags: ["--codec", codec] }));
        stack.add(async () => (await scene.browser_.page()).page.goto("about:blank"));
        const viewer = await scene.browser_.view(agent.url());
        await viewer.live();
        await viewer.take();
        for (const size of SIZES) {
          const [width, height] = size;
          become(size);
          const windows = await paintCells(host.x, size);
          let shown = "";
          await until(`all of ${width}x${height}`, async () => {
            const { desk, video } = await viewer.look();
            if (desk.width !== width || desk.height !== height) return void (shown = JSON.stringify({ desk, video }));
            const cell = [video.width / GRID, video.height / GRID];
            const areas = [];
            for (let row = 0; row < GRID; row += 1) for (let column = 0; column < GRID; column += 1) {
              areas.push({ x: Math.floor((column + 0.3) * cell[0]), y: Math.floor((row + 0.3) * cell[1]), width: Math.max(1, Math.floor(0.4 * cell[0])), height: Math.max(1, Math.floor(0.4 * cell[1])) });
            }
            // The last column and the last row, each in one cell. What a video has beyond them is cut off.
            areas.push({ x: width - 1, y: Math.floor(0.3 * cell[1]), width: 1, height: Math.max(1, Math.floor(0.4 * cell[1])) });
            areas.push({ x: Math.floor(0.3 * cell[0]), y: height - 1, width: Math.max(1, Math.floor(0.4 * cell[0])), height: 1 });
            const means = await viewer.means(areas);
            const right = [...Array.from({ length: GRID * GRID }, (_, i) => colourAt(i % GRID, Math.floor(i / GRID))), colourAt(GRID - 1, 0), colourAt(0, GRID - 1)];
            const wrong = means.findIndex((mean, i) => mean.some((value, c) => Math.abs(value - right[i][c]) > 30));
            shown = `${JSON.stringify(video)} area ${wrong}: ${means[wrong]} for ${right[wrong]}`;
            return wrong === -1;
          }, 20_000, async () => `${shown} ${agent.log.slice(-600)}`);

          const { layout, at } = await viewer.aim();
          host.x.events.length = 0;
          await viewer.x.moveTo(...at(layout.width - 1, layout.height - 1));
          await until("the pointer in the last pixel", async () => {
            const { x, y } = await host.x.pointer();
            return x === width - 1 && y === height - 1;
          }, 5_000, async () => JSON.stringify([await host.x.pointer(), layout]));
          await viewer.x.click();
          await until("the click", () => host.x.events.some(({ type, detail }) => type === "buttonup" && detail === 1));
          const { codec: used, encoder, width: w, height: h } = await viewer.stats();
          assert.ok(used !== "" && encoder !== "" && w > 0 && h > 0, "the numbers name codec, encoder and size");
          for (const window of windows) await host.x.destroy(window);
        }
        assert.equal((await viewer.look()).state, "live");
      }));
    }

    it("says of a screen that is too large that it is, and shows it when it is smaller", () => within(async (stack) => {
      const host = await stack.use(Display.open({ width: 9000, height: 5000 }));
      const agent = await stack.use(Agent.open({ desktop: "x11", display: host.name }));
      stack.add(async () => (await scene.browser_.page()).page.goto("about:blank"));
      const viewer = await scene.browser_.view(agent.url());
      await until("the words", async () => (await viewer.look()).desk?.health === "unsuitable", 15_000, async () => JSON.stringify(await viewer.look()));
      resize(host.name, START);
      await viewer.live();
      await viewer.sees(host.x, 0x30c030);
      // And back: nothing of the agent ends.
      resize(host.name, [9000, 5000]);
      await until("the words again", async () => (await viewer.look()).desk.health === "unsuitable");
      resize(host.name, START);
      await until("it to be live", async () => (await viewer.look()).desk.health === "live");
      await viewer.sees(host.x, 0xc03030);
    }));
  });
}
