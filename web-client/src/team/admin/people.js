/**
 * Everybody who has logged in, and shutting one of them out.
 */

/** @import { Page, Part } from "./admin.js" */

import { make } from "../../app/dom.js";
import { t } from "../../app/texts.js";
import { call } from "../account.js";
import { ask, button, table, time } from "../parts.js";
import { lockDialog } from "./locks.js";

/** @implements {Part} */
export class PeoplePart {
  title = t("admin.people");
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  async show() {
    const [{ accounts }, { locks }] = await Promise.all([call("GET", "api/v1/accounts"), call("GET", "api/v1/locks")]);
    const line = (/** @type {any} */ account) => {
      const lock = locks.find((/** @type {any} */ { kind, target }) => kind === "account" && target === account.id);
      const act = lock === undefined ? button(t("admin.lock"), t("admin.lock_what", { what: account.name }), () => this.#lock(account), "danger") : button(t("admin.lift"), t("admin.lift_what", { what: account.name }), () => void this.#lift(lock, account.name));
      const groups = account.groups.join(", ");
      return [
        make("div", { class: "stack" }, account.name, make("span", { class: "quiet" }, [account.email, account.id].filter((text) => text !== "").join(" · "))),
        account.provider,
        groups === "" ? t("admin.none") : groups,
        time(account.last_login),
        lock === undefined ? t("admin.may_come") : t("admin.locked_because", { reason: lock.reason }),
        make("div", { class: "row acts" }, act),
      ];
    };
    if (accounts.length === 0) return [make("p", { class: "quiet" }, t("admin.people_none"))];
    return [table(t("admin.people"), [t("admin.person"), t("bind.provider"), t("admin.groups"), t("admin.last_login"), t("admin.state"), t("admin.acts")], accounts.map(line))];
  }

  /** @param {{ id: string, name: string }} account */
  #lock(account) {
    lockDialog([["account", account.id, account.name]], async (lock) => {
      await call("POST", "api/v1/locks", lock);
      await this.#page.run(async () => {}, t("admin.locked", { what: account.name }));
    });
  }

  /**
   * @param {{ id: string }} lock
   * @param {string} name
   */
  async #lift(lock, name) {
    if (!(await ask(t("admin.lift_title"), t("admin.lift_sure", { what: name }), t("admin.lift")))) return;
    await this.#page.run(async () => void (await call("DELETE", `api/v1/locks/${encodeURIComponent(lock.id)}`)), t("admin.lifted", { what: name }));
  }
}
