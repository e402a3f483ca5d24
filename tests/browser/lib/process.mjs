/**
 * Programs that a test starts, and the process table.
 */

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./wait.mjs";

/** Starts a program and gathers what it says; a missing one is a clear failure. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const made = { child, pid: child.pid, out: "", err: "", failure: null, ended: false };
  child.on("error", (error) => (made.failure = error));
  child.on("exit", () => (made.ended = true));
  child.stdout?.on("data", (data) => (made.out += data));
  child.stderr?.on("data", (data) => (made.err += data));
  made.end = async (signal = "SIGTERM") => {
    if (made.ended || made.failure) return;
    child.kill(signal);
    await until(`${program} to end`, () => made.ended, 8_000).catch(() => child.kill("SIGKILL"));
  };
  return made;
}

/** The first line of a program's output. */
export async function firstLine(made, what, ms = 30_000) {
  return until(what, () => {
    if (made.failure?.code === "ENOENT") throw Object.assign(new Error(`${made.failure.path} is not installed`), made.failure);
    if (made.ended) throw new Error(`it ended: ${made.err.trim().split("\n").slice(-3).join(" / ")}`);
    return made.out.includes("\n") && made.out.slice(0, made.out.indexOf("\n"));
  }, ms);
}

/** Runs a program to its end and returns its output; a failure is an error with its words. */
export function run(program, args, options = {}) {
  const done = spawnSync(program, args, { encoding: "utf8", ...options });
  if (done.error?.code === "ENOENT") throw new Error(`${program} is not installed (see tests/browser/README.md)`);
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr || done.stdout || done.error}`);
  return done.stdout;
}

/** As `run`, while this process goes on: for programs that call a server in it. */
export async function runBeside(program, args, options = {}) {
  const made = start(program, args, options);
  await until(`${program} to end`, () => made.ended || made.failure, 30_000, () => made.err);
  if (made.child.exitCode !== 0) throw new Error(`${program} ${args.join(" ")}: ${made.err || made.out || made.failure}`);
  return made.out;
}

/** A port of the loopback that is free just now. */
export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export function folder(prefix) {
  const path = mkdtempSync(join(tmpdir(), `removid-test-${prefix}-`));
  return { path, end: () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }) };
}

/** `{ pid, parent, args }` of every process below one, at any depth. */
export function descendants(root) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1]);
      const args = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").slice(0, -1);
      return [{ pid: Number(name), parent, args }];
    } catch {
      return [];
    }
  });
  const found = [];
  const below = (pid) => {
    for (const process of all.filter(({ parent }) => parent === pid)) {
      found.push(process);
      below(process.pid);
    }
  };
  below(root);
  return found;
}

/** Whether a process still exists and is no zombie. */
export function alive(pid) {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")) && readlinkSync(`/proc/${pid}/exe`) !== "";
  } catch {
    return false;
  }
}
