/**
 * The first picture: from the link to decoded pixels that are those of the screen, in both browsers, for
 * every codec, and with the same colours at every height (browsers guess the colour matrix by size if
 * nobody tells them).
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Agent } from "./lib/agent.mjs";
import { BROWSERS, Browser } from "./lib/browser.mjs";
import { chart, meanError, worst } from "./lib/chart.mjs";
import { Display } from "./lib/display.mjs";
import { FULL, Stack, until } from "./lib/wait.mjs";

const HEIGHTS = [480, 576, 600, 720, 1080];
/** What both surely decode: Debian's Firefox has no H.264 without a download. */
const CODECS = { chromium: ["h264", "vp9", "vp8"], firefox: ["vp9", "vp8"] };
/** Of 255; the mean over a field. VP9 at its fastest keeps a little noise; a wrong matrix is off by 10 to 30. */
const TOLERANCE = { h264: 3, vp8: 3, vp9: 6 };

for (const name of BROWSERS) {
  describe(`picture in ${name}`, () => {
    const stack = new Stack();
    let display;
    let browser;
    before(async () => {
      display = await stack.use(Display.viewer());
      browser = await stack.use(Browser.open(name, display));
    });
    after(() => stack.end());

    it("shows the screen's own pixels from the link", async () => {
      const own = new Stack();
      try {
        const agent = await own.use(Agent.open());
        const viewer = await browser.view(agent.link.url);
        await viewer.live();
        // The best that this browser decodes: Debian's Firefox has no H.264, and gets VP9.
        const hasH264 = await viewer.page.evaluate(async () => {
          const peer = new RTCPeerConnection();
          peer.addTransceiver("video", { direction: "recvonly" });
          const { sdp } = await peer.createOffer();
          peer.close();
          return /H264\/90000/.test(sdp);
        });
        const codec = await until("the codec's name", async () => (await viewer.stats())?.codec);
        assert.match(codec, hasH264 ? /h264/i : /vp9/i);
        const x = await agent.x();
        // The desktop follows the window; then draw over all of it.
        const size = await until("a settled size", async () => {
          const { video, layout } = await viewer.look();
          const now = await x.size();
          return layout.scale === 1 && video.width === now.width && video.height === now.height && now;
        });
        const { rgb } = chart(size);
        const window = await x.window(size);
        await x.paint(window, size, rgb);
        const truth = await x.pixels(size);
        assert.equal(meanError(truth, rgb), 0, "the screen shows what was drawn");
        let error = NaN;
        await until("the picture to be the screen", async () => {
          const picture = await viewer.picture();
          assert.deepEqual({ width: picture.width, height: picture.height }, size);
          error = meanError(picture.rgb, truth);
          return error < 2;
        }, 8_000, () => `mean error ${error}`);
      } finally {
        await viewerAway(browser);
        await own.end();
      }
    });

    for (const codec of CODECS[name]) {
      it(`keeps colours at every height with ${codec}`, { skip: !FULL && codec !== CODECS[name][0] && "REMOVID_FULL=1" }, async () => {
        const own = new Stack();
        try {
          const agent = await own.use(Agent.open({ flags: ["--codec", codec] }));
          const viewer = await browser.view(agent.url());
          await viewer.live();
          const x = await agent.x();
          for (const height of FULL ? [...HEIGHTS, ...[...HEIGHTS].reverse()] : HEIGHTS) {
            const size = { width: (height * 16) / 9 & ~1, height };
            await viewer.resizeElement(size.width, size.height);
            const { rgb, areas, colours } = chart(size);
            const window = await x.window(size);
            await x.paint(window, size, rgb);
            let most;
            await until(`the colours at ${height} lines`, async () => {
              most = worst(await viewer.means(areas), colours, { bt709: codec === "h264" });
              return most.off <= TOLERANCE[codec];
            }, 6_000, () => most.text);
            await x.destroy(window);
          }
          const { codec: used } = await viewer.stats();
          assert.match(used, new RegExp(codec, "i"));
        } finally {
          await viewerAway(browser);
          await own.end();
        }
      });
    }
  });
}

/** Leaves the page, so that the agent's end is no news to it. */
async function viewerAway(browser) {
  const [page] = await browser.browser.pages();
  await page.goto("about:blank");
}
