/**
 * The overlay with numbers about the running session.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { Stats } from "../core/types.js" */
/** @import { TextKey } from "./texts.js" */

import { make } from "./dom.js";
import { t } from "./texts.js";

const EVERY_MS = 1_000;

/**
 * @param {number | null} value
 * @param {string} unit
 * @param {number} [digits]
 */
function number(value, unit, digits = 1) {
  if (value === null || !Number.isFinite(value)) return "–";
  return `${value.toLocaleString(undefined, { maximumFractionDigits: digits, minimumFractionDigits: digits })} ${unit}`;
}

/** @param {(number | null)[]} values */
const parts = (...values) => values.map((value) => number(value, "ms")).join(" + ");

/** @type {readonly (readonly [TextKey, (s: Stats) => string])[]} */
const ROWS = [
  ["stats.picture", (s) => `${s.width} × ${s.height} · ${Math.round(s.scale * 1000) / 10} %`],
  ["stats.fps", (s) => number(s.fps, "fps", 0)],
  ["stats.codec", (s) => [s.codec, s.encoder].filter((part) => part !== "").join(" · ") || "–"],
  ["stats.rate", (s) => (s.kbps === null ? "–" : number(s.kbps / 1000, "Mbit/s", 2))],
  ["stats.rtt", (s) => number(s.rttMs, "ms")],
  ["stats.loss", (s) => number(s.lossPercent, "%")],
  ["stats.captured", (s) => parts(s.captureMs, s.convertMs)],
  ["stats.encoded", (s) => parts(s.encodeMs, s.sendMs)],
  ["stats.way", (s) => number(s.wayMs, "ms")],
  ["stats.decode", (s) => number(s.decodingMs ?? s.decodeMs, "ms")],
  ["stats.jitter", (s) => number(s.jitterBufferMs, "ms")],
  ["stats.show", (s) => number(s.showMs, "ms")],
  ["stats.total", (s) => number(s.endToEndMs, "ms")],
  ["stats.tiles", (s) => number(s.tilesMs, "ms")],
  ["stats.exact", (s) => t(s.exact ? "stats.exact.yes" : "stats.exact.no")],
  ["stats.path", (s) => s.path || "–"],
];

export class StatsOverlay {
  #desktop;
  #cells = ROWS.map(() => make("dd", {}, "–"));
  /** @type {Stats | null} */
  #last = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  element;

  /**
   * @param {RemovidDesktop} desktop
   * @param {() => void} copied
   */
  constructor(desktop, copied) {
    this.#desktop = desktop;
    const list = make("dl", {});
    ROWS.forEach(([key], i) => list.append(make("dt", {}, t(key)), /** @type {HTMLElement} */ (this.#cells[i])));
    const copy = make("button", { type: "button", onclick: () => this.#copy(copied) }, t("stats.copy"));
    this.element = make("section", { class: "stats", hidden: true, "aria-label": t("stats.title") }, list, copy);
  }

  /** @returns {boolean} whether it is shown now */
  toggle() {
    this.element.hidden = !this.element.hidden;
    clearInterval(this.#timer);
    if (!this.element.hidden) {
      this.#timer = setInterval(() => void this.#update(), EVERY_MS);
      void this.#update();
    }
    return !this.element.hidden;
  }

  async #update() {
    const stats = await this.#desktop.stats();
    this.#last = stats;
    ROWS.forEach(([, format], i) => {
      const cell = this.#cells[i];
      if (cell !== undefined) cell.textContent = stats === null ? "–" : format(stats);
    });
  }

  /** @param {() => void} copied */
  async #copy(copied) {
    await navigator.clipboard.writeText(JSON.stringify(this.#last, null, 2));
    copied();
  }
}
