/**
 * Fingers on the picture, in both modes; the bar of keys with its sticky modifiers; the pointer lock that is offered to
 * who uses an application that hides the pointer.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { Scene } from "./lib/scene.mjs";
import { pause, until } from "./lib/wait.mjs";

for (const name of BROWSERS) {
  describe(`touch in ${name}`, () => {
    const scene = new Scene();
    let browser;
    let host;
    let viewer;
    /** Where the picture's pixel is in the page. */
    let spot;
    before(async () => {
      browser = await scene.browser(name);
      host = await scene.host();
      viewer = await browser.view(scene.agent.url());
      await viewer.live();
      await viewer.take();
      const { layout, box } = await viewer.page.evaluate(() => {
        const desktop = document.querySelector("removid-desktop");
        const { left, top } = desktop.getBoundingClientRect();
        return { layout: desktop.pictureLayout, box: { left, top } };
      });
      spot = (x, y) => [box.left + layout.left + x, box.top + layout.top + y];
    });
    after(() => scene.end());

    const touch = (x, y) => viewer.page.touchscreen.touchStart(...spot(x, y));
    const tap = async (x, y) => (await touch(x, y)).end();
    const log = () => host.events.filter(({ type }) => type.startsWith("button"));
    const lines = () => log().map(({ type, detail }) => `${type} ${detail}`);
    const quiet = () => until("nothing to be held", async () => (await host.held()).length === 0);
    const logged = async (expected) => {
      await until(expected.join(", "), () => lines().length >= expected.length, 10_000, () => lines().join());
      await quiet();
      // Whatever else the gesture made would be there before this click's answer.
      const before = lines();
      assert.deepEqual(before, expected);
    };
    const LEFT = ["button 1", "buttonup 1"];
    const RIGHT = ["button 3", "buttonup 3"];

    for (const mode of ["direct", "trackpad"]) {
      it(`${mode}: taps, a double tap, a long press, a drag, scrolling, a pinch`, async () => {
        await viewer.page.evaluate((mode) => {
          document.querySelector("removid-desktop").touchMode = mode;
        }, mode);
        await quiet();
        const at = mode === "direct" ? { x: 300, y: 200 } : await host.pointer();

        host.events.length = 0;
        await tap(300, 200);
        await logged(LEFT);
        assert.deepEqual([log()[0].x, log()[0].y], [at.x, at.y]);
        host.events.length = 0;
        await tap(300, 200);
        await logged(LEFT);

        host.events.length = 0;
        await tap(300, 200);
        await tap(303, 200);
        await logged([...LEFT, ...LEFT]);
        const [first, , second] = log();
        assert.deepEqual([second.x, second.y], [first.x, first.y]);

        host.events.length = 0;
        const long = await touch(300, 200);
        await until("the right click", () => lines().length === 2, 5_000);
        await long.end();
        await logged(RIGHT);

        host.events.length = 0;
        await tap(300, 200);
        const drag = await touch(300, 200);
        for (const x of [320, 360, 400]) await drag.move(...spot(x, 230));
        await until("the pointer to have been dragged", async () => (await host.pointer()).x > at.x + 50);
        assert.deepEqual(await host.held(), ["button1"]);
        await drag.end();
        await logged(LEFT);

        host.events.length = 0;
        const fingers = [await touch(300, 300), await touch(360, 300)];
        for (let dy = 20; dy <= 220; dy += 20) for (const [n, finger] of fingers.entries()) await finger.move(...spot(300 + 60 * n, 300 - dy));
        for (const finger of fingers) await finger.end();
        await until("the wheel", () => lines().includes("button 5"));
        await quiet();
        assert.deepEqual([...new Set(lines())], ["button 5", "buttonup 5"], "fingers that move up scroll down, and press nothing");

        host.events.length = 0;
        const scale = () => viewer.page.evaluate(() => document.querySelector("removid-desktop").pictureLayout.scale);
        const before = await scale();
        const pinch = [await touch(350, 300), await touch(400, 300)];
        for (let d = 20; d <= 120; d += 20) {
          await pinch[0].move(...spot(350 - d, 300));
          await pinch[1].move(...spot(400 + d, 300));
        }
        for (const finger of pinch) await finger.end();
        await until("the picture to be larger here", async () => (await scale()) > before * 1.5);
        assert.deepEqual(lines(), []);
        await viewer.page.evaluate(() => {
          document.querySelector("removid-desktop").monitor = "";
        });
        assert.equal(await scale(), before);
      });
    }

    it("a bar of keys has sticky modifiers, and its menu comes with the first finger", async () => {
      const shown = await viewer.page.evaluate(() => {
        document.querySelector(".tab").click();
        const button = [...document.querySelectorAll(".bar > button")].find(({ textContent }) => textContent === "Touch");
        const entry = [...document.querySelectorAll(".menu [role=menuitem]")].find(({ textContent }) => textContent === "Bar of keys");
        const shown = !button.hidden;
        entry.click();
        return shown;
      });
      assert.ok(shown);
      const press = async (label) => {
        const at = await viewer.page.evaluate((label) => {
          const button = [...document.querySelectorAll(".keybar button")].find(({ textContent }) => textContent === label);
          button.scrollIntoView({ inline: "center" });
          const { left, top, width, height } = button.getBoundingClientRect();
          return [left + width / 2, top + height / 2];
        }, label);
        await (await viewer.page.touchscreen.touchStart(...at)).end();
      };
      const keys = () => host.events.filter(({ type }) => type.startsWith("key")).map(({ type, state }) => `${type}${state & 0x4 ? " ctrl" : ""}`);
      host.events.length = 0;
      await press("Ctrl");
      await until("it to be armed", () => viewer.page.evaluate(() => [...document.querySelectorAll(".keybar [aria-pressed=true]")].length === 1));
      assert.deepEqual(keys(), [], "nothing yet");
      await press("Tab");
      await until("Ctrl+Tab", () => keys().length === 4, 10_000, () => keys().join());
      assert.deepEqual(keys(), ["key", "key ctrl", "keyup ctrl", "keyup ctrl"]);
      assert.equal(await viewer.page.evaluate(() => document.querySelectorAll(".keybar [aria-pressed=true]").length), 0);
      assert.ok(await viewer.page.evaluate(() => document.activeElement?.localName === "removid-desktop"), "the focus stays with the picture");
      host.events.length = 0;
      await press("Esc");
      await until("Esc alone", () => keys().length === 2);
      assert.deepEqual(keys(), ["key", "keyup"]);
      assert.deepEqual(await host.held(), []);
    });

    it("offers the pointer lock when an application hides the pointer for good", async () => {
      const offered = () => viewer.page.evaluate(() => {
        const offer = document.querySelector(".offer");
        return !offer.hidden && offer.textContent.includes("the pointer");
      });
      const wiggle = async (n) => viewer.x.moveTo(...(await viewer.aim()).at(200 + (n % 40), 200));
      for (let n = 0; n < 20; n += 1) await wiggle(n);
      assert.ok(!(await offered()));
      await host.hideCursor(scene.logWindow);
      let n = 0;
      await until("the offer", async () => {
        await wiggle((n += 1));
        return offered();
      });
      const at = await viewer.page.evaluate(() => {
        const { left, top, width, height } = document.querySelector(".offer button").getBoundingClientRect();
        return [left + width / 2, top + height / 2];
      });
      await viewer.page.mouse.click(...at);
      await until("the lock", () => viewer.page.evaluate(() => document.querySelector("removid-desktop").shadowRoot.pointerLockElement !== null));
      await viewer.page.evaluate(() => document.exitPointerLock());
      await until("no lock", () => viewer.page.evaluate(() => document.querySelector("removid-desktop").shadowRoot.pointerLockElement === null));
    });

    it("offers the pointer lock when an application confines the pointer", async () => {
      const offered = () => viewer.page.evaluate(() => {
        const offer = document.querySelector(".offer");
        return !offer.hidden && offer.textContent.includes("the pointer");
      });
      // A new page: who did not want it before is not asked again.
      await viewer.page.reload();
      await viewer.live();
      await viewer.take();
      const cage = await host.window({ x: 100, y: 100, width: 80, height: 60, colour: 0x804040 });
      const [grab, motion] = [26, 0x40];
      // Asynchronous both, confined to its own window.
      const reply = await host.request(grab, 1, [cage, motion | (1 << 16) | (1 << 24), cage, 0, 0], { answer: true });
      assert.equal(reply[1], 0, "the pointer is grabbed");
      const { at } = await viewer.aim();
      let n = 0;
      await until("the offer", async () => {
        n += 1;
        await viewer.x.moveTo(...at(300 + (n % 40), 300));
        // Hands rest now and then; while they move nobody can say where the pointer ends.
        await pause(120);
        return offered();
      });
      const { x, y } = await host.pointer();
      assert.ok(x < 180 && y < 160, `the pointer is at ${x}, ${y}`);
      await host.destroy(cage);
    });
  });
}
