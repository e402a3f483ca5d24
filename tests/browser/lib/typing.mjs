/**
 * Types a whole layout in a real browser and reads back what a real application on the host received.
 */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Agent } from "./agent.mjs";
import { Display } from "./display.mjs";
import { setLayout, signOf, stroke, strokes } from "./layouts.mjs";
import { folder, run } from "./process.mjs";
import { Stack, until } from "./wait.mjs";

const FIELD = fileURLToPath(new URL("gtk-field.py", import.meta.url));
const ENTER = 36;
const LOCALE = { LC_ALL: "C.UTF-8", GTK_IM_MODULE: "gtk-im-context-simple" };
/** The browser composes dead keys by itself, as on a desktop without an input method daemon. */
export const BROWSER_ENV = LOCALE;

export class TypingHost {
  stack = new Stack();

  static async open(agent = {}) {
    const host = new TypingHost();
    host.display = await host.stack.use(Display.open({ width: 800, height: 600, manager: true, args: ["-extension", "RANDR"] }));
    host.dir = await host.stack.use(folder("typing"));
    host.agent = await host.stack.use(Agent.open({ desktop: "x11", display: host.display.name, ...agent }));
    return host;
  }

  /** Starts `xterm` or `gtk` with the keyboard's focus; the text that it received is in `read()`. */
  async application(name) {
    await this.close();
    this.file = join(this.dir.path, name);
    rmSync(this.file, { force: true });
    // A window manager looks at its keys anew at every sign that a spare key is lent to, and may lag behind.
    await until("the last window to go", async () => (await this.display.x.clients()).length === 0, 60_000, async () => `${await this.display.x.clients()}`);
    const env = { ...process.env, ...LOCALE, DISPLAY: this.display.name };
    this.program = name === "xterm"
      ? this.display.run("xterm", ["-u8", "-geometry", "100x30+0+0", "-e", "sh", "-c", `stty -echo; exec cat > ${this.file}`], { env })
      : this.display.run("/usr/bin/python3", [FIELD, this.file], { env });
    const window = await until(`${name}'s window`, async () => (await this.display.x.clients())[0], 60_000);
    await this.display.x.activate(window);
    await until(`${name} to listen`, () => existsSync(this.file));
    await until("the focus", async () => (await this.display.x.property(this.display.x.root, "_NET_ACTIVE_WINDOW"))[0] === window);
  }

  read() {
    return readFileSync(this.file, "utf8");
  }

  async close() {
    await this.program?.end("SIGKILL");
    this.program = undefined;
  }

  end() {
    return this.stack.end();
  }
}

/** The keymap with its locks, and the settings of repeat, as text. */
export function keyboardOf(display) {
  const settings = run("xset", ["-display", display, "q"]).split("\n").filter((line) => /repeat|LED/.test(line));
  return `${run("xkbcomp", ["-w0", display, "-"])}${settings.join("\n")}`;
}

/** Notes what the page's keys make: the oracle for symbols that only a table knows. */
export async function listen(viewer) {
  await viewer.page.evaluate(() => {
    window.typed = [];
    addEventListener("keydown", (e) => window.typed.push(e.key), { capture: true });
  });
}

async function settled(viewer, x, keymap) {
  // The browser has taken the layout over when a key makes its new sign.
  const probe = [...keymap].filter(([key]) => [21, 24, 25, 34, 35, 47, 48, 49].includes(key)).map(([key, symbols]) => ({ key, sign: signOf(symbols[0]) }));
  for (const { key, sign } of probe.filter(({ sign }) => typeof sign === "string")) {
    await until(`the browser to know ${sign}`, async () => {
      await viewer.page.evaluate(() => (window.typed = []));
      await x.tap(key);
      return until("a key", () => viewer.page.evaluate(() => window.typed[0]), 500).then((got) => got === sign, () => false);
    });
  }
}

/**
 * Types everything that a layout can, and returns `{ signs, pairs, wrong }`; `wrong` has a text for each line that
 * arrived otherwise.
 * @param {{ only?: (line: number) => boolean }} [choice] which lines, by their number; all if left out
 */
export async function typeLayout(viewer, host, application, [client, layout, variant], { only = () => true } = {}) {
  const { x, name } = viewer.browser.display;
  setLayout(name, layout, variant);
  const keymap = await x.keymap();
  await settled(viewer, x, keymap);
  await until("the probes to be over", async () => (await host.display.x.keysDown()).length === 0);
  await host.application(application);
  const { plain, pairs } = strokes(keymap);
  const lines = [];
  const seen = () => viewer.page.evaluate(() => window.typed.length);
  const finish = async (label, expected) => {
    lines.push({ label, expected });
    await x.tap(ENTER);
    await until("the host to keep up", () => host.read().split("\n").length > lines.length, 8_000, () => `${label}: ${JSON.stringify(host.read().split("\n").slice(-3))}`);
  };
  const counts = { signs: 0, pairs: 0 };
  const wrong = [];
  try {
    for (const line of plain.filter((_, number) => only(number))) {
      await viewer.page.evaluate(() => (window.typed = []));
      for (const one of line) await stroke(x, one);
      const presses = line.reduce((sum, { mods }) => sum + mods.length + 1, 0);
      await until("the browser's keys", async () => (await seen()) >= presses, 5_000).catch(() => {});
      const keys = (await viewer.page.evaluate(() => window.typed)).filter((key) => [...key].length === 1 || /^[^\x00-\x7f]/u.test(key));
      const expected = line.map(({ sign }, i) => sign ?? keys[i]).join("");
      counts.signs += line.length;
      if (keys.join("") !== expected) wrong.push(`key ${line[0].key}: the browser made ${JSON.stringify(keys.join(""))} of ${JSON.stringify(expected)}`);
      await finish(`key ${line[0].key}`, expected);
    }
    for (const line of pairs.filter((_, number) => only(number))) {
      for (const { dead, base } of line) {
        await stroke(x, dead);
        await stroke(x, base);
      }
      counts.pairs += line.length;
      await finish(`dead key ${line[0].dead.key}`, line.map(({ sign }) => sign).join(""));
    }
  } catch (error) {
    wrong.push(error.message);
  }
  const got = host.read().split("\n");
  lines.forEach(({ label, expected }, i) => {
    if (got[i] !== expected) wrong.push(`${label}: ${JSON.stringify(expected)} arrived as ${JSON.stringify(got[i])}`);
  });
  await host.close();
  return { client, ...counts, wrong };
}
