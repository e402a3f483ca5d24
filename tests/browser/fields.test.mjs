/**
 * The element among the fields of somebody's page, in the page itself and in a frame: each text goes to one place
 * only, and a reader without a mouse gets in and out.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { KEY, type } from "./lib/keys.mjs";
import { Scene } from "./lib/scene.mjs";
import { site } from "./lib/site.mjs";
import { BROWSER_ENV, TypingHost } from "./lib/typing.mjs";
import { until } from "./lib/wait.mjs";

const fields = (body) => `<!doctype html>
<title>Somebody's form</title>
<style>body { margin: 0 } removid-desktop { width: 560px; height: 320px } iframe { width: 600px; height: 340px; border: 0 }</style>
<p><input id="field"> <button id="button">A button</button> <select id="choice"><option>one<option>two</select></p>
${body}
<p><input id="below"></p>`;

const element = ({ url, token, host_key: hostKey }) => `<removid-desktop></removid-desktop>
<script type="module">
  import "./src/core/removid-desktop.js";
  document.querySelector("removid-desktop").connect(${JSON.stringify({ url, token, hostKey })});
</script>`;

for (const name of BROWSERS) {
  for (const frame of [false, true]) {
    describe(`fields beside the picture in ${name}${frame ? ", the picture in a frame" : ""}`, () => {
      const scene = new Scene();
      let browser;
      let host;
      let viewer;
      let inner;
      let x;
      before(async () => {
        Object.assign(process.env, BROWSER_ENV);
        browser = await scene.browser(name);
        x = scene.display.x;
        const wiki = await scene.stack.use(site());
        host = await scene.stack.use(TypingHost.open({ flags: ["--origin", wiki.origin] }));
        scene.stack.add(() => viewer.page.goto("about:blank"));
        const own = element({ ...host.agent.link, url: host.agent.url("127.0.0.1", "") });
        wiki.pages.set("/inner", `<!doctype html><style>body { margin: 0 } removid-desktop { width: 560px; height: 320px }</style>${own}`);
        wiki.html = fields(frame ? '<iframe src="/inner" allow="clipboard-read; clipboard-write; fullscreen"></iframe>' : own);
        viewer = await browser.page();
        await viewer.page.goto(wiki.origin);
        inner = frame ? await until("the frame", () => viewer.page.frames().find((one) => one.url().endsWith("/inner"))) : viewer.page;
        await live();
        await host.application("gtk");
      });
      after(() => scene.end());

      const live = () => until("the session", () => inner.evaluate(() => document.querySelector("removid-desktop")?.state === "live" && document.querySelector("removid-desktop").desk.viewer !== null), 15_000);
      const arrives = (text) => until(`${text} to arrive`, () => host.read() === text, 4_000, () => JSON.stringify(host.read()));
      const values = () => viewer.page.evaluate(() => [document.querySelector("#field").value, document.querySelector("#choice").value, document.querySelector("#below").value]);
      /** Where the focus is: an element of the page, by its name. */
      const focused = () => viewer.page.evaluate(() => document.activeElement.id || document.activeElement.localName);
      const click = async (selector) => {
        await x.activate(browser.window);
        const { left, top } = await viewer.origin();
        const [px, py] = await viewer.page.evaluate((selector) => {
          const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect();
          return [x + width / 2, y + height / 2];
        }, selector);
        await x.moveTo(left + px, top + py);
        await x.click();
      };
      const picture = frame ? "iframe" : "removid-desktop";
      const taken = () => until("the picture to have the keyboard", async () => (await focused()) === picture && inner.evaluate(() => document.hasFocus() && document.activeElement.localName === "removid-desktop"));

      it("takes no focus from a field, and gives it back at a click", async () => {
        await click("#field");
        await until("the field's focus", async () => (await focused()) === "field");
        await type(x, "here");
        await until("the field to have it", async () => (await values())[0] === "here");
        await click(picture);
        await taken();
        await type(x, "there");
        await arrives("there");
        await click("#field");
        await until("the field's focus", async () => (await focused()) === "field");
        await type(x, "again");
        await until("the field to have it", async () => (await values())[0] === "hereagain");
        await viewer.page.evaluate(() => document.querySelector("#choice").focus());
        await type(x, "t");
        await until("the choice", async () => (await values())[1] === "two");
        assert.equal(host.read(), "there");
      });

      it("is entered by Tab and left by the keys that its name tells", async () => {
        await viewer.page.evaluate(() => document.querySelector("#choice").focus());
        await x.tap(KEY.tab);
        await taken();
        await type(x, "in");
        await arrives("therein");
        const label = await inner.evaluate(() => document.querySelector("removid-desktop").shadowRoot.querySelector("#layer").getAttribute("aria-label"));
        assert.match(label, /To leave, press Control, Alt and Shift together/);
        // Tab alone is the host's own.
        await x.tap(KEY.tab);
        await taken();
        await x.tap(KEY.control, KEY.alt, KEY.shift);
        await until("nothing held", async () => (await host.display.x.keysDown()).length === 0);
        await x.tap(KEY.tab);
        await until("the next field", async () => (await focused()) === "below", 4_000, focused);
        await type(x, "out");
        await until("the field to have it", async () => (await values())[2] === "out");
        await x.tap(KEY.shift, KEY.tab);
        await taken();
        await until("nothing held", async () => (await host.display.x.keysDown()).length === 0);
      });

      it("has the keyboard after a reconnect, with no click", async () => {
        await click(picture);
        await taken();
        await host.application("gtk");
        await inner.evaluate(() => document.querySelector("removid-desktop").reconnect());
        await live();
        await type(x, "back");
        await arrives("back");
        assert.deepEqual((await values()).slice(0, 2), ["hereagain", "two"]);
      });
    });
  }
}
