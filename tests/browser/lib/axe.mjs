/**
 * Pages judged by axe-core under the rules of WCAG 2.0 to 2.2, A and AA, and shown as people set their system up.
 */

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];

/** What is wrong with a page as it is now, one line a fault. */
export async function faults(page) {
  if (!(await page.evaluate(() => typeof window.axe === "object"))) await page.evaluate(SOURCE);
  const { violations, passes } = await page.evaluate(async (tags) => {
    // Off unless it is asked for by name.
    const { violations, passes } = await window.axe.run(document, { runOnly: tags, rules: { "target-size": { enabled: true } } });
    return { violations: violations.map(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)), passes: passes.length };
  }, TAGS);
  if (passes < 5) throw new Error(`axe-core looked at next to nothing: ${passes} rules`);
  return violations.flat();
}

/** Ways to set a system up: the features of media queries (Chromium), and what a profile needs for them (Firefox). */
export const LOOKS = {
  light: { features: { "prefers-color-scheme": "light", "forced-colors": "none" }, prefs: { "layout.css.prefers-color-scheme.content-override": 1 } },
  dark: { features: { "prefers-color-scheme": "dark", "forced-colors": "none" }, prefs: { "layout.css.prefers-color-scheme.content-override": 0 } },
  forced: { features: { "prefers-color-scheme": "dark", "forced-colors": "active" }, prefs: { "browser.display.document_color_use": 2 } },
};

/** One for each page: what one sets ends with it, and is on top of what others set. */
const clients = new WeakMap();

/** Chromium changes its looks while it runs. */
export async function wear(page, look) {
  const client = clients.get(page) ?? (await page.createCDPSession());
  clients.set(page, client);
  const features = Object.entries(LOOKS[look].features).map(([name, value]) => ({ name, value }));
  await client.send("Emulation.setEmulatedMedia", { features });
}

/** Keeps a picture of the page where `REMOVID_SHOTS` names a folder. */
export async function shoot(page, name) {
  const folder = process.env.REMOVID_SHOTS;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
