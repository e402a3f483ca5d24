/**
 * The dialog that shares a host: a link that lets others onto it for a while, who came by it, and its end.
 */

import { make } from "../app/dom.js";
import { t } from "../app/texts.js";
import { call } from "./account.js";
import { button, choice, field, giveBack, input, time, words } from "./parts.js";

/**
 * @typedef {object} Share
 * @property {string} id
 * @property {"view" | "control"} kind
 * @property {string} by
 * @property {boolean} own
 * @property {number} until in seconds since 1970
 * @property {number} uses_left
 * @property {{ name: string, since: number }[]} members
 */

const REFRESH_MS = 5_000;
const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];
const USUAL = HOUR;

/**
 * @param {string} kind
 * @returns {string}
 */
export const kindName = (kind) => (kind === "control" ? t("share.control") : t("share.view"));

/** @returns {[string, string][]} */
const lengths = () => [
  [String(15 * MINUTE), t("share.minutes", { n: 15 })],
  [String(HOUR), t("share.hour")],
  [String(4 * HOUR), t("share.hours", { n: 4 })],
  [String(DAY), t("share.day")],
  [String(7 * DAY), t("share.days", { n: 7 })],
];

/**
 * Whether whoever is logged in may share that host.
 * @param {string} host
 * @returns {Promise<boolean>}
 */
export async function mayShare(host) {
  return (await call("GET", `api/v1/hosts/${encodeURIComponent(host)}/shares`)).share === true;
}

export class ShareDialog {
  #host;
  #path;
  #kind = choice([["view", kindName("view")], ["control", kindName("control")]], "view");
  #length = choice(lengths(), String(USUAL));
  #people = input({ type: "number", min: "1", max: "50", step: "1", value: "1", required: true });
  #problem = make("p", { class: "problem", role: "alert" });
  #made = make("div", { class: "made" });
  #told = make("p", { class: "offscreen", role: "status" });
  #list = make("ul", { class: "shares" });
  #none = make("p", { class: "quiet" }, t("share.none"));
  #drawn = "";
  #opener = document.activeElement;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  element;

  /**
   * @param {string} hostId
   * @param {string} hostName
   */
  constructor(hostId, hostName) {
    this.#host = hostName;
    this.#path = `api/v1/hosts/${encodeURIComponent(hostId)}/shares`;
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#try(() => this.#make());
    };
    const onclose = () => {
      clearInterval(this.#timer);
      this.element.remove();
      giveBack(this.#opener);
    };
    this.element = make(
      "dialog",
      { class: "card share", "aria-labelledby": "share-title", onclose },
      make("h2", { id: "share-title" }, t("share.title", { host: this.#host })),
      make("p", { class: "quiet" }, t("share.how")),
      make(
        "form",
        { onsubmit },
        field(t("share.kind"), this.#kind),
        field(t("share.length"), this.#length),
        field(t("share.people"), this.#people),
        make("button", { type: "submit", class: "primary" }, t("share.make")),
      ),
      this.#problem,
      this.#made,
      make("h3", {}, t("share.now")),
      this.#none,
      this.#list,
      this.#told,
      make("div", { class: "row" }, make("button", { type: "button", onclick: () => this.element.close() }, t("add.close"))),
    );
  }

  open() {
    document.body.append(this.element);
    this.element.showModal();
    this.#kind.focus();
    void this.#try(() => this.#refresh());
    // Who comes by a link is seen while one looks.
    this.#timer = setInterval(() => void this.#refresh().catch(() => {}), REFRESH_MS);
  }

  /** @param {() => Promise<void>} act */
  async #try(act) {
    this.#problem.textContent = "";
    await act().catch((error) => (this.#problem.textContent = words(error)));
  }

  async #make() {
    const wanted = { kind: this.#kind.value, expires_in: Number(this.#length.value), uses: Number(this.#people.value) };
    const { link, until } = await call("POST", this.#path, wanted);
    const shown = input({ readonly: true, value: link });
    shown.addEventListener("focus", () => shown.select());
    const copy = make("button", { type: "button", class: "primary" }, t("share.copy"));
    copy.addEventListener("click", async () => {
      const done = await navigator.clipboard.writeText(link).then(() => true, () => false);
      if (done) this.#told.textContent = copy.textContent = t("add.copied");
      else shown.focus();
    });
    this.#made.replaceChildren(field(t("share.link"), shown, t("share.once")), make("p", { class: "quiet" }, t("share.ends"), " ", time(until)), copy);
    copy.focus();
    await this.#refresh();
  }

  async #refresh() {
    /** @type {{ shares: Share[] }} */
    const { shares } = await call("GET", this.#path);
    const now = JSON.stringify(shares);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const focused = document.activeElement?.getAttribute("aria-label");
    this.#none.hidden = shares.length > 0;
    this.#list.replaceChildren(...shares.map((share) => this.#line(share)));
    // The successor of a button that was drawn anew keeps the focus.
    if (focused) [...this.#list.querySelectorAll("button")].find((other) => other.getAttribute("aria-label") === focused)?.focus();
  }

  /** @param {Share} share */
  #line(share) {
    const names = share.members.map(({ name }) => name).join(", ");
    const facts = [
      ...(share.own ? [] : [t("share.by", { name: share.by })]),
      ...(share.uses_left > 0 ? [t("share.places", { n: share.uses_left })] : []),
    ];
    const end = async () => {
      await call("DELETE", `api/v1/shares/${encodeURIComponent(share.id)}`);
      await this.#refresh();
      this.#told.textContent = t("share.ended");
      this.element.querySelector("select")?.focus();
    };
    const who = names === "" ? t("share.nobody") : names;
    return make(
      "li",
      {},
      make("div", {}, make("strong", {}, who), make("span", {}, kindName(share.kind), " · ", t("share.until"), " ", time(share.until), ...facts.map((fact) => ` · ${fact}`))),
      button(t("share.end"), t("share.end_who", { who }), () => void this.#try(end), "danger"),
    );
  }
}
