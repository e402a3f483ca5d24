/**
 * Exact pixels over the video: whatever is drawn, moved, scrolled and covered, what rests is shown pixel by
 * pixel as it is; and while it moves, no tile is older than the video that it lies on.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { LACK, Network } from "./lib/net.mjs";
import { FULL, Stack, until } from "./lib/wait.mjs";

/** A generator of numbers below one, the same for the same seed (xorshift). */
function random(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

for (const name of BROWSERS) {
  describe(`tiles in ${name}`, () => {
    const stack = new Stack();
    let browser;
    let viewer;
    let x;
    let size;
    before(async () => {
      const agent = await stack.use(Agent.open());
      browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      await show(agent, agent.link.url);
    });
    after(() => stack.end());

    /** Looks at an agent's screen from now on. */
    const show = async (agent, url) => {
      viewer = await browser.view(url);
      await viewer.live(20_000);
      x = await agent.x();
      size = await until("a settled size", async () => {
        const { video } = await viewer.look();
        const now = await x.size();
        return Math.abs(video.width - now.width) < 2 && Math.abs(video.height - now.height) < 2 && now;
      });
    };

    /** Waits until what is shown is the screen. */
    const exact = async (what) => {
      let differ = NaN;
      await until(`${what} to be exact`, async () => {
        const { rgb } = await viewer.picture();
        const truth = await x.pixels(size);
        differ = 0;
        for (let at = 0; at < truth.length; at += 3) if (truth[at] !== rgb[at] || truth[at + 1] !== rgb[at + 1] || truth[at + 2] !== rgb[at + 2]) differ += 1;
        return differ === 0;
      }, 8_000, () => `${differ} pixels of ${size.width}x${size.height} differ`);
    };

    it("shows a screen that rests as it is", () => exact("the first picture"));

    /** Programs of drawing, moving, scrolling and covering; each ends exact. */
    const draw = async (first, last) => {
      for (let seed = first; seed <= last; seed += 1) {
        const next = random(seed);
        const below = (most) => Math.floor(next() * most);
        const windows = [];
        for (let step = 0; step < 40; step += 1) {
          const kind = below(6);
          if (windows.length === 0 || kind === 0) {
            const [width, height] = [8 + below(500), 8 + below(300)];
            windows.push({ id: await x.window({ x: below(size.width - 40), y: below(size.height - 40), width, height, colour: below(0xff_ffff) }), width, height });
            continue;
          }
          const window = windows[below(windows.length)];
          if (kind === 1 && windows.length > 3) {
            await x.destroy(window.id);
            windows.splice(windows.indexOf(window), 1);
          } else if (kind === 2) {
            // It moves over the others, and back.
            for (let i = 0; i < 8; i += 1) await x.place(window.id, { x: below(300), y: below(200), width: window.width, height: window.height });
          } else {
            // Stripes that scroll, a gradient, or few colours, as text has.
            const [width, height] = [Math.min(window.width, 16 + below(400)), Math.min(window.height, 16 + below(200))];
            const colours = Array.from({ length: 2 + below(5) }, () => [below(256), below(256), below(256)]);
            for (let shift = 0; shift < (kind === 3 ? 10 : 1); shift += 1) {
              const rgb = Buffer.alloc(width * height * 3);
              for (let at = 0, row = 0; row < height; row += 1) {
                for (let column = 0; column < width; column += 1, at += 3) {
                  const colour = kind === 4 ? [(column * 5) & 255, (row * 3) & 255, (column ^ row) & 255] : colours[((row + 3 * shift) * 7 + (column >> 2)) % colours.length];
                  [rgb[at], rgb[at + 1], rgb[at + 2]] = colour;
                }
              }
              await x.paint(window.id, { width, height }, rgb);
            }
          }
        }
        await exact(`program ${seed}`);
        for (const { id } of windows) await x.destroy(id);
      }
      await exact("an empty screen");
    };

    it("ends exact after any drawing, moving, scrolling and covering", () => draw(1, FULL ? 20 : 4));

    it("is exact after the page was hidden while the screen changed", async () => {
      await exact("the screen before");
      const other = await browser.page({ newTab: true });
      await until("the page to be hidden", async () => (await viewer.look()).hidden);
      const ids = [];
      for (let at = 0; at < 6; at += 1) ids.push(await x.window({ x: 90 * at, y: 60 * at, width: 70 + 50 * at, height: 50 + 40 * at, colour: 0x20_40_60 + 0x101010 * at }));
      await other.page.close();
      await viewer.page.bringToFront();
      await exact("the screen after");
      for (const id of ids) await x.destroy(id);
      await exact("an empty screen");
    });

    /** No tile is older than the video around it, in any of the page's frames. */
    const watch = async () => {
      // Looks at two places in each of the page's frames: where a small change was a tile, and beside it.
      await viewer.page.evaluate(() => {
        const video = document.querySelector("removid-desktop").shadowRoot.querySelector("video:last-of-type");
        const context = new OffscreenCanvas(8, 16).getContext("2d", { willReadFrequently: true });
        window.looks = [];
        const look = () => {
          const tiles = video.nextElementSibling;
          for (const from of tiles.hidden ? [video] : [video, tiles]) {
            context.drawImage(from, 120, 110, 8, 8, 0, 0, 8, 8);
            context.drawImage(from, 400, 400, 8, 8, 0, 8, 8, 8);
          }
          const { data } = context.getImageData(0, 0, 8, 16);
          const pair = [data[4 * 27], data[4 * (64 + 27)]].map((grey) => Math.round((grey - 24) / 16));
          if (window.looks.at(-1)?.join() !== pair.join()) window.looks.push(pair);
          if (window.looking) requestAnimationFrame(look);
        };
        window.looking = true;
        look();
      });
      const grey = (step) => (24 + step * 16) * 0x01_01_01;
      const place = { x: 100, y: 100, width: 60, height: 40 };
      const steps = [];
      let [all, small] = [await x.window({ ...size, colour: grey(0) }), null];
      for (let step = 0; step < 12; step += 2) {
        await exact(`step ${step}`);
        small = await x.window({ ...place, colour: grey(step + 1) });
        const more = await until("the small change", () => viewer.page.evaluate((step) => window.looks.at(-1)[0] === step && window.looks.at(-1), step + 1));
        assert.deepEqual(more, [step + 1, step], "it comes alone");
        const next = await x.window({ ...size, colour: grey(step + 2) });
        await x.destroy(all);
        await x.destroy(small);
        all = next;
        steps.push([step + 1, step], [step + 2, step + 2]);
      }
      await exact("the last step");
      const looks = await viewer.page.evaluate(() => {
        window.looking = false;
        return window.looks;
      });
      await x.destroy(all);
      // The one before is what the screen showed at first.
      assert.deepEqual(looks.slice(looks.findIndex(([, beside]) => beside === 0) + 1), steps);
    };

    it("never shows a tile that is older than the video around it", () => watch());

    it("holds all that on a narrow path that loses packets", { skip: LACK }, async () => {
      const network = await stack.use(Network.open({ nat: true }));
      const agent = await stack.use(Agent.open({ namespace: network.host }));
      await network.translate(agent.port, { delay: 20, loseEvery: 33, kbit: 5_000 });
      await viewer.page.goto("about:blank");
      await show(agent, agent.url(network.outer));
      await exact("the first picture");
      await draw(31, FULL ? 36 : 31);
      await watch();
    });
  });
}
