/**
 * Near by, moving pictures carry all their colours (4:4:4) to a browser that decodes them: stripes of one pixel in red and
 * blue are red and blue in the video, too, where 4:2:0 makes one purple of both.
 */

import { after, before, describe, it } from "node:test";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { Display } from "./lib/display.mjs";
import { Scene } from "./lib/scene.mjs";
import { Stack, until } from "./lib/wait.mjs";

const SIZE = { width: 800, height: 600 };
const WINDOW = { width: 200, height: 160 };

/** Red and blue stripes, one pixel wide, in RGB. */
const stripes = () => {
  const rgb = Buffer.alloc(WINDOW.width * WINDOW.height * 3);
  for (let at = 0; at < rgb.length; at += 3) rgb[at + ((at / 3) % 2 === 0 ? 0 : 2)] = 255;
  return rgb;
};

/** How much more red than blue neighbours differ, in the mean, in the middle of the picture of the video alone. */
const contrast = (viewer) => viewer.page.evaluate(() => {
  const video = document.querySelector("removid-desktop").shadowRoot.querySelector("video:last-of-type");
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const { data } = context.getImageData(360, 270, 80, 60);
  let sum = 0;
  const lean = (at) => data[at] - data[at + 2];
  for (let at = 0; at + 4 < data.length; at += 4) sum += Math.abs(lean(at) - lean(at + 4));
  return sum / (data.length / 4);
});

/** The profile of H.264 that the page receives. */
const profile = (viewer) => viewer.page.evaluate(async () => {
  for (const report of await Promise.all(window.pcs.map((pc) => pc.getStats()))) {
    for (const one of report.values()) {
      if (one.type === "inbound-rtp" && one.kind === "video") return /profile-level-id=(\w\w)/.exec(report.get(one.codecId)?.sdpFmtpLine ?? "")?.[1];
    }
  }
  return undefined;
});

describe("all colours of moving pictures in chromium", { skip: !BROWSERS.includes("chromium") && "only chromium decodes them" }, () => {
  const stack = new Stack();
  const scene = new Scene();
  let browser;
  before(async () => {
    browser = await stack.use(Browser.open("chromium", await stack.use(Display.viewer())));
    const page = (await browser.browser.pages())[0] ?? (await browser.browser.newPage());
    await page.evaluateOnNewDocument(() => {
      window.pcs = [];
      const Real = window.RTCPeerConnection;
      window.RTCPeerConnection = class extends Real {
        constructor(...args) {
          super(...args);
          window.pcs.push(this);
        }
      };
    });
  });
  after(async () => {
    await scene.end();
    await stack.end();
  });

  it("come near by, once the picture rested, and not to who limits the bitrate", async () => {
    const x = await scene.host(SIZE);
    const viewer = await browser.view(scene.agent.url());
    await viewer.live();
    const window = await x.window({ x: 290, y: 220, ...WINDOW, colour: 0 });
    const moves = async () => {
      for (let step = 0; step < 60; step += 1) {
        await x.place(window, { x: 290 + (step % 20), y: 220, ...WINDOW });
        await x.paint(window, WINDOW, stripes());
        await viewer.page.evaluate(() => new Promise(requestAnimationFrame));
      }
    };
    await until("all colours", async () => {
      await moves();
      return (await profile(viewer)) === "f4";
    }, 100_000, () => scene.agent.log.slice(-2_000));
    // What they came from takes memory in vain.
    await until("the other encoder's end", () => scene.agent.workers().length === 1, 30_000, () => JSON.stringify(scene.agent.workers()));
    let seen;
    await until("stripes in the video", async () => ((await moves()), (seen = await contrast(viewer)) > 250), 20_000, () => `contrast ${seen}`);
    // A limit of the bitrate is meant: it is held at once, with a quarter of the colours.
    await viewer.page.evaluate(() => (document.querySelector("removid-desktop").saver = true));
    await until("fewer colours", async () => {
      await moves();
      return (await profile(viewer)) === "42";
    }, 20_000, () => scene.agent.log.slice(-2_000));
  });
});
