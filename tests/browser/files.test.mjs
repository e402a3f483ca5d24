/**
 * Files to and from the shared folder: whole, by their own names as far as those are safe, going on after a break.
 */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { folder, run } from "./lib/process.mjs";
import { Scene, within } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const hash = (data) => createHash("sha256").update(data).digest("hex");

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
    const settled = async (count, one = viewer) => {
      let last;
      return until(`${count} files to be through`, async () => {
        last = await jobs(one);
        const through = last.filter(({ state }) => ["done", "failed", "cancelled"].includes(state));
        return through.length >= count && through;
      }, 60_000, () => JSON.stringify(last));
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

    it("of a folder all arrive by a drop", { skip: name !== "chromium" && "this driver cannot drop" }, async () => {
      const own = await scene.stack.use(folder("drop"));
      mkdirSync(join(own.path, "many/inner"), { recursive: true });
      for (let n = 0; n < 230; n += 1) writeFileSync(join(own.path, `many/${n % 2 ? "inner/" : ""}${n}.txt`), `file ${n}`);
      const client = await viewer.page.createCDPSession();
      const data = { items: [], files: [join(own.path, "many")], dragOperationsMask: 1 };
      for (const type of ["dragEnter", "dragOver", "drop"]) await client.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
      await until("all of them", () => existsSync(join(shared.path, "many/inner")) && readdirSync(join(shared.path, "many")).length + readdirSync(join(shared.path, "many/inner")).filter((file) => !file.startsWith(".")).length === 231, 60_000);
      assert.equal(readFileSync(join(shared.path, "many/inner/229.txt"), "utf8"), "file 229");
      // The page hears of the last one a moment after it is there.
      await until("all of them done", async () => (await jobs()).every(({ state }) => state === "done"));
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
