/**
 * Two viewers at once see the same screen, and a view-only link opens nothing but the view: what a modified
 * page sends over the raw channels is refused by the agent with a code and has no effect on the host.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { chart, meanError } from "./lib/chart.mjs";
import { raw, tap } from "./lib/raw.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const SIZE = { width: 800, height: 600 };

/** Bytes as in signaling-spec/src/channel/input.rs, written here again: a modified page has its own. */
const text = (value) => [value.length, ...Buffer.from(value)];
const POSITION = [0x20, 0x00, 0x20, 0x00];
const RAW = [
  ["key", "input", [0x01, 1, 0, ...text("KeyA"), ...text("a")]],
  ["button", "input", [0x02, 0, 1, ...POSITION]],
  ["side button", "input", [0x02, 3, 1, ...POSITION]],
  ["wheel", "input", [0x03, 0, 0, 0, 120, ...POSITION]],
  ["move", "motion", [0x10, 0, 1, ...POSITION]],
  ["relative motion", "motion", [0x11, 0, 1, 1, 0, 0, 0, 40, 0, 0, 0, 40]],
  ["held key", "motion", [0x12, 0, 1, 1, 0, 1, ...text("KeyB")]],
  ["display.resize", "ctl", { type: "display.resize", width: 640, height: 480, density: 100, asked: true }],
  ["quality.limit", "ctl", { type: "quality.limit", max_kbps: 100 }],
  ["viewer.dismiss", "ctl", { type: "viewer.dismiss", viewer: 0 }],
];

describe("two viewers", () => {
  const scene = new Scene();
  let host;
  before(async () => {
    await scene.browser(BROWSERS[0]);
    host = await scene.host(SIZE);
    await host.paint(scene.logWindow, SIZE, chart(SIZE).rgb);
  });
  after(() => scene.end());

  it("see the same in both browsers at once", async () => {
    const other = await scene.stack.use(Browser.open(BROWSERS.at(-1), scene.display, { x: 900, y: 400, width: 1000 }));
    const viewers = [await scene.browser_.view(scene.agent.url()), await other.view(scene.agent.url())];
    for (const viewer of viewers) await viewer.live();
    for (const viewer of viewers) assert.equal((await viewer.look()).desk.viewers.length, 2);
    const truth = await host.pixels(SIZE);
    for (const viewer of viewers) {
      let error;
      await until(`${viewer.browser.name} to see the screen`, async () => {
        const picture = await viewer.picture();
        assert.equal(picture.rgb.length, truth.length);
        error = meanError(picture.rgb, truth);
        return error < 2;
      }, 6_000, () => `mean error ${error}`);
    }
    // And both see a change.
    await host.window({ x: 200, y: 200, width: 300, height: 200, colour: 0xff8000 });
    for (const viewer of viewers) {
      await until(`${viewer.browser.name} to see the change`, async () => {
        const [[r, g, b]] = await viewer.means([{ x: 250, y: 250, width: 100, height: 100 }]);
        return Math.abs(r - 255) < 12 && Math.abs(g - 128) < 12 && b < 16;
      }, 3_000);
    }
  });
});

for (const name of BROWSERS) {
  describe(`view-only in ${name}`, () => {
    const scene = new Scene();
    let host;
    let owner;
    let guest;
    before(async () => {
      const browser = await scene.browser(name);
      host = await scene.host(SIZE);
      owner = await browser.view(scene.agent.url());
      await owner.live();
      const other = await scene.stack.use(Browser.open(name, scene.display, { x: 900, y: 400, width: 1000 }));
      guest = await other.page();
      await tap(guest);
      await guest.page.goto(scene.agent.token("--view-only", "--label", "guest").url);
      await guest.live();
    });
    after(() => scene.end());

    it("sees, and is listed as one who watches", async () => {
      assert.deepEqual((await guest.look()).desk.rights, ["view"]);
      const entry = await until("the guest in the owner's list", async () => (await owner.look()).desk.viewers.find(({ subject }) => subject === "guest"));
      assert.equal(entry.controls, false);
    });

    for (const [what, channel, message] of RAW) {
      it(`is refused: ${what}`, async () => {
        const before = { at: await host.pointer(), ...(await owner.look()).desk };
        host.events.length = 0;
        const sent = what === "viewer.dismiss" ? { ...message, viewer: before.viewer } : message;
        await raw(guest, channel, sent);
        const refused = await until("the refusal", async () => {
          const heard = await guest.page.evaluate(() => window.heard);
          return heard.find(({ type }) => type === "refused");
        }, 3_000);
        assert.equal(refused.code, "forbidden");
        // The agent has dealt with the message: what it did would be there by now.
        assert.deepEqual(await host.held(), []);
        assert.deepEqual(await host.pointer(), before.at);
        assert.deepEqual(host.events, []);
        const { state, desk } = await owner.look();
        assert.equal(state, "live");
        assert.deepEqual([desk.width, desk.height, desk.maxKbps], [before.width, before.height, before.maxKbps]);
      });
    }

    it("sends nothing by the page's own means", async () => {
      await guest.take();
      host.events.length = 0;
      await guest.x.tap(38);
      await guest.page.evaluate(() => document.querySelector("removid-desktop").sendKeys(["KeyA"]));
      await guest.page.evaluate(() => document.querySelector("removid-desktop").clickButton(3));
      // The twin, after it: the owner's key does arrive.
      await owner.take();
      await owner.x.tap(39);
      await until("the owner's key", () => host.events.some(({ type, detail }) => type === "keyup" && detail === 39));
      assert.deepEqual(host.events.filter(({ type, detail }) => type === "key" && detail !== 39), []);
    });

    it("the same raw messages work for the owner", async () => {
      const { viewer } = (await guest.look()).desk;
      await owner.page.evaluate((viewer) => document.querySelector("removid-desktop").dismiss(viewer), viewer);
      const { reason } = await guest.state("ended");
      assert.equal(reason, "dismissed");
      const twin = await owner.browser.page({ newTab: true });
      await tap(twin);
      await twin.page.goto(scene.agent.url());
      await twin.live();
      host.events.length = 0;
      for (const [, channel, message] of RAW.filter(([what]) => ["key", "button", "wheel", "quality.limit"].includes(what))) {
        await raw(twin, channel, message);
      }
      const seen = (type, detail) => host.events.some((event) => event.type === type && event.detail === detail);
      await until("key, button and wheel", () => seen("key", 38) && seen("button", 1) && (seen("button", 4) || seen("button", 5)));
      await until("the limit", async () => (await owner.look()).desk.maxKbps === 100);
    });
  });
}
