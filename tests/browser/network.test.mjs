/**
 * Ways to the host that are not a plain LAN: one TCP port only, address translation, a page on loopback, a
 * machine that has nothing but loopback.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { LACK, Network } from "./lib/net.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const ALONE = process.env.REMOVID_TEST_ALONE === "1";

for (const name of BROWSERS) {
  describe(`network in ${name}`, { skip: ALONE && "the other part runs here" }, () => {
    const scene = new Scene();
    let browser;
    before(async () => (browser = await scene.browser(name)));
    after(() => scene.end());
    const leave = async () => (await browser.page()).page.goto("about:blank");
    const path = async (viewer) => until("the path's name", async () => (await viewer.stats())?.path);

    it("a page on 127.0.0.1 connects", () => within(async (own) => {
      const agent = await own.use(Agent.open());
      own.add(leave);
      const viewer = await browser.view(agent.url("127.0.0.1"));
      await viewer.live();
      await viewer.sees(await agent.x(), 0x30c030);
    }));

    it("UDP is dropped: live by TCP on the page's own port", { skip: LACK }, () => within(async (own) => {
      const network = await own.use(Network.open());
      const agent = await own.use(Agent.open({ namespace: network.host }));
      own.add(leave);
      const twin = await browser.view(agent.url(network.inner));
      await twin.live();
      assert.match(await path(twin), /udp/);
      await twin.page.goto("about:blank");
      network.drop("udp");
      const viewer = await browser.view(agent.url(network.inner));
      await viewer.live(20_000);
      assert.match(await path(viewer), /tcp/);
      await viewer.sees(await agent.x(), 0x30c030);
    }));

    it("an outer address that the host does not own: live through the translation", { skip: LACK }, () => within(async (own) => {
      const network = await own.use(Network.open({ nat: true }));
      const agent = await own.use(Agent.open({ namespace: network.host }));
      await network.translate(agent.port);
      own.add(leave);
      const viewer = await browser.view(agent.url(network.outer));
      await viewer.live(20_000);
      await viewer.sees(await agent.x(), 0x30c030);
    }));

    // On a long path the picture is there before the channels are open. Tunnels leave packets small: browsers
    // begin the handshake with datagrams of 1200 bytes (Firefox with larger ones first), so TCP must carry it.
    const PATHS = [
      ["a long path", { delay: 100 }, /direct udp/, 9_000],
      ["a long, narrow and lossy path", { delay: 20, loseEvery: 100, kbit: 5_000 }, /direct udp/],
      ["packets of 1280 bytes at most", { mtu: 1_280 }, /direct (udp|tcp)/],
      ["packets of 1200 bytes at most", { mtu: 1_200 }, /direct tcp/],
    ];
    for (const [what, way, wanted, stay = 2_000] of PATHS) {
      it(`${what}: one session, and every change is seen`, { skip: LACK }, () => within(async (own) => {
        const network = await own.use(Network.open({ nat: true }));
        const agent = await own.use(Agent.open({ namespace: network.host }));
        await network.translate(agent.port, way);
        own.add(leave);
        const viewer = await browser.view(agent.url(network.outer));
        await viewer.live(20_000);
        const began = performance.now();
        await viewer.recordStates();
        const x = await agent.x();
        const size = { width: 500, height: 400 };
        const noisy = await x.window({ x: 400, y: 0, ...size });
        // The first stays longer than any deadline of a start. More is on the screen than fits through at once.
        do {
          await x.paint(noisy, size, randomBytes(size.width * size.height * 3));
          for (const colour of [0xc03030, 0x30c030, 0x3030c0]) await viewer.sees(x, colour);
        } while (performance.now() - began < stay);
        assert.deepEqual(await viewer.page.evaluate(() => window.states), []);
        assert.match(await path(viewer), wanted);
      }));
    }
  });
}

describe("a machine with nothing but loopback", { skip: LACK || (ALONE && "the other part runs here") }, () => {
  it("passes in a namespace of its own", () => {
    const file = fileURLToPath(import.meta.url);
    // Not taken for a part of this run, which would change what it prints.
    const { NODE_TEST_CONTEXT, ...env } = process.env;
    const inner = `ip link set lo up && exec "${process.execPath}" --test "${file}"`;
    const done = spawnSync("unshare", ["--net", "sh", "-c", inner], { encoding: "utf8", timeout: 120_000, env: { ...env, REMOVID_TEST_ALONE: "1" } });
    assert.equal(done.status, 0, `${done.stdout}${done.stderr}`);
    assert.match(done.stdout, new RegExp(`# pass ${BROWSERS.length}`));
  });
});

for (const name of ALONE ? BROWSERS : []) {
  describe(`alone in ${name}`, () => {
    const scene = new Scene();
    after(() => scene.end());
    it("shows the picture, or says why it cannot", async () => {
      const browser = await scene.browser(name);
      const agent = await scene.stack.use(Agent.open());
      const viewer = await browser.view(agent.url("127.0.0.1"));
      let last;
      const outcome = await until("an outcome", async () => {
        last = await viewer.look();
        if (last.state === "live" && last.video?.width > 0) return "live";
        return /E-LOOPBACK/.test(last.text) && "told";
      }, 30_000, () => JSON.stringify(last));
      // Firefox uses no loopback address, nor does Chromium of today; should one, then it must work.
      if (name === "firefox") assert.equal(outcome, "told");
      if (outcome === "live") await viewer.sees(await agent.x(), 0x30c030);
    });
  });
}
