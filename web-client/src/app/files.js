/**
 * The host's shared folder in a dialog: what is in it, to download; a way to choose files for it; what is on its way.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { FileJob } from "../core/files.js" */

import { make } from "./dom.js";
import { reasonText, t } from "./texts.js";

/** @param {number} bytes */
export function sizeText(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export class FilesDialog {
  #desktop;
  #path = "";
  #where = make("nav", { class: "where", "aria-label": t("files.where") });
  #list = make("ul", { class: "entries" });
  #empty = make("p", { class: "quiet" });
  #jobs = make("ul", { class: "jobs", "aria-live": "polite" });
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map();
  element;
  /** A short list of what is on its way, for who has the dialog closed. */
  tray = make("div", { class: "tray", role: "status", hidden: true });
  /** @type {Map<number, FileJob>} */
  #open = new Map();
  /** Those that failed since nothing was on its way. */
  #failed = 0;
  #lastFailed = "";

  /** @param {RemovidDesktop} desktop */
  constructor(desktop) {
    this.#desktop = desktop;
    const pick = (/** @type {boolean} */ folder) => {
      const input = make("input", { type: "file", multiple: true });
      input.webkitdirectory = folder;
      input.onchange = () => {
        const files = [...(input.files ?? [])];
        desktop.files.upload(files.map((file) => ({ path: this.#below(file.webkitRelativePath || file.name), file })));
      };
      input.click();
    };
    const send = make("button", { type: "button", class: "primary", onclick: () => pick(false) }, t("files.send"));
    const sendFolder = make("button", { type: "button", onclick: () => pick(true) }, t("files.send_folder"));
    this.element = make(
      "dialog",
      { class: "viewers files", "aria-label": t("files.title") },
      make("h2", {}, t("files.title")),
      make("p", { class: "quiet" }, t("files.how")),
      this.#where,
      this.#list,
      this.#empty,
      this.#jobs,
      make("div", { class: "row" }, send, sendFolder, make("button", { type: "button", onclick: () => this.#close() }, t("action.close"))),
    );
    this.element.addEventListener("toggle", () => {
      for (const button of [send, sendFolder]) button.hidden = !desktop.can("files_to_host");
    });
    desktop.addEventListener("filejob", ({ detail }) => this.#job(detail));
  }

  open() {
    this.element.showModal();
    void this.#show("");
  }

  #close() {
    this.element.close();
    this.#desktop.focus();
  }

  /** @param {string} name */
  #below(name) {
    return this.#path === "" ? name : `${this.#path}/${name}`;
  }

  /** @param {string} path */
  async #show(path) {
    this.#path = path;
    const parts = path === "" ? [] : path.split("/");
    const step = (/** @type {string} */ label, /** @type {string} */ to) => make("button", { type: "button", class: "plain", onclick: () => this.#show(to) }, label);
    this.#where.replaceChildren(step(t("files.root"), ""), ...parts.map((part, i) => step(`/ ${part}`, parts.slice(0, i + 1).join("/"))));
    this.#list.replaceChildren();
    this.#empty.textContent = "";
    if (!this.#desktop.can("files_from_host")) {
      this.#empty.textContent = t("files.no_right");
      return;
    }
    try {
      const entries = await this.#desktop.files.list(path);
      if (this.#path !== path) return;
      this.#empty.textContent = entries.length === 0 ? t("files.empty") : "";
      entries.sort((a, b) => Number(b.folder) - Number(a.folder) || a.name.localeCompare(b.name));
      this.#list.replaceChildren(...entries.map(({ name, folder, size }) => {
        const inside = this.#below(name);
        const open = folder ? () => this.#show(inside) : () => this.#desktop.files.download(inside, size);
        const button = make("button", { type: "button", onclick: open }, t(folder ? "files.open" : "files.download"));
        const buttons = folder ? [make("button", { type: "button", onclick: () => this.#downloadAll(inside) }, t("files.download")), button] : [button];
        return make("li", {}, make("div", {}, folder ? `${name}/` : name, make("span", {}, folder ? "" : sizeText(size))), make("div", { class: "row" }, ...buttons));
      }));
    } catch {
      this.#empty.textContent = t("files.unreadable");
    }
  }

  /** All files below a folder. @param {string} path */
  async #downloadAll(path) {
    for (const { name, folder, size } of await this.#desktop.files.list(path)) {
      if (folder) await this.#downloadAll(`${path}/${name}`);
      else this.#desktop.files.download(`${path}/${name}`, size);
    }
  }

  /** @param {FileJob} job */
  #job(job) {
    const over = job.state === "done" || job.state === "failed" || job.state === "cancelled";
    if (over) this.#open.delete(job.id);
    else this.#open.set(job.id, job);
    const state = job.state === "failed" ? fileReason(job.reason) : stateText(job.state);
    const share = job.size === 0 ? (over ? 1 : 0) : job.done / job.size;
    const bar = make("progress", { max: "1", value: String(share), "aria-label": job.path });
    const cancel = make("button", { type: "button", onclick: () => this.#desktop.files.cancel(job.id) }, t("files.cancel"));
    const row = make("li", { class: job.state }, make("div", {}, `${job.way === "up" ? "↑" : "↓"} ${job.path}`, make("span", {}, `${state} · ${sizeText(job.done)} / ${sizeText(job.size)}`)), ...(over ? [] : [bar, cancel]));
    const old = this.#rows.get(job.id);
    if (old === undefined) this.#jobs.prepend(row);
    else old.replaceWith(row);
    this.#rows.set(job.id, row);
    if (job.state === "done" && job.way === "up" && this.element.open) void this.#show(this.#path);
    const [first] = this.#open.values();
    if (job.state === "failed") [this.#failed, this.#lastFailed] = [this.#failed + 1, `${job.path}: ${state}`];
    this.tray.hidden = first === undefined && this.#failed === 0;
    if (first !== undefined) this.tray.textContent = t("files.tray", { count: this.#open.size, percent: Math.floor(100 * (first.size === 0 ? 0 : first.done / first.size)) });
    else if (this.#failed > 0) {
      this.tray.textContent = this.#failed === 1 ? this.#lastFailed : t("files.several_failed", { count: this.#failed, last: this.#lastFailed });
      this.#failed = 0;
      setTimeout(() => (this.tray.hidden = this.#open.size === 0), 8_000);
    }
  }
}

/** @param {Exclude<FileJob["state"], "failed">} state */
function stateText(state) {
  const texts = /** @type {const} */ ({ waiting: "files.waiting", running: "files.running", checking: "files.checking", done: "files.done", cancelled: "files.cancelled" });
  return t(texts[state]);
}

/** @param {string} code */
function fileReason(code) {
  switch (code) {
    case "full":
      return t("files.full");
    case "checksum":
      return t("files.checksum");
    case "gone":
      return t("files.gone");
    case "not_found":
      return t("files.off");
    case "unreadable":
      return t("files.local_unreadable");
    case "forbidden":
      return t("files.no_right");
    default:
      return reasonText("failed");
  }
}
