/**
 * The pages around the desktop of a team's router: what an administrator does there by keyboard alone, who is kept
 * out, what the audit log shows, what refused addresses say, and all of it by the rules of accessibility.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { LOOKS, faults, shoot, wear } from "./lib/axe.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { KEY, type } from "./lib/keys.mjs";
import { run } from "./lib/process.mjs";
import { ROUTER, Team, logIn } from "./lib/team.mjs";
import { Stack, until } from "./lib/wait.mjs";

const text = (page) => page.evaluate(() => document.body.innerText).catch(() => "");

async function says(page, what, ...words) {
  let last = "";
  await until(what, async () => {
    last = await text(page);
    return words.every((word) => last.includes(word));
  }, 10_000, () => JSON.stringify({ last, url: page.url() }));
}

/** Who has the focus, by the name that is read out. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const label = element.labels?.[0]?.innerText ?? "";
    const name = element.getAttribute("aria-label") ?? (label === "" ? element.innerText : label);
    return { name: name.trim(), tag: element.localName, ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, why: `${style.outline} ${element.matches(":focus")} ${element.matches(":focus-visible")} ${document.hasFocus()}` };
  });

/** Goes on with Tab, or back with Shift, until the control of that name has the focus, and can be seen to have it. */
async function tabTo(page, x, name, back = false) {
  const seen = [];
  for (let step = 0; step < 80; step += 1) {
    await page.evaluate(() => void (window.was = document.activeElement));
    await (back ? x.tap(KEY.shift, KEY.tab) : x.tap(KEY.tab));
    // At the page's end it is the browser's own turn for some steps.
    await until("the focus to go on", () => page.evaluate(() => document.activeElement !== window.was), 500).catch(() => {});
    const now = await focused(page);
    if (now.name === name) {
      assert.ok(now.ring, `${name} has the focus, and nobody can see it: ${now.why}`);
      return;
    }
    seen.push(now.name);
  }
  assert.fail(`Tab never reaches ${JSON.stringify(name)}: ${JSON.stringify(seen.map((text) => text.slice(0, 40)).slice(0, 30))}`);
}

/** What the page's live region tells. */
const told = (page, words) => until(`the page to tell ${words}`, () => page.evaluate((words) => [...document.querySelectorAll("[role=status]")].some((region) => region.innerText.includes(words)), words), 10_000, () => text(page));

describe("the pages of a team", () => {
  const shared = new Stack();
  let team;
  let dev;
  before(async () => {
    team = await shared.use(Team.open());
    team.role("staff", { allow: { labels: { env: ["dev"] } }, rights: { view: true } });
    team.command("role", "bind", "staff", "--provider", "trial", "--group", "staff");
    dev = await team.host("dev box", ["env=dev"]);
    team.command("enroll-token", "--label", "env=test");
  });
  after(() => shared.end());

  for (const name of BROWSERS) {
    describe(`in ${name}`, () => {
      const stack = new Stack();
      let display;
      let page;
      let window;
      /** In a window that lies behind another, or whose address bar is in use, nothing of the page has the focus. */
      const take = () => until("the window to have the focus", async () => {
        await display.x.activate(window);
        await display.x.moveTo(640, 780);
        await display.x.click();
        return page.evaluate(() => document.hasFocus());
      });
      const open = async (look) => {
        const browser = await stack.use(Browser.open(name, display, { prefs: LOOKS[look].prefs }));
        const opened = (await browser.page()).page;
        window = browser.window;
        if (name === "chromium") await wear(opened, look);
        return opened;
      };
      /** Judges what is shown now, in every look that this browser can put on while it runs. */
      const judge = async (what, looks = Object.keys(LOOKS)) => {
        for (const look of name === "chromium" ? looks : ["own"]) {
          if (look !== "own") await wear(page, look);
          assert.deepEqual(await faults(page), [], `${what}, ${look}`);
          await shoot(page, `${name}-${what}-${look}`);
        }
      };
      before(async () => {
        display = await stack.use(Display.viewer());
      });
      after(() => stack.end());

      it("lets whoever has no right see what is theirs, and nothing else", async () => {
        page = await open("light");
        await page.goto(`${team.url}admin`);
        await says(page, "the login", "Log in with the trial provider");
        await judge("login");
        for (const [problem, code] of [["database", "[E-DATABASE]"], ["provider_unreachable", "[E-IDP]"]]) {
          await page.goto(`${team.url}?problem=${problem}`);
          await says(page, "what is wrong, and a way on", code, "Log in with the trial provider");
        }
        await judge("provider-gone");
        await page.goto(`${team.url}admin`);
        await says(page, "the login", "Log in with the trial provider");
        await logIn(page, "bob");
        await says(page, "the refusal", "Not for you", "[E-FORBIDDEN]");
        assert.ok(page.url().endsWith("/admin"), "the login leads back");
        await judge("forbidden");
        await page.click("a.button.primary");
        await says(page, "the hosts", "dev box");
        assert.equal(await page.$(".places"), null, "whoever has one page needs no way between pages");
        await page.goto(`${team.url}audit`);
        await says(page, "the refusal", "Not for you");
        for (const address of ["nothing", "a/b/c?d=e"]) {
          await page.goto(`${team.url}${address}`);
          await says(page, "the error page", "Nothing here", "[E-NOTFOUND]");
        }
        await judge("not-found");
        await page.goto(`${team.url}desktop?host=0000000000000000`);
        await says(page, "the error page of a host", "Nothing here", "[E-HOST]");
        await judge("no-host");
        await page.click("a.button.primary");
        await says(page, "the hosts", "dev box");
      });

      it("shows a session that stands by the rules", async () => {
        await page.goto(`${team.url}desktop?host=${dev.id}`);
        await until("the picture", () => page.evaluate(() => document.querySelector("removid-desktop")?.state === "live"), 20_000);
        await judge("session");
      });

      it("has an administrator make a role, give it and lock a person by keyboard alone", async () => {
        page = await open("dark");
        await page.goto(team.url);
        await logIn(page, "ada");
        await says(page, "the hosts", "dev box");
        await judge("hosts");
        await take();
        // Where the click was is where Tab would begin.
        await page.reload();
        await says(page, "the hosts", "dev box");
        const role = `watchers-${name}`;
        await tabTo(page, display.x, "Administration");
        await display.x.tap(KEY.enter);
        await says(page, "the roles", "staff", "New role");
        await tabTo(page, display.x, "New role");
        await display.x.tap(KEY.enter);
        await until("the form", async () => (await focused(page)).name === "Name");
        await type(display.x, role);
        await tabTo(page, display.x, "Hosts that it covers, by their labels");
        await type(display.x, "env=dev,test os");
        await display.x.tap(KEY.enter);
        await says(page, "what is wrong", "[E-MALFORMED]");
        await display.x.tap(KEY.backspace);
        await display.x.tap(KEY.backspace);
        await tabTo(page, display.x, "See the picture");
        await type(display.x, "given");
        await judge("role-form");
        await tabTo(page, display.x, "Save");
        await display.x.tap(KEY.enter);
        await told(page, `The role “${role}” is saved.`);
        const kept = JSON.parse(team.command("role", "list").split("\n").find((line) => line.startsWith(`${role}\t`)).split("\t")[1]);
        assert.deepEqual([kept.allow.labels, kept.rights, kept.admin, kept.audit], [{ env: ["dev", "test"] }, { view: true }, false, false]);
        await tabTo(page, display.x, `Give ${role} to somebody`);
        await display.x.tap(KEY.enter);
        await until("the form", async () => (await focused(page)).name === "Person");
        await type(display.x, "Bob");
        await judge("bind-form");
        await tabTo(page, display.x, "Give");
        await display.x.tap(KEY.enter);
        await told(page, `“Bob” has the role “${role}” now.`);
        await judge("roles");
        assert.match(team.command("role", "list"), new RegExp(`${role}\\t.*\\n\\ttrial subject bob`));

        await tabTo(page, display.x, "People", true);
        await display.x.tap(KEY.enter);
        await says(page, "the people", "Bob", "may log in");
        assert.deepEqual(await focused(page).then(({ tag, name: title }) => [tag, title]), ["h2", "People"], "the focus goes along");
        await tabTo(page, display.x, "Lock Bob");
        await display.x.tap(KEY.enter);
        await until("the form", async () => (await focused(page)).name === "Reason");
        await type(display.x, "on leave");
        await display.x.tap(KEY.enter);
        await told(page, "“Bob” is locked.");
        await says(page, "the lock", "locked: on leave");
        await judge("people");
        assert.match(team.command("lock", "list"), /on leave/);
        await tabTo(page, display.x, "Lift the lock on Bob");
        await display.x.tap(KEY.enter);
        await until("the question", async () => (await focused(page)).name === "Cancel");
        await judge("question");
        await display.x.tap(KEY.escape);
        await until("the question to go", () => page.evaluate(() => document.querySelector("dialog[open]") === null));
        assert.match(team.command("lock", "list"), /on leave/, "Escape changes nothing");
        assert.equal((await focused(page)).name, "Lift the lock on Bob", "the focus comes back");
        await display.x.tap(KEY.enter);
        await until("the question", async () => (await focused(page)).name === "Cancel");
        await tabTo(page, display.x, "Lift the lock");
        await display.x.tap(KEY.enter);
        await told(page, "“Bob” is locked no more.");
        assert.equal(team.command("lock", "list"), "");
      });

      it("shares a host, and shows what a link is for", async () => {
        await page.goto(team.url);
        await says(page, "the hosts", "dev box");
        await take();
        await page.reload();
        await says(page, "the hosts", "dev box");
        await tabTo(page, display.x, "Share dev box");
        await display.x.tap(KEY.enter);
        await until("the form", async () => (await focused(page)).name === "They may");
        await judge("share-dialog");
        await tabTo(page, display.x, "Create link");
        await display.x.tap(KEY.enter);
        await until("the link to be there for copying", async () => (await focused(page)).name === "Copy");
        await says(page, "the share", "Nobody has come yet");
        await judge("share-made");
        const link = await page.$eval("dialog.share .made input", (field) => field.value);
        await tabTo(page, display.x, "End the share: Nobody has come yet");
        await display.x.tap(KEY.escape);
        await until("the dialog to go", () => page.evaluate(() => document.querySelector("dialog") === null || document.querySelector("dialog[open]") === null));
        assert.equal((await focused(page)).name, "Share dev box", "the focus comes back");
        await page.goto(link);
        await says(page, "what it is for", "asks you onto “dev box”", "Accept and open");
        await judge("share-page");
        await page.goto(`${team.url}share#${"A".repeat(43)}`);
        await says(page, "the refusal", "[E-SHARE]");
        await judge("share-refused");
      });

      it("shows and changes hosts, locks and tokens", async () => {
        await page.goto(`${team.url}admin#hosts`);
        await says(page, "the hosts", "dev box", "env=dev", "Online");
        await judge("admin-hosts");
        await page.click("button[aria-label='Labels of dev box']");
        await page.keyboard.down("Control");
        await page.keyboard.press("End");
        await page.keyboard.up("Control");
        await page.keyboard.type(` by=${name}`);
        await page.keyboard.press("Enter");
        await told(page, "The labels of “dev box” are saved.");
        await says(page, "the label", `by=${name}`);
        await page.goto(`${team.url}admin#locks`);
        await says(page, "no lock", "Nothing is locked.");
        team.command("lock", "add", "host", dev.id, "--reason", "cleaning", "--ttl", "1h");
        await page.reload();
        await says(page, "the lock", "dev box", "cleaning");
        await judge("locks");
        await page.click("button[aria-label='Lift the lock on dev box']");
        await page.click("dialog .danger");
        await told(page, "“dev box” is locked no more.");
        await page.goto(`${team.url}admin#tokens`);
        await says(page, "the token", "rmve_", "env=test", "console");
        await judge("tokens");
        await page.click(".part .primary");
        await page.type("#labels", "env=new");
        await page.keyboard.press("Enter");
        await says(page, "the commands", "rmve_");
        await judge("new-token");
        await page.keyboard.press("Escape");
        await says(page, "the new one", "env=new");
        const row = await until("its row", () => page.evaluateHandle(() => [...document.querySelectorAll("tbody tr")].find((line) => line.innerText.includes("env=new"))?.querySelector("button")).then((handle) => handle.asElement()));
        await row.click();
        await says(page, "the question", "enrols no host any more");
        await page.click("dialog .danger");
        await told(page, "is taken back.");
        await until("its row to go", async () => !(await text(page)).includes("env=new"));
      });

      it("shows the audit log, a page at a time, what fits, and all of it as a file that can be verified", async () => {
        await page.goto(`${team.url}audit`);
        // A row each.
        await page.evaluate(async () => {
          for (let n = 0; n < 60; n += 1) await fetch("api/v1/token", { method: "POST" });
        });
        await until("all rows", async () => {
          await page.reload();
          await says(page, "rows", "token.made");
          return (await text(page)).includes("50 rows");
        });
        await judge("audit");
        const count = () => page.evaluate(() => document.querySelectorAll("tbody tr").length);
        assert.equal(await count(), 50);
        await page.click("main > .row button");
        await until("more rows", async () => (await count()) > 50);
        assert.equal((await focused(page)).tag, "th", "reading goes on at the first new row");
        const numbers = await page.evaluate(() => [...document.querySelectorAll("tbody th")].map((cell) => Number(cell.innerText)));
        assert.deepEqual(numbers, numbers.toSorted((a, b) => b - a));
        assert.equal(new Set(numbers).size, numbers.length);
        await page.type(".filters input", "rmv6001");
        await page.keyboard.press("Enter");
        await until("only roles", () => page.evaluate(() => {
          const codes = [...document.querySelectorAll("tbody .code")].map((code) => code.innerText);
          return codes.length > 0 && codes.every((code) => code === "RMV6001I");
        }));
        const of = await until("an account", () => page.evaluateHandle(() => [...document.querySelectorAll("tbody .plain")].find((button) => button.innerText.startsWith("u-"))).then((handle) => handle.asElement()));
        await of.click();
        await until("hers alone", () => page.evaluate(() => [...document.querySelectorAll("tbody tr")].every((row) => row.innerText.includes("u-"))));
        await page.type(".filters input", "X");
        await page.keyboard.press("Enter");
        await says(page, "that nothing fits", "No row fits.");
        await page.evaluate(() => [...document.querySelectorAll("button")].find((button) => button.innerText === "Show all").click());
        await says(page, "rows", "50 rows");
        const lines = await page.evaluate(async () => {
          const { token } = await (await fetch("api/v1/token", { method: "POST" })).json();
          return (await fetch("api/v1/audit/export", { headers: { authorization: `Bearer ${token}` } })).text();
        });
        const verified = run(ROUTER, ["--config", team.at("router.toml"), "audit", "verify", "--file", "-"], { input: lines });
        assert.match(verified, /^whole: rows 1 to \d+, signed up to row \d+/);
        assert.equal(verified.split(";")[0].split(" ")[4].replace(",", ""), String(lines.trim().split("\n").filter((line) => line.startsWith("{\"seq\"")).length));
      });
    });
  }

  it("keeps a file of the log that is as whole as the database", async () => {
    const verified = () => team.command("audit", "verify", "--file", team.at("audit.jsonl"));
    const end = () => /^whole: (\d+) rows/.exec(team.command("audit", "verify"))[1];
    await until("the file to hold all", () => verified().includes(` to ${end()}, signed`), 15_000, verified);
    // Signed every minute.
    await until("a checkpoint", () => readFileSync(team.at("audit.jsonl"), "utf8").includes("{\"checkpoint\":"), 70_000);
    assert.match(verified(), /signed up to row [1-9]/);
  });
});
