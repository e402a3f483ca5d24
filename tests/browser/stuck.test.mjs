/**
 * Nothing stays pressed on the host: whatever takes the reader or the browser away while keys and a button are
 * held, the host's own key state is empty within 2.5 s.
 */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { KEY } from "./lib/keys.mjs";
import { run } from "./lib/process.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const CHORD = [KEY.control, KEY.shift, KEY.a];
const LIMIT_MS = 2_500;

for (const name of BROWSERS) {
  describe(`stuck keys in ${name}`, () => {
    const scene = new Scene();
    let browser;
    let host;
    let viewer;
    let x;
    before(async () => {
      browser = await scene.browser(name);
      host = await scene.host();
      x = scene.display.x;
    });
    after(() => scene.end());
    beforeEach(async () => {
      viewer = await browser.view(scene.agent.url());
      await viewer.live();
      await viewer.take();
      await until("the click to be over", async () => (await host.held()).length === 0);
    });

    /** Holds a chord and a button, and makes sure that the host holds them too. */
    async function hold({ button = true } = {}) {
      for (const key of CHORD) await x.keyDown(key);
      if (button) await x.buttonDown(1);
      await until("the host to hold all", async () => {
        const held = await host.held();
        return CHORD.every((key) => held.includes(key)) && held.includes("button1") === button;
      }, 3_000, async () => `${await host.held()}`);
    }

    /** The real keys are still down all the while. */
    async function freed() {
      let held;
      const since = performance.now();
      await until("the host to hold nothing", async () => {
        held = await host.held();
        return held.length === 0;
      }, LIMIT_MS, () => held.join());
      return performance.now() - since;
    }

    async function letGo() {
      await x.buttonUp(1);
      for (const key of [...CHORD].reverse()) await x.keyUp(key);
    }

    it("goes on holding while nothing happens", async () => {
      await hold();
      const end = performance.now() + LIMIT_MS;
      // The opposite of the others: a host that lets go by itself would pass them all.
      await until("the time to be over", async () => {
        assert.equal((await host.held()).length, CHORD.length + 1);
        return performance.now() > end;
      }, LIMIT_MS + 1_000);
      await letGo();
      await freed();
    });

    it("another window takes the focus", async () => {
      // Without the button: its press is a grab of the whole pointer, in which no window manager acts.
      await hold({ button: false });
      const other = await x.window({ x: 1300, y: 20, width: 300, height: 200, managed: true, title: "other" });
      await x.activate(other);
      await freed();
      await letGo();
      await x.destroy(other);
    });

    it("Ctrl+T opens a tab", async () => {
      const pages = (await browser.browser.pages()).length;
      await x.keyDown(KEY.control);
      await until("the host to hold Control", async () => (await host.keysDown()).includes(KEY.control), 3_000);
      await x.keyDown(KEY.t);
      const opened = await until("the new tab", async () => {
        const all = await browser.browser.pages();
        return all.length > pages && all.at(-1);
      });
      await freed();
      await x.keyUp(KEY.t);
      await x.keyUp(KEY.control);
      await opened.close();
      await viewer.page.bringToFront();
    });

    it("Ctrl+Tab goes to another tab", async () => {
      const other = await browser.page({ newTab: true });
      await viewer.page.bringToFront();
      await viewer.take();
      await x.keyDown(KEY.control);
      await until("the host to hold Control", async () => (await host.keysDown()).includes(KEY.control), 3_000);
      await x.keyDown(KEY.tab);
      await until("the other tab", async () => (await viewer.look()).hidden);
      await freed();
      await x.keyUp(KEY.tab);
      await x.keyUp(KEY.control);
      await freed();
      await other.page.close();
      await viewer.page.bringToFront();
    });

    it("Alt+Tab goes to another window", async () => {
      const other = await x.window({ x: 1300, y: 20, width: 300, height: 200, managed: true, title: "other" });
      const front = async () => (await x.property(x.root, "_NET_ACTIVE_WINDOW"))[0];
      // Both must have had the focus, or they stand in another order in the list.
      await until("the other window to open", async () => (await front()) === other);
      await x.activate(browser.window);
      await until("the browser in front", async () => (await front()) === browser.window);
      await viewer.take();
      await x.keyDown(KEY.alt);
      await until("the host to hold Alt", async () => (await host.keysDown()).includes(KEY.alt), 3_000);
      await x.tap(KEY.tab);
      // Openbox misses a release of Alt that is quicker than its own grab of the keyboard, and waits for ever.
      await until("the list of windows", () => x.popup());
      await x.keyUp(KEY.alt);
      await until("the other window in front", async () => (await front()) === other);
      await freed();
      await x.destroy(other);
    });

    it("dead keys, with and without a letter after them", async () => {
      const display = scene.display.name;
      run("setxkbmap", ["-display", display, "-layout", "us", "-variant", "intl"]);
      await x.tap(48);
      await x.keyDown(48);
      await x.keyDown(KEY.a);
      await x.keyUp(48);
      await x.keyUp(KEY.a);
      await x.tap(48);
      await x.tap(KEY.escape);
      await freed();
      run("setxkbmap", ["-display", display, "-layout", "us", "-variant", ""]);
    });

    it("the tab is hidden by another", async () => {
      await hold();
      const other = await browser.page({ newTab: true });
      await freed();
      assert.equal((await viewer.look()).hidden, true);
      await letGo();
      await other.page.close();
      await viewer.page.bringToFront();
    });

    it("the tab is closed", async () => {
      const spare = await browser.page({ newTab: true });
      await viewer.page.bringToFront();
      await viewer.take();
      await hold();
      await viewer.page.close({ runBeforeUnload: false });
      await freed();
      await letGo();
      await spare.page.bringToFront();
    });

    it("the browser is stopped as by sleep, and wakes", async () => {
      await hold();
      browser.signal("SIGSTOP");
      await freed();
      await letGo();
      browser.signal("SIGCONT");
      await viewer.live(20_000);
      await freed();
    });

    it("the browser is killed", async () => {
      await hold();
      browser.signal("SIGKILL");
      await freed();
      await letGo();
      browser = await scene.openBrowser();
    });
  });
}
