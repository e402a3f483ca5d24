/**
 * The display: a virtual one follows one window and no other, a person's own is changed only when asked and comes back,
 * one of several monitors can be picked or put into a window of its own, and a dark screen is told in words.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { run } from "./lib/process.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const desktop = (viewer, body, arg) => viewer.page.evaluate(`(${body})(document.querySelector("removid-desktop"), ${JSON.stringify(arg ?? null)})`);
const box = (viewer) => desktop(viewer, (d) => {
  const { width, height } = d.getBoundingClientRect();
  return `${Math.round(width * devicePixelRatio) & ~1}x${Math.round(height * devicePixelRatio) & ~1}`;
});
const shown = (viewer) => desktop(viewer, (d) => `${d.desk.width}x${d.desk.height}`);
const sizeOf = async (x) => {
  const { width, height } = await x.size();
  return `${width}x${height}`;
};

for (const name of BROWSERS) {
  describe(`display in ${name}`, () => {
    const scene = new Scene();
    let browser;
    before(async () => {
      browser = await scene.browser(name);
    });
    after(() => scene.end());

    it("follows one window, stands still between two, and takes the last of fifty sizes", () => within(async (stack) => {
      const agent = await stack.use(Agent.open({ size: "1024x768" }));
      const host = await agent.x();
      const viewer = await browser.view(agent.url());
      await viewer.live();
      const full = await box(viewer);
      await until("the desktop to have the window's size", async () => (await sizeOf(host)) === full && (await shown(viewer)) === full);

      // Another window, of another size, that only looks on.
      const other = await stack.use(Browser.open(BROWSERS.at(-1), scene.display, { x: 1000, y: 500, width: 820, height: 700 }));
      const onlooker = await other.view(agent.url());
      await onlooker.live();
      await scene.display.x.activate(browser.window);
      await viewer.take();
      await host.watchSize();
      const changes = host.sizes;
      assert.equal((await onlooker.look()).desk.width, Number(full.split("x")[0]));
      const { layout } = await onlooker.look();
      assert.ok(layout.scale < 1, "the larger desktop is made smaller for it");
      assert.deepEqual(changes, [], "nobody asked for another size");

      // A window that is dragged about tells where it ends.
      const place = { ...browser.place };
      for (let n = 0; n < 50; n += 1) {
        await scene.display.x.place(browser.window, { ...place, width: 900 + ((n * 37) % 300), height: 700 + ((n * 17) % 150) });
      }
      await scene.display.x.place(browser.window, { ...place, width: 1111, height: 777 });
      await until("the last size", async () => {
        const last = await box(viewer);
        return last !== full && (await sizeOf(host)) === last && (await shown(viewer)) === last;
      }, 10_000, async () => `${await box(viewer)} ${await sizeOf(host)} ${await shown(viewer)}`);
      assert.ok(changes.length <= 60, `${changes.length} changes`);
      const { display, authority } = agent.xserver();
      const modes = run("xrandr", ["--display", display], { env: { ...process.env, XAUTHORITY: authority } }).split("\n").filter((line) => /^ +\S+x\S+/.test(line));
      assert.ok(modes.length <= 4, `modes pile up: ${modes}`);

      // The new corner can be pointed at.
      const [right, below] = (await shown(viewer)).split("x").map(Number);
      await until("the pointer in the last corner", async () => {
        // The page may still be laying out the last size: aimed anew each time.
        const { layout: now, at } = await viewer.aim();
        await viewer.x.moveTo(...at(now.width - 2, now.height - 2));
        await viewer.x.moveTo(...at(now.width - 1, now.height - 1));
        return until("it", async () => {
          const { x, y } = await host.pointer();
          return x === right - 1 && y === below - 1;
        }, 1_000).catch(() => false);
      });

      // Whoever uses the desktop has its size.
      await scene.display.x.activate(other.window);
      await onlooker.take();
      await until("the other window's size", async () => {
        await scene.display.x.click();
        return (await sizeOf(host)) === (await box(onlooker));
      });
      await viewer.page.goto("about:blank");
      // After so many sizes a Chromium now and then draws nothing any more, nor lays a page out.
      await browser.end();
      browser = await scene.openBrowser();
    }));

    it("leaves a person's own screen alone until asked, and gives it back", () => within(async (stack) => {
      const host = await stack.use(Display.open({ width: 1600, height: 900 }));
      const agent = await stack.use(Agent.open({ desktop: "x11", display: host.name }));
      const viewer = await browser.view(agent.url());
      await viewer.live();
      assert.equal(await sizeOf(host.x), "1600x900");
      await desktop(viewer, (d) => d.resizeDesktop());
      const wanted = await box(viewer);
      await until("the asked size", async () => (await sizeOf(host.x)) === wanted && (await shown(viewer)) === wanted, 10_000, async () => `${wanted} ${await sizeOf(host.x)} ${JSON.stringify(await viewer.look())} ${agent.log}`);
      await viewer.page.goto("about:blank");
      await until("its own size again", async () => (await sizeOf(host.x)) === "1600x900", 30_000);
    }));

    it("shows all monitors or one, or another in a second window by the same connection", () => within(async (stack) => {
      const host = await stack.use(Display.open({ width: 1200, height: 600 }));
      const monitors = (...args) => run("xrandr", ["--display", host.name, ...args]);
      monitors("--setmonitor", "LEFT", "500/130x600/158+0+0", "screen");
      monitors("--setmonitor", "RIGHT", "700/184x600/158+500+0", "none");
      for (const [x, width, colour] of [[0, 500, 0xc03020], [500, 700, 0x2060c0]]) await host.x.window({ x, width, height: 600, colour });
      const agent = await stack.use(Agent.open({ desktop: "x11", display: host.name }));
      const viewer = await browser.view(agent.url());
      await viewer.live();
      const names = await until("two monitors", async () => {
        const found = (await viewer.look()).desk.monitors;
        return found.length === 2 && found.map(({ name }) => name);
      });
      assert.deepEqual(names, ["LEFT", "RIGHT"]);

      // By the menu, as people do.
      const choose = (page, label) => page.evaluate((label) => {
        document.querySelector(".tab").click();
        const entry = [...document.querySelectorAll(".menu [role^=menuitem]")].find(({ textContent }) => textContent.startsWith(label));
        entry.click();
      }, label);
      await choose(viewer.page, "RIGHT");
      await until("one monitor", async () => (await viewer.look()).layout.width > 0 && (await desktop(viewer, (d) => d.monitor)) === "RIGHT");
      const { layout, at } = await viewer.aim();
      assert.ok(Math.abs(layout.width / layout.height - 700 / 600) < 0.02, JSON.stringify(layout));
      await viewer.take();
      for (const [column, row] of [[0, layout.height - 1], [layout.width - 1, layout.height - 1]]) {
        await viewer.x.moveTo(...at(column, row));
        await until("the pointer at the monitor's edge", async () => {
          const { x, y } = await host.x.pointer();
          return x === (column === 0 ? 500 : 1199) && y === 599;
        }, 5_000, async () => JSON.stringify([await host.x.pointer(), layout]));
      }
      await choose(viewer.page, "All monitors");
      await until("all of them", async () => (await desktop(viewer, (d) => d.monitor)) === "");

      await viewer.x.activate(browser.window);
      const opened = new Promise((resolve) => viewer.page.once("popup", resolve));
      await choose(viewer.page, "Open another window");
      const page = await Promise.race([opened, until("the second window", () => false, 10_000)]);
      const second = await browser.adopt(page);
      await second.live();
      assert.equal(await desktop(viewer, (d) => d.monitor), "LEFT");
      assert.equal(await desktop(second, (d) => d.monitor), "RIGHT");
      assert.equal((await second.look()).desk.viewers.length, 1, "one connection for both");
      // To the very colour, which video alone is not.
      const shows = (colour) => until(`${colour} in both windows`, async () => {
        for (const one of [second, viewer]) {
          const [mean] = await one.means([{ x: 800, y: 300, width: 20, height: 20 }]);
          if (String(mean) !== colour) return false;
        }
        return true;
      });
      await shows("32,96,192");
      await host.x.window({ x: 780, y: 280, width: 60, height: 60, colour: 0x11_22_33 });
      await shows("17,34,51");

      // Keys go to the host from either window, and none stays down when the focus changes.
      const log = await host.x.window({ width: 500, height: 600, colour: 0x305080 });
      await host.x.focus(log);
      for (const one of [second, viewer, second]) {
        await one.page.bringToFront();
        await desktop(one, (d) => d.focus());
        host.x.events.length = 0;
        await one.page.keyboard.press("KeyA");
        await until("the key", () => host.x.events.filter(({ type }) => type === "keyup").length === 1, 5_000, () => JSON.stringify(host.x.events));
      }
      assert.deepEqual(await host.x.held(), []);
      await viewer.page.goto("about:blank");
      await second.state("ended");
      assert.equal((await second.look()).reason, "opener");
      await second.page.close();
    }));

    it("says that a screen is asleep, and wakes it by a key", () => within(async (stack) => {
      const host = await stack.use(Display.open({ width: 800, height: 600 }));
      const agent = await stack.use(Agent.open({ desktop: "x11", display: host.name }));
      const viewer = await browser.view(agent.url());
      await viewer.live();
      await viewer.take();
      const asleep = await until("the words", async () => {
        const look = await viewer.look();
        if (look.text.includes("asleep")) return look;
        // What was clicked before may arrive only now, and wake it.
        run("xset", ["-display", host.name, "s", "activate"]);
        return false;
      });
      assert.equal(asleep.desk.health, "asleep");
      await viewer.page.keyboard.press("ShiftLeft");
      await until("it to be awake", async () => {
        const look = await viewer.look();
        return look.desk.health === "live" && !look.text.includes("asleep");
      });
      await viewer.page.goto("about:blank");
    }));
  });
}
