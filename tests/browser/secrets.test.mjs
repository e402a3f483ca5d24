/**
 * Nothing that is secret is written down: a whole day of web mode with router and host at their most talkative, and
 * then a search for everything that was issued on the way, in logs, audit log, database, addresses, consoles and the
 * table of processes. What is known to stand there is found, so the search would find the rest.
 *
 * In Chromium with SQLite, in Firefox with PostgreSQL.
 *
 * What is kept on purpose, each where its owner alone may read: keys and secrets in files of their own in the state
 * directory, never in the database; there, and in the log, an enrolment token by its first six signs, and a hash of
 * whatever opens something. A provider's code and `state` stand in the address that the provider sends the browser to
 * (OpenID Connect Core 1.0 §3.1.2.5), and nowhere else.
 */

import assert from "node:assert/strict";
import { createPrivateKey, randomBytes } from "node:crypto";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Front } from "./lib/front.mjs";
import { descendants, runBeside } from "./lib/process.mjs";
import { Postgres } from "./lib/postgres.mjs";
import { Needles } from "./lib/secrets.mjs";
import { Authenticator, SECRET, Team, logIn, press, seen } from "./lib/team.mjs";
import { PROGRAM } from "./lib/agent.mjs";
import { Stack, until } from "./lib/wait.mjs";

const OVERHEARD = new URL("lib/overheard.mjs", import.meta.url).pathname;
const TURN = randomBytes(24).toString("base64url");
const METRICS = randomBytes(24).toString("base64url");
const JWT = /eyJ[\w-]+\.[\w-]+\.([\w-]{20,})/g;
/** What a provider and the standard demand to be in an address. */
const IN_ADDRESSES = {
  "/auth/callback/trial": ["code", "error", "error_description", "iss", "state"],
  "/auth": ["acr_values", "client_id", "code_challenge", "code_challenge_method", "max_age", "nonce", "prompt", "redirect_uri", "response_type", "scope", "state"],
};

/** The private half of a key in a file, as the bytes that it is; of Ed25519 (RFC 8410 §7) it is read here. */
const half = (bytes) => {
  const at = bytes.indexOf(Buffer.from([0x04, 0x22, 0x04, 0x20]));
  if (at > 0) return bytes.subarray(at + 4, at + 36);
  return Buffer.from(createPrivateKey(bytes.includes("BEGIN") ? bytes : { key: bytes, format: "der", type: "pkcs8" }).export({ format: "jwk" }).d, "base64url");
};

for (const name of BROWSERS) {
  describe(`secrets in ${name}`, () => {
    const stack = new Stack();
    const needles = new Needles();
    const addresses = [];
    const consoles = [];
    /** What is no secret, and stands in that place. */
    const known = {};
    let team;
    let viewer;
    let dev;
    let device;
    let postgres;
    let processes = "";
    let figures = "";

    const watch = (made) => {
      // A fragment stays in the browser; that the page takes it out of its address is tried with the passkeys.
      made.page.on("request", (request) => addresses.push(request.url().split("#")[0], request.headers().referer ?? ""));
      made.page.on("console", (message) => consoles.push(message.text()));
      return made;
    };

    /** A call of the page's own, with its own token, as a script on it would make. */
    const call = (page, method, path, body) => page.evaluate(async (method, path, body) => {
      const { token } = await (await fetch("api/v1/token", { method: "POST" })).json();
      const init = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
      const answer = await fetch(path, { method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, ...init });
      return { status: answer.status, body: await answer.json().catch(() => null) };
    }, method, path, body);

    /** Words and surroundings of router and host, and of every process that they started. */
    const census = () => {
      for (const { pid } of [team.router, dev.process].flatMap((root) => [root, ...descendants(root.pid)])) {
        for (const name of ["cmdline", "environ"]) {
          try {
            processes += `${readFileSync(`/proc/${pid}/${name}`, "latin1")}\n`;
          } catch {
            // It ended meanwhile.
          }
        }
      }
    };

    before(async () => {
      const turn = (made) => {
        made.secret("turn-secret", TURN);
        made.secret("metrics-token", METRICS);
        return `[turn]\nurls = ["turn:127.0.0.1:3478?transport=udp"]\nsecret-file = "${made.at("turn-secret")}"\n`;
      };
      if (name === "firefox") postgres = await stack.use(Postgres.open());
      const database = postgres === undefined ? "" : `database = "${postgres.url}"\n`;
      const keys = (made) => `${database}passkeys = true\nmetrics-token-file = "${made.at("metrics-token")}"`;
      team = await stack.use(Team.open({ ...Front.before, keys, more: turn, log: "trace", preload: OVERHEARD }));
      dev = await team.host("dev box", ["env=dev"]);
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer()), { authenticators: true }));
      viewer = watch(await browser.page());
    });
    after(() => stack.end());

    it("are issued on a whole tour", async () => {
      await viewer.page.goto(team.url);
      await logIn(viewer.page, "ada");
      await seen(viewer, "the host", (said) => said.includes("dev box"));
      await press(viewer.page, "Add a host");
      await viewer.page.click("dialog button.primary");
      await seen(viewer, "the commands", (said) => said.includes("rmve_"));
      await viewer.page.goto(`${team.url}desktop?host=${dev.id}`);
      await viewer.live();
      known.sid = JSON.parse(team.front.calls.findLast(({ url }) => url.endsWith("/sessions")).answer).sid;
      known.word = `removid-test-${randomBytes(6).toString("hex")}`;
      await viewer.page.evaluate((word) => console.log(word), known.word);
      census();
      const lock = await call(viewer.page, "POST", "api/v1/locks", { kind: "host", target: dev.id, reason: "cleaning", expires: null });
      assert.equal(lock.status, 201);
      // The page asks at the login once more, and is told why.
      await until("the reason", async () => (await viewer.look()).reason === "locked", 10_000, async () => JSON.stringify(await viewer.look()));
      assert.equal((await call(viewer.page, "DELETE", `api/v1/locks/${lock.body.id}`)).status, 204);
      await viewer.page.goto(`${team.url}audit`);
      await seen(viewer, "the log", (said) => said.includes("RMV6005I"));
    });

    it("are issued to somebody without a provider", async () => {
      const { body } = await call(viewer.page, "POST", "api/v1/invites", { name: "Grace", admin: true });
      const own = await viewer.browser.browser.createBrowserContext();
      const other = watch(viewer.browser.adopt(await own.newPage()));
      device = await Authenticator.plug(other);
      await other.page.goto(body.link);
      await press(other.page, "Make a passkey");
      await seen(other, "the hosts", (said) => said.includes("dev box"));
      for (const { privateKey } of await device.credentials()) needles.add("passkey's private half", half(Buffer.from(privateKey, "base64")));
      await press(other.page, "Log out");
      await seen(other, "the login", (said) => said.includes("You are logged out"));
      await press(other.page, "Use a passkey");
      await seen(other, "the hosts", (said) => said.includes("dev box"));
      await other.page.goto(`${team.url}desktop?host=${dev.id}`);
      await other.live();
      await other.page.goto(body.link);
      await other.page.reload();
      await seen(other, "that it was used", (said) => said.includes("was used"));
      await own.close();
    });

    it("are issued to a guest", async () => {
      const { status, body } = await call(viewer.page, "POST", `api/v1/hosts/${dev.id}/shares`, { kind: "view", expires_in: 900, uses: 1 });
      assert.equal(status, 201, JSON.stringify(body));
      const own = await viewer.browser.browser.createBrowserContext();
      const bob = watch(viewer.browser.adopt(await own.newPage()));
      await bob.page.goto(body.link);
      await logIn(bob.page, "bob");
      await press(bob.page, "Accept and open");
      await bob.live();
      await own.close();
    });

    it("are shown where they do not belong", async () => {
      const { calls } = team.front;
      const callback = calls.find(({ url }) => url.startsWith("/auth/callback/"));
      const ticket = JSON.parse(calls.findLast(({ url }) => url.endsWith("/sessions")).answer).ticket;
      const token = readFileSync(join(dev.state.path, "token"), "utf8").trim();
      const [, invited] = JSON.parse(calls.find(({ url }) => url === "/api/v1/invites").answer).link.split("#");
      // A code twice, a used ticket, a used token, and each as the body where an object belongs.
      await viewer.page.goto(`${team.url}${callback.url.slice(1)}`);
      await seen(viewer, "the refusal", (said) => said.length > 0);
      await viewer.page.goto(`${team.url}audit`);
      const upgraded = await viewer.page.evaluate((ticket) => new Promise((done) => {
        const socket = new WebSocket(new URL("api/v1/signal", location.href.replace(/^http/, "ws")), ["removid.v1", `removid.ticket.${ticket}`]);
        socket.onopen = () => done(true);
        socket.onerror = () => done(false);
      }), ticket);
      assert.equal(upgraded, false, "a ticket opens once");
      for (const [path, secret] of [["api/v1/enroll", token], ["api/v1/invites/look", invited], ["api/v1/invites", invited], ["api/v1/locks", token]]) {
        for (const body of [JSON.stringify(secret), JSON.stringify({ [secret]: secret }), `{"token":"${secret}`, JSON.stringify({ token: [secret], secret: { secret } })]) {
          const { status } = await call(viewer.page, "POST", path, body);
          assert.ok(status >= 400 && status < 500, `${path} ${body.slice(0, 20)}: ${status}`);
        }
      }
      const stolen = JSON.parse(calls.find(({ url, status }) => url === "/api/v1/token" && status === 200).answer).token;
      const bad = await viewer.page.evaluate(async (token) => (await fetch("api/v1/hosts", { headers: { authorization: `Bearer ${token}x` } })).status, stolen);
      assert.equal(bad, 401);
      const again = join(team.dir.path, "again");
      writeFileSync(join(team.dir.path, "used"), token, { mode: 0o600 });
      await assert.rejects(() => runBeside(PROGRAM, ["enroll", team.url, "--token-file", join(team.dir.path, "used"), "--ca", team.at("tls-cert.pem"), "--state-dir", again, "--name", "late"], { env: { ...process.env, REMOVID_LOG: "trace" } }), (error) => {
        consoles.push(error.message);
        return true;
      });
      figures = await viewer.page.evaluate(async (token) => (await fetch("metrics", { headers: { authorization: `Bearer ${token}` } })).text(), METRICS);
      assert.match(figures, /removid_up 1/);
    });

    it("end with a logout", async () => {
      await viewer.page.goto(team.url);
      await press(viewer.page, "Log out");
      await until("the provider's question", () => viewer.page.$("button[name=logout]").catch(() => null));
      await viewer.page.click("button[name=logout]");
      await seen(viewer, "the login page", (said) => said.includes("Log in with the trial provider"));
      census();
    });

    it("are all known to this test", () => {
      const { calls, said } = team.front;
      const overheard = readFileSync(team.at("overheard"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
      needles.add("client secret", SECRET);
      needles.add("TURN secret", TURN);
      needles.add("metrics token", METRICS);
      needles.add("token key", readFileSync(team.at("token-key")));
      for (const name of readdirSync(team.dir.path).filter((name) => name.endsWith(".pk8"))) needles.add(`private half of ${name}`, half(readFileSync(team.at(name))));
      needles.add("private half of tls-key.pem", half(readFileSync(team.at("tls-key.pem"))));
      needles.add("private half of host-key.pk8", half(readFileSync(join(dev.state.path, "host-key.pk8"))));
      needles.add("enrolment token", readFileSync(join(dev.state.path, "token"), "utf8").trim().slice("rmve_".length));
      const objects = [];
      for (const { url, headers, body, answer, answerHeaders } of calls) {
        for (const line of answerHeaders["set-cookie"] ?? []) {
          const [, value] = /=([^;]*)/.exec(line);
          if (value !== "") needles.add("cookie", value);
        }
        for (const text of [body, answer]) {
          try {
            objects.push(JSON.parse(text));
          } catch {
            // A page, a script, a form.
          }
        }
        const query = new URL(url, team.url).searchParams;
        for (const name of ["code", "state"]) if (query.has(name)) needles.add(`provider's ${name}`, query.get(name));
        for (const [, signature] of `${headers.authorization ?? ""} ${body} ${answer}`.matchAll(JWT)) needles.add("signed token", signature);
      }
      for (const { url, text } of said) {
        objects.push(JSON.parse(text));
        for (const [, signature] of text.matchAll(JWT)) needles.add(url === "/api/v1/host" ? "grant" : "signed token", signature);
      }
      const walk = (value) => {
        if (typeof value !== "object" || value === null) return;
        const { ticket, token, link, credential, sdp, ceremony } = value;
        const challenge = value.options?.challenge ?? value.challenge;
        if (typeof ticket === "string") needles.add("ticket", ticket);
        if (typeof token === "string" && token.startsWith("rmve_")) needles.add("enrolment token", token.slice("rmve_".length));
        if (typeof link === "string" && link.includes("#")) needles.add(link.includes("/share#") ? "share" : "invitation", link.split("#")[1]);
        if (typeof credential === "string") needles.add("TURN credential", credential);
        if (typeof ceremony === "string") needles.add("ceremony", ceremony);
        if (typeof challenge === "string") needles.add("passkey's challenge", challenge);
        for (const [, password] of (typeof sdp === "string" ? sdp : "").matchAll(/^a=ice-pwd:(\S+)/gm)) needles.add("ICE password", password);
        Object.values(value).forEach(walk);
      };
      objects.forEach(walk);
      for (const { url, body, answer } of overheard) {
        const form = new URLSearchParams(body);
        const query = new URL(url, team.issuer).searchParams;
        if (query.has("nonce")) needles.add("login's nonce", query.get("nonce"));
        if (form.has("code_verifier")) needles.add("login's verifier", form.get("code_verifier"));
        if (!url.startsWith("/token")) continue;
        const { access_token, id_token } = JSON.parse(answer);
        if (access_token !== undefined) needles.add("provider's access token", access_token);
        if (id_token !== undefined) needles.add("provider's ID token", id_token.split(".")[2]);
      }
      console.log(`# ${needles.known.size} secrets of ${needles.kinds.length} kinds: ${needles.kinds.join(", ")}`);
      const wanted = ["ICE password", "TURN credential", "TURN secret", "ceremony", "client secret", "cookie", "enrolment token", "grant", "invitation", "login's nonce", "login's verifier", "metrics token",
        "passkey's challenge", "passkey's private half", "private half of audit-key.pk8", "private half of grant-key.pk8", "private half of host-key.pk8", "private half of tls-key.pem", "provider's ID token",
        "provider's access token", "provider's code", "provider's state", "share", "signed token", "ticket", "token key"];
      assert.deepEqual(needles.kinds, wanted.toSorted());
    });

    let kept;
    /** PostgreSQL's bytes: the last ones, once the router has ended. */
    const stored = () => (kept = postgres.server.ended ? kept : postgres.bytes);

    /** Every place, with something that is known to be there. */
    const places = () => {
      const files = readdirSync(team.dir.path).filter((name) => /\.(db|sqlite)3?(-\w+)?$/.test(name));
      const all = [...addresses, ...team.front.calls.flatMap(({ url, headers }) => [url, headers.referer ?? ""])].filter((url) => {
        const { pathname } = new URL(url, team.url);
        return IN_ADDRESSES[pathname] === undefined;
      });
      return {
        "the router's log": [team.router.out + team.router.err, known.sid],
        "the host's log": [dev.process.out + dev.process.err, known.sid],
        "the audit log's file": [readFileSync(team.at("audit.jsonl")), known.sid],
        "the database": [postgres === undefined ? Buffer.concat(files.map((name) => readFileSync(team.at(name)))) : stored(), known.sid],
        addresses: [all.join("\n"), dev.id],
        consoles: [consoles.join("\n"), known.word],
        processes: [processes, team.dir.path],
        figures: [figures, "removid_database_up"],
      };
    };
    const leaks = () => Object.entries(places()).flatMap(([place, [bytes]]) => needles.find(Buffer.from(bytes)).map((hit) => ({ place, ...hit })));

    it("would be found in each place, in each form", () => {
      for (const [place, [content, there]] of Object.entries(places())) {
        const bytes = Buffer.from(content);
        const real = new Needles();
        real.add("known", there);
        assert.equal(real.find(bytes).length, 1, `${place} holds ${there}, and it is found (${bytes.length} bytes)`);
        for (const secret of [randomBytes(32).toString("base64url"), randomBytes(32)]) {
          const one = new Needles();
          one.add("planted", secret);
          assert.deepEqual(one.find(bytes), []);
          const raw = Buffer.from(secret);
          const inner = typeof secret === "string" ? Buffer.from(secret, "base64url") : raw;
          for (const form of [raw, raw.subarray(5, 29), Buffer.from(inner.toString("hex")), Buffer.from(Buffer.concat([Buffer.from("ab"), raw, Buffer.from("c")]).toString("base64")), Buffer.from(`[${[...inner].join(", ")}]`), Buffer.from(inner.toString("base64"))]) {
            const middle = (bytes.length >> 1) | 1;
            assert.equal(one.find(Buffer.concat([bytes.subarray(0, middle), form, bytes.subarray(middle)])).length, 1, `${place}: ${form.toString("latin1")}`);
          }
        }
      }
      assert.ok(team.router.err.includes("TRACE") && dev.process.err.includes("TRACE"), "both say all that they can");
    });

    it("stand in no address but those that the provider's protocol has", () => {
      const odd = [...addresses, ...team.front.calls.map(({ url }) => url)].flatMap((url) => {
        const { pathname, searchParams } = new URL(url, team.url);
        return [...searchParams.keys()].filter((name) => IN_ADDRESSES[pathname]?.includes(name) === false).map((name) => `${pathname}?${name}`);
      });
      assert.deepEqual(odd, []);
      assert.ok(team.front.calls.some(({ url }) => url.startsWith("/auth/callback/trial?code=")), "one was there");
    });

    it("are in no log, database, address, console or process", () => {
      assert.deepEqual(leaks(), []);
    });

    it("are not left in what the router and the host leave behind", async () => {
      await dev.process.end();
      await team.router.end();
      assert.deepEqual(leaks(), []);
      // What is kept is its owner's alone.
      for (const name of ["token-key", "grant-key.pk8", "audit-key.pk8", "tls-key.pem"]) assert.equal(statSync(team.at(name)).mode & 0o777, 0o600, name);
      assert.equal(statSync(join(dev.state.path, "host-key.pk8")).mode & 0o777, 0o600);
    });
  });
}
