/**
 * A page from elsewhere and a host on the viewer's own network: Chromium asks the person first. The page says why, connects
 * when they allow it; when they do not it connects where there is a relay, and else says what is wrong. Firefox asks nobody yet.
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { LACK, Network } from "./lib/net.mjs";
import { run, start } from "./lib/process.mjs";
import { Team, logIn, seen } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

const SECRET = "a-secret-that-both-of-them-know";
const TURN = 3478;
const PUBLIC = "198.51.100.7";

const answers = (address) => new Promise((done) => {
  const socket = connect(TURN, address, () => (socket.destroy(), done(true)));
  socket.on("error", () => done(false));
});

describe("a host on the viewer's own network in chromium", { skip: LACK || (!BROWSERS.includes("chromium") && "Chromium alone asks") }, () => {
  const stack = new Stack();
  let network;
  let team;
  let host;
  let viewer;
  before(async () => {
    network = await stack.use(Network.open());
    team = await stack.use(Team.open({ namespace: network.router, address: network.outer }));
    host = await team.host("near box", [], network.host);
  });
  after(() => stack.end());

  /** Chromium with nothing decided, which takes the router for a site of the internet. */
  const open = async () => {
    const args = [`--ip-address-space-overrides=${network.outer}:${team.port}=public`, "--enable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebRTC"];
    const browser = await stack.use(Browser.open("chromium", await stack.use(Display.viewer()), { args }));
    viewer = await browser.page();
    await desktop();
    await logIn(viewer.page, "ada");
    await seen(viewer, "the words", (said) => said.includes("may ask whether this page may reach devices on your local network"));
    assert.equal((await viewer.look()).state, "connecting");
  };

  /** Clicks the left or the right button of the browser's question: the widest two stretches of their colour in one row. */
  const click = async (which) => {
    const at = await until("the browser's question", async () => {
      const pixels = await viewer.x.pixels({ width: 460, height: 340 });
      for (let y = 130; y < 340; y += 1) {
        const runs = [];
        for (let x = 0, from = -1; x <= 460; x += 1) {
          const i = 3 * (460 * y + x);
          const pale = x < 460 && pixels[i] === 0xd3 && pixels[i + 1] === 0xe3 && pixels[i + 2] === 0xfd;
          if (pale && from < 0) from = x;
          if (!pale && from >= 0) {
            if (x - from > 30) runs.push({ x: (from + x) >> 1, y: y + 4 });
            from = -1;
          }
        }
        if (runs.length === 2) return runs[which];
      }
      return null;
    });
    await viewer.x.moveTo(at.x, at.y);
    await viewer.x.click();
  };

  const desktop = () => viewer.visit(`${team.url}desktop?host=${host.id}`);
  const path = () => until("the path's name", async () => (await viewer.stats())?.path);

  it("is told why the browser asks, and connects once it is allowed", async () => {
    await open();
    await click(1);
    await viewer.live();
    assert.equal(await path(), "direct udp");
    // They are not asked again.
    await desktop();
    await viewer.live();
    await viewer.page.goto("about:blank");
  });

  it("is told what keeps it away when that was refused and there is no relay", async () => {
    await open();
    await click(0);
    await seen(viewer, "the words", (said) => said.includes("[E-LOCALNET]"), 40_000);
  });

  it("is reached all the same where there is a relay", async () => {
    await viewer.page.goto("about:blank");
    // An address of the documentation's (RFC 5737) is nobody's own network.
    run("ip", ["-n", network.router, "addr", "add", `${PUBLIC}/32`, "dev", "lo"]);
    run("ip", ["route", "add", PUBLIC, "via", network.outer]);
    const args = ["-n", "--log-file", "stdout", "--simple-log", "--pidfile", team.at("turn.pid"), "--userdb", team.at("turndb"), "--listening-ip", PUBLIC, "--relay-ip", PUBLIC, "--realm", "removid", "--use-auth-secret", `--static-auth-secret=${SECRET}`, "--no-cli", "--no-multicast-peers"];
    const server = start("ip", ["netns", "exec", network.router, "turnserver", ...args]);
    stack.add(() => server.end());
    await until("coturn", () => answers(PUBLIC), 10_000, () => server.out + server.err);
    team.configure((made) => {
      made.secret("turn-secret", SECRET);
      return `[turn]\nurls = ["turn:${PUBLIC}:${TURN}?transport=udp"]\nsecret-file = "${made.at("turn-secret")}"\n`;
    });
    await team.router.end();
    await team.startRouter();
    await until("the host to be back", () => team.router.err.includes("Host connected"), 70_000);
    await desktop();
    await viewer.live(25_000);
    assert.equal(await viewer.page.evaluate(async () => (await navigator.permissions.query({ name: "local-network" })).state), "denied");
    // By the relay, or straight: the host knows the viewer’s address now, and its own packets need no permission here.
    assert.match(await path(), /^(relay|direct) udp$/);
  });
});
