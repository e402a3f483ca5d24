/**
 * The list of hosts: which there are, how they are, who is on them, and the way in.
 */

/** @import { Account } from "./account.js" */

import { make } from "../app/dom.js";
import { problemText, t } from "../app/texts.js";
import { call, logOut } from "./account.js";
import { AddDialog } from "./add.js";
import { nav } from "./nav.js";
import { time } from "./parts.js";
import { PasskeysDialog } from "./passkeys.js";
import { ShareDialog } from "./share.js";

/**
 * @typedef {object} Host
 * @property {string} id
 * @property {string} name
 * @property {{ [name: string]: string }} labels
 * @property {boolean} online
 * @property {number} last_seen in seconds since 1970
 * @property {boolean} wakes whether another host could wake it
 * @property {string[]} viewers
 * @property {string[]} rights
 * @property {string | null} locked
 * @property {boolean} share whether others may be asked onto it
 * @property {string | null} shared_by who did, where one's own roles do not show it
 * @property {number | null} shared_until in seconds since 1970
 */

const REFRESH_MS = 5_000;
const FRESH_S = 60;
/** What a machine may take to start. */
const WAKING_MS = 120_000;

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

/**
 * @param {number} at
 * @param {number} now
 */
export function ago(at, now) {
  if (at === 0) return t("hosts.never");
  const past = Math.max(0, now - at);
  if (past < FRESH_S) return t("hosts.seen_now");
  const [unit, seconds] = UNITS.find(([, seconds]) => past >= seconds) ?? ["minute", 60];
  return t("hosts.seen", { when: new Intl.RelativeTimeFormat("en").format(-Math.floor(past / seconds), unit) });
}

/**
 * Whether a host has all the words that were typed.
 * @param {Host} host
 * @param {string} text
 */
export function fits(host, text) {
  const all = [host.name, host.id, ...Object.entries(host.labels).map(([name, value]) => `${name}=${value}`)].join(" ").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

export class HostsPage {
  /** @type {Host[]} */
  #hosts = [];
  #now = 0;
  /** Until when a host that was called is told to be waking. @type {Map<string, number>} */
  #called = new Map();
  #list = make("ul", { class: "hosts" });
  #said = make("p", { class: "quiet", role: "status" });
  #search = make("input", { type: "search", id: "search", autocomplete: "off", spellcheck: "false", oninput: () => this.#draw() });
  #problem = make("p", { class: "problem", role: "alert" });
  #passkeys = new PasskeysDialog();
  #lost;
  element;

  /**
   * @param {Account} account
   * @param {(code: string) => void} lost the login is over, or the router is away
   * @param {string | null} problem what went wrong on the way here
   */
  constructor(account, lost, problem = null) {
    this.#problem.textContent = problem === null ? "" : problemText(problem);
    this.#lost = lost;
    const add = new AddDialog();
    const admin = account.admin ? [make("button", { type: "button", onclick: () => add.open() }, t("hosts.add")), add.element] : [];
    const leave = async (/** @type {boolean} */ everywhere) => {
      const there = await logOut(everywhere).catch(() => null);
      if (there === null) lost("logged_out");
      else location.assign(there);
    };
    const mark = make("img", { src: new URL("../app/icon.svg", import.meta.url).href, alt: "", width: "28", height: "28" });
    this.element = make(
      "div",
      { class: "team" },
      make(
        "header",
        { class: "team-bar" },
        mark,
        make("span", { class: "brand" }, t("app.name")),
        ...nav(account, "hosts"),
        make("span", { class: "who" }, t("hosts.account", { name: account.person.name })),
        make("button", { type: "button", onclick: () => void this.passkeys() }, t("hosts.passkeys")),
        make("button", { type: "button", onclick: () => void leave(true) }, t("hosts.logout_everywhere")),
        make("button", { type: "button", onclick: () => void leave(false) }, t("hosts.logout")),
      ),
      make(
        "main",
        { class: "page" },
        make("div", { class: "head" }, make("h1", {}, t("hosts.title")), ...admin, make("label", { for: "search", class: "offscreen" }, t("hosts.search")), this.#search),
        this.#problem,
        this.#said,
        this.#list,
        this.#passkeys.element,
      ),
    );
    this.#search.placeholder = t("hosts.search");
  }

  async passkeys() {
    await this.#passkeys.open();
  }

  /** Shows what there is, and looks again while the page is seen. */
  async run() {
    for (;;) {
      try {
        const { hosts, now } = await call("GET", "api/v1/hosts");
        [this.#hosts, this.#now] = [hosts, now];
        this.#draw();
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code) : "other";
        if (code !== "unreachable") return this.#lost(code);
        this.#said.textContent = t("start.unreachable");
      }
      await new Promise((done) => setTimeout(done, REFRESH_MS));
      if (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
    }
  }

  #draw() {
    const text = this.#search.value.trim();
    const shown = this.#hosts.filter((host) => fits(host, text));
    this.#said.textContent = this.#hosts.length === 0 ? t("hosts.empty") : shown.length === 0 ? t("hosts.none_found", { text }) : "";
    // Whoever has the focus keeps it: the row is changed in its place.
    const rows = new Map([...this.#list.children].map((row) => [row instanceof HTMLElement ? row.dataset["host"] : "", row]));
    const wanted = shown.map((host) => {
      const row = this.#row(host);
      const old = rows.get(host.id);
      if (old?.isEqualNode(row)) return old;
      if (old?.contains(document.activeElement)) {
        const kind = document.activeElement?.localName === "button" ? "button" : "a";
        queueMicrotask(() => row.querySelector(/** @type {"a" | "button"} */ (kind))?.focus());
      }
      return row;
    });
    const same = wanted.length === this.#list.children.length && wanted.every((row, at) => row === this.#list.children[at]);
    if (!same) this.#list.replaceChildren(...wanted);
  }

  /** Has a host woken that sleeps. @param {Host} host */
  async #wake(host) {
    this.#problem.textContent = "";
    try {
      await call("POST", `api/v1/hosts/${encodeURIComponent(host.id)}/wake`);
      this.#called.set(host.id, performance.now() + WAKING_MS);
    } catch (error) {
      this.#problem.textContent = problemText(error instanceof Error && "code" in error ? String(error.code) : "other");
    }
    this.#draw();
  }

  /** @param {Host} host */
  #row(host) {
    const labels = Object.entries(host.labels).map(([name, value]) => make("span", { class: "label" }, `${name}=${value}`));
    const may = host.rights.includes("view") && host.locked === null;
    const state = make("span", { class: host.online ? "state online" : "state" }, t(host.online ? "hosts.online" : "hosts.offline"));
    const notes = [
      ...(host.online ? [] : [ago(host.last_seen, this.#now)]),
      ...(host.locked === null ? [] : [t("hosts.locked", { reason: host.locked })]),
      ...(host.viewers.length === 0 ? [] : [t("hosts.viewers", { names: host.viewers.join(", ") })]),
      ...(may || host.locked !== null ? [] : [t("hosts.no_view")]),
    ].map((note) => make("span", {}, note));
    if (host.shared_by !== null && host.shared_until !== null) notes.push(make("span", {}, t("hosts.shared", { name: host.shared_by }), " ", time(host.shared_until)));
    const href = `./desktop?${new URLSearchParams({ host: host.id })}`;
    const open = may && host.online ? [make("a", { class: "button primary", href, "aria-label": t("hosts.open_who", { name: host.name }) }, t("hosts.open"))] : [];
    const onclick = () => new ShareDialog(host.id, host.name).open();
    const share = may && host.share ? [make("button", { type: "button", "aria-label": t("share.title", { host: host.name }), onclick }, t("hosts.share"))] : [];
    const onwake = () => void this.#wake(host);
    const called = this.#called.get(host.id) ?? 0;
    if (!host.online && called > performance.now()) notes.push(make("span", {}, t("hosts.woken")));
    const wake = may && host.wakes ? [make("button", { type: "button", "aria-label": t("hosts.wake_who", { name: host.name }), onclick: onwake }, t("hosts.wake"))] : [];
    return make(
      "li",
      { "data-host": host.id },
      make("div", { class: "what" }, make("h2", {}, host.name), make("p", { class: "quiet" }, state, ...notes), make("p", { class: "labels" }, ...labels)),
      ...share,
      ...wake,
      ...open,
    );
  }
}
