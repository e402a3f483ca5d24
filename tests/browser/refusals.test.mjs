/**
 * Who is refused before the upgrade, each beside an honest twin that is let in: tokens, tickets, origins,
 * plain HTTP. Single requests, no browser.
 */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { ask, seat, shout, upgrade } from "./lib/http.mjs";
import { Stack, until } from "./lib/wait.mjs";

const NAMED = "https://wiki.example";
const PUBLIC = "https://Desk.Example:8443/";

/** A token with other claims or another header, signed by the agent's own key: only the claim is wrong. */
function resigned(agent, { claims = {}, header = {}, key } = {}) {
  const [{ key: own }] = JSON.parse(readFileSync(join(agent.state, "keyring.json"), "utf8"));
  const parts = agent.link.token.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
  const [h, c] = [{ ...parts[0], ...header }, { ...parts[1], ...claims }].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  const signature = createHmac("sha512", key ?? Buffer.from(own, "base64url")).update(`${h}.${c}`).digest("base64url");
  return `${h}.${c}.${signature}`;
}

describe("refusals", () => {
  const stack = new Stack();
  let agent;
  before(async () => {
    agent = await stack.use(Agent.open({ desktop: "test", flags: ["--origin", NAMED, "--public-url", PUBLIC] }));
  });
  after(() => stack.end());

  describe("tokens", () => {
    const now = () => Math.floor(Date.now() / 1000);
    const cases = {
      missing: () => undefined,
      empty: () => "",
      rubbish: () => "not-a-token",
      "forged signature": () => agent.link.token.slice(0, -6) + "AAAAAA",
      "another key": () => resigned(agent, { key: Buffer.alloc(256, 7) }),
      expired: () => resigned(agent, { claims: { exp: now() - 60 } }),
      "not yet valid": () => resigned(agent, { claims: { nbf: now() + 3_600 } }),
      "another audience": () => resigned(agent, { claims: { aud: "another-host" } }),
      "another issuer": () => resigned(agent, { claims: { iss: "somebody" } }),
      "not on the list": () => resigned(agent, { claims: { jti: "AAAAAAAAAAAA" } }),
      "algorithm none": () => resigned(agent, { header: { alg: "none" } }),
      "weaker algorithm": () => resigned(agent, { header: { alg: "HS256" } }),
    };
    it("the twin: signed again without a change, it opens", async () => {
      assert.equal((await seat(agent.port, agent.link.token)).status, 201);
      assert.equal((await seat(agent.port, resigned(agent))).status, 201);
    });
    for (const [what, token] of Object.entries(cases)) {
      it(`${what}: 401`, async () => {
        const { status, body } = await seat(agent.port, token());
        assert.equal(status, 401, JSON.stringify(body));
        assert.equal(JSON.stringify(body).includes(agent.link.token.slice(-20)), false);
      });
    }
    it("a revoked one: 401, and the address of a token never holds it", async () => {
      const { token } = agent.token("--label", "gone");
      assert.equal((await seat(agent.port, token)).status, 201);
      agent.revoke("gone");
      const { status, body } = await until("the list to be read again", async () => {
        const answer = await seat(agent.port, token);
        return answer.status !== 201 && answer;
      }, 5_000);
      assert.deepEqual([status, body.code], [401, "token_revoked"]);
      assert.equal((await ask(agent.port, { method: "POST", path: `/api/v1/sessions?token=${agent.link.token}` })).status, 401);
    });
  });

  describe("tickets", () => {
    const ticket = async () => (await seat(agent.port, agent.link.token)).body.ticket;

    it("one opens the socket once, and then 401", async () => {
      const own = await ticket();
      const first = await upgrade(agent.port, own);
      assert.equal(first.status, 101);
      assert.equal(first.headers["sec-websocket-protocol"], "removid.v1");
      const second = await upgrade(agent.port, own);
      assert.deepEqual([second.status, second.upgraded], [401, undefined]);
      first.close();
    });
    it("two at the same moment: one is let in", async () => {
      const own = await ticket();
      const answers = await Promise.all([upgrade(agent.port, own), upgrade(agent.port, own)]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [101, 401]);
      for (const { close } of answers) close?.();
    });
    it("wrong, empty or missing: 401 before the upgrade", async () => {
      const own = await ticket();
      const flipped = (own[0] === "A" ? "B" : "A") + own.slice(1);
      for (const wrong of [flipped, "", "A".repeat(43), undefined]) {
        const { status, upgraded } = await upgrade(agent.port, wrong);
        assert.deepEqual([status, upgraded], [401, undefined], `ticket ${wrong}`);
      }
      const right = await upgrade(agent.port, own);
      assert.equal(right.status, 101);
      right.close();
    });
    it("a ticket of a token revoked meanwhile: 401", async () => {
      const { token } = agent.token("--label", "short");
      const { ticket: own } = (await seat(agent.port, token)).body;
      agent.revoke("short");
      assert.equal((await upgrade(agent.port, own)).status, 401);
    });
  });

  describe("origins", () => {
    const foreign = {
      "another site": ["https://evil.example"],
      "another port of this host": () => [`https://127.0.0.1:${agent.port + 1}`],
      "plain HTTP of this host": () => [`http://127.0.0.1:${agent.port}`],
      "a sandboxed frame": ["null"],
      "a sister of the named site": ["https://sub.wiki.example"],
      "a longer name": ["https://wiki.example.evil.example"],
      "user and password": () => [`https://127.0.0.1:${agent.port}@evil.example`],
    };
    const honest = {
      "this host": () => [`https://127.0.0.1:${agent.port}`, `127.0.0.1:${agent.port}`],
      "a name": () => [`https://box:${agent.port}`, `box:${agent.port}`],
      "an upper-case name with a dot": () => [`https://box:${agent.port}`, `BOX.:${agent.port}`],
      "an IPv6 literal": () => [`https://[::1]:${agent.port}`, `[::1]:${agent.port}`],
      "the default port left out": () => ["https://box", "box:443"],
      "the default port named": () => ["https://box:443", "box"],
      "the named site": () => [NAMED],
      "the public address, by a proxy that rewrites Host": () => ["https://desk.example:8443", "10.0.0.7:9000"],
      "the public address, by a proxy that drops the port": () => ["https://desk.example:8443", "desk.example"],
    };
    const both = async (origin, host) => {
      const { status: seated } = await seat(agent.port, agent.link.token, { origin, host });
      const { ticket } = (await seat(agent.port, agent.link.token)).body;
      const { status: upgraded, close } = await upgrade(agent.port, ticket, { origin, host });
      close?.();
      return [seated, upgraded];
    };
    const value = (entry) => (typeof entry === "function" ? entry() : entry);

    for (const [what, entry] of Object.entries(foreign)) it(`${what}: 403`, async () => assert.deepEqual(await both(...value(entry)), [403, 403]));
    for (const [what, entry] of Object.entries(honest)) it(`${what}: let in`, async () => assert.deepEqual(await both(...value(entry)), [201, 101]));

    it("a ticket without an origin is no browser's: 403", async () => {
      const { ticket } = (await seat(agent.port, agent.link.token)).body;
      assert.equal((await upgrade(agent.port, ticket, { origin: null })).status, 403);
    });
    it("the refusal names both values", async () => {
      const { body } = await seat(agent.port, agent.link.token, { origin: "https://evil.example" });
      assert.equal(body.code, "origin");
      assert.match(body.message, /evil\.example.*127\.0\.0\.1/);
    });
    it("only the named site may read the answer", async () => {
      const allowed = async (origin) => (await seat(agent.port, agent.link.token, { origin })).headers["access-control-allow-origin"];
      assert.equal(await allowed(NAMED), NAMED);
      assert.equal(await allowed("https://evil.example"), undefined);
    });
  });

  describe("without TLS", () => {
    it("plain HTTP gets no page and no token is asked for", async () => {
      const { closed, answer } = await shout(agent.port, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${agent.port}\r\n\r\n`);
      assert.doesNotMatch(answer, /200|<html|removid-desktop/i);
      assert.equal(closed, true);
    });
    it("the twin: with TLS the page is there, with its policy", async () => {
      const { status, headers } = await ask(agent.port);
      assert.equal(status, 200);
      assert.match(headers["content-security-policy"], /default-src 'none'.*frame-ancestors https:\/\/wiki\.example/);
    });
  });

  describe("guessing", () => {
    it("is slowed down: an address that fails on and on gets 429", async () => {
      const { status } = await until("the limit", async () => {
        const answer = await seat(agent.port, "a.b.c", { from: "127.0.0.99" });
        return answer.status === 429 && answer;
      }, 15_000);
      assert.equal(status, 429);
      // A right token does not help that address now, and no other address is punished with it.
      assert.equal((await seat(agent.port, agent.link.token, { from: "127.0.0.99" })).status, 429);
      assert.equal((await seat(agent.port, agent.link.token)).status, 201);
    });
  });
});
