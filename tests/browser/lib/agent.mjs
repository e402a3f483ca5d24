/**
 * The agent under test: started with a state directory of its own, asked for its link, and looked into from
 * outside (its X server, its encoder workers).
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { alive, descendants, firstLine, folder, run, start } from "./process.mjs";
import { until } from "./wait.mjs";
import { X11 } from "./x11.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const PROGRAM = process.env.REMOVID_PROGRAM ?? join(ROOT, "target/release/removid");
/** Trying encoders takes seconds; what the first agent of this run found serves the others. */
const CACHE = join(tmpdir(), `removid-test-encoders-${process.getuid()}`);
const CACHED = ["encoders.json", "gstreamer-registry.bin"];

/** As root, a virtual desktop belongs to the user `removid`. */
function makeUser() {
  if (process.getuid() !== 0) return;
  try {
    run("id", ["removid"]);
  } catch {
    run("useradd", ["--system", "--create-home", "--shell", "/bin/bash", "removid"]);
  }
}

export class Agent {
  /**
   * @param {{ flags?: string[], desktop?: string, session?: string, size?: string, display?: string,
   *   listen?: string, state?: string, namespace?: string, env?: object, sign?: boolean }} [options]
   */
  static async open(options = {}) {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: cargo build --release --workspace`);
    makeUser();
    const agent = new Agent(options);
    await agent.start();
    return agent;
  }

  constructor(options) {
    this.options = options;
    this.dir = options.state === undefined ? folder("state") : { path: options.state, end() {} };
    this.clients = [];
    mkdirSync(CACHE, { recursive: true });
    for (const name of CACHED) if (existsSync(join(CACHE, name))) copyFileSync(join(CACHE, name), join(this.dir.path, name));
  }

  get state() {
    return this.dir.path;
  }

  /** Starts it, or starts it again on the same port. */
  async start() {
    const { flags = [], desktop = "virtual", session, size, display, namespace, env = {}, sign = false } = this.options;
    const listen = this.port === undefined ? (this.options.listen ?? "[::]:0") : `[::]:${this.port}`;
    const args = ["direct", "--listen", listen, "--desktop", desktop, "--state-dir", this.state, "--announce", "json", ...flags];
    // Nothing on the desktop but what the test puts there, unless it asks for more.
    if (desktop === "virtual") args.push("--session", session ?? "exec sleep 1000000", "--size", size ?? "1280x720");
    if (desktop === "test") args.push("--size", size ?? "1280x720");
    if (display !== undefined) args.push("--display", display);
    // Tests that look at pixels want their own only.
    if (!sign) args.push("--no-sign");
    const environment = { ...process.env, REMOVID_LOG: "info", ...env };
    this.process = namespace === undefined
      ? start(PROGRAM, args, { env: environment })
      : start("ip", ["netns", "exec", namespace, PROGRAM, ...args], { env: environment });
    this.link = JSON.parse(await firstLine(this.process, "the agent's link"));
    // The link may name a proxy's address; the last of the kept ones is always the agent's own.
    const { bases } = JSON.parse(readFileSync(join(this.state, "place.json"), "utf8"));
    this.port = Number(new URL(bases.at(-1)).port);
    this.fragment = new URL(this.link.url).hash;
  }

  /** The page by another address than the announced one. */
  url(host = "127.0.0.1", fragment = this.fragment) {
    return `https://${host}:${this.port}/${fragment}`;
  }

  /** A further token, as its link on 127.0.0.1. */
  token(...flags) {
    const line = JSON.parse(run(PROGRAM, ["token", "new", "--ttl", "1h", "--announce", "json", "--state-dir", this.state, ...flags]));
    return { ...line, url: this.url("127.0.0.1", new URL(line.url).hash) };
  }

  /** Strikes a token from the list. */
  revoke(label) {
    run(PROGRAM, ["token", "revoke", label, "--state-dir", this.state]);
  }

  get children() {
    return descendants(this.process.pid);
  }

  workers() {
    return this.children.filter(({ args }) => args.includes("encoder-worker"));
  }

  xserver() {
    const found = this.children.find(({ args }) => args[0]?.endsWith("Xvfb"));
    if (found === undefined) return undefined;
    return { pid: found.pid, display: found.args[1], authority: found.args[found.args.indexOf("-auth") + 1] };
  }

  /** A client on the virtual desktop. */
  async x() {
    const { display, authority } = await until("the desktop's X server", () => this.xserver());
    const x = await X11.open(display, authority);
    this.clients.push(x);
    return x;
  }

  get log() {
    return this.process.err;
  }

  async stop(signal = "SIGTERM") {
    for (const x of this.clients.splice(0)) x.end();
    const children = this.children.map(({ pid }) => pid);
    await this.process.end(signal);
    if (signal !== "SIGKILL") await until("the agent's children to end", () => !children.some(alive), 5_000);
    for (const name of CACHED) if (existsSync(join(this.state, name)) && !existsSync(join(CACHE, name))) copyFileSync(join(this.state, name), join(CACHE, name));
  }

  async end() {
    await this.stop();
    this.dir.end();
  }
}
