/**
 * Ways from a viewer to a team's host without any relay: over TCP where a network drops UDP, and through a NAT that
 * keeps to one address for all peers, by the address that a STUN server sees.
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { LACK, Network } from "./lib/net.mjs";
import { run, start } from "./lib/process.mjs";
import { Team, logIn } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

const STUN = 3478;

const answers = (address) => new Promise((done) => {
  const socket = connect(STUN, address, () => (socket.destroy(), done(true)));
  socket.on("error", () => done(false));
});

for (const name of BROWSERS) {
  describe(`ways without a relay in ${name}`, { skip: LACK }, () => {
    const stack = new Stack();
    let network;
    let team;
    let host;
    let viewer;
    before(async () => {
      network = await stack.use(Network.open());
      team = await stack.use(Team.open({ namespace: network.router, address: network.outer }));
      team.role("staff", { allow: { labels: { "*": ["*"] } }, rights: { view: true } });
      team.command("role", "bind", "staff", "--provider", "trial", "--group", "staff");
      host = await team.host("far box", [], network.host);
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
      await viewer.page.evaluateOnNewDocument(() => {
        const add = RTCPeerConnection.prototype.addIceCandidate;
        window.heard = [];
        RTCPeerConnection.prototype.addIceCandidate = function (candidate) {
          window.heard.push(candidate?.candidate ?? "");
          return add.call(this, candidate);
        };
      });
    });
    after(() => stack.end());

    const open = async () => {
      await viewer.visit(`${team.url}desktop?host=${host.id}`);
      await viewer.live(25_000);
      return until("the path's name", async () => (await viewer.stats())?.path);
    };

    it("goes over TCP where UDP is dropped", async () => {
      await viewer.visit(`${team.url}desktop?host=${host.id}`);
      await logIn(viewer.page, "bob");
      await viewer.live(25_000);
      assert.equal(await open(), "direct udp");
      await viewer.page.goto("about:blank");
      network.drop("udp");
      assert.equal(await open(), "direct tcp");
      network.restore();
    });

    it("closes what speaks on that port and is not expected", async () => {
      const line = run("ip", ["netns", "exec", network.host, "ss", "-Hltnp"]).split("\n").find((one) => one.includes("removid"));
      const port = Number(/:(\d+) /.exec(line)[1]);
      for (const said of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Buffer.concat([Buffer.from([0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), Buffer.alloc(12)]), Buffer.alloc(70_000)]) {
        const heard = await new Promise((done, refused) => {
          let all = 0;
          const socket = connect(port, network.inner, () => socket.write(said));
          socket.on("data", (data) => (all += data.length));
          socket.on("error", () => done(all));
          socket.on("close", () => done(all));
          setTimeout(() => refused(new Error("it stays open")), 15_000).unref();
        });
        assert.equal(heard, 0, "not a word to a stranger");
      }
    });

    it("goes through a NAT by the address that a STUN server sees", async () => {
      const nft = (text) => run("ip", ["netns", "exec", network.router, "nft", text]);
      // One address for all peers, whoever speaks first; whatever asks for the inner address is dropped.
      nft("add table ip nat");
      nft("add chain ip nat pre { type nat hook prerouting priority -100; }");
      nft("add chain ip nat post { type nat hook postrouting priority 100; }");
      nft("add chain ip nat in { type nat hook input priority 100; }");
      nft("add chain ip nat pass { type filter hook forward priority 0; }");
      nft(`add rule ip nat pre ip daddr ${network.outer} udp dport 32768-65535 dnat to ${network.inner}`);
      nft(`add rule ip nat post ip saddr ${network.inner} snat to ${network.outer}`);
      nft(`add rule ip nat in ip saddr ${network.inner} udp dport ${STUN} snat to ${network.outer}`);
      nft(`add rule ip nat pass ip daddr ${network.inner} ct state new ct status & dnat == 0 drop`);
      await viewer.page.goto("about:blank");
      const server = start("ip", ["netns", "exec", network.router, "turnserver", "-n", "--log-file", "stdout", "--simple-log", "--pidfile", team.at("stun.pid"), "--listening-ip", network.outer, "--stun-only", "--no-cli"]);
      stack.add(() => server.end());
      await until("a STUN server", () => answers(network.outer), 10_000, () => server.out + server.err);
      const again = async (lines) => {
        team.configure(() => lines);
        await team.router.end();
        await team.startRouter();
        await until("the host to be back", () => team.router.err.includes("Host connected"), 70_000);
      };
      await again(`[[ice-server]]\nurls = ["stun:${network.outer}:${STUN}"]`);
      assert.equal(await open(), "direct udp");
      const seen = () => viewer.page.evaluate(() => window.heard.filter((line) => line.includes(" srflx ")));
      await until("the address that the server sees", async () => (await seen()).some((line) => line.includes(` ${network.outer} `)), 10_000, async () => `${await seen()} ${host.process.err.slice(-3000)} ${server.out.slice(-2000)}`);
      assert.ok((await seen()).every((line) => !line.includes(network.inner)), "nothing of the network behind it is told");
    });
  });
}
