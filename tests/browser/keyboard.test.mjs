/**
 * Real keys on the viewer's keyboard, read back on the host: text in a real application, and every key of a
 * keyboard with 105 keys as the same key, pressed and released.
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { ALL_KEYS, KEY, type } from "./lib/keys.mjs";
import { folder } from "./lib/process.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const TEXT = `The quick brown fox, 1+1=2: (a_b) [c] {d} <e> "f" 'g' ~/h\\i|j? 50% & $9 #@!^*;\n`;

for (const name of BROWSERS) {
  describe(`keyboard in ${name}`, () => {
    const scene = new Scene();
    let browser;
    let host;
    let viewer;
    before(async () => {
      browser = await scene.browser(name);
      host = await scene.host();
      viewer = await browser.view(scene.agent.url());
      await viewer.live();
      await viewer.take();
    });
    after(() => scene.end());

    it("has 105 keys to try", () => assert.equal(new Set(ALL_KEYS).size, 105));

    it("passes every key as itself by its place, down and up", async () => {
      await viewer.page.evaluate(() => (document.querySelector("removid-desktop").keyMode = "physical"));
      const wrong = [];
      for (const key of ALL_KEYS) {
        // Locks twice, so that the next key is tried in the same state.
        for (let n = [66, 77, 78].includes(key) ? 2 : 1; n > 0; n -= 1) {
          host.events.length = 0;
          const seen = (type) => host.events.some((event) => event.type === type && event.detail === key);
          try {
            await viewer.x.keyDown(key);
            await until("press", () => seen("key"), 1_500);
            await viewer.x.keyUp(key);
            await until("release", () => seen("keyup"), 1_500);
            await until("nothing held", async () => (await host.keysDown()).length === 0, 1_500);
          } catch (error) {
            await viewer.x.keyUp(key);
            wrong.push(`${key}: ${error.message} (${host.events.map(({ type, detail }) => `${type} ${detail}`)})`);
          }
        }
        const others = host.events.filter(({ type, detail }) => type.startsWith("key") && detail !== key);
        if (others.length > 0) wrong.push(`${key} came with ${others.map(({ detail }) => detail)}`);
      }
      assert.deepEqual(wrong, []);
      assert.equal((await viewer.look()).state, "live");
      await viewer.page.evaluate(() => (document.querySelector("removid-desktop").keyMode = "typed"));
    });

    it("types into a terminal of the host", async () => {
      const dir = folder("typed");
      const file = join(dir.path, "typed");
      try {
        scene.hostDisplay.run("xterm", ["-geometry", "120x40+0+0", "-e", "sh", "-c", `cat > ${file}`]);
        await until("xterm's cat", () => existsSync(file));
        // Without a window manager keys go where the pointer is: out of the log window, into the terminal.
        await host.destroy(scene.logWindow);
        await host.focus(1);
        await type(viewer.x, TEXT);
        await viewer.x.tap(KEY.control, KEY.d);
        await until("the typed text", () => readFileSync(file, "utf8") === TEXT, 8_000, () => readFileSync(file, "utf8"));
      } finally {
        dir.end();
      }
    });
  });
}
