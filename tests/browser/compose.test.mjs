/**
 * Text that no single key makes: input methods, keyboards on the screen, emoji. The host gets what was committed,
 * once and in order, and no key that belonged to the composition.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { KEY } from "./lib/keys.mjs";
import { run } from "./lib/process.mjs";
import { Scene } from "./lib/scene.mjs";
import { BROWSER_ENV, TypingHost, listen } from "./lib/typing.mjs";
import { until } from "./lib/wait.mjs";

for (const name of BROWSERS) {
  describe(`composed text in ${name}`, () => {
    const scene = new Scene();
    let host;
    let viewer;
    let x;
    before(async () => {
      Object.assign(process.env, BROWSER_ENV);
      const browser = await scene.browser(name);
      host = await scene.stack.use(TypingHost.open());
      viewer = await browser.view(host.agent.url());
      await viewer.live();
      await viewer.take();
      x = scene.display.x;
    });
    after(() => scene.end());
    const arrives = (text) => until(`${JSON.stringify(text)} to arrive`, () => host.read() === text, 5_000, () => JSON.stringify(host.read()));

    it("emoji and other signs that a person has put on a key", async () => {
      const signs = [..."😀ßЖ中→"];
      const spare = [...(await x.keymap())].filter(([key, symbols]) => key > 8 && symbols.every((symbol) => symbol === 0)).map(([key]) => key);
      const keys = signs.map((sign, i) => [spare[i], sign]);
      const names = keys.flatMap(([key, sign]) => ["-e", `keycode ${key} = U${sign.codePointAt(0).toString(16)}`]);
      run("xmodmap", ["-display", scene.display.name, ...names]);
      await listen(viewer);
      // The browser has taken the keys over when the last one makes its sign.
      await until("the browser to know them", async () => {
        await x.tap(keys.at(-1)[0]);
        return viewer.page.evaluate((sign) => window.typed.includes(sign), signs.at(-1));
      });
      for (const application of ["gtk", "xterm"]) {
        await host.application(application);
        await x.tap(KEY.a);
        for (const [key] of keys) await x.tap(key);
        await x.tap(KEY.enter);
        await arrives(`a${signs.join("")}\n`);
      }
    });

    // Only Chromium's protocol can play an input method; Firefox has the same events.
    it("an input method: committed text only, and nothing of what was cancelled", { skip: name !== "chromium" && "no driver for input methods" }, async () => {
      await host.application("gtk");
      const cdp = await viewer.page.createCDPSession();
      const compose = (text) => cdp.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
      const key = (type, more) => cdp.send("Input.dispatchKeyEvent", { type, windowsVirtualKeyCode: 229, key: "Process", ...more });
      for (const text of ["n", "ni", "你"]) {
        await key("rawKeyDown", { code: "KeyN" });
        await compose(text);
        await key("keyUp", { code: "KeyN" });
      }
      await key("rawKeyDown", { code: "Enter" });
      await cdp.send("Input.insertText", { text: "你" });
      await key("keyUp", { code: "Enter" });
      await arrives("你");
      for (const text of ["h", "ha", ""]) await compose(text);
      await x.tap(KEY.a);
      await arrives("你a");
      for (const [part, whole] of [["ㅎ", null], ["하", null], ["한", "한"], ["ㄱ", null], ["그", null], ["글", "글"]]) {
        await compose(part);
        if (whole !== null) await cdp.send("Input.insertText", { text: whole });
      }
      await arrives("你a한글");
      await compose("ka");
      const other = await viewer.browser.page({ newTab: true });
      await until("the tab to be hidden", async () => (await viewer.look()).hidden);
      await other.page.close();
      await viewer.page.bringToFront();
      await viewer.take();
      await x.tap(KEY.t);
      await arrives("你a한글t");
    });

    it("a keyboard on the screen: words as they grow, corrections, deletions", { skip: name !== "chromium" && "no driver for such keyboards" }, async () => {
      await host.application("gtk");
      await viewer.page.evaluate(() => document.querySelector("removid-desktop").showKeyboard(true));
      const cdp = await viewer.page.createCDPSession();
      const compose = (text) => cdp.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
      await compose("t");
      await arrives("t");
      await compose("te");
      await compose("teh");
      await arrives("teh");
      await cdp.send("Input.insertText", { text: "the " });
      await arrives("the ");
      await viewer.page.evaluate(() => document.querySelector("removid-desktop").shadowRoot.activeElement.ownerDocument.execCommand("delete"));
      await arrives("the");
      await cdp.send("Input.insertText", { text: "😀" });
      await arrives("the😀");
      await viewer.page.evaluate(() => document.querySelector("removid-desktop").showKeyboard(false));
      await x.tap(KEY.a);
      await arrives("the😀a");
    });
  });
}
