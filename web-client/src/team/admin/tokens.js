/**
 * Enrolment tokens that wait for their host: making one, and taking one back.
 */

/** @import { Page, Part } from "./admin.js" */

import { make } from "../../app/dom.js";
import { t } from "../../app/texts.js";
import { call } from "../account.js";
import { AddDialog } from "../add.js";
import { ask, button, labelled, table, time } from "../parts.js";

/** @implements {Part} */
export class TokensPart {
  title = t("admin.tokens");
  #page;
  #add = new AddDialog();

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
    this.#add.element.addEventListener("close", () => void page.run(async () => {}));
  }

  async show() {
    const [{ tokens }, { accounts }] = await Promise.all([call("GET", "api/v1/enroll-tokens"), call("GET", "api/v1/accounts")]);
    const head = make("div", { class: "row start" }, button(t("add.make"), t("add.make"), () => this.#add.open(), "primary"));
    const rest = tokens.length === 0 ? make("p", { class: "quiet" }, t("admin.tokens_none")) : this.#table(tokens, accounts);
    return [head, rest, this.#add.element];
  }

  /**
   * @param {any[]} tokens
   * @param {any[]} accounts
   */
  #table(tokens, accounts) {
    const line = (/** @type {any} */ token) => [
      `rmve_${token.prefix}…`,
      labelled(token.labels),
      accounts.find(({ id }) => id === token.by)?.name ?? token.by,
      time(token.expires),
      make("div", { class: "row acts" }, button(t("admin.take_back"), t("admin.take_back_what", { what: token.prefix }), () => void this.#remove(token.prefix), "danger")),
    ];
    return table(t("admin.tokens"), [t("admin.token"), t("admin.labels"), t("admin.made_by"), t("lock.until"), t("admin.acts")], tokens.map(line));
  }

  /** @param {string} prefix */
  async #remove(prefix) {
    if (!(await ask(t("admin.token_remove_title"), t("admin.token_remove_sure", { token: prefix }), t("admin.take_back")))) return;
    await this.#page.run(async () => void (await call("DELETE", `api/v1/enroll-tokens/${encodeURIComponent(prefix)}`)), t("admin.token_removed", { token: prefix }));
  }
}
