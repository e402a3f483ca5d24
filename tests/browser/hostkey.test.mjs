/**
 * A host's key that is another than on the first visit, in web mode: because the router's database says so, and because
 * a router lies to the page. The page stops with words, offers nothing that would go on regardless, and connects to
 * nobody; whoever meets the right key connects.
 */

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { PROGRAM } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Front } from "./lib/front.mjs";
import { run, runBeside } from "./lib/process.mjs";
import { Team, logIn, seen } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

/** A public key that nobody at the host has the other half of. */
const stranger = () => generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }).x;
const HOSTKEY = ["Stopped for your safety", "The host shows another key than the one in your link or on your first visit.", "[E-HOSTKEY]"];
const SIGNATURE = ["Stopped for your safety", "The connection is not signed by the host’s key.", "[E-SIGNATURE]"];

/** Changes the router's SQLite database. */
function sql(team, ...statements) {
  run("python3", ["-c", "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=10) as db:\n  for statement in sys.argv[2:]: db.execute(statement)", team.at("router.db"), ...statements]);
}

for (const name of BROWSERS) {
  describe(`a changed host key in ${name}`, () => {
    const stack = new Stack();
    let team;
    let dev;
    let viewer;
    let desktop;
    before(async () => {
      team = await stack.use(Team.open(Front.before));
      dev = await team.host("dev box", ["env=dev"]);
      desktop = `${team.url}desktop?host=${dev.id}`;
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
      // Whatever connects on a page is seen, also when it is gone again.
      await viewer.page.evaluateOnNewDocument(() => {
        window.connected = [];
        const Made = RTCPeerConnection;
        window.RTCPeerConnection = class extends Made {
          constructor(...args) {
            super(...args);
            this.addEventListener("connectionstatechange", () => window.connected.push(this.connectionState));
          }
        };
      });
    });
    after(() => stack.end());

    const pin = () => viewer.page.evaluate((id) => localStorage.getItem(`removid.pin.${id}`), dev.id);
    const forget = () => viewer.page.evaluate((id) => localStorage.removeItem(`removid.pin.${id}`), dev.id);
    const offers = () => viewer.look().then(() => viewer.page.evaluate(() => {
      const root = document.querySelector("removid-desktop");
      return [...root.querySelectorAll("button, a")].filter((one) => one.checkVisibility()).map((one) => one.textContent);
    }));
    const connects = async () => {
      await viewer.page.goto(desktop);
      await viewer.live();
      assert.ok((await viewer.page.evaluate(() => window.connected)).includes("connected"), "the watch sees a connection");
    };
    const stops = async (reason, words) => {
      await viewer.page.goto(desktop);
      await seen(viewer, words.at(-1), (said) => words.every((word) => said.includes(word)));
      // The notice's one button leads to another login; there is none to try again, and none to go on.
      assert.deepEqual(await offers(), ["Use another link"]);
      const now = await viewer.look();
      assert.deepEqual([now.state, now.reason, now.video?.width ?? 0], ["ended", reason, 0]);
      // Its way leads through the router's page back to the same words.
      const seats = () => team.front.calls.filter(({ url }) => url.endsWith("/sessions")).length;
      const before = seats();
      await viewer.page.evaluate(() => [...document.querySelectorAll("removid-desktop button")].find((one) => one.textContent === "Use another link").click());
      await until("another try", () => seats() > before, 10_000);
      await seen(viewer, words.at(-1), (said) => words.every((word) => said.includes(word)));
      const connected = await viewer.page.evaluate(() => window.connected);
      assert.ok(!connected.includes("connected"), connected.join());
      assert.equal((await viewer.look()).reason, reason);
    };

    it("does not keep out whoever meets the key of the first visit", async () => {
      await viewer.page.goto(desktop);
      await logIn(viewer.page, "ada");
      await viewer.live();
      assert.match(await pin(), /^[\w-]{43}$/);
      await connects();
    });

    it("stops whoever was here before when the router's database says another key", async () => {
      const pinned = await pin();
      const other = stranger();
      sql(team, `UPDATE host_key SET state = 'old' WHERE host = '${dev.id}'`, `INSERT INTO host_key (kid, host, public, state, created) VALUES ('another', '${dev.id}', '${other}', 'active', 1)`);
      await stops("hostkey", HOSTKEY);
      assert.equal(JSON.parse(team.front.calls.findLast(({ url }) => url.endsWith("/sessions")).answer).host_pub, other, "it was shown the other key");
      assert.equal(await pin(), pinned, "the first visit's key is remembered");
      sql(team, "DELETE FROM host_key WHERE kid = 'another'", `UPDATE host_key SET state = 'active' WHERE host = '${dev.id}'`);
      await connects();
    });

    it("stops whoever was here before when a router lies about the key", async () => {
      const other = stranger();
      team.front.lie = (url, body) => (url.endsWith("/sessions") && body.host_pub !== undefined ? { ...body, host_pub: other } : body);
      await stops("hostkey", HOSTKEY);
      team.front.lie = (_url, body) => body;
      await connects();
    });

    it("stops whoever comes for the first time, too: nobody can sign for that key", async () => {
      const other = stranger();
      team.front.lie = (url, body) => (url.endsWith("/sessions") && body.host_pub !== undefined ? { ...body, host_pub: other } : body);
      await viewer.page.goto(team.url);
      await forget();
      await stops("signature", SIGNATURE);
      team.front.lie = (_url, body) => body;
      await viewer.page.goto(team.url);
      // A key that nobody could sign with is not remembered: one lie must not keep the honest host out.
      assert.equal(await pin(), null);
      await connects();
    });

    it("lets whoever was here before go on to the key that follows, by the old key's word alone", async () => {
      const before = await pin();
      const rotate = () => runBeside(PROGRAM, ["rotate-key", "--state-dir", dev.state.path]);
      const first = team.front.calls.findLast(({ url }) => url.endsWith("/sessions"));
      const oldKey = JSON.parse(first.answer).host_pub;
      await connects();
      await rotate();
      // The agent that runs takes it by itself; who is connected does not notice.
      await until("the agent with its new key", () => dev.process.err.includes("This host has a new key"), 20_000, () => dev.process.err);
      await until("it to be back", () => dev.process.err.split("Connected to the router").length === 3, 15_000, () => dev.process.err);
      assert.equal((await viewer.look()).state, "live");
      // A router that tells of the new key without the chain, or with a chain that the old key did not sign, is refused.
      for (const lie of [(body) => ({ ...body, key_chain: undefined }), (body) => ({ ...body, key_chain: body.key_chain.map((step) => ({ ...step, old_sig: step.new_sig })) })]) {
        team.front.lie = (url, body) => (url.endsWith("/sessions") && body.host_pub !== undefined ? lie(body) : body);
        await stops("hostkey", HOSTKEY);
        assert.equal(await pin(), before);
      }
      team.front.lie = (_url, body) => body;
      await connects();
      const told = JSON.parse(team.front.calls.findLast(({ url }) => url.endsWith("/sessions")).answer);
      assert.notEqual(told.host_pub, oldKey);
      assert.deepEqual(told.key_chain.map(({ old_pub, new_pub }) => [old_pub, new_pub]), [[oldKey, told.host_pub]]);
      const after = await pin();
      assert.notEqual(after, before);
      // Twice more, with no visit between; the third waits for the agent to have used the second.
      await rotate();
      await assert.rejects(rotate(), /was not used yet/);
      await until("a third key", () => rotate().then(() => true, () => false), 30_000);
      await until("its agent with it", () => dev.process.err.split("Connected to the router").length === 5, 30_000, () => dev.process.err);
      await connects();
      assert.notEqual(await pin(), after);
      // The old key's word does not lead back.
      team.front.lie = (url, body) => (url.endsWith("/sessions") && body.host_pub !== undefined ? { ...body, host_pub: oldKey } : body);
      await stops("hostkey", HOSTKEY);
      team.front.lie = (_url, body) => body;
      await connects();
    });
  });
}
