/**
 * One page with a desktop in it, as a test looks at it: its state, its decoded picture, and where on the
 * viewer's screen a pixel of that picture is.
 */

import { until } from "./wait.mjs";

export class Viewer {
  constructor(browser, page) {
    this.browser = browser;
    this.page = page;
    this.console = [];
    page.on("console", (message) => this.console.push(message.text()));
    page.on("pageerror", (error) => this.console.push(`error: ${error.message}`));
  }

  get x() {
    return this.browser.display.x;
  }

  /** Opens a page, and waits until it begins. */
  async visit(url) {
    // Chromium drops what it is loading when the machine gets another interface or address, as these tests give it; a
    // person would reload, too.
    const dropped = () => this.console.some((line) => line.includes("ERR_NETWORK_CHANGED"));
    const begun = () => this.page.evaluate(() => customElements.get("removid-desktop") !== undefined || document.querySelector("a.button.primary, .team") !== null);
    for (const end = performance.now() + 15_000; performance.now() < end; ) {
      this.console.length = 0;
      // The same address again would only move within the page.
      await this.page.goto("about:blank");
      const refused = await this.page.goto(url).then(() => null, (error) => error);
      if (refused !== null) {
        if (!refused.message.includes("ERR_NETWORK_CHANGED")) throw refused;
        continue;
      }
      await until("the page to begin", async () => dropped() || (await begun()), 3_000).catch(() => {});
      if (!dropped()) break;
    }
  }

  /** What the element says now. */
  look() {
    return this.page.evaluate(() => {
      const desktop = document.querySelector("removid-desktop");
      const video = desktop?.shadowRoot.querySelector("video:last-of-type");
      return {
        state: desktop?.state,
        reason: desktop?.reason,
        desk: desktop?.desk,
        layout: desktop?.pictureLayout,
        video: video && { width: video.videoWidth, height: video.videoHeight, time: video.currentTime },
        hidden: document.hidden,
        focused: document.hasFocus(),
        text: document.body.innerText,
      };
    });
  }

  async stats() {
    return this.page.evaluate(() => document.querySelector("removid-desktop").stats());
  }

  /** Waits until the session is live, has a picture, and was greeted: the picture may come before the channels. */
  async live(ms = 15_000) {
    let last;
    return until(`${this.browser.name} to be live`, async () => {
      last = await this.look();
      return last.state === "live" && last.video?.width > 0 && last.desk.viewer !== null && last;
    }, ms, () => JSON.stringify({ ...last, console: this.console.slice(-5) }));
  }

  async state(wanted, ms = 10_000) {
    let last;
    return until(`${this.browser.name} to be ${wanted}`, async () => {
      last = await this.look();
      return last.state === wanted && last;
    }, ms, () => JSON.stringify({ ...last, console: this.console.slice(-5) }));
  }

  /** Every state since this call, with its time: `viewer.page.evaluate(() => window.states)`. */
  async recordStates() {
    await this.page.evaluate(() => {
      const desktop = document.querySelector("removid-desktop");
      window.states = [];
      desktop.addEventListener("statechange", ({ detail }) => window.states.push({ ...detail, at: performance.now() }));
    });
  }

  /** The picture shown now as RGB bytes, by way of a canvas: what was decoded, and the tiles over it, before any scaling. */
  async picture() {
    const got = await this.page.evaluate(async () => {
      const desktop = document.querySelector("removid-desktop");
      const video = desktop.shadowRoot.querySelector("video:last-of-type");
      const tiles = video.nextElementSibling;
      // A half picture stands for all of the screen.
      const half = tiles?.matches("canvas.tiles") && !tiles.hidden && tiles.width > video.videoWidth + 1;
      const [width, height] = half ? [tiles.width, tiles.height] : [video.videoWidth, video.videoHeight];
      if (width === 0) return null;
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
      context.drawImage(video, 0, 0, width, height);
      if (tiles?.matches("canvas.tiles") && !tiles.hidden) context.drawImage(tiles, 0, 0);
      const { data } = context.getImageData(0, 0, width, height);
      const rgb = new Uint8Array(width * height * 3);
      for (let i = 0; i < width * height; i += 1) rgb.set([data[4 * i], data[4 * i + 1], data[4 * i + 2]], 3 * i);
      const reader = new FileReader();
      const done = new Promise((resolve) => (reader.onload = resolve));
      reader.readAsDataURL(new Blob([rgb]));
      await done;
      return { width, height, base64: reader.result.slice(reader.result.indexOf(",") + 1) };
    });
    if (got === null) return null;
    return { width: got.width, height: got.height, rgb: Buffer.from(got.base64, "base64") };
  }

  /** The mean of areas of the frame shown now: `[[r, g, b], …]`; cheaper than the whole picture. */
  async means(areas) {
    return this.page.evaluate((areas) => {
      const video = document.querySelector("removid-desktop").shadowRoot.querySelector("video:last-of-type");
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
      context.drawImage(video, 0, 0);
      const tiles = video.nextElementSibling;
      if (tiles?.matches("canvas.tiles") && !tiles.hidden) context.drawImage(tiles, 0, 0);
      return areas.map(({ x, y, width, height }) => {
        const { data } = context.getImageData(x, y, width, height);
        const sums = [0, 0, 0];
        for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c += 1) sums[c] += data[i + c];
        return sums.map((sum) => sum / (data.length / 4));
      });
    }, areas);
  }

  /** Shows a colour on the host's screen and waits until this viewer sees it there, as near as H.264 shows blue. */
  async sees(x, colour, ms = 5_000) {
    const window = await x.window({ x: 100, y: 100, width: 240, height: 160, colour });
    const right = [colour >> 16, (colour >> 8) & 255, colour & 255];
    let mean;
    await until(`${this.browser.name} to see ${right}`, async () => {
      [mean] = await this.means([{ x: 140, y: 140, width: 120, height: 80 }]);
      return mean.every((value, i) => Math.abs(value - right[i]) < 20);
    }, ms, async () => `${mean} ${JSON.stringify(await this.look())}`);
    await x.destroy(window);
  }

  /** Gives the element a size of its own, in CSS pixels; a virtual desktop follows. */
  async resizeElement(width, height) {
    await this.page.evaluate((width, height) => {
      const { style } = document.querySelector("removid-desktop");
      Object.assign(style, { position: "absolute", left: "0", top: "0", width: `${width}px`, height: `${height}px`, aspectRatio: "auto" });
    }, width, height);
    return until(`a picture of ${width}x${height}`, async () => {
      const { video } = await this.look();
      return video?.width === width && video.height === height;
    }, 15_000, async () => JSON.stringify(await this.look()));
  }

  /** Waits until the picture has one colour all over, as near as a codec shows it. */
  async still(colour, ms = 8_000) {
    let means;
    return until(`a picture of ${colour}`, async () => {
      const { video } = await this.look();
      const [width, height] = [video.width >> 2, video.height >> 2];
      means = await this.means([0, 1, 2, 3].map((n) => ({ x: n * width, y: n * height, width, height })));
      return means.every((mean) => mean.every((value, c) => Math.abs(value - colour[c]) < 3));
    }, ms, () => JSON.stringify(means));
  }

  /**
   * Where the page's corner is on the viewer's screen, in its pixels. Browsers tell it only with a pointer's event,
   * and some round its place down to whole CSS pixels: several places leave one answer.
   */
  async origin() {
    await this.page.evaluate(() => {
      window.seen = null;
      if (window.watching !== true) addEventListener("pointermove", (e) => (window.seen = [e.clientX, e.clientY]), { capture: true });
      window.watching = true;
    });
    const { place } = this.browser;
    const dpr = await this.page.evaluate(() => devicePixelRatio);
    const low = [-Infinity, -Infinity];
    const high = [Infinity, Infinity];
    for (let step = 0; step < (dpr === 1 ? 1 : 8); step += 1) {
      const aimed = [place.x + (place.width >> 1) + 7 * step, place.y + (place.height >> 1) + 5 * step];
      await this.page.evaluate(() => void (window.seen = null));
      let last = "null";
      let same = 0;
      const seen = await until("the page to see the pointer", async () => {
        // A move to where it is already would be none.
        if (last === "null") for (const off of [3, 0]) await this.x.moveTo(aimed[0] + off, aimed[1] + off);
        const now = await this.page.evaluate(() => window.seen);
        // An earlier move may arrive only now: the last one is where it stays.
        same = now !== null && String(now) === last ? same + 1 : 0;
        last = String(now);
        return same >= 2 && now;
      });
      for (const i of [0, 1]) {
        const whole = Number.isInteger(seen[i]);
        low[i] = Math.max(low[i], aimed[i] - (whole ? seen[i] + 1 : seen[i] + 0.01) * dpr);
        high[i] = Math.min(high[i], aimed[i] - seen[i] * dpr + 0.01);
      }
    }
    // At a ratio of one there is nothing to round.
    const [left, top] = dpr === 1 ? high.map(Math.round) : low.map((from, i) => Math.round((from + high[i]) / 2));
    return { left, top, dpr };
  }

  /** Turns a pixel's place in the picture as laid out into the viewer's screen. */
  async aim() {
    const { left, top, dpr } = await this.origin();
    const box = await this.page.evaluate(() => {
      const desktop = document.querySelector("removid-desktop");
      const { x, y } = desktop.getBoundingClientRect();
      return { x, y, layout: desktop.pictureLayout };
    });
    const [x, y] = [left + Math.round(box.x * dpr) + box.layout.left, top + Math.round(box.y * dpr) + box.layout.top];
    return { layout: box.layout, at: (column, row) => [x + column, y + row], page: { left, top } };
  }

  /** Gives the picture the keyboard by a real click, as a person does. */
  async take() {
    await this.x.activate(this.browser.window);
    const { layout, at } = await this.aim();
    await this.x.moveTo(...at(Math.floor(layout.width / 2), Math.floor(layout.height / 2)));
    await this.x.click();
    await until("the keyboard's focus", async () => (await this.page.evaluate(() => document.hasFocus() && document.activeElement?.localName === "removid-desktop")));
  }
}
