/**
 * The whole matrix of typing: every layout of a viewer onto every layout of a host, in both browsers, read back from
 * both applications; writes `docs/typing.json` as it goes and `docs/typing.md`. The browsers run side by side; over an
 * hour on two cores. What a broken run has done is kept: `--resume` goes on where it stood.
 *
 *   node tests/browser/typing-matrix.mjs [browser[+browser]] [application[+application]] [--resume]
 */

import { readFileSync, existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CLIENTS, HOSTS, setLayout } from "./lib/layouts.mjs";
import { Scene } from "./lib/scene.mjs";
import { BROWSER_ENV, TypingHost, listen, typeLayout } from "./lib/typing.mjs";

const RESULT = fileURLToPath(new URL("../../docs/typing.json", import.meta.url));
const PAGE = fileURLToPath(new URL("../../docs/typing.md", import.meta.url));

const resumed = process.argv.includes("--resume");
const named = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const chosen = (at, all) => named[at]?.split("+") ?? all;

/** Results so far, so that parts can be run one after the other. */
const load = () => (existsSync(RESULT) ? JSON.parse(readFileSync(RESULT, "utf8")) : {});

function keep(key, result) {
  const all = { ...load(), [key]: result };
  const sorted = Object.fromEntries(Object.keys(all).sort().map((name) => [name, all[name]]));
  writeFileSync(RESULT, `${JSON.stringify(sorted, null, 1)}\n`);
}

async function part(browserName, applications) {
  const done = resumed ? load() : {};
  const todo = (...names) => !(names.join(" ") in done);
  Object.assign(process.env, BROWSER_ENV);
  const scene = new Scene();
  const browser = await scene.browser(browserName);
  const host = await TypingHost.open();
  try {
    const viewer = await browser.view(host.agent.url());
    await viewer.live();
    await viewer.take();
    await listen(viewer);
    for (const [hostName, layout, variant] of HOSTS) {
      if (!applications.some((application) => CLIENTS.some(([client]) => todo(browserName, application, hostName, client)))) continue;
      setLayout(host.display.name, layout, variant);
      for (const application of applications) {
        for (const client of CLIENTS.filter(([client]) => todo(browserName, application, hostName, client))) {
          const { signs, pairs, wrong } = await typeLayout(viewer, host, application, client);
          keep(`${browserName} ${application} ${hostName} ${client[0]}`, { signs, pairs, wrong });
          console.log(browserName, application, hostName, client[0], signs, pairs, wrong);
        }
      }
    }
  } finally {
    await host.end();
    await scene.end();
  }
}

/** One table a browser and application: a row a layout of the viewer's, a column a layout of the host's. */
function page() {
  const all = load();
  const of = (...names) => all[names.join(" ")];
  const results = Object.values(all);
  const sum = (field) => results.reduce((total, result) => total + result[field], 0);
  const lines = results.reduce((total, { wrong }) => total + wrong.length, 0);
  const out = [
    "# Typing on every layout",
    "",
    "Made by `node tests/browser/typing-matrix.mjs`; `tests/browser/typing.test.mjs` runs a fixed part of it. Real keys on the",
    "viewer's keyboard (XTEST) in a real browser, typed mode; what a real application on the host received is compared with",
    "what the viewer's layout makes: every writing key on every level, and every dead key with every letter that it has a",
    "sign for. The host has that layout and no other.",
    "",
    `${sum("signs")} signs and ${sum("pairs")} pairs typed in ${results.length} combinations; ${lines} lines (a key's levels, or a dead key's pairs) differ.`,
    "",
  ];
  for (const browser of ["chromium", "firefox"]) {
    for (const application of ["gtk", "xterm"]) {
      if (!Object.keys(all).some((key) => key.startsWith(`${browser} ${application} `))) continue;
      out.push(`## ${browser}, ${application === "gtk" ? "a text field of GTK 3" : "xterm"}`, "");
      out.push(`| viewer (signs + pairs) | ${HOSTS.map(([name]) => `host ${name}`).join(" | ")} |`, `|---|${"---|".repeat(HOSTS.length)}`);
      for (const [client] of CLIENTS) {
        const cells = HOSTS.map(([host]) => of(browser, application, host, client)).map((result) => result && (result.wrong.length === 0 ? "all" : `${result.wrong.length} differ`));
        const any = HOSTS.map(([host]) => of(browser, application, host, client)).find((result) => result);
        out.push(`| ${client} (${any?.signs} + ${any?.pairs}) | ${cells.map((cell) => cell ?? "–").join(" | ")} |`);
      }
      out.push("");
    }
  }
  out.push("## Why",
    "",
    "- `ara` in xterm: a key that makes a ligature arrives as the two letters that it stands for, because xterm asks the",
    "  system's Compose table, which takes these ligatures apart. A GTK field keeps them.",
    "- `fi` in Chromium: the browser makes U+0000 of the per mille sign of AltGr+5 (`permille`), on any page; a key without a",
    "  sign types nothing. Firefox knows the sign.",
    "",
    "## What differs", "");
  for (const [key, { wrong }] of Object.entries(all)) for (const line of wrong) out.push(`- ${key}: ${line}`);
  writeFileSync(PAGE, `${out.join("\n")}\n`);
}

const parts = await Promise.allSettled(chosen(0, ["chromium", "firefox"]).map((browser) => part(browser, chosen(1, ["gtk", "xterm"]))));
page();
for (const { reason } of parts.filter(({ status }) => status === "rejected")) {
  console.error(reason);
  process.exitCode = 1;
}
