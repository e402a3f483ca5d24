/**
 * The audit log: what fits, the newest first, a page at a time, and all of it as a file.
 */

/** @import { Account } from "./account.js" */

import { make } from "../app/dom.js";
import { t } from "../app/texts.js";
import { call, fetchFile } from "./account.js";
import { bar } from "./nav.js";
import { button, codeOf, field, input, table, time, words } from "./parts.js";

/** @typedef {{ seq: number, at: number, code: string, name: string | null, fields: { [name: string]: unknown } }} Row */

/**
 * What a form asks for, as the router's call takes it.
 * @param {{ code: string, account: string, host: string, from: string, until: string }} form times as the browser writes them
 * @returns {URLSearchParams}
 */
export function query(form) {
  const asked = new URLSearchParams();
  for (const name of /** @type {const} */ (["code", "account", "host"])) {
    const value = form[name].trim();
    if (value !== "") asked.set(name, name === "code" ? value.toUpperCase() : value);
  }
  for (const name of /** @type {const} */ (["from", "until"])) {
    const at = Date.parse(form[name]);
    if (!Number.isNaN(at)) asked.set(name, String(Math.max(0, Math.floor(at / 1000))));
  }
  return asked;
}

export class AuditPage {
  #lost;
  #form = {
    code: input({ maxlength: "8", placeholder: "RMV1001I" }),
    account: input({ maxlength: "128" }),
    host: input({ maxlength: "128" }),
    from: input({ type: "datetime-local" }),
    until: input({ type: "datetime-local" }),
  };
  #said = make("p", { class: "said", role: "status" });
  #problem = make("p", { class: "problem", role: "alert" });
  #sinks = make("div", {});
  #rows = make("div", {});
  #more = make("div", { class: "row" });
  /** The rows that are shown, so that the next page joins them. @type {Row[]} */
  #shown = [];
  element;

  /**
   * @param {Account} account
   * @param {(code: string) => void} lost
   */
  constructor(account, lost) {
    this.#lost = lost;
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#find();
    };
    const clear = () => {
      for (const control of Object.values(this.#form)) control.value = "";
      void this.#find();
    };
    const form = make(
      "form",
      { class: "filters", onsubmit, role: "search", "aria-label": t("audit.find") },
      field(t("audit.code"), this.#form.code),
      field(t("audit.account"), this.#form.account),
      field(t("audit.host"), this.#form.host),
      field(t("audit.from"), this.#form.from),
      field(t("audit.until"), this.#form.until),
      make(
        "div",
        { class: "row start" },
        make("button", { type: "submit", class: "primary" }, t("audit.find")),
        button(t("audit.clear"), t("audit.clear"), clear),
        button(t("audit.export"), t("audit.export_what"), () => void this.#export()),
      ),
    );
    this.element = make(
      "div",
      { class: "team" },
      bar(account, "audit", lost),
      make("main", { class: "page broad" }, make("div", { class: "head" }, make("h1", {}, t("audit.title"))), this.#sinks, form, this.#said, this.#problem, this.#rows, this.#more),
    );
  }

  async run() {
    await Promise.all([this.#find(), this.#health()]);
  }

  #query() {
    const { code, account, host, from, until } = this.#form;
    return query({ code: code.value, account: account.value, host: host.value, from: from.value, until: until.value });
  }

  async #find() {
    this.#shown = [];
    await this.#page(this.#query());
  }

  /**
   * @param {URLSearchParams} asked
   */
  async #page(asked) {
    this.#problem.textContent = "";
    this.#said.textContent = t("audit.looking");
    try {
      const { rows, next } = await call("GET", `api/v1/audit?${asked}`);
      this.#shown.push(...rows);
      this.#draw(asked, next);
    } catch (error) {
      this.#said.textContent = "";
      this.#failed(error);
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    const code = codeOf(error);
    if (code === "login_required" || code === "forbidden") return this.#lost(code);
    this.#problem.textContent = words(error);
  }

  /**
   * @param {URLSearchParams} asked
   * @param {number | null} next
   */
  #draw(asked, next) {
    this.#more.replaceChildren();
    if (this.#shown.length === 0) {
      this.#said.textContent = asked.size === 0 ? t("audit.empty") : t("audit.none");
      return this.#rows.replaceChildren();
    }
    this.#said.textContent = t("audit.shown", { count: this.#shown.length });
    const refused = (/** @type {string} */ code) => code.endsWith("W");
    const line = (/** @type {Row} */ row) => [
      String(row.seq),
      time(row.at),
      make("div", { class: "stack" }, make("span", { class: refused(row.code) ? "code refused" : "code" }, row.code), make("span", { class: "quiet" }, row.name ?? "")),
      this.#fields(row.fields),
    ];
    this.#rows.replaceChildren(table(t("audit.title"), [t("audit.number"), t("audit.time"), t("audit.code"), t("audit.fields")], this.#shown.map(line)));
    if (next === null) return;
    const more = async () => {
      const further = new URLSearchParams(asked);
      further.set("before", String(next));
      const from = this.#shown.length;
      await this.#page(further);
      // Whoever asked for more goes on reading there.
      const row = this.#rows.querySelectorAll("tbody tr")[from]?.querySelector("th");
      if (row instanceof HTMLElement) {
        row.tabIndex = -1;
        row.focus();
      }
    };
    this.#more.append(button(t("audit.more"), t("audit.more"), () => void more()));
  }

  /** @param {{ [name: string]: unknown }} fields */
  #fields(fields) {
    // The same again in English, for whoever reads the log without this page.
    const told = Object.entries(fields ?? {}).filter(([name]) => name !== "message");
    const all = told.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, this.#value(name, value))));
    return make("dl", { class: "fields" }, ...all);
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  #value(name, value) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if ((name !== "account" && name !== "host") || text === "") return text;
    const only = () => {
      this.#form[name].value = text;
      void this.#find();
    };
    return button(text, t("audit.only", { name, value: text }), only, "plain");
  }

  async #export() {
    this.#problem.textContent = "";
    this.#said.textContent = t("audit.exporting");
    try {
      const file = await fetchFile(`api/v1/audit/export?${this.#query()}`);
      const href = URL.createObjectURL(file);
      make("a", { href, download: "audit.jsonl" }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
      this.#said.textContent = t("audit.exported");
    } catch (error) {
      this.#said.textContent = "";
      this.#failed(error);
    }
  }

  async #health() {
    const { sinks } = await call("GET", "api/v1/audit/sinks").catch(() => ({ sinks: [] }));
    const failing = sinks.filter((/** @type {any} */ sink) => sink.trouble !== null);
    this.#sinks.replaceChildren(...failing.map((/** @type {any} */ sink) => make("p", { class: "problem", role: "status" }, t("audit.sink", { name: sink.name, why: sink.trouble, behind: sink.behind }))));
  }
}
