/**
 * An encoder that dies in mid-session: the picture goes on by the next one, in another codec where that is its own.
 */

import assert from "node:assert/strict";
import { kill } from "node:process";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Stack, until } from "./lib/wait.mjs";

/** What the picture may stand still for. */
const MOST_MS = 500;
/** One that was lost rests for a minute, and Firefox decodes what two of them make. */
const ROUNDS = { chromium: 2, firefox: 1 };

for (const name of BROWSERS) {
  describe(`an encoder that is lost in ${name}`, () => {
    const stack = new Stack();
    let agent;
    let viewer;
    before(async () => {
      // By video alone: this is about its encoder.
      agent = await stack.use(Agent.open({ desktop: "test", flags: ["--no-tiles"] }));
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.view(agent.url());
      await viewer.live();
    });
    after(() => stack.end());

    const lost = async () => {
      const element = (await viewer.look()).desk.encoder;
      const { pid } = agent.workers().find(({ args }) => args.includes(element));
      kill(pid, "SIGKILL");
      return element;
    };

    it("lets the picture stand still for no half second", async () => {
      const longest = [];
      for (let round = 0; round < ROUNDS[name]; round += 1) {
        await viewer.page.evaluate(() => {
          window.pauses = { last: performance.now(), longest: 0, after: 0 };
          const look = () => {
            const video = document.querySelector("removid-desktop").shadowRoot.querySelector("video:last-of-type");
            video.requestVideoFrameCallback((now) => {
              const { pauses } = window;
              pauses.longest = Math.max(pauses.longest, now - pauses.last);
              pauses.last = now;
              if (pauses.lost) pauses.after += 1;
              look();
            });
          };
          look();
        });
        // Frames come before, so that only the loss is measured.
        await until("some frames", () => viewer.page.evaluate(() => window.pauses.longest > 0));
        await viewer.page.evaluate(() => Object.assign(window.pauses, { longest: 0, lost: true }));
        const element = await lost();
        await until("frames of another encoder", () => viewer.page.evaluate(() => window.pauses.after > 30), 10_000, () => agent.log.slice(-1_500));
        const { desk } = await viewer.look();
        longest.push(Math.round(await viewer.page.evaluate(() => window.pauses.longest)));
        assert.notEqual(desk.encoder, element);
      }
      assert.ok(longest.every((ms) => ms < MOST_MS), `the picture stood still for ${longest} ms`);
    });

    it("begins again with the first when all of them were lost", async () => {
      const gone = () => until("an encoder for this browser", () => agent.workers().length > 0).then(lost);
      const codec = async () => (await viewer.look()).desk.encoder;
      for (let round = 0; round < 4; round += 1) {
        const before = agent.log.split("Encoder started").length;
        await gone();
        await until("another encoder", () => agent.log.split("Encoder started").length > before, 10_000, () => agent.log.slice(-1_500));
        await until("its name", async () => agent.workers().some(({ args }) => args.includes(agent.log.split("Encoder started element=").at(-1).split('"')[1])));
        await until("the page to hear of it", async () => agent.log.split("Encoder started element=").at(-1).split('"')[1] === (await codec()));
      }
      const { video: { time } } = await viewer.look();
      await until("the picture to go on", async () => (await viewer.look()).video.time > time + 0.2);
    });
  });
}
