/**
 * Roles: which there are, what they say, and who has them.
 */

/** @import { Page, Part } from "./admin.js" */
/** @import { Role } from "./role-form.js" */

import { make } from "../../app/dom.js";
import { t } from "../../app/texts.js";
import { call } from "../account.js";
import { ask, button, table } from "../parts.js";
import { bindDialog } from "./bind.js";
import { roleDialog, summary } from "./role-form.js";

/** @typedef {{ provider: string, subject?: string, group?: string, role: string }} Binding */

/** @implements {Part} */
export class RolesPart {
  title = t("admin.roles");
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  async show() {
    const [{ roles, rights, factors, consents }, { bindings }, { accounts }] = await Promise.all([call("GET", "api/v1/roles"), call("GET", "api/v1/bindings"), call("GET", "api/v1/accounts")]);
    /** @type {Binding[]} */
    const all = bindings;
    const who = (/** @type {Binding} */ binding) => {
      if (binding.group !== undefined) return t("admin.group_of", { group: binding.group, provider: binding.provider });
      const known = accounts.find((/** @type {any} */ { provider, subject }) => provider === binding.provider && subject === binding.subject);
      return t("admin.person_of", { person: known?.name ?? binding.subject, provider: binding.provider });
    };
    const form = (/** @type {string} */ name, /** @type {Role} */ role) => roleDialog({ name, role, rights, factors: factors ?? [], consents: consents ?? [] }, async (set, made) => {
      await call("PUT", `api/v1/roles/${encodeURIComponent(set)}`, made);
      await this.#page.run(async () => {}, t("admin.role_saved", { role: set }));
    });
    const line = (/** @type {[string, Role]} */ [name, role]) => [
      name,
      summary(role),
      this.#holders(name, all, who),
      make(
        "div",
        { class: "row acts" },
        button(t("admin.change"), t("admin.change_what", { what: name }), () => form(name, role)),
        button(t("admin.give"), t("admin.give_what", { what: name }), () => this.#give(name, accounts)),
        button(t("admin.remove"), t("admin.remove_what", { what: name }), () => void this.#remove(name), "danger"),
      ),
    ];
    return [
      make("div", { class: "row start" }, button(t("admin.role_new"), t("admin.role_new"), () => form("", {}), "primary")),
      table(t("admin.roles"), [t("admin.role"), t("admin.says"), t("admin.holders"), t("admin.acts")], Object.entries(roles).map(line)),
    ];
  }

  /**
   * @param {string} role
   * @param {Binding[]} all
   * @param {(binding: Binding) => string} who
   */
  #holders(role, all, who) {
    const mine = all.filter((binding) => binding.role === role);
    if (mine.length === 0) return t("admin.nobody");
    const line = (/** @type {Binding} */ binding) => {
      const name = who(binding);
      const take = async () => {
        if (!(await ask(t("admin.take_title"), t("admin.take_sure", { who: name, role }), t("admin.take")))) return;
        await this.#page.run(async () => void (await call("DELETE", "api/v1/bindings", binding)), t("admin.taken", { who: name, role }));
      };
      return make("li", {}, make("span", {}, name), button(t("admin.take"), t("admin.take_what", { who: name, role }), take));
    };
    return make("ul", { class: "holders" }, ...mine.map(line));
  }

  /**
   * @param {string} role
   * @param {any[]} accounts
   */
  async #give(role, accounts) {
    await bindDialog(role, accounts, async (binding, who) => {
      await call("POST", "api/v1/bindings", binding);
      await this.#page.run(async () => {}, t("admin.given", { who, role }));
    });
  }

  /** @param {string} name */
  async #remove(name) {
    if (!(await ask(t("admin.role_remove_title"), t("admin.role_remove_sure", { role: name }), t("admin.remove")))) return;
    await this.#page.run(async () => void (await call("DELETE", `api/v1/roles/${encodeURIComponent(name)}`)), t("admin.role_removed", { role: name }));
  }
}
