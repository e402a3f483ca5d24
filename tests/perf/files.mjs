/**
 * How fast a large file goes up, what the picture loses by it, and whether it survives a cut of the network at half.
 *
 *   node tests/perf/files.mjs [MiB] [browser]     default: 2048, chromium. As root.
 */

import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Agent } from "../browser/lib/agent.mjs";
import { Browser } from "../browser/lib/browser.mjs";
import { Display } from "../browser/lib/display.mjs";
import { Network } from "../browser/lib/net.mjs";
import { folder } from "../browser/lib/process.mjs";
import { Stack, until } from "../browser/lib/wait.mjs";

const [mib = "2048", name = "chromium"] = process.argv.slice(2);
const count = Number(mib);
const stack = new Stack();
try {
  const display = await stack.use(Display.viewer());
  const network = await stack.use(Network.open());
  const shared = await stack.use(folder("shared"));
  const agent = await stack.use(Agent.open({ namespace: network.host, desktop: "test", size: "1280x720", flags: ["--files", shared.path] }));
  const browser = await stack.use(Browser.open(name, display));
  const viewer = await browser.view(agent.url(network.inner));
  await viewer.live(20_000);
  await viewer.page.evaluate(() => {
    window.frames_ = 0;
    const desktop = document.querySelector("removid-desktop");
    const watch = (video) => video.requestVideoFrameCallback(() => {
      window.frames_ += 1;
      if (video.isConnected) watch(video);
    });
    const seen = new WeakSet();
    setInterval(() => {
      const video = desktop.shadowRoot.querySelector("video:last-of-type");
      if (video && !seen.has(video)) seen.add(video), watch(video);
    }, 50);
    desktop.addEventListener("filejob", ({ detail }) => (window.job = detail));
  });
  const look = () => viewer.page.evaluate(() => ({ frames: window.frames_, job: window.job, state: document.querySelector("removid-desktop").state }));
  const rate = (from, to) => ((to.frames - from.frames) * 1000) / (to.at - from.at);
  const stamp = async () => ({ ...(await look()), at: performance.now() });
  const span = async (what, ms) => {
    const from = await stamp();
    await until(what, () => performance.now() - from.at > ms, ms + 5_000);
    return rate(from, await stamp());
  };
  const alone = await span("a picture without files", 10_000);

  const block = randomBytes(1 << 20);
  await viewer.page.evaluate(async (text, count) => {
    const block = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const file = new File(Array(count).fill(block), "large.bin", { lastModified: 1_700_000_000_000 });
    document.querySelector("removid-desktop").files.upload([{ path: "large.bin", file }]);
  }, block.toString("base64"), count);
  const size = count * 1_048_576;
  const began = await stamp();
  await until("the first half", async () => (await look()).job?.done * 2 >= size, 1_200_000);
  const half = await stamp();
  network.drop();
  await until("the session to be missed", async () => (await look()).state !== "live", 60_000);
  await until("the agent to miss it", () => /Session ended/.test(agent.log), 60_000);
  network.restore();
  await until("the session to be back", async () => (await look()).state === "live", 60_000);
  const back = await stamp();
  const ended = await until("the second half", async () => ["done", "failed"].includes((await look()).job?.state) && stamp(), 1_200_000);
  const expected = createHash("sha256");
  for (let n = 0; n < count; n += 1) expected.update(block);
  const got = createHash("sha256");
  for await (const piece of createReadStream(join(shared.path, "large.bin"))) got.update(piece);
  const mbit = (bytes, ms) => Math.round((bytes * 8) / ms / 1000);
  console.log(JSON.stringify({
    browser: name,
    MiB: count,
    job: ended.job.state,
    equal: got.digest("hex") === expected.digest("hex"),
    mbitPerSecond: { firstHalf: mbit(half.job.done, half.at - began.at), secondHalf: mbit(size - half.job.done, ended.at - back.at) },
    framesPerSecond: { alone: alone.toFixed(1), firstHalf: rate(began, half).toFixed(1), secondHalf: rate(back, ended).toFixed(1) },
    secondsCut: Math.round((back.at - half.at) / 1000),
  }, null, 1));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await stack.end();
  process.exit();
}
