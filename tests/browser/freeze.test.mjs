/**
 * A link that stands still while somebody types: no letter comes twice, none is lost, none is invented by the
 * host's own repeat, whose delay is as short as people set it.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { KEY, type } from "./lib/keys.mjs";
import { LACK, Network } from "./lib/net.mjs";
import { run } from "./lib/process.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { TypingHost } from "./lib/typing.mjs";
import { pause, until } from "./lib/wait.mjs";

for (const name of BROWSERS) {
  describe(`a frozen link in ${name}`, { skip: LACK }, () => {
    const scene = new Scene();
    let browser;
    before(async () => (browser = await scene.browser(name)));
    after(() => scene.end());

    it("up to 1.5 s: what is typed arrives once", () => within(async (own) => {
      const network = await own.use(Network.open({ nat: true }));
      const host = await own.use(TypingHost.open({ namespace: network.host }));
      await network.translate(host.agent.port);
      own.add(async () => (await browser.page()).page.goto("about:blank"));
      run("xset", ["-display", host.display.name, "r", "rate", "250", "40"]);
      const viewer = await browser.view(host.agent.url(network.outer));
      await viewer.live();
      await viewer.take();
      await host.application("gtk");
      const { x } = scene.display;
      let typed = "";
      for (const ms of [120, 400, 800, 1_500]) {
        // One letter is down when the link freezes and comes up meanwhile; others are typed whole.
        await x.keyDown(KEY.a);
        typed += "a";
        await until("the letter", () => host.read() === typed, 3_000, () => host.read());
        network.forwarder.child.kill("SIGSTOP");
        await x.keyUp(KEY.a);
        await type(x, "xyz");
        await pause(ms);
        network.forwarder.child.kill("SIGCONT");
        typed += "xyz";
        await until(`what was typed in ${ms} ms`, () => host.read().length >= typed.length, 5_000, () => host.read());
        await until("nothing held", async () => (await host.display.x.keysDown()).length === 0, 3_000);
        assert.equal(host.read(), typed, `after ${ms} ms`);
      }
      assert.equal((await viewer.look()).state, "live");
    }));
  });
}
