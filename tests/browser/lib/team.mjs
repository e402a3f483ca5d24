/**
 * A team's router under test with the trial provider of `deploy/trial` and an enrolled host: everything that
 * `./run.sh web` starts, each part to be stopped and started by itself.
 */

import { writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PROGRAM } from "./agent.mjs";
import { forwardTcp } from "./forward.mjs";
import { firstLine, folder, freePort, run, runBeside, start } from "./process.mjs";
import { until } from "./wait.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const ROUTER = join(dirname(PROGRAM), "removid-router");
const ASSETS = process.env.REMOVID_ASSETS;
const FORWARD = fileURLToPath(new URL("forward.mjs", import.meta.url));
export const SECRET = "the-secret-of-the-trial-client";
const PATTERN = ["--desktop", "test", "--size", "1280x720", "--no-sign"];
const PEOPLE = { ada: { name: "Ada", groups: ["admins"] }, bob: { name: "Bob", groups: ["staff"] } };

/** The lines of a configuration about a provider of `deploy/trial`. */
export const provider = (/** @type {Team} */ team, issuer, id = "trial", name = "the trial provider") => `[[provider]]
id = "${id}"
name = "${name}"
issuer = "${issuer}"
client-id = "removid"
client-secret-file = "${team.at("client-secret")}"
scopes = ["openid", "profile", "email", "groups"]
`;

export class Team {
  /**
   * @param {{ path?: string, listen?: (team: Team) => string, keys?: string | ((team: Team) => string), more?: (team: Team) => string, alone?: boolean,
   *   namespace?: string, address?: string, ready?: (team: Team) => Promise<void>, log?: string, preload?: string }} [as] under which path, where it listens, further
   *   keys and further lines of configuration, whether it has no provider, a network namespace of its own and the address
   *   that it has there, what has to be there before hosts come, what router and hosts log, and a module that the
   *   provider loads first
   */
  static async open({ path = "/", listen, keys = "", more = () => "", alone = false, namespace, address = "localhost", ready = async () => {}, log = "info", preload } = {}) {
    const team = new Team();
    team.log = log;
    team.inside = namespace === undefined ? [] : ["ip", "netns", "exec", namespace];
    team.port = await freePort();
    team.url = `https://${address}:${team.port}${path}`;
    // The router makes its certificate at its start; the provider takes whatever it is.
    const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: "0", REMOVID_OVERHEARD: team.at("overheard") };
    const first = preload === undefined ? [] : ["--import", preload];
    team.provider = team.#start(process.execPath, [...first, ...team.trial("trial", PEOPLE)], { env });
    const { issuer } = JSON.parse(await firstLine(team.provider, "the provider"));
    team.issuer = issuer;
    if (namespace !== undefined) await team.#reachProvider(address, Number(new URL(issuer).port));
    team.secret("client-secret", SECRET);
    team.text = (lines) => `public-url = "${team.url}"
listen = "${listen ? listen(team) : `[::]:${team.port}`}"
state-dir = "${team.dir.path}"
${ASSETS === undefined ? "" : `assets-dir = "${ASSETS}"`}
${typeof keys === "string" ? keys : keys(team)}
${alone ? "" : `admins = [{ provider = "trial", group = "admins" }]\n${provider(team, issuer)}`}
[audit]
file = "${team.at("audit.jsonl")}"
${lines(team)}
`;
    team.configure(more);
    await team.startRouter();
    await ready(team);
    return team;
  }

  constructor() {
    this.dir = folder("team");
    this.agents = [];
    /** What hosts are told to believe, in the router's directory. */
    this.ca = "tls-cert.pem";
  }

  /** What starts a provider for trying that knows these people, for the router's provider of that id. */
  trial(id, people) {
    const client = { id: "removid", secret: SECRET, redirect: `${this.url}auth/callback/${id}`, home: this.url, backchannel: `${this.url}auth/backchannel/${id}` };
    return [join(ROOT, "deploy/trial/provider.mjs"), JSON.stringify({ client, people })];
  }

  at(name) {
    return join(this.dir.path, name);
  }

  /** What only its owner may read. */
  secret(name, text) {
    writeFileSync(this.at(name), text, { mode: 0o600 });
  }

  /** Writes the configuration; the router reads it when it starts. */
  configure(more) {
    writeFileSync(this.at("router.toml"), this.text(more));
  }

  #start(program, args, options) {
    const [first, ...rest] = [...this.inside, program, ...args];
    return start(first, rest, options);
  }

  /** The provider lives on the loopback of its namespace; a browser elsewhere finds it on its own. */
  async #reachProvider(address, port) {
    this.inner = this.#start(process.execPath, [FORWARD, address, "127.0.0.1", String(port), "{}"]);
    await firstLine(this.inner, "the provider's way out");
    this.outer = await forwardTcp({ port, target: address, targetPort: port });
  }

  async startRouter() {
    this.router = this.#start(ROUTER, ["--config", this.at("router.toml")], { env: { ...process.env, REMOVID_LOG: this.log } });
    await firstLine(this.router, "the router");
  }

  /** A command beside the running router. */
  command(...args) {
    return run(ROUTER, ["--config", this.at("router.toml"), ...args]).trim();
  }

  role(name, role) {
    writeFileSync(this.at(`${name}.json`), JSON.stringify(role));
    this.command("role", "set", name, this.at(`${name}.json`));
  }

  /** Enrols a host and starts its agent, with a moving pattern for a desktop if it is not told another. */
  async host(name, labels, namespace, desktop = PATTERN) {
    const state = folder("host");
    const inside = namespace === undefined ? [] : ["ip", "netns", "exec", namespace];
    const flags = labels.flatMap((label) => ["--label", label]);
    writeFileSync(join(state.path, "token"), this.command("enroll-token", ...flags));
    const [program, ...before] = [...inside, PROGRAM];
    await runBeside(program, [...before, "enroll", this.url, "--token-file", join(state.path, "token"), "--ca", this.at(this.ca), "--state-dir", state.path, "--name", name]);
    const agent = { name, state, inside, desktop, id: this.command("host", "list").split("\n").find((line) => line.split("\t")[1] === name).split("\t")[0] };
    this.agents.push(agent);
    await this.startAgent(agent);
    return agent;
  }

  async startAgent(agent) {
    const args = ["agent", ...agent.desktop, "--state-dir", agent.state.path];
    const [program, ...before] = [...agent.inside, PROGRAM];
    agent.process = start(program, [...before, ...args], { env: { ...process.env, REMOVID_LOG: this.log } });
    await until(`${agent.name} to reach its router`, () => agent.process.err.includes("Connected to the router"), 15_000, () => agent.process.err);
  }

  async end() {
    for (const { process, state } of this.agents) {
      await process.end();
      state.end();
    }
    await this.router?.end();
    await this.front?.end();
    await this.outer?.end();
    await this.inner?.end();
    await this.provider?.end();
    this.dir.end();
  }
}

/** Goes through the provider's pages as a person does, from the router's login page to where it leads. */
export async function logIn(page, who, at) {
  await until("the login page", () => page.$("a.button.primary"));
  if (at === undefined) await page.click("a.button.primary");
  else await press(page, at);
  await until("the provider's form", () => page.$("input[name=login]"));
  await page.type("input[name=login]", who);
  await page.type("input[name=password]", "anything");
  await page.click("button[type=submit]");
  // Asked once for each person and client.
  await until("the question for consent, or the end of it", async () => {
    const there = await page.$("input[name=prompt][value=consent]").catch(() => null);
    return there !== null || (await page.$(".team, removid-desktop").catch(() => null)) !== null;
  });
  if ((await page.$("input[name=prompt][value=consent]").catch(() => null)) !== null) await page.click("button[type=submit]");
}

/** What a provider asks somebody who has to prove anew who they are: the login alone. */
export async function askedAgain(page, who) {
  await until("the provider's form", () => page.$("input[name=login]"));
  await page.type("input[name=login]", who);
  await page.type("input[name=password]", "anything");
  await page.click("button[type=submit]");
}

/** Waits for what the page says. */
export async function seen(viewer, what, test, ms = 10_000) {
  let last = "";
  await until(what, async () => test((last = await viewer.page.evaluate(() => document.body.innerText).catch(() => ""))), ms, () =>
    JSON.stringify({ last, url: viewer.page.url(), console: viewer.console.slice(-5) }));
}

/** Presses the button or link of that name, which is there or comes. */
export async function press(page, name) {
  await until(`“${name}” to press`, () => page.evaluate((name) => {
    const found = [...document.querySelectorAll("button, a")].find((one) => one.textContent === name && one.checkVisibility());
    found?.click();
    return found !== undefined;
  }, name).catch(() => false), 10_000, async () => `${page.url()} ${await page.evaluate(() => document.body.innerText).catch((error) => error.message)}`);
}

const OPTIONS = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };

/**
 * An authenticator for tests that asks for no finger. In Chromium it belongs to a page, in Firefox to the whole browser,
 * which was opened for it.
 */
export class Authenticator {
  /** @param {import("./viewer.mjs").Viewer} viewer */
  static async plug({ page, browser: { marionette } }) {
    const made = new Authenticator();
    if (marionette === undefined) {
      const cdp = await page.createCDPSession();
      await cdp.send("WebAuthn.enable");
      const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { ...OPTIONS, automaticPresenceSimulation: true } });
      made.credentials = async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
      made.verified = (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
    } else {
      const { value: authenticatorId } = await marionette.call("WebAuthn:AddVirtualAuthenticator", { ...OPTIONS, isUserConsenting: true });
      made.credentials = async () => {
        const answer = await marionette.call("WebAuthn:GetCredentials", { authenticatorId });
        return answer.value ?? answer;
      };
      made.verified = (isUserVerified) => marionette.call("WebAuthn:SetUserVerified", { authenticatorId, isUserVerified });
    }
    return made;
  }

  /** What it has, each with a `privateKey` in base64 or base64url. @type {() => Promise<any[]>} */
  credentials;
  /** Whether it knows its person. @type {(is: boolean) => Promise<unknown>} */
  verified;
}
