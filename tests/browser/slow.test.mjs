/**
 * A viewer who saves data, and one whose path carries much less than another's, share a second, smaller encode; nobody
 * else sees anything of it.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { LACK, Network } from "./lib/net.mjs";
import { Scene } from "./lib/scene.mjs";
import { Stack, until } from "./lib/wait.mjs";

const SIZE = { width: 800, height: 600 };

/** Width of the picture as it came. */
const wide = async (viewer) => (await viewer.look()).video?.width;

/** Frames that the page shows in so many ms, and the longest pause between two. */
const shown = (viewer, ms) => viewer.page.evaluate((ms) => {
  const video = document.querySelector("removid-desktop").shadowRoot.querySelector("video:last-of-type");
  return new Promise((done) => {
    let [frames, longest, last] = [0, 0, performance.now()];
    const end = last + ms;
    const next = () => video.requestVideoFrameCallback((now) => {
      frames += 1;
      longest = Math.max(longest, now - last);
      last = now;
      if (now < end) next();
      else done({ frames, longest });
    });
    next();
  });
}, ms);

for (const name of BROWSERS) {
  describe(`viewers who get less in ${name}`, () => {
    const stack = new Stack();
    const scene = new Scene();
    let display;
    let browsers;
    before(async () => {
      display = await stack.use(Display.viewer());
      browsers = [];
      // Side by side: a covered window counts as hidden.
      for (const x of [0, 960]) browsers.push(await stack.use(Browser.open(name, display, { x, width: 940, height: 860 })));
    });
    after(async () => {
      await scene.end();
      await stack.end();
    });

    it("shows who saves data a smaller picture, exact once it rests, and lets them work in it", async () => {
      const x = await scene.host(SIZE);
      const [all, saver] = [await browsers[0].view(scene.agent.url()), await browsers[1].view(scene.agent.url())];
      for (const viewer of [all, saver]) await viewer.live();
      assert.equal(await wide(saver), SIZE.width);
      await saver.page.evaluate(() => (document.querySelector("removid-desktop").saver = true));
      await until("the smaller picture", async () => (await wide(saver)) === SIZE.width / 2, 10_000, () => scene.agent.log.slice(-2_000));
      // It is shown as large as before.
      await until("the same place", async () => (await saver.look()).layout.width === SIZE.width);
      const window = await x.window({ x: 40, y: 40, width: 260, height: 180, colour: 0xc04020 });
      for (let step = 0; step < 20; step += 1) await x.place(window, { x: 40 + 12 * step, y: 40 + 9 * step, width: 260, height: 180 });
      const truth = await x.pixels(SIZE);
      for (const viewer of [all, saver]) {
        let differ;
        await until(`exact pixels for ${viewer === saver ? "who saves data" : "the other"}`, async () => {
          const { rgb } = await viewer.picture();
          differ = rgb.length === truth.length ? rgb.reduce((sum, byte, at) => sum + (byte === truth[at] ? 0 : 1), 0) : "all";
          return differ === 0;
        }, 10_000, () => `${differ} bytes differ`);
      }
      assert.equal(await wide(all), SIZE.width);
      // The pointer goes where it points.
      await saver.x.activate(saver.browser.window);
      const { at } = await saver.aim();
      await saver.x.moveTo(...at(500, 333));
      await until("the pointer", async () => {
        const pointer = await x.pointer();
        return Math.abs(pointer.x - 500) <= 1 && Math.abs(pointer.y - 333) <= 1;
      });
      await saver.page.evaluate(() => (document.querySelector("removid-desktop").saver = false));
      await until("the whole picture", async () => (await wide(saver)) === SIZE.width, 10_000);
    });

    it("gives a slow path what it carries, and the other viewer all", { skip: LACK }, async () => {
      const network = await stack.use(Network.open({ nat: true }));
      const agent = await stack.use(Agent.open({ namespace: network.host, desktop: "test" }));
      await network.translate(agent.port, { kbit: 500, delay: 10, late: true });
      const fast = await browsers[0].view(agent.url(network.outer));
      await fast.live();
      network.forwarder.child.kill("SIGUSR2");
      const slow = await browsers[1].view(agent.url(network.outer));
      await slow.live(25_000);
      await until("the second encode", () => agent.log.includes("slow=true"), 20_000, () => agent.log.slice(-2_000));
      await until("fewer pixels on the slow path", async () => (await wide(slow)) < (await wide(fast)), 20_000, () => agent.log.slice(-2_000));
      const [few, many] = await Promise.all([shown(slow, 5_000), shown(fast, 5_000)]);
      assert.ok(few.frames >= 25 && few.longest < 1_500, `the slow path shows ${JSON.stringify(few)}`);
      assert.ok(many.frames >= 75 && many.longest < 1_000, `the other shows ${JSON.stringify(many)}`);
    });
  });
}
