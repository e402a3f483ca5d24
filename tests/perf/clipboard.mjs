/**
 * What a large copy costs before anybody pastes it, and how fast it is pasted on the host.
 *
 *   node tests/perf/clipboard.mjs [MB] [browser]     default: 100, chromium
 */

import { createHash, randomBytes } from "node:crypto";
import { Scene } from "../browser/lib/scene.mjs";
import { Selection } from "../browser/lib/selection.mjs";
import { until } from "../browser/lib/wait.mjs";

const [mb = "100", name = "chromium"] = process.argv.slice(2);
const size = Number(mb) * 1_000_000;
const [CONTROL, V] = [37, 55];
const hash = (data) => createHash("sha256").update(data).digest("hex");
const scene = new Scene();
try {
  const browser = await scene.browser(name);
  await scene.host();
  const page = (await browser.browser.pages())[0] ?? (await browser.browser.newPage());
  await page.evaluateOnNewDocument(() => {
    window.sent = 0;
    const real = RTCDataChannel.prototype.send;
    RTCDataChannel.prototype.send = function (data) {
      if (this.label === "bulk" || (typeof data === "string" && data.includes("clip."))) window.sent += data.length ?? data.byteLength;
      return real.call(this, data);
    };
  });
  const viewer = await browser.view(scene.agent.url());
  await viewer.live();
  await viewer.take();
  const [there, here] = [new Selection(scene.hostDisplay.name), new Selection(scene.display.name)];
  there.patience = here.patience = 300;
  const text = randomBytes(size / 2).toString("hex");
  await here.copy(text);
  const keys = () => scene.hostDisplay.x.events.filter(({ type }) => type === "key").length;
  const before = keys();
  const pressed = performance.now();
  await viewer.x.tap(CONTROL, V);
  await until("the host to have the keys", () => keys() >= before + 2, 60_000);
  const noticed = performance.now() - pressed;
  const cost = await viewer.page.evaluate(() => window.sent);
  const data = await there.paste();
  const moved = await viewer.page.evaluate(() => window.sent);
  console.log(JSON.stringify({
    browser: name,
    MB: Number(mb),
    bytesBeforeThePaste: cost,
    msFromTheGestureToTheKeys: Math.round(noticed),
    equal: data !== null && hash(data) === hash(text),
    pasteSeconds: Number((there.took / 1000).toFixed(2)),
    mbitPerSecond: Math.round((size * 8) / there.took / 1000),
    bytesMoved: moved,
  }, null, 1));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await scene.end();
  process.exit();
}
