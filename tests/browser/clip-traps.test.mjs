/**
 * The clipboard among programs that misuse it: some ask and never take, some own and never give, and managers on both
 * sides take over every clip.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { askAndStop, ownAndStop } from "./lib/bad-selection.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { Clips } from "./lib/clips.mjs";
import { start } from "./lib/process.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";
import { X11 } from "./lib/x11.mjs";

const MANAGER = fileURLToPath(new URL("lib/clip-manager.py", import.meta.url));
const pixels = (png) => spawnSync("convert", ["png:-", "rgba:-"], { input: png ?? Buffer.alloc(0), maxBuffer: 1 << 26 }).stdout;
/** The same picture: a browser turns numbers into the colours that they mean, which rounds. */
const alike = (some, others) => {
  const [a, b] = [pixels(some), pixels(others)];
  return a.length > 0 && a.length === b.length && a.every((byte, i) => Math.abs(byte - b[i]) <= 12);
};

for (const name of BROWSERS) {
  describe(`clipboard among bad programs in ${name}`, () => {
    const scene = new Scene();
    let clips;
    let viewer;
    let there;
    let here;
    before(async () => {
      clips = await Clips.open(scene, name);
      ({ viewer, there, here } = clips);
    });
    after(() => scene.end());

    const paste = () => clips.paste();
    const press = () => clips.press();
    const comes = (text) => until(`“${text}” here`, async () => {
      await press();
      return (await here.text()) === text;
    }, 15_000, async () => `${(await here.text())?.slice(0, 80)}; the host has ${(await there.text())?.slice(0, 80)}; ${JSON.stringify(await viewer.page.evaluate(() => document.querySelector(".offer").innerText))}`);
    const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${scene.agent.process.pid}/status`, "utf8"))[1]);

    it("three that ask and never take hold nobody up", async () => {
      await here.copy("small");
      await paste();
      assert.equal(await there.text(), "small");
      const level = memory();
      const text = randomBytes(2_500_000).toString("hex");
      await here.copy(text);
      await paste();
      const clients = await Promise.all([1, 2, 3].map(() => X11.open(scene.hostDisplay.name)));
      await Promise.all([askAndStop(clients[0]), askAndStop(clients[1], { parts: 2, dies: true }), askAndStop(clients[2], { parts: 1 })]);
      const got = await there.text();
      assert.ok(got === text, `${got?.length} bytes`);
      assert.ok(there.took < 2_000, `${there.took} ms`);
      // A small one replaces it, and nothing of the large one stays behind.
      await here.copy("small again");
      await paste();
      const now = await there.text();
      assert.ok(now === "small again", `${now?.length} bytes`);
      await until("the agent's memory to fall", () => memory() < level + 4_096, 30_000, () => `${level} kB before, ${memory()} kB now`);
      for (const client of clients) {
        assert.deepEqual(client.errors.splice(0), []);
        client.end();
      }
    });

    it("an owner that stops in mid-transfer ends in words, and the next copy arrives", async () => {
      await here.copy("of before");
      const bad = await X11.open(scene.hostDisplay.name);
      const state = await ownAndStop(bad);
      await until("it to be asked", async () => {
        await press();
        return state.asked > 0;
      });
      const asked = performance.now();
      await until("the words", async () => (await viewer.look()).text.includes("could not be brought here"), 10_000);
      assert.ok(performance.now() - asked < 6_000, `${performance.now() - asked} ms`);
      assert.equal(await here.text(), "of before", "half a clip is no clip");
      await there.copy("whole");
      await comes("whole");
      bad.end();
    });

    it("a clip that no key preceded raises no question, and comes with the next key", async () => {
      await here.copy("of here");
      // Nothing may be asked of the page meanwhile: that would count as the reader's doing.
      const log = viewer.console.length;
      await viewer.page.evaluate(() => {
        const look = () => setTimeout(() => {
          const offer = document.querySelector(".offer");
          if (offer.hidden || !offer.textContent.includes("copied on the host")) return look();
          console.log("offered", navigator.userActivation.isActive);
        }, 50);
        const idle = () => setTimeout(() => (navigator.userActivation.isActive ? idle() : (console.log("idle"), look())), 50);
        idle();
      });
      await until("the gesture to be over", () => viewer.console.slice(log).includes("idle"), 15_000);
      await there.copy("made by a program");
      await until("the offer", () => viewer.console.slice(log).includes("offered false"), 10_000);
      assert.equal(await here.text(), "of here");
      await press();
      await until("it here", async () => (await here.text()) === "made by a program", 5_000);
      await until("the offer to go", () => viewer.page.evaluate(() => document.querySelector(".offer").hidden));
    });

    it("managers on both sides make no loop", async () => {
      const managers = [];
      const manager = async (side) => {
        const program = start("/usr/bin/python3", ["-u", MANAGER], { env: { ...side.env, NO_AT_BRIDGE: "1", GDK_BACKEND: "x11" } });
        managers.push(program);
        await until("a manager", () => program.out.includes("ready"), 15_000, () => program.err);
        return { changes: () => program.out.trim().split("\n").length - 1 };
      };
      try {
        const sides = [await manager(there), await manager(here)];
        const count = () => sides.map(({ changes }) => changes());
        // An odd size and a ramp of alpha, as no encoder writes it twice alike.
        const picture = (colour) => spawnSync("convert", ["-size", "37x53", `gradient:${colour}-white`, "-depth", "8", "png24:-"]).stdout;
        const copies = {
          "a text of the viewer's": async () => {
            await here.copy("viewer's");
            // The manager here takes a copy over just then; who presses in between pastes nothing, and presses again.
            await until("it there", async () => {
              await paste();
              return (await there.text()) === "viewer's";
            }, 15_000);
          },
          "a text of the host's": async () => {
            await there.copy("host's");
            await comes("host's");
          },
          "a picture of the viewer's": async () => {
            const png = picture("red");
            await here.copy(png, "image/png");
            await until("it there", async () => {
              await paste();
              return alike(await there.paste("image/png"), png);
            }, 15_000);
          },
          "a picture of the host's": async () => {
            const png = picture("blue");
            await there.copy(png, "image/png");
            await until("it here", async () => {
              await press();
              return alike(await here.paste("image/png"), png);
            }, 15_000);
          },
        };
        for (const [what, copy] of Object.entries(copies)) {
          const before = count();
          await copy();
          // Quiet: five seconds in which nothing changes any more, keys and all.
          let since = performance.now();
          let last = count();
          await until(`${what} to settle`, async () => {
            await press();
            if (count().some((n, side) => n !== last[side])) [last, since] = [count(), performance.now()];
            return performance.now() - since > 5_000;
          }, 30_000, () => `${count()} changes, ${before} before`);
          const changes = count().map((n, side) => n - before[side]);
          assert.ok(changes.every((n) => n <= 12), `${what}: ${changes} changes of the owner`);
        }
      } finally {
        for (const program of managers) await program.end("SIGKILL");
      }
    });
  });
}
