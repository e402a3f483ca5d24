/**
 * Second factors from the outside: a provider that asks again, passkeys that are registered and shown.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Authenticator, Team, askedAgain, logIn, press, seen } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

for (const name of BROWSERS) {
  describe(`second factors in ${name}`, () => {
    const stack = new Stack();
    let team;
    let viewer;
    let device;
    let key;
    let step;
    before(async () => {
      team = await stack.use(Team.open());
      const role = (env, factor) => ({ allow: { labels: { env: [env] } }, rights: { view: true }, require_session_mfa: factor });
      team.role("key", role("key", "webauthn"));
      team.role("step", role("step", "step_up"));
      for (const name of ["key", "step"]) team.command("role", "bind", name, "--provider", "trial", "--group", "staff");
      key = await team.host("key box", ["env=key"]);
      step = await team.host("step box", ["env=step"]);
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer()), { authenticators: true }));
      viewer = await browser.page();
      device = await Authenticator.plug(viewer);
    });
    after(() => stack.end());

    it("asks the provider again, and comes back to the desktop", async () => {
      await viewer.page.goto(`${team.url}desktop?host=${step.id}`);
      await logIn(viewer.page, "bob");
      await seen(viewer, "what is wanted", (said) => said.includes("ask you again who you are"));
      await press(viewer.page, "Log in again at the provider");
      await askedAgain(viewer.page, "bob");
      await viewer.live();
      assert.equal(viewer.page.url(), `${team.url}desktop?host=${step.id}`);
    });

    it("says that a passkey is missing, and leads to making one", async () => {
      await viewer.page.goto(`${team.url}desktop?host=${key.id}`);
      await seen(viewer, "that there is none", (said) => said.includes("you have none yet"));
      await press(viewer.page, "Register a passkey");
      await seen(viewer, "the list", (said) => said.includes("Your passkeys"));
      // The step-up of a moment ago is proof enough.
      await viewer.page.type("#passkey-name", "desk key");
      await press(viewer.page, "Register a passkey");
      await until("the passkey in the list", () => viewer.page.$eval(".keys input", (field) => field.value === "desk key").catch(() => false));
      assert.equal((await device.credentials()).length, 1);
    });

    it("opens the desktop with the passkey, at each session", async () => {
      for (let round = 0; round < 2; round++) {
        await viewer.page.goto(`${team.url}desktop?host=${key.id}`);
        await seen(viewer, "what is wanted", (said) => said.includes("asks for your passkey"));
        await press(viewer.page, "Use a passkey");
        await viewer.live();
      }
    });

    it("does not open it without the person", async () => {
      await device.verified(false);
      await viewer.page.goto(`${team.url}desktop?host=${key.id}`);
      await press(viewer.page, "Use a passkey");
      await seen(viewer, "that it is still wanted", (said) => said.includes("asks for your passkey"));
      assert.notEqual((await viewer.look()).state, "live");
      await device.verified(true);
      await press(viewer.page, "Use a passkey");
      await viewer.live();
    });

    it("removes a passkey", async () => {
      await viewer.page.goto(team.url);
      await press(viewer.page, "Passkeys");
      await until("the row", () => viewer.page.$(".keys li"));
      await press(viewer.page, "Remove");
      await until("an empty list", async () => (await viewer.page.$(".keys li")) === null);
      await viewer.page.goto(`${team.url}desktop?host=${key.id}`);
      await seen(viewer, "that there is none", (said) => said.includes("you have none yet"));
    });
  });

  describe(`a team without a provider in ${name}`, () => {
    const stack = new Stack();
    let team;
    let viewer;
    let device;
    before(async () => {
      team = await stack.use(Team.open({ alone: true, keys: "passkeys = true" }));
      await team.host("the box", ["env=dev"]);
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer()), { authenticators: true }));
      viewer = await browser.page();
      device = await Authenticator.plug(viewer);
    });
    after(() => stack.end());

    it("makes its first administrator by a link of the console", async () => {
      const link = team.command("user", "invite", "Grace", "--admin");
      await viewer.page.goto(link);
      await seen(viewer, "whom it is for", (said) => said.includes("Grace"));
      assert.ok(!(await viewer.page.evaluate(() => location.href)).includes("#"), "the secret has left the address");
      await press(viewer.page, "Make a passkey");
      await seen(viewer, "the hosts", (said) => said.includes("the box") && said.includes("Add a host"));
      assert.equal((await device.credentials()).length, 1);
      await viewer.page.goto("about:blank");
      await viewer.page.goto(link);
      await seen(viewer, "that it was used", (said) => said.includes("was used"));
    });

    it("logs in with the passkey alone, and out", async () => {
      await viewer.page.goto(team.url);
      await press(viewer.page, "Log out");
      await seen(viewer, "the login", (said) => said.includes("You are logged out"));
      await press(viewer.page, "Use a passkey");
      await seen(viewer, "the hosts", (said) => said.includes("the box"));
      await press(viewer.page, "Open");
      await viewer.live();
    });

    it("ends what is live with “Log out everywhere”", async () => {
      const other = viewer.browser.adopt(await viewer.browser.browser.newPage());
      await other.page.goto(team.url);
      await press(other.page, "Log out everywhere");
      await seen(other, "the login", (said) => said.includes("You are logged out"));
      await viewer.page.bringToFront();
      await until("the desktop to end", async () => (await viewer.look().catch(() => ({}))).state !== "live", 10_000);
      await seen(viewer, "the login", (said) => said.includes("Use a passkey"));
    });
  });
}
