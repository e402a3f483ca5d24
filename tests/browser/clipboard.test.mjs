/**
 * The clipboard, both ways, by real keys and an independent tool (`xclip`) on both displays: text, HTML, pictures, every
 * size around the edges of incremental transfer, bad applications, rights, and nothing pasted that is older.
 */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { Clips } from "./lib/clips.mjs";
import { start } from "./lib/process.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const hash = (data) => createHash("sha256").update(data).digest("hex");
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAYAAACddGYaAAAAFElEQVR4nGP4z8DwHwyBgIkBCQAAJ/ADBDfRYnwAAAAASUVORK5CYII=", "base64");

for (const name of BROWSERS) {
  describe(`clipboard in ${name}`, () => {
    const scene = new Scene();
    let clips;
    let browser;
    let viewer;
    let there;
    let here;
    before(async () => {
      clips = await Clips.open(scene, name);
      ({ browser, viewer, there, here } = clips);
    });
    after(() => scene.end());

    const keys = () => clips.keys;
    const paste = () => clips.paste();
    const press = () => clips.press();
    const comes = (what, text, type) => until(what, async () => {
      if (name === "firefox") await press();
      return await here.text(type) === text;
    }, 15_000, async () => `${(await here.text(type))?.slice(0, 80)}`);

    it("brings a text to the host before the keys that paste it, again and again", async () => {
      for (const text of ["first", "zweite: äöü ß €", "第三 🙂", "a\nb\n"]) {
        await here.copy(text);
        await paste();
        assert.equal(await there.text(), text);
        assert.equal(await there.text("text/plain;charset=utf-8"), text, "a second paste of another type");
      }
      assert.ok(!(await there.targets()).includes("STRING"), "an old type could not say it");
    });

    it("brings a text from the host at the copy, and never the one before", async () => {
      for (const text of ["from the host", "noch einer: ÄÖÜ", "最後 🙃", "x\ny\n"]) {
        await there.copy(text);
        await comes(`“${text}” here`, text);
      }
      // What came from the host is not sent back to it as news.
      const owners = (await there.targets());
      await paste();
      assert.deepEqual((await there.targets()), owners);
      assert.equal(await there.text(), "x\ny\n");
    });

    it("the newest copy counts, on whichever side it was made", async () => {
      await here.copy("one");
      await paste();
      await there.copy("two");
      await comes("the host's clip", "two");
      await paste();
      assert.equal(await there.text(), "two");
      await here.copy("three");
      await paste();
      assert.equal(await there.text(), "three");
      await here.copy("one");
      await paste();
      assert.equal(await there.text(), "one");
    });

    it("keeps line ends as lines", async () => {
      await here.copy("1\r\n2\r\n3");
      await paste();
      assert.equal(await there.text(), "1\n2\n3");
      await there.copy(Buffer.from("Fr\xe9d\xe9ric", "latin1"), "STRING");
      await comes("an old text", "Frédéric");
    });

    it("brings HTML and pictures both ways", async () => {
      await here.copy("<b>bold</b>", "text/html");
      await paste();
      assert.match(await there.text("text/html"), /charset=utf-8.*<b>bold<\/b>/is);
      await here.copy(PNG, "image/png");
      await paste();
      assert.deepEqual((await there.targets()).filter((type) => type.startsWith("image/")), ["image/png"]);
      const pixels = (png) => spawnSync("convert", ["png:-", "rgba:-"], { input: png }).stdout;
      assert.deepEqual(pixels(await there.paste("image/png")), pixels(PNG));
      await there.copy("<i>slanted</i>", "text/html");
      await until("HTML here", async () => {
        if (name === "firefox") await press();
        return /<i>slanted<\/i>/.test((await here.text("text/html")) ?? "");
      });
      const other = spawnSync("convert", ["-size", "37x53", "gradient:red-#00ff0080", "png32:-"]).stdout;
      await there.copy(other, "image/png");
      await until("the picture here", async () => {
        if (name === "firefox") await press();
        const png = await here.paste("image/png");
        const [shown, truth] = [pixels(png ?? Buffer.alloc(0)), pixels(other)];
        // A browser multiplies colours by their alpha on the way, which costs translucent ones some bits; alpha stays.
        return shown.length === truth.length && shown.every((byte, i) => Math.abs(byte - truth[i]) <= (i % 4 === 3 ? 1 : 12));
      }, 15_000);
    });

    it("brings every size around the edges of incremental transfer to the host, twice", async () => {
      const sizes = [65_535, 65_536, 131_072, 131_073, 262_143, 1_048_575, 1_048_576, 1_048_577, 4 << 20, (16 << 20) + 32];
      for (const size of sizes) {
        const text = randomBytes(size / 2 + 1).toString("hex").slice(0, size);
        await here.copy(text);
        await paste();
        for (const turn of ["first", "second"]) {
          const data = await there.paste();
          assert.equal(data?.length, size, `${size}, ${turn}`);
          assert.equal(hash(data), hash(text));
          assert.ok(there.took < 10_000, `${there.took} ms`);
        }
      }
      await here.copy("ok");
      await paste();
      assert.equal(await there.text(), "ok");
    });

    it("brings up to a megabyte from the host at the copy, more by one click", async () => {
      for (const size of [65_536, 262_143, 1_048_576]) {
        const text = randomBytes(size / 2 + 1).toString("hex").slice(0, size);
        await there.copy(text);
        await comes(`${size} bytes`, text);
      }
      const text = randomBytes(2 << 20).toString("hex");
      await there.copy(text);
      const at = await until("the offer", () => viewer.page.evaluate(() => {
        const offer = document.querySelector(".offer");
        if (offer.hidden || !offer.textContent.includes("large")) return null;
        const { left, top, width, height } = offer.querySelector("button").getBoundingClientRect();
        return [left + width / 2, top + height / 2];
      }));
      await viewer.page.mouse.click(...at);
      await until("all of it", async () => (await here.text()) === text, 20_000);
      await there.copy("ok");
      await comes("a small one afterwards", "ok");
    });

    it("says so when nothing of it can be had, and lets nobody wait for an owner that is silent", async () => {
      await there.copy("BM", "image/bmp");
      await until("the words", async () => (await viewer.look()).text.includes("no form that a browser takes"));
      assert.notEqual(await here.text(), "BM");
      await there.copy("fine again");
      await comes("the next copy", "fine again");
      // Whoever owns the selection and never answers.
      const owner = start("xclip", ["-selection", "clipboard", "-i", "-verbose"], { env: there.env, stdio: ["pipe", "pipe", "pipe"] });
      owner.child.stdin.end("silent");
      await until("it to be the owner", () => /Waiting/.test(owner.err));
      owner.child.kill("SIGSTOP");
      try {
        await here.copy("from here");
        await paste();
        assert.equal(await there.text(), "from here", "a stopped owner holds nobody up");
      } finally {
        // One that is left keeps the test's own process alive.
        owner.child.kill("SIGKILL");
      }
    });

    it("a paste of a viewer who has left is refused at once", async () => {
      await here.copy("of a viewer");
      await paste();
      assert.equal(await there.text(), "of a viewer");
      await viewer.page.goto("about:blank");
      await until("it to be gone", async () => (await there.text()) === null);
      assert.ok(there.took < 1_500, `${there.took} ms`);
      viewer = await browser.view(scene.agent.url());
      await viewer.live();
      await viewer.take();
      await paste();
      assert.equal(await there.text(), "of a viewer", "and it is there again with the next paste");
    });

    it("without the right nothing moves, and it is said once", async () => {
      await there.copy("kept");
      const token = scene.agent.token("--view-only", "--label", "looks on");
      const other = await browser.view(token.url, { newTab: true });
      await other.live();
      await other.page.close();
      assert.equal(await there.text(), "kept");
    });

    it("types a text into places that forbid pasting, and leaves no clip there", async () => {
      viewer = await browser.view(scene.agent.url());
      await viewer.live();
      await there.copy("untouched");
      await comes("the clip", "untouched");
      await viewer.page.evaluate(() => {
        document.querySelector(".tab").click();
        [...document.querySelectorAll(".bar > button")].find(({ textContent }) => textContent === "Clipboard").click();
      });
      await viewer.page.keyboard.type("pass word");
      const before = keys();
      await viewer.page.evaluate(() => [...document.querySelectorAll(".clip button")].at(-1).click());
      await until("nine keys", () => keys() >= before + 9);
      assert.equal(await there.text(), "untouched");
      assert.equal(await viewer.page.evaluate(() => document.querySelector("#clip-text").value), "");
    });
  });
}
