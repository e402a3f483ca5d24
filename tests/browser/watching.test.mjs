/**
 * Who comes late to a still screen, who comes in a crowd, and who looks away: pictures are there at once, and
 * nothing is sent that nobody sees.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { FULL, until } from "./lib/wait.mjs";

const AWAY_MS = FULL ? 10_000 : 4_000;
/** What a host may send to a page that nobody sees; heartbeats are less. */
const AWAY_BITS = 20_000;
/** What it sends now: the transport fills up to 50 kbit/s with empty packets, and their headers come on top. */
const AWAY_PADDED = 120_000;
const CROWD = 10;

/** The 20 blocks of the test pattern's clock; see host-agent/src/test_pattern.rs. */
const BLOCKS = Array.from({ length: 20 }, (_, i) => ({ x: 32 * i + 8, y: 8, width: 16, height: 16 }));

/** How old the picture is, by the clock in it; null while it is no whole clock. */
async function age(viewer) {
  const means = await viewer.means(BLOCKS);
  const now = Date.now() % 65_536;
  const bits = means.map(([r]) => r > 128);
  if (!bits[0] || bits[1] || !bits[19] || bits.slice(2, 19).filter(Boolean).length % 2 !== 0) return null;
  const shown = bits.slice(2, 18).reduce((sum, bit) => 2 * sum + Number(bit), 0);
  return (now - shown + 65_536) % 65_536;
}

/** Makes the page keep its peer connections, to count what arrives. */
async function countBytes(viewer) {
  await viewer.page.evaluateOnNewDocument(() => {
    window.peers = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...args) {
        super(...args);
        window.peers.push(this);
      }
    };
    window.framesReceived = async () => {
      const reports = await Promise.all(window.peers.map((peer) => peer.getStats()));
      return reports.flatMap((report) => [...report.values()]).find(({ type }) => type === "inbound-rtp")?.framesReceived;
    };
    window.bytes = async () => {
      let sum = 0;
      for (const peer of window.peers.filter(({ connectionState }) => connectionState === "connected")) {
        for (const report of (await peer.getStats()).values()) {
          if (report.type === "candidate-pair" && report.nominated) sum += report.bytesReceived ?? 0;
        }
      }
      return sum;
    };
  });
}

for (const name of BROWSERS) {
  describe(`watching in ${name}`, () => {
    const scene = new Scene();
    let browser;
    before(async () => (browser = await scene.browser(name)));
    after(() => scene.end());

    it("a still screen is there within 2 s for one who comes late, and for ten at once", () => within(async (own) => {
      const still = new Scene();
      own.add(() => still.end());
      const host = await still.host({ width: 640, height: 480 });
      own.add(async () => (await browser.page()).page.goto("about:blank"));
      const viewer = await browser.view(still.agent.url());
      await viewer.live();
      await viewer.sees(host, 0x30c030);
      /** More desktops on the same page: a hidden tab would get no picture, as it should. */
      const join = (count) => viewer.page.evaluate(async (count, token) => {
        const started = performance.now();
        const made = Array.from({ length: count }, () => document.createElement("removid-desktop"));
        const times = made.map((desktop) => new Promise((resolve, reject) => {
          desktop.addEventListener("ready", () => resolve(performance.now() - started));
          desktop.addEventListener("statechange", ({ detail }) => detail.state === "ended" && reject(new Error(detail.reason)));
          setTimeout(() => reject(new Error("no picture within 20 s")), 20_000);
        }));
        for (const desktop of made) {
          desktop.style.cssText = "position: fixed; left: 0; bottom: 0; width: 80px; height: 60px; z-index: 9";
          document.body.append(desktop);
          desktop.connect({ token });
        }
        const all = await Promise.all(times);
        window.joined = made;
        return all;
      }, count, still.agent.link.token);
      const away = () => viewer.page.evaluate(() => window.joined.forEach((desktop) => desktop.remove()));

      for (let n = 0; n < (FULL ? 5 : 2); n += 1) {
        const [late] = await join(1);
        assert.ok(late < 2_000, `a picture after ${Math.round(late)} ms`);
        await away();
      }
      const crowd = await join(CROWD);
      assert.equal(crowd.length, CROWD);
      assert.ok(Math.max(...crowd) < 12_000, `the last picture after ${Math.round(Math.max(...crowd))} ms`);
      const sizes = await viewer.page.evaluate(() => window.joined.map((desktop) => desktop.shadowRoot.querySelector("video").videoWidth));
      assert.deepEqual(sizes, Array(CROWD).fill(640));
      assert.equal((await viewer.look()).desk.viewers.length, CROWD + 1);
      await away();
      await until("the crowd to be gone", async () => (await viewer.look()).desk.viewers.length === 1, 15_000);
      assert.equal((await viewer.look()).state, "live");
    }));

    let rate;
    it("a hidden tab is sent no picture, and shows the present when it is back", () => within(async (own) => {
      const agent = await own.use(Agent.open({ desktop: "test", size: "1280x720" }));
      const viewer = await browser.page();
      await countBytes(viewer);
      own.add(() => viewer.page.goto("about:blank"));
      await viewer.page.goto(agent.url());
      await viewer.live();
      await until("a clock that is right", async () => {
        const ms = await age(viewer);
        return ms !== null && ms < 300;
      });
      const bytes = () => viewer.page.evaluate(() => window.bytes());
      const framesReceived = () => viewer.page.evaluate(() => window.framesReceived());
      const before = await bytes();
      await until("a moving picture's bytes", async () => (await bytes()) > before + 20_000, 10_000, bytes);

      const other = await browser.page({ newTab: true });
      await until("the tab to be hidden", async () => (await viewer.look()).hidden);
      // What was on its way is let arrive: half a second in which no more than heartbeats came.
      let quiet = { bytes: 0, since: performance.now() };
      await until("the stream to stop", async () => {
        const now = await bytes();
        if (now - quiet.bytes > 3_000) quiet = { bytes: now, since: performance.now() };
        return performance.now() - quiet.since > 500;
      }, 3_000);
      const [from, since, frames] = [await bytes(), performance.now(), await framesReceived()];
      await until("the time to be over", () => performance.now() - since > AWAY_MS, AWAY_MS + 5_000);
      rate = (((await bytes()) - from) * 8_000) / (performance.now() - since);
      assert.equal(await framesReceived(), frames);
      assert.ok(rate < AWAY_PADDED, `${Math.round(rate)} bit/s to a page that nobody sees`);

      await viewer.page.bringToFront();
      await until("the tab to be seen", async () => !(await viewer.look()).hidden);
      let ms;
      await until("the clock within 300 ms", async () => {
        ms = await age(viewer);
        return ms !== null && ms < 300;
      }, 1_500, () => `${ms} ms old`);
      await other.page.close();
    }));

    it("and next to nothing else", () => {
      assert.ok(rate < AWAY_BITS, `${Math.round(rate)} bit/s to a page that nobody sees`);
    });
  });
}
