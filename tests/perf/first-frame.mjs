// How soon the first picture is there: joins one after another, each in a fresh page, on this machine.
//
//   node tests/perf/first-frame.mjs [joins] [chromium|firefox]
//
// Prints, in ms: from the page's first script to the first frame shown (`ready`), and from opening the
// address to it; minimum, median and maximum. The desktop is 1920x1080 and virtual.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';

const root = path.resolve(import.meta.dirname, '../..');
const puppeteer = createRequire(path.join(root, 'tests/browser/package.json'))('puppeteer-core');
const [joins = '20', which = 'chromium'] = process.argv.slice(2);
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'removid-first-'));
const binary = path.resolve(root, process.env.REMOVID ?? 'target/release/removid');
const agent = spawn(binary, ['direct', '--listen', '[::]:0', '--desktop', 'virtual', '--size', '1920x1080', '--state-dir', path.join(dir, 'state'), '--announce', 'json'], { stdio: ['ignore', 'pipe', 'ignore'] });
const { url } = await new Promise((resolve) => agent.stdout.once('data', (line) => resolve(JSON.parse(String(line)))));

const chromium = { executablePath: '/usr/bin/chromium', headless: true, acceptInsecureCerts: true, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] };
const firefox = { browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, acceptInsecureCerts: true };
const browser = await puppeteer.launch(which === 'firefox' ? firefox : chromium);
const fromScript = [];
const fromOpening = [];
for (let n = 0; n < Number(joins); n += 1) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1920, height: 1080 });
  await page.evaluateOnNewDocument(() => {
    addEventListener('ready', () => { globalThis.readyAt = performance.now(); }, { capture: true, once: true });
  });
  await page.goto(url);
  await page.waitForFunction(() => globalThis.readyAt !== undefined || document.querySelector('removid-desktop')?.state === 'live', { timeout: 20000 });
  const times = await page.evaluate(() => {
    const scripts = performance.getEntriesByType('resource').filter(({ initiatorType }) => initiatorType === 'script').map(({ responseEnd }) => responseEnd);
    return { ready: globalThis.readyAt ?? performance.now(), script: Math.min(...scripts) };
  });
  fromScript.push(times.ready - times.script);
  fromOpening.push(times.ready);
  await page.close();
}
await browser.close();
agent.kill('SIGTERM');
await new Promise((resolve) => agent.once('exit', resolve));
fs.rmSync(dir, { recursive: true });

const line = (name, all) => {
  all.sort((a, b) => a - b);
  const at = (q) => all[Math.min(all.length - 1, Math.floor(all.length * q))].toFixed(0);
  console.log(`${name}: min ${at(0)}  median ${at(0.5)}  p95 ${at(0.95)}  max ${at(1)} ms  (${all.length} joins, ${which})`);
};
line('first script to first frame', fromScript);
line('opening to first frame     ', fromOpening);
