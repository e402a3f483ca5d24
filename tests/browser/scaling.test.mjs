/**
 * Zoomed pages and screens whose ratio is a fraction: every pixel can be hit, one of the desktop is one of the screen
 * wherever that is possible, and a layout comes to rest.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { FULL, until } from "./lib/wait.mjs";
import { zoomTo } from "./lib/zoom.mjs";

const HOST = { width: 1280, height: 1024 };
const WINDOWS = [{ width: 1600, height: 900 }, { width: 700, height: 1000 }];
const ZOOMS = FULL ? [0.67, 0.9, 1.1, 1.5] : [0.67, 1.1];
const RATIOS = FULL ? [1.1, 1.25, 1.5, 1.75, 2.625] : [1.25, 2.625];
/** Browsers' windows have a least width in CSS pixels. */
const widths = (ratio) => Array.from({ length: FULL ? 21 : 7 }, (_, i) => Math.max(1000, Math.ceil(540 * ratio)) + i);

/** The same places each time: a failure must come back. */
function* places(width, height, count) {
  yield* [[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1], [width >> 1, height >> 1]];
  let seed = 4_711;
  const next = (side) => ((seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >> 8) % side;
  for (let i = 0; i < count; i += 1) yield [next(width), next(height)];
}

const atRatio = (name, ratio) => (name === "chromium" ? { args: [`--force-device-scale-factor=${ratio}`] } : { prefs: { "layout.css.devPixelsPerPx": String(ratio) } });

for (const name of BROWSERS) {
  describe(`scaling in ${name}`, () => {
    const scene = new Scene();
    let display;
    before(async () => {
      display = await scene.stack.use(Display.viewer());
    });
    after(() => scene.end());

    /** Aims at pixels of the picture as it is laid out, and reads the host's pointer. */
    async function hits(viewer, host, what) {
      const { layout, at } = await viewer.aim();
      for (const [column, row] of places(layout.width, layout.height, 20)) {
        // From the first pixel to the last, evenly.
        const [x, y] = [(column * (HOST.width - 1)) / (layout.width - 1), (row * (HOST.height - 1)) / (layout.height - 1)];
        await viewer.x.moveTo(...at(column, row));
        let pointer;
        await until(`${what}: the pointer at ${x}, ${y}`, async () => {
          pointer = await host.pointer();
          return Math.abs(pointer.x - x) <= 0.5 && Math.abs(pointer.y - y) <= 0.5;
        }, 3_000, () => JSON.stringify({ pointer, layout, aimed: at(column, row) }));
      }
    }

    it("hits every aimed pixel at every zoom", () => within(async (stack) => {
      const browser = await stack.use(Browser.open(name, display));
      const own = await stack.use(new Scene());
      const host = await own.host(HOST);
      const viewer = await browser.view(own.agent.url());
      await viewer.live();
      for (const size of WINDOWS) {
        await display.x.place(browser.window, { x: 0, y: 0, ...size });
        Object.assign(browser.place, size);
        for (const zoom of ZOOMS) {
          const density = await zoomTo(viewer, zoom);
          await until("the window's size", () => viewer.page.evaluate((width) => Math.abs(innerWidth * devicePixelRatio - width) < 16, size.width));
          await hits(viewer, host, `${size.width}x${size.height} at ${density}`);
        }
      }
      await zoomTo(viewer, 1);
      await viewer.page.goto("about:blank");
    }));

    for (const ratio of RATIOS) {
      it(`is exact at a ratio of ${ratio} in windows of every width, and comes to rest`, () => within(async (stack) => {
        const browser = await stack.use(Browser.open(name, display, atRatio(name, ratio)));
        const agent = await stack.use(Agent.open());
        const viewer = await browser.view(agent.url());
        await viewer.live();
        assert.ok(Math.abs((await viewer.page.evaluate(() => devicePixelRatio)) - ratio) < 0.02);
        const host = await agent.x();
        const height = Math.max(700, Math.ceil(420 * ratio));
        for (const width of widths(ratio)) {
          await display.x.place(browser.window, { x: 0, y: 0, width, height });
          Object.assign(browser.place, { width, height });
          await until(`a window of ${width}`, async () => (await display.x.size(browser.window)).width === width);
          // A frame of the browser's own may take some of it.
          await until("the page to be as wide", () => viewer.page.evaluate((width) => Math.abs(innerWidth * devicePixelRatio - width) <= 10 * devicePixelRatio, width));
          let last = 0;
          const settled = async () => {
            const { video, layout } = await viewer.look();
            const wide = await viewer.page.evaluate(() => innerWidth * devicePixelRatio);
            if (wide !== last) return void (last = wide);
            const size = await host.size();
            const box = await viewer.page.evaluate(() => Math.round(document.querySelector("removid-desktop").getBoundingClientRect().width * devicePixelRatio) & ~1);
            return layout.scale === 1 && layout.width === video.width && video.width === size.width && video.height === size.height && box === size.width && Math.abs(wide - size.width) < 2 + ratio && { layout, size };
          };
          const { layout, size } = await until(`a desktop of ${width}`, settled, 8_000, async () => JSON.stringify([await viewer.look(), await host.size()]));
          const bars = await viewer.page.evaluate(() => {
            const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
            return [scrollWidth - clientWidth, scrollHeight - clientHeight];
          });
          assert.deepEqual(bars, [0, 0], "no scroll bars");
          // A board of single pixels shows every blur and every seam.
          const board = Buffer.alloc(size.width * size.height * 3);
          for (let i = 0; i < size.width * size.height; i += 1) board.fill(((i % size.width) + Math.floor(i / size.width)) % 2 === 0 ? 40 : 215, 3 * i, 3 * i + 3);
          const window = await host.window(size);
          await host.paint(window, size, board);
          await host.watchSize();
          const { at } = await viewer.aim();
          const [x, y] = at(0, 0);
          // The middle of each edge and of the picture; the tool bar's tab covers a part of the top, and a frame of the
          // browser's own ends in the middle of a pixel at such ratios.
          const side = 64;
          const areas = [[2, size.height >> 1], [size.width - side - 2, size.height >> 1], [size.width >> 1, size.height - side - 2], [size.width >> 1, size.height >> 1], [8, 40]];
          await display.x.moveTo(1900, 1390);
          let begun;
          for (const [column, row] of areas) {
            let wrong;
            await until(`the board at ${column}, ${row} in a window of ${width}`, async () => {
              const [c, r] = [column & ~1, row & ~1];
              const seen = await display.x.pixels({ x: x + c, y: y + r, width: side, height: side });
              const light = (i) => ((i % side) + Math.floor(i / side)) % 2 === 1;
              const off = [0, 0];
              for (let i = 0; i < side * side; i += 1) {
                for (const phase of [0, 1]) if (Math.abs(seen[3 * i + 1] - (light(i) === (phase === 0) ? 215 : 40)) > 50) off[phase] += 1;
              }
              // Where the page begins is known to a pixel only; but everywhere the board goes on as it began.
              wrong = begun === undefined ? Math.min(...off) : off[begun];
              if (wrong === 0) begun ??= off.indexOf(0);
              return wrong === 0;
            }, 6_000, () => `${wrong} of ${side * side} pixels; ${JSON.stringify(layout)} ${x},${y}`);
          }
          assert.deepEqual(host.sizes, [], "a layout that came to rest asks for no other size");
          await host.destroy(window);
        }
        await viewer.page.goto("about:blank");
      }));
    }
  });
}
