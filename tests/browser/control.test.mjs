/**
 * Several at one desktop: one holds the control lease and nobody else's keys reach the host; where each points is seen
 * by all; the panic key stops everybody.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { key, raw, tap } from "./lib/raw.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const SIZE = { width: 800, height: 600 };

/** Presses a button of the dialog of viewers, which is opened for it. */
async function press(viewer, act) {
  await viewer.page.evaluate(() => {
    const dialog = document.querySelector("dialog.viewers");
    if (!dialog.open) document.querySelector("removid-desktop .toolbar .tab").click();
    if (!dialog.open) [...document.querySelectorAll(".bar > button")].find((button) => button.textContent.startsWith("Viewers")).click();
  });
  await viewer.page.waitForSelector(`dialog.viewers[open] [data-act="${act}"]`, { timeout: 5_000 });
  await viewer.page.evaluate((act) => {
    document.querySelector(`dialog.viewers [data-act="${act}"]`).click();
    document.querySelector("dialog.viewers").close();
  }, act);
}

/** Where a page shows another viewer's pointer, in CSS pixels of the element. */
const spot = (viewer, number) => viewer.page.evaluate((number) => {
  const desktop = document.querySelector("removid-desktop");
  const found = desktop.shadowRoot.querySelector(`#pointers [data-viewer="${number}"]`);
  if (found === null || found.hidden) return null;
  const [box, at] = [desktop.getBoundingClientRect(), found.getBoundingClientRect()];
  return { name: found.textContent, x: at.left - box.left, y: at.top - box.top };
}, number);

const info = (viewer) => viewer.page.evaluate(() => document.querySelector("removid-desktop").control.info);

for (const name of BROWSERS) {
  describe(`control in ${name}`, () => {
    const scene = new Scene();
    let host;
    let owner;
    let guest;
    let own;
    let other;
    before(async () => {
      const browser = await scene.browser(name);
      host = await scene.host(SIZE);
      owner = await browser.page();
      await tap(owner);
      await owner.page.goto(scene.agent.url());
      const second = await scene.stack.use(Browser.open(name, scene.display, { x: 900, y: 400, width: 1000 }));
      guest = await second.page();
      await tap(guest);
      await guest.page.goto(scene.agent.token("--label", "guest").url);
      for (const viewer of [owner, guest]) {
        await viewer.live();
        await until("both in the list", async () => (await viewer.look()).desk.viewers.length === 2);
      }
      [own, other] = [(await owner.look()).desk.viewer, (await guest.look()).desk.viewer];
    });
    after(() => scene.end());

    const refusal = (viewer) =>
      until("the refusal", async () => (await viewer.page.evaluate(() => window.heard)).find(({ type }) => type === "refused"), 3_000);

    /** Whether a key that a modified page presses reaches the host. */
    async function reaches(viewer) {
      host.events.length = 0;
      await raw(viewer, "input", key("KeyA", true));
      const found = await until("the key or its refusal", async () => {
        if ((await host.keysDown()).includes(38)) return "reached";
        return (await viewer.page.evaluate(() => window.heard)).some(({ type, code }) => type === "refused" && code === "out_of_turn") && "refused";
      }, 3_000);
      await raw(viewer, "input", key("KeyA", false));
      await until("no key", async () => !(await host.keysDown()).includes(38));
      return found === "reached";
    }

    it("is everybody's while nobody has taken it", async () => {
      assert.equal((await info(owner)).mode, "free");
      assert.ok(await reaches(owner));
      assert.ok(await reaches(guest));
    });

    it("is one's alone once they have taken it, whatever the other's page sends", async () => {
      await press(owner, "take");
      await until("the guest to hear of it", async () => (await info(guest)).holder === own);
      assert.ok(await reaches(owner));
      assert.equal(await reaches(guest), false);
      // The guest's own page sends nothing, and offers to ask.
      await guest.take();
      host.events.length = 0;
      await guest.x.tap(39);
      await guest.page.waitForFunction(() => document.querySelector(".offer:not([hidden])")?.textContent.includes("alone has control"), { timeout: 5_000 });
      assert.deepEqual(host.events.filter(({ type }) => type === "key"), []);
    });

    it("is asked for, and given by its holder", async () => {
      await press(guest, "ask");
      await owner.page.waitForFunction(() => document.querySelector(".offer:not([hidden])")?.textContent.includes("guest would like"), { timeout: 5_000 });
      assert.deepEqual((await info(owner)).asking, [other]);
      await press(owner, `decline ${other}`);
      await until("nobody to ask", async () => (await info(guest)).asking.length === 0);
      await press(guest, "ask");
      await owner.page.waitForFunction(() => document.querySelector(".offer:not([hidden])")?.textContent.includes("guest would like"), { timeout: 5_000 });
      await owner.page.evaluate(() => document.querySelector(".offer button").click());
      await until("the guest to have it", async () => (await info(owner)).holder === other);
      assert.ok(await reaches(guest));
      assert.equal(await reaches(owner), false);
    });

    it("lets go what its holder holds when another takes it", async () => {
      await raw(guest, "input", key("ShiftLeft", true));
      await until("the host to hold Shift", async () => (await host.keysDown()).includes(50));
      await press(owner, "take");
      await until("the host to hold nothing", async () => (await host.held()).length === 0, 2_000);
    });

    it("shows each where the others point, with a name", async () => {
      for (const [pointing, looking, number] of [[owner, guest, own], [guest, owner, other]]) {
        // The page's own moves count on from the last; one that is far ahead of them is the newest.
        await raw(pointing, "motion", [0x10, 0x40, 0x01, 0x40, 0x00, 0x80, 0x00]);
        const seen = await until("the pointer", () => spot(looking, number));
        const [who] = (await looking.look()).desk.viewers.filter(({ viewer }) => viewer === number);
        assert.equal(seen.name, who.subject);
        const { layout } = await looking.look();
        const dpr = await looking.page.evaluate(() => devicePixelRatio);
        const right = { x: (layout.left + layout.width / 4) / dpr, y: (layout.top + layout.height / 2) / dpr };
        // It glides there; the drawn tip stands a pixel off its box.
        await until("the pointer in its place", async () => {
          const at = await spot(looking, number);
          return Math.abs(at.x - right.x) < 3 && Math.abs(at.y - right.y) < 3;
        }, 3_000, async () => JSON.stringify([await spot(looking, number), right]));
      }
    });

    it("is stopped for all by the panic key, which the host does not see", async () => {
      const chord = ["ControlLeft", "AltLeft", "ShiftLeft", "Backspace"];
      host.events.length = 0;
      for (const code of chord) await raw(owner, "input", key(code, true));
      await until("all to be stopped", async () => (await info(guest)).mode === "stopped");
      await until("the host to hold nothing", async () => (await host.held()).length === 0, 2_000);
      assert.deepEqual(host.events.filter(({ type, detail }) => type === "key" && detail === 22), []);
      for (const code of chord) await raw(owner, "input", key(code, false));
      assert.equal(await reaches(owner), false);
      assert.equal(await reaches(guest), false);
      await press(guest, "take");
      await until("the guest to have it", async () => (await info(owner)).holder === other);
      assert.ok(await reaches(guest));
    });

    it("is free again when its holder leaves", async () => {
      await guest.page.evaluate(() => document.querySelector("removid-desktop").disconnect());
      await until("it to be free", async () => (await info(owner)).mode === "free");
      assert.ok(await reaches(owner));
      await raw(owner, "ctl", { type: "control.give", viewer: 999 });
      assert.equal((await refusal(owner)).code, "not_found");
    });
  });
}
