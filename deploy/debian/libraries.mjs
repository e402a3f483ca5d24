/**
 * Prints the libraries that are built into a crate's program, each with its version, its licence and the licence's text.
 *
 *   node libraries.mjs CRATE        downloads nothing; reads what `cargo fetch --locked` brought
 */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const [crate] = process.argv.slice(2);
const flags = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", "x86_64-unknown-linux-gnu"];
const { packages, resolve } = JSON.parse(execFileSync("cargo", flags, { maxBuffer: 1 << 28, encoding: "utf8" }));
const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
const found = new Set();
const open = [packages.find((each) => each.name === crate && each.source === null).id];
while (open.length > 0) {
  const id = open.pop();
  if (found.has(id)) continue;
  found.add(id);
  // Only what is in the program: neither tests' nor build scripts' libraries.
  for (const { pkg, dep_kinds } of nodes.get(id).deps) if (dep_kinds.some(({ kind }) => kind === null)) open.push(pkg);
}

for (const { name, version, license, authors, manifest_path } of packages.filter(({ id, source }) => found.has(id) && source !== null)) {
  console.log(`${"=".repeat(80)}\n${name} ${version}\nLicence: ${license ?? "see below"}`);
  if (authors.length > 0) console.log(`By: ${authors.join(", ")}`);
  const folder = dirname(manifest_path);
  for (const file of readdirSync(folder).filter((each) => /^(licen[cs]e|copying|notice|copyright)/i.test(each)).sort()) {
    const path = join(folder, file);
    if (statSync(path).isFile()) console.log(`\n--- ${file}\n${readFileSync(path, "utf8").trim()}`);
  }
}
