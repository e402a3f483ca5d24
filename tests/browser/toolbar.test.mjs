/**
 * The controls, used with the viewer's real mouse and keys: menus, picture to a file, pointer lock, full
 * screen with the keys that browsers otherwise keep, and the end.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

/** X keycodes: as on a keyboard of 105 keys. */
const [ESCAPE, CONTROL, ALT, DELETE, SHIFT] = [9, 37, 64, 119, 50];

for (const name of BROWSERS) {
  describe(`toolbar in ${name}`, () => {
    const scene = new Scene();
    let host;
    let viewer;
    let corner;
    before(async () => {
      const browser = await scene.browser(name);
      host = await scene.host();
      viewer = await browser.view(scene.agent.url());
      await viewer.live();
      await viewer.take();
    });
    after(() => scene.end());

    /** Clicks what bears this label, where it is on the viewer's screen. */
    const press = async (label) => {
      const spot = await until(`${label} to be there`, () => viewer.page.evaluate((label) => {
        const all = [...document.querySelectorAll("button")];
        const found = all.find((one) => one.getClientRects().length > 0 && (one.textContent.trim() === label || one.getAttribute("aria-label") === label));
        const box = found?.getBoundingClientRect();
        return box && { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      }, label));
      await viewer.x.moveTo(Math.round(corner.left + spot.x), Math.round(corner.top + spot.y));
      await viewer.x.click();
    };
    const choose = async (menu, entry) => {
      await press(menu);
      await until("the menu in its place", () => viewer.page.evaluate(() => document.querySelector("[aria-haspopup=menu][aria-expanded=true]") !== null));
      await press(entry);
    };
    /** The bar, opened by its chord as a person does who uses no mouse. */
    const open = async () => {
      corner ??= (await viewer.aim()).page;
      const isOpen = () => viewer.page.evaluate(() => document.querySelector(".bar")?.hidden === false);
      if (await isOpen()) return;
      await viewer.take();
      await viewer.x.tap(CONTROL, ALT, SHIFT);
      await until("the bar", isOpen);
    };
    const keys = () => host.events.filter(({ type }) => type.startsWith("key")).map(({ type, detail }) => `${type} ${detail}`);

    it("sends Ctrl+Alt+Del, which no browser passes on", async () => {
      await open();
      host.events.length = 0;
      await choose("Keys", "Ctrl+Alt+Del");
      const right = [CONTROL, ALT, DELETE].map((key) => `key ${key}`).concat([DELETE, ALT, CONTROL].map((key) => `keyup ${key}`));
      // What opened the bar may arrive late, before these.
      const last = () => keys().slice(-right.length);
      await until("the keys", () => last().join() === right.join(), 5_000, () => keys().join());
    });

    it("limits the bitrate for everybody", async () => {
      await open();
      await choose("Quality", "At most 5 Mbit/s");
      await until("the limit", async () => (await viewer.look()).desk.maxKbps === 5_000);
    });

    it("saves the picture as it is", async () => {
      const window = await host.window({ width: 800, height: 600, colour: 0x30c030 });
      await until("the colour", async () => (await viewer.means([{ x: 300, y: 300, width: 50, height: 50 }]))[0][1] > 180);
      await viewer.page.evaluate(() => {
        const { createObjectURL } = URL;
        const { click } = HTMLAnchorElement.prototype;
        URL.createObjectURL = (blob) => ((window.blob = blob), createObjectURL.call(URL, blob));
        HTMLAnchorElement.prototype.click = async function () {
          Object.assign(URL, { createObjectURL });
          HTMLAnchorElement.prototype.click = click;
          const bitmap = await createImageBitmap(window.blob);
          const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
          const context = canvas.getContext("2d");
          context.drawImage(bitmap, 0, 0);
          window.saved = { name: this.download, size: [bitmap.width, bitmap.height], pixel: [...context.getImageData(320, 320, 1, 1).data] };
        };
      });
      await open();
      await press("Screenshot");
      const saved = await until("the file", () => viewer.page.evaluate(() => window.saved));
      assert.match(saved.name, /\.png$/);
      assert.deepEqual(saved.size, [800, 600]);
      for (const [i, right] of [0x30, 0xc0, 0x30, 255].entries()) assert.ok(Math.abs(saved.pixel[i] - right) < 12, `${saved.pixel}`);
      await host.destroy(window);
    });

    it("locks the pointer: motion is relative and reaches every edge, until Ctrl+Alt+Shift", async () => {
      await open();
      await press("Lock pointer");
      const locked = () => viewer.page.evaluate(() => document.pointerLockElement?.localName === "removid-desktop");
      await until("the lock", locked);
      const start = await host.pointer();
      const push = async (dx, dy) => {
        const { x, y } = await viewer.x.pointer();
        await viewer.x.moveTo(x + dx, y + dy);
      };
      await until("motion to the right", async () => {
        await push(12, 5);
        const { x, y } = await host.pointer();
        return x > start.x + 30 && y > start.y + 10;
      }, 5_000, async () => JSON.stringify(await host.pointer()));
      // Far more than the browser's window has room for.
      await until("the left edge", async () => {
        await push(-40, 0);
        return (await host.pointer()).x === 0;
      }, 10_000, async () => JSON.stringify(await host.pointer()));
      await viewer.x.tap(CONTROL, ALT, SHIFT);
      await until("the lock's end", async () => !(await locked()));
    });

    it("fills the screen, and passes Esc on where the browser gives it away", async () => {
      await open();
      await press("Full screen");
      const full = () => viewer.page.evaluate(() => document.fullscreenElement?.localName === "removid-desktop");
      await until("full screen", full);
      const { width, height } = viewer.browser.display;
      if (width !== undefined) {
        const size = await viewer.page.evaluate(() => [innerWidth, innerHeight]);
        assert.deepEqual(size, [width, height]);
      }
      await until("the picture's focus", () => viewer.page.evaluate(() => document.activeElement?.localName === "removid-desktop"));
      host.events.length = 0;
      await viewer.x.tap(ESCAPE);
      // A browser that keeps this key to itself leaves at once; the others pass it on and leave when it is held.
      const passed = () => keys().includes(`keyup ${ESCAPE}`);
      await until("Esc to do something", async () => passed() || !(await full()), 5_000);
      if (name === "chromium") assert.ok(passed() && (await full()), "Chromium gives Esc away");
      if (await full()) await viewer.page.evaluate(() => document.exitFullscreen());
      await until("a window again", async () => !(await full()));
      assert.equal((await viewer.look()).state, "live");
    });

    it("ends the session, and offers a way back", async () => {
      corner = undefined;
      await open();
      await press("Disconnect");
      await viewer.state("ended");
    });
  });
}
