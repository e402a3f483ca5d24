/**
 * Typing on a fixed sample of layouts, and the traps of typing that users of such systems ran into: what arrives in
 * a real application is what the viewer's own screen would show, and the host's keyboard is left as it was.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { KEY, type } from "./lib/keys.mjs";
import { CLIENTS, setLayout, stroke } from "./lib/layouts.mjs";
import { run } from "./lib/process.mjs";
import { Scene } from "./lib/scene.mjs";
import { BROWSER_ENV, TypingHost, keyboardOf, listen, typeLayout } from "./lib/typing.mjs";
import { pause, until } from "./lib/wait.mjs";

const SHIFT = KEY.shift;
const ALT_GR = 108;
const CAPS = 66;
const NUM = 77;

for (const name of BROWSERS) {
  describe(`typing in ${name}`, () => {
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
      await listen(viewer);
      x = scene.display.x;
    });
    after(() => scene.end());

    const viewerHas = async (...layout) => {
      setLayout(scene.display.name, ...layout);
      // The page's own key events tell when the browser has taken it over; a Shift makes nothing anywhere.
      await x.tap(SHIFT);
      await pause(200);
    };
    const hostHas = (...layout) => setLayout(host.display.name, ...layout);
    const arrives = (text) => until(`${JSON.stringify(text)} to arrive`, () => host.read() === text, 5_000, () => JSON.stringify(host.read()));
    const nothingHeld = async () => {
      await until("nothing held", async () => (await host.display.x.keysDown()).length === 0);
      assert.equal((await host.display.x.pointer()).state & 0xff & ~0x12, 0, "no modifier is left");
    };

    for (const [client, application, onto] of [["de", "gtk", "us"], ["fr", "xterm", "us"], ["ru", "gtk", "de"], ["us-intl", "xterm", "fr"], ["us", "gtk", "us,ru"]]) {
      it(`${client} on ${onto} into ${application}: a part of every row, levels and dead keys`, async () => {
        hostHas(onto, "");
        const result = await typeLayout(viewer, host, application, CLIENTS.find(([named]) => named === client), { only: (line) => line % 4 === 1 });
        assert.deepEqual(result.wrong, []);
        assert.ok(result.signs >= 20, `${result.signs} signs`);
      });
    }

    it("a less-than sign is one, with Shift and without, repeated and held", async () => {
      for (const [layout, less, more] of [["us", [SHIFT, 59], [SHIFT, 60]], ["de", [94], [SHIFT, 94]]]) {
        hostHas("us", "");
        await viewerHas(layout, "");
        await host.application("gtk");
        await x.tap(38);
        await x.tap(...less);
        await x.tap(56);
        await x.tap(...more);
        await x.tap(54);
        await arrives("a<b>c");
        for (const mod of less.slice(0, -1)) await x.keyDown(mod);
        for (let n = 0; n < 20; n += 1) await x.tap(less.at(-1));
        await arrives(`a<b>c${"<".repeat(20)}`);
        await x.keyDown(less.at(-1));
        await until("the host's repeat", () => host.read().length > 30, 5_000, () => host.read());
        await x.keyUp(less.at(-1));
        for (const mod of less.slice(0, -1)) await x.keyUp(mod);
        await nothingHeld();
        assert.match(host.read(), /^a<b>c<+$/);
      }
    });

    it("with Shift held, signs that need it here and not there", async () => {
      await viewerHas("de", "");
      for (const onto of ["us", "gb", "fr"]) {
        hostHas(onto, "");
        await host.application("gtk");
        await x.keyDown(SHIFT);
        for (const key of [16, 38, 16]) await x.tap(key);
        await x.keyUp(SHIFT);
        await x.keyDown(ALT_GR);
        await x.tap(24);
        await x.tap(24);
        await x.keyUp(ALT_GR);
        await arrives("/A/@@");
        await nothingHeld();
      }
    });

    it("Cyrillic and shortcuts onto a host of two groups, in either of them, and the group stays", async () => {
      hostHas("us,ru", "");
      const group = () => run("xset", ["-display", host.display.name, "q"]).match(/Group 2:\s+(\w+)/)[1];
      const other = async () => run("xdotool", ["key", "ISO_Next_Group"], { env: { ...process.env, DISPLAY: host.display.name } });
      for (const second of [false, true]) {
        await host.application("gtk");
        if (second) await other();
        const found = group();
        await viewerHas("ru", "");
        for (const key of [42, 57, 24, 65, 38, 56]) await x.tap(key);
        await arrives("птй фи".replace("птй", "пТй".toLowerCase()));
        await x.tap(KEY.control, 38);
        await x.tap(KEY.control, 54);
        await x.tap(114);
        await x.tap(KEY.control, 55);
        await arrives("птй фи".repeat(2));
        await viewerHas("us", "");
        await x.tap(24);
        await arrives(`${"птй фи".repeat(2)}q`);
        assert.equal(group(), found, "the group is the one that it was");
        await nothingHeld();
      }
      hostHas("us", "");
    });

    it("locks of either side change nothing of what is typed, and the host's stay", async () => {
      hostHas("us", "");
      await viewerHas("us", "");
      const lit = () => Number.parseInt(run("xset", ["-display", host.display.name, "q"]).match(/LED mask:\s+(\w+)/)[1], 16) & 3;
      for (const [hostLock, viewerLock] of [[false, false], [true, false], [false, true], [true, true]]) {
        const hostX = host.display.x;
        if (hostLock) for (const key of [CAPS, NUM]) await hostX.tap(key);
        const before = lit();
        await host.application("gtk");
        if (viewerLock) for (const key of [CAPS, NUM]) await x.tap(key);
        await x.tap(38);
        await x.tap(SHIFT, 38);
        await x.tap(10);
        // The keypad's 7 is Home without the lock.
        await x.tap(79);
        await x.tap(56);
        await arrives(viewerLock ? "Aa17B" : "baA1");
        if (viewerLock) for (const key of [CAPS, NUM]) await x.tap(key);
        for (let n = 0; n < 10; n += 1) await x.tap(CAPS);
        await x.tap(38);
        await arrives(viewerLock ? "Aa17Ba" : "baaA1");
        assert.equal(lit(), before, "the host's locks");
        if (hostLock) for (const key of [CAPS, NUM]) await hostX.tap(key);
        await nothingHeld();
      }
    });

    it("leaves the host's layout, options, remaps and repeat as they were, and follows a change", async () => {
      const { display } = host;
      run("setxkbmap", ["-display", display.name, "-layout", "de", "-option", "caps:escape"]);
      run("xset", ["-display", display.name, "r", "rate", "200", "60"]);
      run("xmodmap", ["-display", display.name, "-e", "keycode 96 = F12 F12"]);
      const before = keyboardOf(display.name);
      await viewerHas("us", "");
      await host.application("gtk");
      await type(x, "plain [text] {here}");
      await arrives("plain [text] {here}");
      const text = "你好😀ЖжΩ→";
      await viewer.page.evaluate((text) => document.querySelector("removid-desktop").typeText(text), text);
      await arrives(`plain [text] {here}${text}`);
      run("setxkbmap", ["-display", display.name, "-layout", "us", "-variant", "dvorak"]);
      await type(x, "yz");
      await arrives(`plain [text] {here}${text}yz`);
      run("setxkbmap", ["-display", display.name, "-layout", "de", "-variant", "", "-option", "", "-option", "caps:escape"]);
      run("xmodmap", ["-display", display.name, "-e", "keycode 96 = F12 F12"]);
      await viewer.page.goto("about:blank");
      await until("the keyboard as before", () => keyboardOf(display.name) === before, 12_000);
      viewer = await viewer.browser.view(host.agent.url());
      await viewer.live();
      await viewer.take();
      await listen(viewer);
      hostHas("us", "");
    });

    it("types four hundred different signs in one go", async () => {
      await host.application("gtk");
      const text = Array.from({ length: 400 }, (_, i) => String.fromCodePoint(0x4e00 + 7 * i)).join("");
      await viewer.page.evaluate((text) => document.querySelector("removid-desktop").typeText(text), text);
      await until("all signs", () => host.read() === text, 30_000, () => {
        const wrong = [...host.read()].flatMap((sign, i) => (sign === text[i] ? [] : [`${i} ${sign} for ${text[i]}`]));
        return `${host.read().length} signs, ${wrong.length} wrong: ${wrong.slice(0, 8)}`;
      });
    });
  });
}
