/**
 * The page around the element: links, words, its policy, and what every file must say of itself.
 */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { readFragment, readPasted } from "../src/app/link.js";
import { anotherToken, reasonText, t } from "../src/app/texts.js";
import { cursorValue, overhangs } from "../src/core/cursor.js";
import { FINAL } from "../src/core/life.js";

const ROOT = new URL("../", import.meta.url);
const KEY = "k".repeat(43);
const read = (path) => readFileSync(new URL(path, ROOT), "utf8");

/** @param {string} dir @returns {string[]} */
function modules(dir) {
  return readdirSync(new URL(dir, ROOT), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? modules(`${dir}${entry.name}/`) : entry.name.endsWith(".js") ? [dir + entry.name] : [],
  );
}

test("a link is read from a fragment, from a paste, or as a bare token", () => {
  assert.deepEqual(readFragment(`#k=${KEY}&t=a.b.c`), { token: "a.b.c", hostKey: KEY });
  assert.equal(readFragment("#section"), null);
  const origin = "https://host:8443";
  assert.deepEqual(readPasted(` ${origin}/#k=${KEY}&t=a.b.c\n`, origin), { token: "a.b.c", hostKey: KEY });
  assert.deepEqual(readPasted("a.b.c", origin), { token: "a.b.c", hostKey: undefined });
  assert.deepEqual(readPasted(`https://other:8443/#k=${KEY}&t=a.b.c`, origin), { elsewhere: "other:8443" });
  for (const text of ["", "hello", "https://host:8443/", "a.b"]) assert.equal(readPasted(text, origin), null, text);
});

/** What a module imports, and what that imports. @param {string} path @param {Set<string>} seen */
function imported(path, seen = new Set()) {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, from] of read(path).matchAll(/^(?:import|export) (?:[^"]*from )?"(\.[^"]+)"/gm)) imported(new URL(from, new URL(path, "http://x/")).pathname.slice(1), seen);
  return seen;
}

test("each page preloads every module that it needs, and only those", () => {
  const all = new Set();
  for (const page of ["index.html", "team.html", "error.html"]) {
    // It stands for addresses of any depth, so the router writes where its files are.
    const html = read(page).replaceAll("{root}", ".");
    const listed = [...html.matchAll(/(?:modulepreload" href|type="module" src)="\.\/([^"]+)"/g)].map(([, path]) => path ?? "");
    const begin = [...html.matchAll(/type="module" src="\.\/([^"]+)"/g)].map(([, path]) => path ?? "");
    const needed = new Set(begin.flatMap((path) => [...imported(path)]));
    assert.deepEqual([...new Set(listed)].sort(), [...needed].sort(), page);
    for (const path of needed) all.add(path);
  }
  assert.deepEqual([...all].sort(), modules("src/").sort());
});

test("the token leaves the address before anything else runs", () => {
  assert.match(read("index.html").split("modulepreload")[0] ?? "", /src\/app\/arrival\.js/);
  assert.deepEqual([...read("src/app/arrival.js").matchAll(/^import .* from "(.*)"/gm)].map(([, from]) => from), ["./link.js"]);
});

test("the page obeys its policy: no inline code or style, no markup from strings, nothing from elsewhere", () => {
  const html = ["index.html", "team.html", "error.html"].map(read).join("");
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script(?![^>]*src)/);
  for (const path of modules("src/")) {
    assert.doesNotMatch(read(path), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|new Function|\beval\(/, path);
  }
});

test("the core does not know the app, and every file says what it is for", () => {
  for (const path of modules("src/")) {
    const source = read(path);
    assert.match(source, /^\/\*\*\n \* \S/, path);
    assert.ok(source.split("\n").length <= 500, `${path} is too long`);
    if (path.startsWith("src/core/")) assert.doesNotMatch(source, /from "[^"]*\/app\//, path);
  }
});

test("every reason has words with a code", () => {
  for (const code of [...FINAL].filter((code) => code !== "closed")) assert.match(reasonText(code), /\[E-(?!OTHER)[A-Z0-9]+\]$/, code);
  assert.match(reasonText("never heard of"), /E-OTHER/);
  assert.equal(t("quality.cap", { mbit: 5 }), "At most 5 Mbit/s");
});

test("every refusal of the contract has words with a code", () => {
  const { accept } = JSON.parse(read("../signaling-spec/vectors/api/error_body.json"));
  const codes = new Set(accept.map(({ wire }) => wire.code));
  assert.ok(codes.size >= 18);
  for (const code of codes) assert.match(reasonText(code), /\[E-(?!OTHER)[A-Z0-9]+\]$/, code);
});

test("a token that does not help any more ends the tries, and the page asks for another and says why", () => {
  const said = ["unauthorized", "revoked", "token_expired", "token_not_yet_valid", "token_revoked"].map((code) => {
    assert.ok(FINAL.has(code), code);
    const key = anotherToken(code);
    assert.ok(key !== undefined, code);
    assert.match(t(key), /Whoever runs the workstation can .*\[E-[A-Z]+\]$/, code);
    return t(key);
  });
  assert.equal(new Set(said).size, said.length, "each cause has its own words");
  for (const code of ["ticket", "host_offline", "closed", "forbidden"]) assert.equal(anotherToken(code), undefined);
});

test("a cursor is CSS up to 128 CSS pixels, with its spot inside and a keyword behind", () => {
  const shape = { id: 1, width: 128, height: 24, hot_x: 200, hot_y: 4, png: "AAAA" };
  assert.equal(cursorValue(shape, 1), 'url("data:image/png;base64,AAAA") 127 4, default');
  assert.equal(cursorValue(shape, 0.5), 'image-set(url("data:image/png;base64,AAAA") 2x) 64 2, default');
  assert.equal(cursorValue({ ...shape, width: 129 }, 1), null);
});

test("a cursor that a browser would take for a trick at the page's edge is known", () => {
  const page = { width: 1000, height: 800 };
  const shape = { id: 1, width: 96, height: 96, hot_x: 0, hot_y: 95, png: "AAAA" };
  assert.equal(overhangs(shape, 1, { x: 500, y: 400 }, page), false);
  for (const at of [{ x: 920, y: 400 }, { x: 5, y: 400 }, { x: 500, y: 90 }, { x: 500, y: 799 }]) assert.equal(overhangs(shape, 1, at, page), true);
  // Out of the page, in a drag, the browser shows its own.
  for (const at of [{ x: -3, y: 400 }, { x: 500, y: 800 }]) assert.equal(overhangs(shape, 1, at, page), false);
  assert.equal(overhangs(shape, 0.5, { x: 930, y: 400 }, page), false);
});

test("every text is used", () => {
  const all = modules("src/").map(read).join("\n");
  const keys = [...(read("src/app/texts.js") + read("src/app/team-texts.js")).matchAll(/^  "([\w.]+)":/gm)].map(([, key]) => key);
  assert.ok(keys.length > 80);
  // Reasons and problems come from the core, the host and the router by their codes, display and health texts by a name in the key.
  const made = /^(reason|health|display|problem)\./;
  for (const key of keys.filter((key) => !made.test(key))) assert.ok(all.split(`"${key}"`).length > 2, key);
});
