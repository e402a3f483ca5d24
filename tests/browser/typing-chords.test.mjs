/**
 * Modifiers that are held over several signs, shortcuts on keys that two layouts label otherwise, and what a host's
 * keyboard is like after a visit that ended badly.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { KEY } from "./lib/keys.mjs";
import { setLayout } from "./lib/layouts.mjs";
import { run } from "./lib/process.mjs";
import { Scene } from "./lib/scene.mjs";
import { BROWSER_ENV, TypingHost, keyboardOf, listen } from "./lib/typing.mjs";
import { pause, until } from "./lib/wait.mjs";

const { shift: SHIFT, control: CONTROL, alt: ALT, a: A, t: T } = KEY;
const CAPS = 66;
const NUM = 77;
/** The key that makes the slash, with Shift, on each of these. */
const SLASH = { se: 16, de: 16, fr: 60, ch: 16 };
/** Of `de`: full stop, comma, plus, minus, seven. */
const PUNCTUATION = [60, 59, 35, 61, 16];
/** Bits of an event's state. */
const HELD = { shift: 1, control: 4, alt: 8 };
const ALL_HELD = 0xff & ~0x12;

for (const name of BROWSERS) {
  describe(`chords in ${name}`, () => {
    const scene = new Scene();
    let host;
    let viewer;
    let x;
    const enter = async () => {
      viewer = await scene.browser_.view(host.agent.url());
      await viewer.live();
      await viewer.take();
      await listen(viewer);
    };
    before(async () => {
      Object.assign(process.env, BROWSER_ENV);
      await scene.browser(name);
      host = await scene.stack.use(TypingHost.open());
      await enter();
      x = scene.display.x;
    });
    after(() => scene.end());

    const viewerHas = async (layout) => {
      setLayout(scene.display.name, layout, "");
      await x.tap(SHIFT);
      await pause(200);
    };
    const hostHas = (layout) => setLayout(host.display.name, layout, "");
    const arrives = (text) => until(`${JSON.stringify(text)} to arrive`, () => host.read() === text, 5_000, () => JSON.stringify(host.read()));
    const nothingHeld = async () => {
      await until("nothing held", async () => (await host.display.x.keysDown()).length === 0);
      assert.equal((await host.display.x.pointer()).state & ALL_HELD, 0, "no modifier is left");
    };

    for (const client of ["se", "fr", "ch"]) {
      it(`a slash of ${client}, an A and a slash with Shift held all the while`, async () => {
        await viewerHas(client);
        const letter = client === "fr" ? 24 : A;
        for (const onto of ["us", "gb", "fr"]) {
          hostHas(onto);
          await host.application("gtk");
          await x.keyDown(SHIFT);
          for (const key of [SLASH[client], letter, SLASH[client]]) await x.tap(key);
          await x.keyUp(SHIFT);
          await arrives("/A/");
          await nothingHeld();
        }
      });
    }

    for (const onto of ["de", "us"]) {
      it(`Ctrl and Shift with punctuation of de reach an application on ${onto} together`, async () => {
        await host.close();
        await viewerHas("de");
        hostHas(onto);
        const { x: hostX } = host.display;
        const log = await hostX.window({ width: 800, height: 600, colour: 0x305080 });
        await hostX.focus(log);
        const chords = [...PUNCTUATION.map((key) => [[CONTROL, SHIFT], key]), [[CONTROL, ALT, SHIFT], T]];
        for (const [mods, key] of chords) {
          hostX.events.length = 0;
          for (const mod of mods) await x.keyDown(mod);
          await x.tap(key);
          for (const mod of [...mods].reverse()) await x.keyUp(mod);
          await until("the chord to be over", () => hostX.events.some(({ type, detail }) => type === "keyup" && detail === CONTROL), 5_000, () => JSON.stringify(hostX.events));
          await nothingHeld();
          const keys = hostX.events.filter(({ type }) => type.startsWith("key"));
          const shown = () => `key ${key}: ${JSON.stringify(keys.map(({ type, detail, state }) => [type, detail, state]))}`;
          const other = keys.filter(({ detail }) => ![CONTROL, SHIFT, ALT].includes(detail));
          assert.deepEqual(other.map(({ type }) => type), ["key", "keyup"], shown());
          const wanted = mods.reduce((bits, mod) => bits | (mod === SHIFT ? HELD.shift : mod === ALT ? HELD.alt : HELD.control), 0);
          assert.equal(other[0].state & ALL_HELD, wanted, shown());
          const at = keys.indexOf(other[0]);
          assert.ok(!keys.slice(0, at).some(({ type }) => type === "keyup"), `no modifier is let go before: ${shown()}`);
          if (onto === "de") assert.equal(other[0].detail, key, shown());
        }
        await hostX.destroy(log);
      });
    }

    it("a host's locks are as they were after a tab was closed", async () => {
      hostHas("us");
      await viewerHas("us");
      const { x: hostX, name: display } = host.display;
      const lit = () => Number.parseInt(run("xset", ["-display", display, "q"]).match(/LED mask:\s+(\w+)/)[1], 16) & 3;
      for (const locked of [[], [CAPS], [NUM], [CAPS, NUM]]) {
        for (const key of locked) await hostX.tap(key);
        const found = lit();
        await host.application("gtk");
        await x.tap(CAPS);
        await x.tap(A);
        await arrives("A");
        const spare = await scene.browser_.page({ newTab: true });
        await viewer.page.close({ runBeforeUnload: false });
        await until("the visitor to be gone", async () => (await hostX.keysDown()).length === 0 && lit() === found);
        await x.tap(CAPS);
        await spare.page.goto("about:blank");
        assert.equal(lit(), found);
        for (const key of locked) await hostX.tap(key);
        await enter();
      }
    });

    it("a killed agent's successor lets go of what it held, and gives the keyboard back as it was", async () => {
      const { name: display } = host.display;
      run("setxkbmap", ["-display", display, "-layout", "de", "-option", "caps:escape"]);
      run("xset", ["-display", display, "r", "rate", "200", "60"]);
      run("xmodmap", ["-display", display, "-e", "keycode 96 = F12 F12"]);
      const found = keyboardOf(display);
      await host.application("gtk");
      const text = Array.from({ length: 50 }, (_, i) => String.fromCodePoint(0x0416 + i)).join("");
      await viewer.page.evaluate((text) => document.querySelector("removid-desktop").typeText(text), text);
      await until("all of it", () => host.read() === text);
      await viewer.page.evaluate((text) => document.querySelector("removid-desktop").typeText(text), text);
      await x.keyDown(CONTROL);
      await until("the host to hold it", async () => (await host.display.x.keysDown()).includes(CONTROL));
      await host.agent.process.end("SIGKILL");
      // Nobody comes in again before all is well.
      await viewer.page.goto("about:blank", { waitUntil: "load" }).catch(() => {});
      await host.agent.start();
      const other = () => {
        const lines = found.split("\n");
        return keyboardOf(display).split("\n").filter((line) => !lines.includes(line)).join("\n");
      };
      await until("the keyboard as before", () => keyboardOf(display) === found, 12_000, other);
      await until("nothing held", async () => (await host.display.x.keysDown()).length === 0);
      await x.keyUp(CONTROL);
      await enter();
      await host.application("gtk");
      await viewer.page.evaluate(() => document.querySelector("removid-desktop").typeText("abc ж 你"));
      await arrives("abc ж 你");
      assert.deepEqual(await host.display.x.keysDown(), [], "nothing is held");
    });
  });
}
