/**
 * A host without a token shows a code; an administrator types it on the page, compares, and lets it in or refuses it.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { PROGRAM } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { folder, start } from "./lib/process.mjs";
import { Team, logIn, seen } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

const CODE = /[B-Z]{4}-[B-Z]{4}/;

for (const name of BROWSERS) {
  describe(`approving hosts in ${name}`, () => {
    const stack = new Stack();
    let team;
    let viewer;
    before(async () => {
      team = await stack.use(Team.open());
      const browser = await stack.use(Browser.open(name, await stack.use(Display.viewer())));
      viewer = await browser.page();
      await viewer.page.goto(`${team.url}approve`);
      await logIn(viewer.page, "ada");
      await seen(viewer, "the page", (said) => said.includes("Let a host in"));
    });
    after(() => stack.end());

    /** Runs `removid enroll` until it shows its code. */
    async function asking(box) {
      const state = await stack.use(folder("asking"));
      const child = start(PROGRAM, ["enroll", team.url, "--ca", team.at("tls-cert.pem"), "--state-dir", state.path, "--name", box]);
      stack.add(() => child.end());
      const said = () => `${child.out}${child.err}`;
      const ended = new Promise((resolve) => child.child.once("exit", resolve));
      const [code] = await until("the code", () => CODE.exec(said()), 10_000, said);
      const [, number] = await until("the number", () => /number (\S+?)\./.exec(said()), 10_000, said);
      return { code, number, ended, said };
    }

    async function look(code) {
      await viewer.page.goto(`${team.url}approve`);
      await viewer.page.waitForSelector("main form input");
      // As people type it.
      await viewer.page.type("main form input", code.toLowerCase().replace("-", " "));
      await viewer.page.keyboard.press("Enter");
    }

    it("shows whose code it is, and lets the host in", async () => {
      const { code, number, ended, said } = await asking("new box");
      assert.ok(said().includes(`${team.url}approve`));
      await look(code);
      await seen(viewer, "the host", (text) => text.includes("new box") && text.includes(number) && text.includes("127.0.0.1"));
      await viewer.page.keyboard.type("env=dev");
      await viewer.page.evaluate(() => [...document.querySelectorAll("button")].find((button) => button.textContent === "Let it in").click());
      await seen(viewer, "that it is done", (text) => text.includes("new box belongs to this router now"));
      assert.equal(await ended, 0, said());
      await viewer.page.goto(team.url);
      await seen(viewer, "it in the list", (text) => text.includes("new box") && text.includes("env=dev"));
    });

    it("refuses one, which ends with words, and its code is none any more", async () => {
      const { code, ended, said } = await asking("strange box");
      await look(code);
      await seen(viewer, "the host", (text) => text.includes("strange box"));
      await viewer.page.evaluate(() => [...document.querySelectorAll("button")].find((button) => button.textContent === "Refuse").click());
      await seen(viewer, "that it was refused", (text) => text.includes("strange box was refused"));
      assert.notEqual(await ended, 0);
      assert.match(said(), /did not approve this host/);
      await look(code);
      await seen(viewer, "that there is no such code", (text) => text.includes("E-CODE"));
      await look("abc");
      await seen(viewer, "what a code is", (text) => text.includes("A code has eight letters."));
    });

    it("is not for those who do not administer", async () => {
      const { browser } = viewer;
      const other = await stack.use(Browser.open(name, browser.display));
      const bob = await other.page();
      await bob.page.goto(`${team.url}approve`);
      await logIn(bob.page, "bob");
      await seen(bob, "the refusal", (text) => text.includes("Not for you"));
    });
  });
}
