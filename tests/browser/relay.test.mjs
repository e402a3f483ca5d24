/**
 * A viewer and a host in separate networks, which reach only the router's machine between them: relayed by a real
 * coturn over UDP, TCP and TLS, with credentials that the router makes. Where both could see each other, a policy of
 * relays alone shows neither the other's address.
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

const SECRET = "a-secret-that-both-of-them-know";
/** By which Firefox finds the server: it opens no TLS towards an address. */
const NAME = "relay.test";
const PORTS = { udp: 3478, tcp: 3478, tls: 5349 };
/** @type {(address: string, way: string) => string} */
const url = (address, way) => `${way === "tls" ? "turns" : "turn"}:${address}:${PORTS[way]}?transport=${way === "udp" ? "udp" : "tcp"}`;

const answers = (address, port) => new Promise((done) => {
  const socket = connect(port, address, () => (socket.destroy(), done(true)));
  socket.on("error", () => done(false));
});

/**
 * An authority and the router's certificate by it, which coturn has as well: a browser can be told of an authority.
 * @param {Team} team
 */
function certify(team, address) {
  if (team.ca === "ca.pem") return "";
  const made = (args) => run("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", ...args]);
  made(["-keyout", team.at("ca-key.pem"), "-out", team.at("ca.pem"), "-subj", "/CN=an authority", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]);
  made(["-CA", team.at("ca.pem"), "-CAkey", team.at("ca-key.pem"), "-keyout", team.at("tls-key.pem"), "-out", team.at("tls-cert.pem"), "-subj", "/CN=the router", "-addext", `subjectAltName=IP:${address},DNS:${NAME}`,
    "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"]);
  team.ca = "ca.pem";
  return "";
}

/**
 * coturn in the namespace between; the host has no way to `far`, one of its two addresses.
 * @param {Team} team
 */
async function coturn(team, network, far) {
  const args = ["-n", "--log-file", "stdout", "--simple-log", "--pidfile", team.at("turn.pid"), "--userdb", team.at("turndb"),
    "--listening-ip", network.outer, "--listening-ip", far, "--relay-ip", network.outer, "--realm", "removid", "--use-auth-secret", `--static-auth-secret=${SECRET}`,
    "--cert", team.at("tls-cert.pem"), "--pkey", team.at("tls-key.pem"), "--no-cli", "--no-multicast-peers", "--stale-nonce=30", "--verbose"];
  const server = start("ip", ["netns", "exec", network.router, "turnserver", ...args]);
  await until("coturn", async () => (await answers(network.outer, PORTS.tcp)) && (await answers(network.outer, PORTS.tls)), 10_000, () => server.out + server.err);
  return server;
}

for (const name of BROWSERS) {
  describe(`relays in ${name}`, { skip: LACK }, () => {
    const stack = new Stack();
    let network;
    let team;
    let host;
    let viewer;
    let server;
    let far;
    before(async () => {
      network = await stack.use(Network.open({ nat: true }));
      far = `10.97.${network.k}.1`;
      run("ip", ["-n", network.router, "addr", "add", `${far}/32`, "dev", "lo"]);
      run("ip", ["-n", network.host, "route", "add", "blackhole", far]);
      run("ip", ["route", "add", far, "via", network.outer]);
      team = await stack.use(Team.open({ namespace: network.router, address: network.outer, keys: (made) => certify(made, network.outer), more: turn([url(network.outer, "udp")]) }));
      server = await stack.use(coturn(team, network, far));
      team.role("staff", { allow: { labels: { "*": ["*"] } }, rights: { view: true, input_keyboard: true } });
      team.command("role", "bind", "staff", "--provider", "trial", "--group", "staff");
      host = await team.host("far box", [], network.host);
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
    });
    after(() => stack.end());

    const turn = (urls, more = "") => (made) => {
      made.secret("turn-secret", SECRET);
      return `[turn]\nurls = ${JSON.stringify(urls)}\nsecret-file = "${made.at("turn-secret")}"\n${more}`;
    };

    const open = async () => {
      await viewer.visit(`${team.url}desktop?host=${host.id}`);
      await viewer.live(20_000);
      // Until the host's candidate has come, its relay is an address like any other.
      let path;
      return until("a relay's name", async () => (path = (await viewer.stats())?.path)?.startsWith("relay") && path, 10_000, () => path);
    };

    /** Starts the router again with other servers. */
    const instead = async (urls, more) => {
      await viewer.page.goto("about:blank");
      team.configure(turn(urls, more));
      await team.router.end();
      await team.startRouter();
      await until("the host to be back", () => team.router.err.includes("Host connected"), 70_000);
    };

    it("carries a session over UDP", async () => {
      await viewer.visit(`${team.url}desktop?host=${host.id}`);
      await logIn(viewer.page, "bob");
      await viewer.live(20_000);
      assert.equal(await open(), "relay udp");
      // The viewer's relay alone is enough; the host asks for one all the same.
      await until("the host's own address", () => host.process.err.includes("way=Udp"), 5_000, () => host.process.err);
    });

    it("carries a session over TCP", async () => {
      await instead([url(network.outer, "tcp")]);
      assert.equal(await open(), "relay tcp");
      assert.match(host.process.err, /way=Tcp/);
    });

    it("carries a session of a host that has TLS alone", async () => {
      // For TURN, browsers believe public certificates only: this one's viewer has UDP.
      await instead([url(far, "udp"), url(network.outer, "tls")]);
      assert.equal(await open(), "relay udp");
      assert.match(host.process.err, /way=Tls/);
    });

    it("carries a session of a viewer that has TLS alone", async () => {
      await instead([url(network.outer, "tls"), url(NAME, "tls")]);
      // For TURN, browsers ask for a public certificate: Chromium is told to take any, Firefox that this one is known.
      const known = name === "firefox" ? { trust: team.at("ca.pem"), prefs: { "network.dns.forceResolve": network.outer } } : { args: ["--ignore-certificate-errors"] };
      const own = await stack.use(Browser.open(name, await stack.use(Display.viewer()), known));
      const other = await own.page();
      await other.visit(`${team.url}desktop?host=${host.id}`);
      await logIn(other.page, "bob");
      await other.live(20_000);
      assert.equal(await until("the path's name", async () => (await other.stats())?.path), "relay tls");
      await own.end();
    });

    it("tells neither side the other's address when relays alone are permitted", async () => {
      await instead([url(network.outer, "udp")], "relay-only = true");
      await viewer.page.evaluateOnNewDocument(() => {
        const add = RTCPeerConnection.prototype.addIceCandidate;
        window.heard = [];
        RTCPeerConnection.prototype.addIceCandidate = function (candidate) {
          window.heard.push(candidate?.candidate ?? "");
          return add.call(this, candidate);
        };
        const set = RTCPeerConnection.prototype.setRemoteDescription;
        RTCPeerConnection.prototype.setRemoteDescription = function (description) {
          window.heard.push(...description.sdp.split("\r\n").filter((line) => line.startsWith("a=candidate")));
          return set.call(this, description);
        };
      });
      assert.equal(await open(), "relay udp");
      const heard = (await viewer.page.evaluate(() => window.heard)).filter((line) => line !== "");
      assert.ok(heard.length > 0 && heard.every((line) => line.includes(" typ relay ")), heard.join("\n"));
      assert.ok(heard.every((line) => !line.includes(network.inner)), heard.join("\n"));
    });

    it("lives longer than its credentials and than the server's nonces", { skip: !process.env.REMOVID_FULL && "takes four minutes" }, async () => {
      await instead([url(network.outer, "tcp")], "lifetime = 60");
      assert.equal(await open(), "relay tcp");
      let last = await viewer.look();
      for (const end = performance.now() + 200_000; performance.now() < end; ) {
        await new Promise((done) => setTimeout(done, 1_000));
        const now = await viewer.look();
        assert.equal(now.state, "live");
        assert.ok(now.video.time > last.video.time, `the picture stood still at ${now.video.time}`);
        assert.equal(now.desk.viewer, last.desk.viewer, "it is the same session");
        last = now;
      }
      // The viewer comes back with new ones.
      assert.equal(await open(), "relay tcp");
      const lock = team.command("lock", "add", "host", host.id);
      const began = performance.now();
      await until("the end", async () => ["ended", "connecting"].includes((await viewer.look()).state), 10_000);
      assert.ok(performance.now() - began < 5_000);
      team.command("lock", "lift", lock);
    });

    it("leaves the secret out of every log", () => {
      assert.ok(!(team.router.err + host.process.err + server.out).includes(SECRET));
    });
  });
}
