/**
 * A viewer's computer whose clock is wrong: the page of a team's router asks for its token once, not for ever, and the
 * desktop is there as for everybody else.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Front } from "./lib/front.mjs";
import { Team, logIn } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

const HOUR = 3_600_000;

for (const name of BROWSERS) {
  describe(`a wrong clock in ${name}`, () => {
    const stack = new Stack();
    let team;
    let host;
    let browser;
    before(async () => {
      team = await stack.use(Team.open(Front.before));
      host = await team.host("dev box", ["env=dev"]);
      browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      const { page } = await browser.page();
      await page.goto(team.url);
      await logIn(page, "ada");
      await until("the list", () => page.$(".hosts").catch(() => null));
    });
    after(() => stack.end());

    for (const [what, off] of [["right", 0], ["two hours ahead", 2 * HOUR], ["two hours behind", -2 * HOUR], ["a day ahead", 24 * HOUR]]) {
      it(`that is ${what} changes nothing`, async () => {
        const viewer = await browser.page({ newTab: true });
        await viewer.page.evaluateOnNewDocument((off) => {
          const Right = Date;
          globalThis.Date = class extends Right {
            constructor(...args) {
              super(...(args.length === 0 ? [Right.now() + off] : args));
            }
            static now() {
              return Right.now() + off;
            }
          };
        }, off);
        const before = team.front.calls.length;
        await viewer.page.goto(`${team.url}desktop?host=${host.id}`);
        await viewer.live();
        const shown = await viewer.page.evaluate(() => Date.now());
        assert.ok(Math.abs(shown - Date.now() - off) < 60_000, "the page believes it");
        const asked = team.front.calls.slice(before).filter(({ method }) => method === "POST").map(({ url, status }) => `${url} ${status}`);
        assert.deepEqual(asked, ["/api/v1/token 200", `/api/v1/hosts/${host.id}/sessions 201`]);
        await viewer.page.close();
      });
    }
  });
}
