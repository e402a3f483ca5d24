/**
 * The pointer looks as on the host, pixel by pixel and with its hot spot, whatever its shape and wherever on the page
 * it is; one that an application hides is not there at all.
 */

import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { animate, makeCursor, overlay, setCursor, shownCursor } from "./lib/cursor.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const BACK = [0x60, 0x60, 0x60];
/** Of 255: a browser divides by alpha and multiplies again, and the picture behind is a codec's. */
const TOLERANCE = 10;

const make = (width, height, hot, pixel) => ({
  width,
  height,
  hot,
  argb: Array.from({ length: width * height }, (_, i) => {
    const [alpha, ...rgb] = pixel(i % width, Math.floor(i / width));
    return rgb.reduce((all, colour) => (all << 8) | Math.round((colour * alpha) / 255), alpha) >>> 0;
  }),
});
/** Every pixel tells where it is. */
const coded = (x, y) => [255, (x * 53) & 255, (y * 53) & 255, 200];
const soft = (side) => (x, y) => [Math.max(0, Math.min(255, Math.round(255 * (2 - (4 * Math.hypot(x - side / 2, y - side / 2)) / side)))), 240, 90, 20];
const flat = (...rgb) => () => [255, ...rgb];

/** What no compression makes smaller. */
const noise = () => {
  let seed = 1;
  const next = () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
  return () => [255, next(), next(), next()];
};

const SHAPES = {
  "one pixel": make(1, 1, [0, 0], flat(255, 255, 0)),
  "41 by 39 pixels": make(41, 39, [7, 3], coded),
  "96 by 96 with a soft edge": make(96, 96, [48, 48], soft(96)),
  "200 by 200": make(200, 200, [20, 150], coded),
  "a hot spot in the last pixel": make(24, 24, [23, 23], coded),
  "one that is too much for a message": make(256, 256, [128, 128], noise()),
};

for (const name of BROWSERS) {
  for (const ratio of [1, 2]) {
    describe(`pointer's shape in ${name} at ratio ${ratio}`, () => {
      const scene = new Scene();
      let browser;
      let viewer;
      let host;
      let window;
      let area;
      before(async () => {
        // Firefox scales pointers by the toolkit's scale, and by no other.
        process.env.GDK_SCALE = String(ratio);
        browser = await scene.browser(name, name === "chromium" ? { args: [`--force-device-scale-factor=${ratio}`] } : {});
        delete process.env.GDK_SCALE;
        const agent = await scene.stack.use(Agent.open());
        viewer = await browser.view(agent.url());
        await viewer.live();
        await viewer.take();
        host = await agent.x();
        const size = await until("the desktop to fill the page", async () => {
          const { video, layout } = await viewer.look();
          const now = await host.size();
          return layout.scale === 1 && layout.left === 0 && video.width === now.width && video.height === now.height && now;
        });
        window = await host.window({ ...size, colour: (BACK[0] << 16) | (BACK[1] << 8) | BACK[2] });
        await viewer.still(BACK);
        const { at, layout } = await viewer.aim();
        const [x, y] = at(0, 0);
        area = { x, y, width: layout.width, height: layout.height };
      });
      after(() => scene.end());

      /** In the middle, and near each edge of the page. */
      const places = () => {
        const { width, height } = area;
        return [[width >> 1, height >> 1], [12, height >> 1], [width - 12, height >> 1], [width >> 2, 10], [width >> 2, height - 10], [width - 3, height - 3], [width >> 1, height >> 1]];
      };

      /** Moves there and waits until what a person sees is the host's own pointer on the grey screen. */
      async function same(column, row, what) {
        const spot = { x: area.x + column, y: area.y + row };
        await viewer.x.moveTo(spot.x, spot.y);
        let shown = "nothing";
        await until(`${what} at ${column}, ${row}`, async () => {
          const truth = await shownCursor(host);
          const there = await host.pointer();
          if (there.x !== column || there.y !== row) return void (shown = `the host's pointer is at ${there.x}, ${there.y}`);
          const around = { x: column - 160, y: row - 200 };
          const box = { x: area.x + Math.max(0, around.x), y: area.y + Math.max(0, around.y) };
          // The shadow of Chromium's own bars falls on the page's first rows.
          if (name === "chromium") box.y = Math.max(box.y, area.y + 8 * ratio);
          box.width = Math.min(area.x + area.width, area.x + around.x + 400) - box.x;
          box.height = Math.min(area.y + area.height, area.y + around.y + 400) - box.y;
          const seen = await viewer.x.pixels(box);
          const own = await shownCursor(viewer.x);
          if (own !== null) overlay(seen, box, own, spot);
          const right = Buffer.alloc(seen.length);
          for (let i = 0; i < right.length; i += 1) right[i] = BACK[i % 3];
          if (truth !== null) overlay(right, box, truth, spot);
          let wrong = 0;
          let first = "";
          for (let i = 0; i < right.length; i += 3) {
            if ([0, 1, 2].every((c) => Math.abs(seen[i + c] - right[i + c]) <= TOLERANCE)) continue;
            wrong += 1;
            const pixel = i / 3;
            first ||= `${(pixel % box.width) + box.x - spot.x}, ${Math.floor(pixel / box.width) + box.y - spot.y} is ${[...seen.subarray(i, i + 3)]} for ${[...right.subarray(i, i + 3)]}`;
          }
          shown = `${wrong} pixels differ, first ${first}; the viewer's own is ${own?.width}x${own?.height} hot ${own?.hot}, the host's ${truth?.width}x${truth?.height} hot ${truth?.hot}`;
          return wrong === 0;
        }, 4_000, () => shown);
      }

      for (const [what, shape] of Object.entries(SHAPES)) {
        if (what.includes("too much")) continue;
        it(what, async () => {
          await setCursor(host, window, await makeCursor(host, shape));
          for (const [column, row] of places()) await same(column, row, what);
        });
      }

      it("none at all", async () => {
        await setCursor(host, window, await makeCursor(host, make(1, 1, [0, 0], () => [0, 0, 0, 0])));
        for (const [column, row] of places()) await same(column, row, "no pointer");
      });

      it("one that moves by itself", async () => {
        const colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
        const frames = [];
        for (const colour of colours) frames.push(await makeCursor(host, make(20, 20, [10, 10], flat(...colour))));
        await setCursor(host, window, await animate(host, frames, 150));
        await viewer.x.moveTo(area.x + 300, area.y + 300);
        for (const [red, green, blue] of [...colours, ...colours]) {
          const wanted = (0xff000000 | (red << 16) | (green << 8) | blue) >>> 0;
          await until(`the frame ${[red, green, blue]}`, async () => (await shownCursor(viewer.x))?.argb.includes(wanted));
        }
      });

      it("one that is too much for a message is smaller, but there", async () => {
        await setCursor(host, window, await makeCursor(host, SHAPES["one that is too much for a message"]));
        await viewer.x.moveTo(area.x + (area.width >> 1), area.y + (area.height >> 1));
        const looks = () => viewer.page.evaluate(() => {
          const { shadowRoot } = document.querySelector("removid-desktop");
          const canvas = shadowRoot.querySelector("#cursor");
          return canvas.hidden ? shadowRoot.querySelector("#layer").style.cursor.slice(0, 40) : `${canvas.width}x${canvas.height}`;
        });
        // Half as large each way; what is more than CSS takes is drawn.
        await until("a pointer of half the size", async () => {
          const own = await shownCursor(viewer.x);
          return own?.width === 128;
        }, 4_000, looks);
      });
    });
  }
}
