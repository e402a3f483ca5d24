/**
 * The container files, as far as a machine without an engine can check them: what they copy, mount and name is there, and
 * the router and coturn take their configurations.
 *
 *   node --test tests/deploy/containers.test.mjs        after a build
 */

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const here = join(root, "deploy/container");
const router = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/removid-router");
const read = (name) => readFileSync(join(here, name), "utf8");
const containerfiles = readdirSync(here).filter((name) => name.endsWith(".Containerfile"));

/** Instructions of a container file, with continued lines joined. */
function instructions(name) {
  const text = read(name).replace(/^\s*#.*\n/gm, "").replace(/\\\n/g, " ");
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? assert.fail(`${name}: ${line}`);
    return { word, rest };
  });
}

const compose = JSON.parse(
  execFileSync("/usr/bin/python3", ["-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"], { input: read("compose.yaml"), encoding: "utf8" }),
);

test("images copy what is there, run as nobody in particular, and hold no secret", () => {
  assert.deepEqual(containerfiles.sort(), ["agent.Containerfile", "provider.Containerfile", "router.Containerfile"]);
  for (const name of containerfiles) {
    const lines = instructions(name);
    const stages = lines.filter(({ word }) => word === "FROM").map(({ rest }) => / AS (\S+)$/i.exec(rest)?.[1]);
    for (const { rest } of lines.filter(({ word }) => word === "COPY")) {
      const from = /^--from=(\S+) /.exec(rest)?.[1];
      const sources = rest.replace(/^--from=\S+ /, "").trim().split(/\s+/).slice(0, -1);
      if (from === undefined) for (const source of sources) assert.ok(existsSync(join(root, source)), `${name}: ${source}`);
      else assert.ok(stages.includes(from), `${name}: ${from}`);
      assert.doesNotMatch(rest, /secret|\.pem|\.key|token/i);
    }
    const user = lines.filter(({ word }) => word === "USER").at(-1)?.rest;
    assert.ok(user !== undefined && !/^(0|root)\b/.test(user), `${name} runs as root`);
    assert.ok(lines.some(({ word }) => word === "HEALTHCHECK"), name);
    for (const { rest } of lines.filter(({ word }) => word === "ENV" || word === "ARG")) assert.doesNotMatch(rest, /secret|password|token/i);
  }
  // `COPY deploy` does not take what secrets.sh made.
  assert.ok(readFileSync(join(root, ".dockerignore"), "utf8").split("\n").includes("**/secrets"));
  assert.match(read("router.Containerfile"), /https:\/\/127\.0\.0\.1:8443\/healthz/);
  // The workspace is whole in the stage that builds it.
  const [, members] = /members = \[([^\]]*)\]/.exec(readFileSync(join(root, "Cargo.toml"), "utf8"));
  for (const name of ["agent.Containerfile", "router.Containerfile"]) {
    for (const [, member] of members.matchAll(/"([^"]+)"/g)) {
      assert.ok(instructions(name).some(({ word, rest }) => word === "COPY" && rest.startsWith(`${member} `)), `${name}: ${member}`);
    }
  }
});

test("whatever compose.yaml names is there", () => {
  const dir = mkdtempSync(join(tmpdir(), "removid-secrets-"));
  try {
    execFileSync(join(here, "secrets.sh"), ["192.0.2.7", dir]);
    for (const [name, secret] of Object.entries(compose.secrets)) {
      assert.match(secret.file, /^\.\/secrets\//, name);
      const made = join(dir, basename(secret.file));
      assert.ok(existsSync(made), `secrets.sh makes no ${name}`);
      assert.equal(statSync(made).mode & 0o077, 0, name);
    }
    assert.match(readFileSync(join(dir, "turnserver.conf"), "utf8"), /^listening-ip=192\.0\.2\.7$/m);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  for (const [name, service] of Object.entries(compose.services)) {
    assert.ok((service.image === undefined) !== (service.build === undefined), name);
    if (service.build !== undefined) {
      const context = resolve(here, service.build.context);
      assert.equal(context, root, name);
      assert.ok(existsSync(join(context, service.build.dockerfile)), service.build.dockerfile);
    } else assert.match(service.image, /:[\w.-]+$/, `${name} takes whatever is latest`);
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(":");
      if (source.startsWith(".")) assert.ok(existsSync(resolve(here, source)), `${name}: ${source}`);
      else assert.ok(source in compose.volumes, `${name}: ${source}`);
    }
    const secrets = (service.secrets ?? []).map((secret) => secret.source ?? secret);
    for (const secret of secrets) assert.ok(secret in compose.secrets, `${name}: ${secret}`);
    // What a service reads below /run/secrets is given to it.
    for (const [, used] of JSON.stringify([service.command, service.environment]).matchAll(/\/run\/secrets\/([\w.-]+)/g)) assert.ok(secrets.includes(used), `${name}: ${used}`);
    for (const other of Object.keys(service.depends_on ?? {})) assert.ok(other in compose.services, `${name}: ${other}`);
  }
  const given = compose.services.router.secrets.map(({ target }) => target);
  for (const [, used] of read("router.toml").matchAll(/"\/run\/secrets\/([\w.-]+)"/g)) assert.ok(given.includes(used), used);
});

test("the router takes its configuration, and coturn its own", async () => {
  const dir = mkdtempSync(join(tmpdir(), "removid-compose-"));
  try {
    execFileSync(join(here, "secrets.sh"), ["127.0.0.1", dir]);
    const config = join(dir, "router.toml");
    const text = read("router.toml").replaceAll("/run/secrets/", `${dir}/`).replaceAll("/var/lib/removid-router", join(dir, "state"));
    writeFileSync(config, text.replace(/^database = .*$/m, `database = "sqlite:${join(dir, "router.db")}"`));
    const check = () => spawnSync(router, ["check-config", "--config", config], { encoding: "utf8" });
    assert.equal(check().status, 0, check().stderr);
    writeFileSync(config, `lissen = 1\n${readFileSync(config, "utf8")}`);
    assert.notEqual(check().status, 0);

    const options = readFileSync(join(dir, "turnserver.conf"), "utf8");
    const port = "13478";
    const mine = join(dir, "mine.conf");
    const started = (extra) => {
      writeFileSync(mine, `${options.replace(/^listening-port=.*$/m, `listening-port=${port}`)}\n${extra}\nuserdb=${join(dir, "db")}\npidfile=${join(dir, "pid")}\n`);
      return new Promise((done, failed) => {
        const turn = spawn("turnserver", ["-c", mine]);
        let said = "";
        const hear = (data) => {
          said += data;
          // The last thing that it does before it serves.
          if (/Total General servers/i.test(said)) turn.kill("SIGKILL");
        };
        turn.stdout.on("data", hear);
        turn.stderr.on("data", hear);
        turn.on("error", failed);
        turn.on("close", () => done(said));
      });
    };
    const good = await started("");
    assert.match(good, /Total General servers/i, good);
    assert.doesNotMatch(good, /bad configuration/i, good);
    assert.match(await started("no-such-option=1"), /bad configuration/i);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
