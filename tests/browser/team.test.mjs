/**
 * Web mode from the outside: a login at a real OpenID provider, the hosts that roles give, a session whose host proves
 * itself, and locks, restarts and removals while somebody watches.
 */

import assert from "node:assert/strict";
import { request } from "node:https";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Team, logIn } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

const METRICS = "a-token-for-the-figures-that-is-long-enough";

/** The router's figures. */
const metrics = (port) => new Promise((done, fail) => {
  const asked = request({ port, path: "/metrics", rejectUnauthorized: false, headers: { authorization: `Bearer ${METRICS}` } }, async (answer) => done((await answer.toArray()).join("")));
  asked.on("error", fail);
  asked.end();
});

const text = (page) => page.evaluate(() => document.body.innerText).catch(() => "");

for (const name of BROWSERS) {
  describe(`a team in ${name}`, () => {
    const stack = new Stack();
    let team;
    let browser;
    let viewer;
    let dev;
    before(async () => {
      const keys = (team) => {
        team.secret("metrics-token", METRICS);
        return `metrics-token-file = "${team.at("metrics-token")}"`;
      };
      team = await stack.use(Team.open({ keys }));
      team.role("staff", { allow: { labels: { env: ["dev"] } }, rights: { view: true, input_keyboard: true } });
      team.command("role", "bind", "staff", "--provider", "trial", "--group", "staff");
      dev = await team.host("dev box", ["env=dev"]);
      await team.host("prod box", ["env=prod"]);
      browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
    });
    after(() => stack.end());

    const seen = async (what, test, ms = 10_000) => {
      let last = "";
      await until(what, async () => test((last = await text(viewer.page))), ms, () => JSON.stringify({ last, url: viewer.page.url(), console: viewer.console.slice(-5) }));
    };

    it("leads to the desktop that was asked for, after the login", async () => {
      await viewer.page.goto(`${team.url}desktop?host=${dev.id}`);
      await logIn(viewer.page, "bob");
      await viewer.live();
      assert.ok(viewer.page.url().includes(`/desktop?host=${dev.id}`));
      assert.deepEqual((await viewer.look()).desk.rights.toSorted(), ["input_keyboard", "view"]);
      assert.match(await viewer.page.title(), /dev box/);
    });

    it("counts what frames take, from the screen to the eye", async () => {
      await until("the figures", async () => {
        const page = await metrics(team.port);
        const of = (step, what) => Number(new RegExp(`removid_frame_step_seconds_${what}\\{step="${step}"\\} (\\S+)`).exec(page)?.[1]);
        const mean = (step) => of(step, "sum") / of(step, "count");
        // Of encodes and of what is seen; nothing of it takes longer than a second.
        return ["encode", "age"].every((step) => mean(step) > 0.0001 && mean(step) < 1) && mean("encode") < mean("age");
      }, 20_000, () => metrics(team.port));
    });

    it("lists the hosts of one's roles, and who is on them", async () => {
      await viewer.page.goto(team.url);
      await seen("the list", (said) => said.includes("dev box") && said.includes("env=dev"));
      assert.ok(!(await text(viewer.page)).includes("prod box"));
      await viewer.page.type("#search", "nothing like it");
      await seen("no host", (said) => !said.includes("dev box") && said.includes("No host fits"));
      await viewer.page.$eval("#search", (field) => {
        field.value = "ENV=dev box";
        field.dispatchEvent(new Event("input"));
      });
      await seen("the host", (said) => said.includes("dev box"));
      await viewer.page.click(".hosts a.button");
      await viewer.live();
    });

    it("goes on through a restart of the router", async () => {
      const before = await viewer.look();
      await team.router.end();
      await team.startRouter();
      await until("the host to be back", () => team.router.err.includes("Host connected"), 70_000);
      const now = await viewer.look();
      assert.equal(now.state, "live");
      assert.ok(now.video.time > before.video.time, "the picture went on");
      assert.equal(now.desk.viewer, before.desk.viewer, "it is the same session");
    });

    it("ends within two seconds when its host is locked, also after that restart", async () => {
      const id = team.command("lock", "add", "host", dev.id, "--reason", "cleaning");
      const began = performance.now();
      await until("the end", async () => ["ended", "connecting"].includes((await viewer.look()).state), 10_000);
      const took = performance.now() - began;
      assert.ok(took < 5_000, `${took} ms`);
      await viewer.page.goto(team.url);
      await seen("the reason", (said) => said.includes("Locked: cleaning"));
      assert.equal(await viewer.page.$(".hosts a.button"), null, "there is no way in");
      team.command("lock", "lift", id);
      await seen("the way in", (said) => said.includes("Open"));
    });

    it("shows a host that goes away and comes back", async () => {
      await dev.process.end();
      await seen("that it is offline", (said) => said.includes("Offline") && said.includes("seen just now"));
      await team.startAgent(dev);
      await seen("that it is back", (said) => said.includes("Online"));
    });

    it("lets an administrator add a host, and logs out", async () => {
      const logOut = async () => {
        await viewer.page.evaluate(() => [...document.querySelectorAll("button")].find((button) => button.textContent === "Log out").click());
        // The provider asks whether to log out there as well.
        await until("the provider's question", () => viewer.page.$("button[name=logout]").catch(() => null));
        await viewer.page.click("button[name=logout]");
        await seen("the login page", (said) => said.includes("Log in with the trial provider"));
      };
      await logOut();
      const provider = (await viewer.page.cookies?.()) ?? [];
      assert.ok(!provider.some(({ name: cookie }) => cookie === "__Host-removid"), "the cookie is gone");
      // The provider remembers Bob; Ada comes from another profile.
      const other = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await other.page();
      await viewer.page.goto(team.url);
      await logIn(viewer.page, "ada");
      await seen("both hosts", (said) => said.includes("dev box") && said.includes("prod box"));
      await viewer.page.evaluate(() => [...document.querySelectorAll("button")].find((button) => button.textContent === "Add a host").click());
      await viewer.page.type("#labels", "env=test");
      await viewer.page.click("dialog button.primary");
      await seen("the commands", (said) => said.includes("rmve_"));
      assert.match(await viewer.page.$eval("pre", (pre) => pre.textContent), /rmve_[\w-]{43}/);
    });

    it("keeps an audit log that is whole", () => {
      const said = team.command("audit", "verify");
      assert.match(said, /^whole: \d+ rows/);
      assert.ok(Number(/\d+/.exec(said)[0]) > 20, said);
    });
  });
}
