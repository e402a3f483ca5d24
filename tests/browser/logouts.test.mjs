/**
 * Logging out at the provider: the router hears of it over the back channel, and exactly that browser's sessions end.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Team, logIn } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

describe("a logout at the provider", () => {
  const stack = new Stack();
  let team;
  let dev;
  const viewers = [];
  before(async () => {
    team = await stack.use(Team.open());
    dev = await team.host("dev box", ["env=dev"]);
    for (const name of [BROWSERS[0], BROWSERS.at(-1)]) {
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      const viewer = await browser.page();
      await viewer.page.goto(`${team.url}desktop?host=${dev.id}`);
      await logIn(viewer.page, "ada");
      await viewer.live();
      viewers.push(viewer);
    }
  });
  after(() => stack.end());

  it("ends the sessions of that browser, and of no other", async () => {
    const [leaves, stays] = viewers;
    const before = await stays.look();
    const tab = await leaves.browser.browser.newPage();
    await tab.goto(`${team.issuer}/session/end`);
    await until("the provider's question", () => tab.$("button[name=logout]").catch(() => null));
    await tab.click("button[name=logout]");
    await until("the router to hear of it", () => team.router.err.includes("Logged out by the provider"), 10_000, () => team.router.err.slice(-2_000));
    await until("the session to end", async () => (await leaves.look().catch(() => ({}))).state !== "live", 10_000);
    const now = await stays.look();
    assert.equal(now.state, "live");
    assert.equal(now.desk.viewer, before.desk.viewer, "it is the same session");
  });
});
