/**
 * Files to and from the shared folder: whole, by their own names as far as those are safe, going on after a break.
 */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { drag } from "./lib/drag.mjs";
import { folder, run } from "./lib/process.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { FULL, until } from "./lib/wait.mjs";

const hash = (data) => createHash("sha256").update(data).digest("hex");

/** Around the hundred that a browser gives at a time. */
const COUNTS = [99, 100, 101, FULL ? 2_500 : 250];

/** Makes a file that nobody reads, not even root; false where that cannot be made. */
async function notToBeRead(stack, path) {
  writeFileSync(path, "secret");
  chmodSync(path, 0);
  if (process.getuid() !== 0) return true;
  // Root reads everything but what the kernel only lets be written.
  const WRITE_ONLY = "/sys/bus/platform/drivers_probe";
  if (existsSync(WRITE_ONLY) && spawnSync("mount", ["--bind", WRITE_ONLY, path]).status === 0) {
    await stack.use({ end: () => run("umount", [path]) });
    return true;
  }
  rmSync(path);
  return false;
}

for (const name of BROWSERS) {
  describe(`files in ${name}`, () => {
    const scene = new Scene();
    let browser;
    let shared;
    let agent;
    let viewer;
    before(async () => {
      browser = await scene.browser(name);
      shared = await scene.stack.use(folder("shared"));
      agent = await scene.stack.use(Agent.open({ desktop: "test", size: "640x480", flags: ["--files", shared.path] }));
      viewer = await browser.view(agent.url());
      await viewer.live();
      await watch(viewer);
    });
    after(() => scene.end());

    /** Keeps what the page says of files, and what it would save. */
    const watch = (one) => one.page.evaluate(() => {
      window.jobs = {};
      window.saved = [];
      document.querySelector("removid-desktop").addEventListener("filejob", ({ detail }) => (window.jobs[detail.id] = detail));
      const made = new Map();
      const create = URL.createObjectURL;
      URL.createObjectURL = (blob) => {
        const url = create(blob);
        made.set(url, blob);
        return url;
      };
      const click = HTMLAnchorElement.prototype.click;
      HTMLAnchorElement.prototype.click = function () {
        if (this.download === "") return click.call(this);
        window.saved.push(made.get(this.href).arrayBuffer().then((data) => crypto.subtle.digest("SHA-256", data)).then((digest) => [this.download, [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")]));
      };
    });
    const jobs = (one = viewer) => one.page.evaluate(() => Object.values(window.jobs));
    const settled = async (count, one = viewer, ms = 60_000) => {
      let last;
      return until(`${count} files to be through`, async () => {
        last = await jobs(one);
        const through = last.filter(({ state }) => ["done", "failed", "cancelled"].includes(state));
        return through.length >= count && through;
      }, ms, () => JSON.stringify(last.filter(({ state }) => state !== "done").slice(0, 20)));
    };
    /** Files that the page makes: `[path, size, seed]`. */
    const upload = (files, one = viewer) => one.page.evaluate((files) => {
      const made = files.map(([path, size, seed]) => {
        const data = new Uint8Array(size);
        for (let i = 0; i < size; i += 1) data[i] = (i * 31 + (i >> 11) + seed) & 0xff;
        return { path, file: new File([data], path.split("/").at(-1), { lastModified: 1_700_000_000_000 }) };
      });
      document.querySelector("removid-desktop").files.upload(made);
    }, files);
    const content = (size, seed) => {
      const data = Buffer.alloc(size);
      for (let i = 0; i < size; i += 1) data[i] = (i * 31 + (i >> 11) + seed) & 0xff;
      return data;
    };

    it("arrive whole, of every size, with safe names, and replace nothing", async () => {
      const sizes = [0, 1, 16_385, 1_048_576, 1_048_577, 9_000_001];
      await upload([...sizes.map((size) => [`sizes/${size}.bin`, size, 1]), ["../../hostile/.hidden", 5, 2], ["a.txt", 3, 3], ["a.txt", 4, 4]]);
      const through = await settled(sizes.length + 3);
      assert.deepEqual(through.filter(({ state }) => state !== "done"), []);
      for (const size of sizes) assert.equal(hash(readFileSync(join(shared.path, `sizes/${size}.bin`))), hash(content(size, 1)), `${size}`);
      assert.deepEqual(readFileSync(join(shared.path, "hostile/_hidden")), content(5, 2));
      assert.deepEqual([readFileSync(join(shared.path, "a.txt")).length, readFileSync(join(shared.path, "a (2).txt")).length], [3, 4]);
      assert.deepEqual(readdirSync(shared.path).filter((entry) => entry.startsWith(".")), [], "nothing unfinished is left");
    });

    it("of a folder all arrive by a drop, whatever is among them", async () => {
      await watch(viewer);
      const own = await scene.stack.use(folder("drop"));
      const root = join(own.path, "many");
      const files = new Map();
      const write = (path, text) => {
        mkdirSync(join(root, path, ".."), { recursive: true });
        writeFileSync(join(root, path), text);
        files.set(path, text);
      };
      for (const count of COUNTS) for (let n = 0; n < count; n += 1) write(`${count}/${n}.txt`, `file ${n} of ${count}`);
      write(`${Array.from({ length: 30 }, (_, n) => `d${n}`).join("/")}/deep.txt`, "deep");
      mkdirSync(join(root, "nothing/in it"), { recursive: true });
      symlinkSync("/etc", join(root, "a link that leads out"));
      const unreadable = await notToBeRead(scene.stack, join(root, "secret"));
      await drag(viewer, [root]);
      const total = files.size + 1 + (unreadable ? 1 : 0);
      const through = await settled(total, viewer, 240_000);
      assert.equal(through.length, total);
      const failed = through.filter(({ state }) => state !== "done");
      assert.deepEqual(failed.map(({ path, reason }) => [path, reason]), unreadable ? [["many/secret", "unreadable"]] : []);
      for (const [path, text] of files) assert.equal(readFileSync(join(shared.path, "many", path), "utf8"), text, path);
      assert.deepEqual(readdirSync(join(shared.path, "many/nothing/in it")), []);
      for (const count of COUNTS) assert.equal(readdirSync(join(shared.path, `many/${count}`)).length, count, "none twice");
      assert.ok(!existsSync(join(shared.path, "many/a link that leads out")), "what a link leads to is not of the folder");
      if (unreadable) await until("the words", async () => (await viewer.look()).text.includes("E-FILE-LOCAL"));
      assert.equal(viewer.page.url().startsWith("https://127.0.0.1"), true, "the page is still there");
    });

    it("go on where they stopped after the agent was killed", async () => {
      await watch(viewer);
      const size = 48 << 20;
      await upload([["big.bin", size, 5]]);
      const part = () => readdirSync(shared.path).find((entry) => entry.endsWith("-part"));
      await until("half of it", async () => (await jobs()).some(({ path, done }) => path === "big.bin" && done > size / 2), 60_000);
      await agent.stop("SIGKILL");
      assert.ok(part() !== undefined && !existsSync(join(shared.path, "big.bin")));
      await agent.start();
      const [job] = await settled(1);
      assert.equal(job.state, "done", JSON.stringify(job));
      assert.equal(hash(readFileSync(join(shared.path, "big.bin"))), hash(content(size, 5)));
      assert.equal(part(), undefined);
    });

    it("end in words when the folder is taken away, and go into a new one", async () => {
      await watch(viewer);
      const size = 64 << 20;
      await upload([["lost.bin", size, 6]]);
      await until("a part of it", async () => (await jobs()).some(({ done }) => done > size / 8), 60_000);
      rmSync(shared.path, { recursive: true });
      const [job] = await settled(1);
      assert.deepEqual([job.state, job.reason], ["failed", "gone"]);
      await upload([["again.bin", 100_000, 7]]);
      const [, next] = await settled(2);
      assert.equal(next.state, "done", JSON.stringify(next));
      assert.equal(hash(readFileSync(join(shared.path, "again.bin"))), hash(content(100_000, 7)));
      assert.deepEqual(readdirSync(shared.path), ["again.bin"]);
    });

    it("come from the folder whole, are listed, and no link leads out of it", async () => {
      await watch(viewer);
      const data = randomBytes(7_000_003);
      mkdirSync(join(shared.path, "out"), { recursive: true });
      writeFileSync(join(shared.path, "out/data.bin"), data);
      writeFileSync(join(shared.path, "out/empty"), "");
      symlinkSync("/etc/passwd", join(shared.path, "out/link"));
      const listed = await viewer.page.evaluate(() => document.querySelector("removid-desktop").files.list("out"));
      assert.deepEqual(listed.map(({ name }) => name), ["data.bin", "empty"]);
      await viewer.page.evaluate(() => {
        const { files } = document.querySelector("removid-desktop");
        for (const path of ["out/data.bin", "out/empty", "out/link", "../../etc/passwd", "out/none"]) files.download(path, 0);
      });
      const through = await settled(5);
      assert.deepEqual(through.map(({ state }) => state), ["done", "done", "failed", "failed", "failed"]);
      const saved = await viewer.page.evaluate(() => Promise.all(window.saved));
      assert.deepEqual(saved, [["data.bin", hash(data)], ["empty", hash("")]]);
    });

    it("are refused without the right, and where there is no room, in words", () => within(async (stack) => {
      const token = agent.token("--view-only", "--label", "looks on");
      const other = await browser.view(token.url, { newTab: true });
      await other.live();
      await watch(other);
      await upload([["forbidden.txt", 3, 6]], other);
      const [refused] = await settled(1, other);
      assert.deepEqual([refused.state, refused.reason], ["failed", "forbidden"]);
      assert.ok(!existsSync(join(shared.path, "forbidden.txt")));
      await other.page.close();
      if (process.getuid() !== 0) return;
      const small = await stack.use(folder("small"));
      run("mount", ["-t", "tmpfs", "-o", "size=2m", "none", small.path]);
      await stack.use({ end: () => run("umount", [small.path]) });
      const full = await stack.use(Agent.open({ desktop: "test", size: "640x480", flags: ["--files", small.path] }));
      const last = await browser.view(full.url(), { newTab: true });
      await last.live();
      await watch(last);
      await upload([["large.bin", 5 << 20, 7], ["fits.bin", 1 << 20, 8]], last);
      const through = await settled(2, last);
      assert.deepEqual(through.map(({ state, reason }) => [state, reason]), [["failed", "full"], ["done", ""]]);
      assert.equal((await last.look()).state, "live");
      await last.page.close();
    }));
  });
}
