/**
 * What breaks comes back by itself: the signalling socket, the path of the media, the agent, the desktop's X
 * server, the encoder. Nobody touches the page in these tests.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { forwardTcp } from "./lib/forward.mjs";
import { LACK, Network } from "./lib/net.mjs";
import { alive } from "./lib/process.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { FULL, until } from "./lib/wait.mjs";

/** From a path's return to a live session: a try that is under way ends, and the next one finds the host. */
const FROM_AFAR_MS = 4_000;

for (const name of BROWSERS) {
  describe(`reconnect in ${name}`, () => {
    const scene = new Scene();
    let browser;
    before(async () => (browser = await scene.browser(name)));
    after(() => scene.end());
    const leave = async () => (await browser.page()).page.goto("about:blank");

    it("the signalling socket is cut: the session goes on", () => within(async (own) => {
      const agent = await own.use(Agent.open());
      const relay = await own.use(forwardTcp({ target: "127.0.0.1", targetPort: agent.port }));
      own.add(leave);
      const viewer = await browser.view(`https://127.0.0.1:${relay.port}/${agent.fragment}`);
      await viewer.live();
      await viewer.recordStates();
      const x = await agent.x();
      await viewer.sees(x, 0xc03030);
      relay.closed = true;
      assert.ok(relay.open.size > 0, "the socket went through the relay");
      relay.cut();
      await viewer.sees(x, 0x3030c0);
      // Longer than a missing heartbeat would take to show.
      const { at } = await viewer.page.evaluate(() => ({ at: performance.now() }));
      await until("the time to be over", async () => (await viewer.page.evaluate(() => performance.now())) > at + 3_500);
      await viewer.sees(x, 0x30c030);
      assert.deepEqual(await viewer.page.evaluate(() => window.states), []);
    }));

    it("the path is cut: stalled within 3 s, live again after it", { skip: LACK }, () => within(async (own) => {
      const network = await own.use(Network.open());
      const agent = await own.use(Agent.open({ namespace: network.host }));
      own.add(leave);
      const viewer = await browser.view(agent.url(network.inner));
      await viewer.live();
      const x = await agent.x();
      await viewer.sees(x, 0xc03030);
      network.drop();
      await viewer.state("stalled", 3_000);
      network.restore();
      await viewer.state("live", 5_000);
      await viewer.sees(x, 0x3030c0);
      await until("one entry in the list of viewers", async () => (await viewer.look()).desk.viewers.length === 1);
      // And longer, so that new sessions were tried meanwhile.
      network.drop();
      await viewer.state("stalled", 3_000);
      const end = performance.now() + (FULL ? 40_000 : 10_000);
      await until("the time to be over", async () => {
        assert.equal((await viewer.look()).state, "stalled");
        return performance.now() > end;
      }, 60_000);
      network.restore();
      await viewer.state("live", FROM_AFAR_MS);
      await viewer.sees(x, 0x30c030);
      await until("one entry in the list of viewers", async () => (await viewer.look()).desk.viewers.length === 1);
    }));

    for (const signal of ["SIGTERM", "SIGKILL"]) {
      it(`the agent is restarted on its port after ${signal}`, () => within(async (own) => {
        const agent = await own.use(Agent.open());
        own.add(leave);
        const viewer = await browser.view(agent.url());
        await viewer.live();
        await viewer.recordStates();
        await agent.stop(signal);
        await until("the page to notice", async () => (await viewer.look()).state !== "live", 5_000);
        await agent.start();
        await viewer.live(20_000);
        await viewer.sees(await agent.x(), 0x30c030);
        const states = await viewer.page.evaluate(() => window.states.map(({ state }) => state));
        assert.equal(states.includes("ended"), false, states.join());
      }));
    }

    it("the desktop's X server is killed: the picture comes back in the same session", () => within(async (own) => {
      const agent = await own.use(Agent.open());
      own.add(leave);
      const viewer = await browser.view(agent.url());
      const { desk } = await viewer.live();
      await viewer.sees(await agent.x(), 0xc03030);
      const old = agent.xserver();
      process.kill(old.pid, "SIGKILL");
      const fresh = await until("another X server", () => {
        const now = agent.xserver();
        return now !== undefined && now.pid !== old.pid && now;
      });
      assert.ok(alive(fresh.pid));
      await until("a display that lives", async () => (await viewer.look()).desk.health === "live");
      await viewer.sees(await until("its socket", () => agent.x()), 0x30c030, 8_000);
      assert.equal((await viewer.look()).desk.viewer, desk.viewer, "it is the same session");
    }));

    it("the encoder is killed: the next one goes on in the same session", () => within(async (own) => {
      const agent = await own.use(Agent.open());
      own.add(leave);
      const viewer = await browser.view(agent.url());
      const { desk } = await viewer.live();
      const x = await agent.x();
      await viewer.sees(x, 0xc03030);
      const { encoder: first } = (await viewer.look()).desk;
      const worker = await until("the encoder's process", () => agent.workers().find(({ args }) => args.includes(first)));
      process.kill(worker.pid, "SIGKILL");
      await viewer.sees(x, 0x3030c0, 8_000);
      const { encoder: second, viewer: number } = (await viewer.look()).desk;
      assert.notEqual(second, first);
      assert.equal(number, desk.viewer, "it is the same session");
      await viewer.sees(x, 0x30c030);
    }));
  });
}
