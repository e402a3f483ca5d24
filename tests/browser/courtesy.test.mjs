/**
 * What the person at the host is owed: a sign on the screen while somebody watches, with the name, and a locked
 * screen afterwards where that is wanted.
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { folder } from "./lib/process.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const BACK = [0x20, 0x21, 0x24];

for (const name of BROWSERS) {
  describe(`courtesy in ${name}`, () => {
    const scene = new Scene();
    let browser;
    let host;
    let agent;
    let locked;
    before(async () => {
      browser = await scene.browser(name);
      host = await scene.stack.use(Display.open({ width: 800, height: 600 }));
      const dir = await scene.stack.use(folder("locked"));
      locked = join(dir.path, "locked");
      const flags = ["--lock-on-disconnect", "--lock-command", `echo "$DISPLAY" >> ${locked}`];
      // A stand-in, since a login service rarely runs where tests do: it holds on as the real one does.
      writeFileSync(join(dir.path, "systemd-inhibit"), '#!/bin/sh\nread line\n', { mode: 0o755 });
      const env = { PATH: `${dir.path}:${process.env.PATH}` };
      agent = await scene.stack.use(Agent.open({ desktop: "x11", display: host.name, sign: true, flags, env }));
    });
    after(() => scene.end());

    const signShown = async () => {
      const at = await host.x.pixels({ x: 400, y: 1, width: 1, height: 1 });
      return BACK.every((value, i) => at[i] === value);
    };
    const locks = () => (existsSync(locked) ? readFileSync(locked, "utf8").trim().split("\n") : []);

    it("shows a sign while somebody watches; locks when the last who controls has left", async () => {
      assert.equal(await signShown(), false);
      const viewer = await browser.view(agent.url());
      await viewer.live();
      await until("the sign", signShown);
      assert.deepEqual(locks(), []);
      const looker = await browser.view(agent.token("--view-only", "--label", "looker").url, { newTab: true });
      await looker.live();
      await looker.page.close();
      await until("the second to be gone", async () => (await viewer.page.evaluate(() => document.querySelector("removid-desktop").desk.viewers.length)) === 1);
      assert.ok(await signShown());
      assert.deepEqual(locks(), [], "who only watched has opened nothing");
      await viewer.page.evaluate(() => document.querySelector("removid-desktop").disconnect());
      await until("the sign to go", async () => !(await signShown()));
      await until("the lock", () => locks().length === 1);
      assert.deepEqual(locks(), [host.name]);
    });

    it("the machine may not fall asleep meanwhile", async () => {
      const inhibits = () => agent.children.filter(({ args }) => args.includes("--who=REMOVID") && args.includes("--what=idle:sleep")).length;
      assert.equal(inhibits(), 0);
      const viewer = await browser.view(agent.url());
      await viewer.live();
      await until("it to be kept awake", () => inhibits() === 1);
      await viewer.page.goto("about:blank");
      await until("nothing that keeps it awake", () => inhibits() === 0);
    });
  });
}
