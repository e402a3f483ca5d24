/**
 * The systemd units: how far they are shut, and that the real programs work within.
 *
 *   node --test tests/deploy/units.test.mjs        after a build; parts of it need root
 */

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const unit = (name) => join(root, "deploy/systemd", name);
const router = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/removid-router");
const has = (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const isRoot = process.getuid() === 0;
const NOBODY = 65534;

/** `systemd-analyze security`'s figure for a unit. */
function exposure(file) {
  const text = execFileSync("systemd-analyze", ["security", "--no-pager", "--offline=true", file], { encoding: "utf8" });
  const found = /exposure level for .*: ([0-9.]+)/.exec(text);
  assert.ok(found, text);
  return Number(found[1]);
}

test("the router's unit is shut as far as systemd can measure", { skip: !has("systemd-analyze") }, () => {
  const figure = exposure(unit("removid-router.service"));
  console.log(`removid-router.service: exposure ${figure}`);
  assert.ok(figure <= 1.5, `${figure}`);
  // The measure can tell: without its lines that protect, the same unit is open.
  const dir = mkdtempSync(join(tmpdir(), "removid-unit-"));
  try {
    const open = join(dir, "removid-router.service");
    writeFileSync(open, readFileSync(unit("removid-router.service"), "utf8").replace(/^(Protect|Private|Restrict|SystemCall|Capability)\w+=.*$/gm, ""));
    assert.ok(exposure(open) > 5);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("the agent's unit stays with the graphical session, and shares the desktop that somebody sits at", () => {
  const text = readFileSync(unit("removid-agent.service"), "utf8");
  for (const line of ["After=graphical-session.target", "PartOf=graphical-session.target", "WantedBy=graphical-session.target"]) {
    assert.ok(text.split("\n").includes(line), line);
  }
  assert.match(text, /^ExecStart=\/usr\/bin\/removid agent --desktop x11 /m);
  // Each of these would take the X server, the bus, sound or the folder of files away from it.
  for (const key of ["PrivateTmp", "ProtectHome", "PrivateUsers", "PrivateNetwork", "MemoryDenyWriteExecute", "DynamicUser"]) {
    assert.doesNotMatch(text, new RegExp(`^${key}=`, "m"));
  }
});

/** Starts a program under the router's unit: its filter, and as root its user and its only capability too. */
function confined(...command) {
  const filter = ["/usr/bin/python3", join(import.meta.dirname, "confined.py"), unit("removid-router.service"), ...command];
  const cap = "+net_bind_service";
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--inh-caps", cap, "--ambient-caps", cap, "--bounding-set", `-all,${cap}`];
  return ["setpriv", "--no-new-privs", ...(isRoot ? user : []), ...filter];
}

function get(port, path) {
  return new Promise((done, failed) => {
    const call = request({ host: "127.0.0.1", port, path, rejectUnauthorized: false }, (answer) => done(answer.statusCode));
    call.on("error", failed);
    call.end();
  });
}

test("the router works under its unit's filter", { skip: !["systemd-analyze", "setpriv", "/usr/bin/python3"].every(has) }, async () => {
  const dir = mkdtempSync(join(tmpdir(), "removid-unit-"));
  let running;
  try {
    chmodSync(dir, 0o755);
    const program = join(dir, "removid-router");
    copyFileSync(router, program);
    copyFileSync(join(import.meta.dirname, "confined.py"), join(dir, "confined.py"));
    copyFileSync(unit("removid-router.service"), join(dir, "unit"));
    mkdirSync(join(dir, "state"), { mode: 0o700 });
    if (isRoot) chownSync(join(dir, "state"), NOBODY, NOBODY);
    // As root, a port that only the unit's capability opens.
    const port = isRoot ? 943 : 18943;
    const config = join(dir, "router.toml");
    writeFileSync(config, `public-url = "https://localhost:${port}/"\nlisten = "127.0.0.1:${port}"\nstate-dir = "${dir}/state"\npasskeys = true\n`);
    const under = (...command) => {
      const [first, ...rest] = confined(...command).map((word) => {
        if (word === join(import.meta.dirname, "confined.py")) return join(dir, "confined.py");
        return word === unit("removid-router.service") ? join(dir, "unit") : word;
      });
      return [first, rest];
    };

    // The filter is on: what it leaves out is refused, what it lets through is not.
    const probe = (code) => spawnSync(...under("/usr/bin/python3", "-c", code), { encoding: "utf8" });
    assert.match(probe("import os; os.sched_setscheduler(0, 0, os.sched_param(0))").stderr, /PermissionError/);
    assert.match(probe("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)").stderr, /PermissionError/);
    assert.match(probe("import mmap; mmap.mmap(-1, 4096, prot=7)").stderr, /PermissionError/);
    assert.equal(probe("import socket, mmap; socket.socket(); mmap.mmap(-1, 4096, prot=3)").status, 0);

    const [first, rest] = under(program, "--config", config);
    running = spawn(first, rest, { stdio: ["ignore", "pipe", "pipe"] });
    let log = "";
    running.stderr.on("data", (data) => (log += data));
    const ended = new Promise((done) => running.on("exit", (code) => done(code)));
    const serving = new Promise((done) => running.stdout.on("data", done));
    await Promise.race([serving, ended.then((code) => assert.fail(`ended with ${code}: ${log}`))]);
    assert.equal(await get(port, "/healthz"), 200);
    assert.equal(await get(port, "/readyz"), 200);
    // The console's commands work beside it, on the same database.
    const [command, words] = under(program, "--config", config, "enroll-token");
    assert.match(execFileSync(command, words, { encoding: "utf8" }), /^\S{20,}\n$/);
    running.kill("SIGTERM");
    assert.equal(await ended, 0, log);
    running = undefined;
    assert.doesNotMatch(log, /ERROR|panicked|not permitted/);
  } finally {
    running?.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  }
});
