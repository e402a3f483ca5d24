/**
 * Two providers at one router: each knows its own people, also where they have the same names, and its groups mean
 * nothing at the other's; a code of one opens nothing at the other's door; with one of them gone the other's people come in.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Front } from "./lib/front.mjs";
import { firstLine, start } from "./lib/process.mjs";
import { Team, logIn, press, provider, seen } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

const [FIRST, SECOND] = ["Log in with the trial provider", "Log in with the other firm"];

for (const name of BROWSERS) {
  describe(`two providers in ${name}`, () => {
    const stack = new Stack();
    let team;
    let other;
    let viewer;
    before(async () => {
      team = await stack.use(Team.open(Front.before));
      other = start(process.execPath, team.trial("firm", { ada: { name: "Ada of the firm", groups: ["admins", "staff"] } }));
      await stack.use(Promise.resolve(other));
      other.issuer = JSON.parse(await firstLine(other, "the other provider")).issuer;
      await team.router.end();
      team.configure((made) => provider(made, other.issuer, "firm", "the other firm"));
      await team.startRouter();
      team.role("guests", { allow: { labels: { env: ["dev"] } }, rights: { view: true } });
      team.command("role", "bind", "guests", "--provider", "firm", "--group", "staff");
      await team.host("dev box", ["env=dev"]);
      await team.host("own box", ["env=own"]);
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
    });
    after(() => stack.end());

    const logOut = async () => {
      await press(viewer.page, "Log out");
      await until("the provider's question", () => viewer.page.$("button[name=logout]").catch(() => null));
      await viewer.page.click("button[name=logout]");
      await seen(viewer, "the login page", (said) => said.includes(FIRST));
    };

    it("are both offered", async () => {
      await viewer.page.goto(team.url);
      await seen(viewer, "both", (said) => said.includes(FIRST) && said.includes(SECOND));
    });

    it("know different people by the same name, and the groups of one give nothing at the other", async () => {
      await logIn(viewer.page, "ada", FIRST);
      await seen(viewer, "all hosts", (said) => said.includes("dev box") && said.includes("own box") && said.includes("Add a host"));
      await logOut();
      await logIn(viewer.page, "ada", SECOND);
      await seen(viewer, "the host for guests", (said) => said.includes("Ada of the firm") && said.includes("dev box"));
      const said = await viewer.page.evaluate(() => document.body.innerText);
      assert.ok(!said.includes("own box") && !said.includes("Add a host"), said);
      const people = team.command("user", "list").split("\n").filter((line) => line.includes("Ada"));
      assert.equal(people.length, 2, people.join("\n"));
    });

    it("do not open each other's doors (RFC 9207)", async () => {
      await logOut();
      // What comes from the firm is brought to the first one's door, with the browser's own cookies.
      let brought;
      await viewer.page.setRequestInterception(true);
      const divert = (request) => {
        const at = new URL(request.url());
        if (brought !== undefined || at.pathname !== "/auth/callback/firm") return void request.continue();
        brought = request.url().replace("/callback/firm", "/callback/trial");
        return void request.respond({ status: 302, headers: { location: brought } });
      };
      viewer.page.on("request", divert);
      await press(viewer.page, SECOND);
      await until("the provider's form", () => viewer.page.$("input[name=login]"));
      await viewer.page.type("input[name=login]", "ada");
      await viewer.page.type("input[name=password]", "anything");
      await viewer.page.click("button[type=submit]");
      await until("the question for consent", () => viewer.page.$("input[name=prompt][value=consent]").catch(() => null));
      await viewer.page.click("button[type=submit]");
      await seen(viewer, "the refusal", (said) => said.includes(FIRST) && brought !== undefined);
      viewer.page.off("request", divert);
      await viewer.page.setRequestInterception(false);
      const call = await until("that call", () => team.front.calls.find(({ url }) => url.startsWith("/auth/callback/trial?") && brought.endsWith(url)));
      assert.match(call.answerHeaders.location, /problem=/);
      assert.ok(!(call.answerHeaders["set-cookie"] ?? []).some((line) => /^__Host-removid=[^;]/.test(line)), "nobody is logged in");
    });

    it("do not need each other", async () => {
      await other.end();
      await team.router.end();
      await team.startRouter();
      await viewer.page.goto(team.url);
      await press(viewer.page, SECOND);
      await seen(viewer, "that it is away", (said) => said.includes("The provider does not answer the router.") && said.includes("[E-IDP]"));
      await viewer.page.goto(team.url);
      await logIn(viewer.page, "ada", FIRST);
      await seen(viewer, "all hosts", (said) => said.includes("own box"));
    });
  });
}
