/**
 * A host without a token shows a code; whoever administers types it here, looks whether it is that host, and lets it in.
 */

/** @import { Account } from "./account.js" */

import { make } from "../app/dom.js";
import { t } from "../app/texts.js";
import { call } from "./account.js";
import { readLabels } from "./add.js";
import { bar } from "./nav.js";
import { button, codeOf, field, input, words } from "./parts.js";

/** Its letters alone, as `ABCD-EFGH`. @param {string} text */
export function readCode(text) {
  const letters = text.replace(/[^a-z]/gi, "").toUpperCase();
  return letters.length === 8 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : null;
}

export class ApprovePage {
  #lost;
  #code = input({ autocapitalize: "characters", maxlength: "16", size: "12" });
  #said = make("p", { class: "problem", role: "alert" });
  #found = make("div", { "aria-live": "polite" });
  element;

  /**
   * @param {Account} account
   * @param {(code: string) => void} lost
   */
  constructor(account, lost) {
    this.#lost = lost;
    const look = (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#try(() => this.#look());
    };
    this.element = make(
      "div",
      { class: "team" },
      bar(account, "hosts", lost),
      make(
        "main",
        { class: "narrow" },
        make("h1", {}, t("approve.title")),
        make("p", {}, t("approve.how")),
        make("form", { onsubmit: look }, field(t("approve.code"), this.#code, t("approve.code_how")), make("button", { class: "primary", type: "submit" }, t("approve.look"))),
        this.#said,
        this.#found,
      ),
    );
  }

  async run() {
    this.#code.focus();
  }

  /** @param {() => Promise<void>} act */
  async #try(act) {
    this.#said.textContent = "";
    try {
      await act();
    } catch (error) {
      if (codeOf(error) === "login_required") return this.#lost("login_required");
      this.#said.textContent = words(error);
    }
  }

  async #look() {
    this.#found.replaceChildren();
    const code = readCode(this.#code.value);
    if (code === null) return void (this.#said.textContent = t("approve.wrong"));
    const { host, name, from } = await call("POST", "api/v1/enroll/look", { user_code: code });
    const labels = input({});
    const facts = make(
      "dl",
      { class: "facts" },
      make("dt", {}, t("approve.name")), make("dd", {}, name),
      make("dt", {}, t("approve.number")), make("dd", {}, host),
      make("dt", {}, t("approve.from")), make("dd", {}, from),
    );
    const approve = button(t("approve.yes"), t("approve.yes_who", { host: name }), () => void this.#try(async () => {
      const read = readLabels(labels.value);
      if (read === null) return void (this.#said.textContent = t("role.labels_wrong"));
      await call("POST", "api/v1/enroll/approve", { user_code: code, labels: read });
      this.#done(t("approve.done", { host: name }));
    }), "primary");
    const refuse = button(t("approve.no"), t("approve.no_who", { host: name }), () => void this.#try(async () => {
      await call("POST", "api/v1/enroll/refuse", { user_code: code });
      this.#done(t("approve.refused", { host: name }));
    }), "danger");
    this.#found.replaceChildren(
      make("h2", {}, t("approve.sure")),
      facts,
      make("p", {}, t("approve.compare")),
      field(t("add.labels"), labels, t("add.labels_how")),
      make("div", { class: "row" }, approve, refuse),
    );
    labels.focus();
  }

  /** @param {string} text */
  #done(text) {
    this.#code.value = "";
    this.#found.replaceChildren(make("p", { role: "status" }, text), make("a", { class: "button", href: "./" }, t("nav.hosts")));
  }
}
