/**
 * The person at the host is asked before anybody comes in, and their panic key stops every viewer.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { KEY } from "./lib/keys.mjs";
import { ALLOW, REFUSE, answer, findColour } from "./lib/question.mjs";
import { key, raw, tap } from "./lib/raw.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

const SIZE = { width: 800, height: 600 };

for (const name of BROWSERS) {
  describe(`consent in ${name}`, () => {
    const scene = new Scene();
    let browser;
    let host;
    let agent;
    before(async () => {
      browser = await scene.browser(name);
      const display = await scene.stack.use(Display.open(SIZE));
      host = display.x;
      agent = await scene.stack.use(Agent.open({ desktop: "x11", display: display.name, sign: true, flags: ["--consent", "ask"] }));
    });
    after(() => scene.end());

    const find = (colour) => findColour(host, SIZE, colour);
    const click = (colour) => answer(host, SIZE, colour);

    async function asked(url) {
      const viewer = await browser.page({ newTab: true });
      await tap(viewer);
      await viewer.page.goto(url);
      await until("the page to say that it waits", async () => (await viewer.look()).text.includes("The person at the host is asked"));
      return viewer;
    }

    it("lets in with their yes, and not with their no", async () => {
      const viewer = await asked(agent.url());
      assert.equal((await viewer.look()).state, "connecting");
      await click(ALLOW);
      await viewer.live();
      const other = await asked(agent.token("--label", "other").url);
      await click(REFUSE);
      const { reason, text } = await other.state("ended");
      assert.equal(reason, "consent");
      assert.match(text, /did not let you in/);
      assert.equal((await viewer.look()).desk.viewers.length, 1);
      await other.page.close();
    });

    it("counts no click of a viewer as theirs", async () => {
      const viewer = await asked(agent.url());
      await click(ALLOW);
      await viewer.live();
      const other = await asked(agent.token("--label", "other").url);
      const at = await until("the question", () => find(ALLOW));
      const wire = (value, side) => Math.round((value * 65_535) / (side - 1));
      const [x, y] = [wire(at.x, SIZE.width), wire(at.y, SIZE.height)];
      await viewer.page.bringToFront();
      await raw(viewer, "input", [0x02, 0, 1, x >> 8, x & 255, y >> 8, y & 255]);
      const refused = await until("the refusal", async () => (await viewer.page.evaluate(() => window.heard)).find(({ type }) => type === "refused"), 3_000);
      assert.equal(refused.code, "out_of_turn");
      assert.notEqual(await find(ALLOW), null, "the question stands");
      // Who gives up is asked about no longer.
      await other.page.close();
      await until("the question to go", async () => (await find(ALLOW)) === null);
    });

    it("their panic key stops every viewer, until they press it again", async () => {
      const viewer = await asked(agent.url());
      await click(ALLOW);
      await viewer.live();
      const mode = () => viewer.page.evaluate(() => document.querySelector("removid-desktop").control.info.mode);
      const chord = [KEY.control, KEY.alt, KEY.shift, KEY.backspace];
      await host.tap(...chord);
      await until("the viewer to be blocked", async () => (await mode()) === "blocked");
      for (const type of ["control.take", "control.ask", "control.stop"]) {
        await raw(viewer, "ctl", { type });
        await raw(viewer, "input", key("KeyA", true));
        const refused = await until("the refusal", async () => (await viewer.page.evaluate(() => window.heard)).find(({ type, ref }) => type === "refused" && ref === "input"), 3_000);
        assert.equal(refused.code, "out_of_turn");
        assert.equal(await mode(), "blocked");
        assert.deepEqual(await host.keysDown(), []);
      }
      await host.tap(...chord);
      await until("the viewer to work again", async () => (await mode()) === "free");
      await raw(viewer, "input", key("KeyA", true));
      await until("the key", async () => (await host.keysDown()).includes(KEY.a));
      await raw(viewer, "input", key("KeyA", false));
    });
  });
}
