/**
 * A role by which the person at the host is asked, on a whole team's system: whoever has it waits for a yes on the host's
 * screen, and whoever has not comes in as ever.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { ALLOW, REFUSE, answer, findColour } from "./lib/question.mjs";
import { Team, logIn } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

const SIZE = { width: 800, height: 600 };

for (const name of BROWSERS) {
  describe(`a role with host_consent in ${name}`, () => {
    const stack = new Stack();
    let team;
    let screen;
    let desktop;
    let asked;
    let free;
    before(async () => {
      team = await stack.use(Team.open());
      const host = await stack.use(Display.open(SIZE));
      screen = host.x;
      team.role("guests", { allow: { labels: { "*": ["*"] } }, rights: { view: true, input_pointer: true }, host_consent: "ask" });
      team.command("role", "bind", "guests", "--provider", "trial", "--group", "staff");
      const box = await team.host("desk", [], undefined, ["--desktop", "x11", "--display", host.name]);
      desktop = `${team.url}desktop?host=${box.id}`;
      const open = async () => (await stack.use(Browser.open(name, await stack.use(Display.viewer())))).page();
      [asked, free] = [await open(), await open()];
    });
    after(() => stack.end());

    const waits = () => until("the page to say that it waits", async () => (await asked.look()).text.includes("The person at the host is asked"), 15_000, async () => JSON.stringify(await asked.look()));

    it("lets in with their yes, and not with their no", async () => {
      await asked.page.goto(desktop);
      await logIn(asked.page, "bob");
      await waits();
      await answer(screen, SIZE, REFUSE);
      const { reason, text } = await asked.state("ended");
      assert.equal(reason, "consent");
      assert.match(text, /did not let you in/);
      await asked.page.goto(desktop);
      await waits();
      assert.equal((await asked.look()).state, "connecting");
      await answer(screen, SIZE, ALLOW);
      await asked.live();
      assert.deepEqual((await asked.look()).desk.rights.sort(), ["input_pointer", "view"]);
    });

    it("asks nobody about whom no such role holds", async () => {
      await free.page.goto(desktop);
      await logIn(free.page, "ada");
      await free.live();
      assert.equal(await findColour(screen, SIZE, ALLOW), null);
      assert.equal((await asked.look()).state, "live");
    });
  });
}
