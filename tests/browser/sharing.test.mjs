/**
 * Sharing a host: a link from the page of hosts and from a session, somebody without any role who comes by it after a
 * login, and the end of it.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Team, logIn, seen } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

for (const name of BROWSERS) {
  describe(`sharing in ${name}`, () => {
    const stack = new Stack();
    let team;
    let dev;
    let ada;
    let bob;
    let link;
    before(async () => {
      team = await stack.use(Team.open());
      dev = await team.host("dev box", ["env=dev"]);
      const open = async () => (await stack.use(Browser.open(name, await stack.use(Display.viewer())))).page();
      [ada, bob] = [await open(), await open()];
    });
    after(() => stack.end());

    /** Clicks the button of that name. */
    const press = (viewer, label) =>
      until(`the button ${label}`, () => viewer.page.evaluate((label) => {
        const found = [...document.querySelectorAll("dialog[open] button, :is(main, form) button")].find((button) => (button.getAttribute("aria-label") ?? button.innerText) === label || button.innerText === label);
        found?.click();
        return found !== undefined;
      }, label));
    const made = async (viewer) => (await until("the link", () => viewer.page.$("dialog.share .made input"))).evaluate((field) => field.value);
    const sees = (viewer) => viewer.page.evaluate(() => document.querySelector("removid-desktop")?.state ?? "");

    it("makes a link on the page of hosts", async () => {
      await ada.page.goto(team.url);
      await logIn(ada.page, "ada");
      await seen(ada, "the host", (said) => said.includes("dev box"));
      await press(ada, "Share dev box");
      await seen(ada, "the dialog", (said) => said.includes("Share dev box") && said.includes("There is none."));
      await press(ada, "Create link");
      link = await made(ada);
      assert.match(link, new RegExp(`^${team.url}share#[\\w-]{43}$`));
      await seen(ada, "the share in the list", (said) => said.includes("Nobody has come yet") && said.includes("for 1 more"));
    });

    it("lets somebody without a role in, after their login", async () => {
      await bob.page.goto(link);
      await until("the login", () => bob.page.$("a.button.primary"));
      assert.ok(!bob.page.url().includes("#"), "the secret has left the address");
      await logIn(bob.page, "bob");
      await seen(bob, "what it is", (said) => said.includes("Ada asks you onto “dev box”.") && said.includes("See and hear"));
      assert.ok(bob.page.url().endsWith("/share"), bob.page.url());
      await press(bob, "Accept and open");
      await bob.live();
      assert.deepEqual((await bob.look()).desk.rights.toSorted(), ["sound", "view"]);
      await seen(ada, "who came", (said) => said.includes("Bob") && !said.includes("Nobody has come yet"));
    });

    it("shows whose it is on the page of hosts, and that it is no place to share on", async () => {
      const other = await bob.page.browser().newPage();
      await other.goto(team.url);
      const text = await until("the host", async () => {
        const said = await other.evaluate(() => document.body.innerText);
        return said.includes("Shared by Ada until") ? said : undefined;
      });
      assert.ok(!text.includes("Share…"), text);
      await other.goto(link);
      await until("the question again: a member may", async () => (await other.evaluate(() => document.body.innerText)).includes("Ada asks you"));
      await other.close();
      await bob.page.bringToFront();
    });

    it("ends with the share, and says so", async () => {
      assert.equal(await sees(bob), "live");
      await press(ada, "End the share: Bob");
      const began = performance.now();
      // The page asks once more for what has gone.
      await seen(bob, "why it ended", (said) => said.includes("nobody shares it with you (any more)") && said.includes("[E-HOST]"));
      assert.ok(performance.now() - began < 5_000);
      await seen(ada, "that it is none any more", (said) => said.includes("There is none."));
      await bob.page.goto(link);
      await seen(bob, "the refusal", (said) => said.includes("[E-SHARE]"));
      await bob.page.goto(team.url);
      await seen(bob, "no host", (said) => said.includes("No host is yours to use"));
    });

    it("makes a link out of a session, for whoever may share", async () => {
      await ada.page.goto(`${team.url}desktop?host=${dev.id}`);
      await ada.live();
      const way = "dialog[aria-labelledby=viewers-title] > .row > button.primary";
      await until("the way to share", () => ada.page.$eval(way, (button) => !button.hidden));
      await ada.page.evaluate(() => document.querySelector("dialog[aria-labelledby=viewers-title]").showModal());
      await ada.page.click(way);
      await seen(ada, "the dialog", (said) => said.includes("Share dev box"));
      await ada.page.select("dialog.share select", "control");
      await press(ada, "Create link");
      const second = await made(ada);
      await bob.page.goto(second);
      await seen(bob, "what it is", (said) => said.includes("Work there, too"));
      await press(bob, "Accept and open");
      await bob.live();
      const rights = (await bob.look()).desk.rights;
      assert.ok(rights.includes("input_keyboard") && !rights.includes("session_manage"), String(rights));
      await until("no way to share on", () => bob.page.$eval(way, (button) => button.hidden));
      await ada.page.keyboard.press("Escape");
      await until("the dialog to go", async () => (await ada.page.$("dialog.share")) === null);
    });
  });
}
