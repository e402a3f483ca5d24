/**
 * Locks: who and what is shut out, why and until when.
 */

/** @import { Page, Part } from "./admin.js" */

import { make } from "../../app/dom.js";
import { t } from "../../app/texts.js";
import { call } from "../account.js";
import { ask, button, choice, field, formDialog, input, table, time } from "../parts.js";

/** What can be locked: its kind, its number or name, and what people call it. @typedef {[kind: string, target: string, name: string]} Target */

/** @type {{ [kind: string]: () => string }} */
const KINDS = { account: () => t("admin.person"), role: () => t("admin.role"), host: () => t("admin.host") };

/**
 * @param {Target[]} targets
 * @param {(lock: { kind: string, target: string, reason: string, expires: number | null }, name: string) => Promise<void>} save
 */
export function lockDialog(targets, save) {
  const target = choice(targets.map(([kind, , name], at) => [String(at), `${KINDS[kind]?.() ?? kind}: ${name}`]));
  const reason = input({ maxlength: "200", required: true });
  const hours = input({ type: "number", min: "1", max: "8760" });
  const send = async () => {
    const [kind, id, name] = targets[Number(target.value)] ?? ["", "", ""];
    const until = hours.value.trim() === "" ? null : Math.floor(Date.now() / 1000) + Number(hours.value) * 3600;
    await save({ kind, target: id, reason: reason.value, expires: until }, name);
  };
  const what = targets.length === 1 ? t("admin.lock_what", { what: targets[0]?.[2] ?? "" }) : t("admin.lock_new");
  return formDialog(
    what,
    [make("p", {}, t("lock.what_it_does")), ...(targets.length === 1 ? [] : [field(t("lock.target"), target)]), field(t("lock.reason"), reason, t("lock.reason_how")), field(t("lock.hours"), hours, t("lock.hours_how"))],
    t("admin.lock"),
    send,
  );
}

/** @implements {Part} */
export class LocksPart {
  title = t("admin.locks");
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  async show() {
    const [{ locks }, { accounts }, { hosts }, { roles }] = await Promise.all([call("GET", "api/v1/locks"), call("GET", "api/v1/accounts"), call("GET", "api/v1/hosts"), call("GET", "api/v1/roles")]);
    /** @type {Target[]} */
    const targets = [
      ...accounts.map((/** @type {any} */ { id, name }) => ["account", id, name]),
      ...Object.keys(roles).map((name) => ["role", name, name]),
      ...hosts.map((/** @type {any} */ { id, name }) => ["host", id, name]),
    ];
    const nameOf = (/** @type {any} */ lock) => targets.find(([kind, target]) => kind === lock.kind && target === lock.target)?.[2] ?? lock.target;
    const add = () => lockDialog(targets, async (lock, name) => {
      await call("POST", "api/v1/locks", lock);
      await this.#page.run(async () => {}, t("admin.locked", { what: name }));
    });
    const head = make("div", { class: "row start" }, button(t("admin.lock_new"), t("admin.lock_new"), add, "primary"));
    if (locks.length === 0) return [head, make("p", { class: "quiet" }, t("admin.locks_none"))];
    const line = (/** @type {any} */ lock) => [
      nameOf(lock),
      KINDS[lock.kind]?.() ?? lock.kind,
      lock.reason,
      lock.expires === null ? t("lock.for_ever") : time(lock.expires),
      make("div", { class: "row acts" }, button(t("admin.lift"), t("admin.lift_what", { what: nameOf(lock) }), () => void this.#lift(lock.id, nameOf(lock)))),
    ];
    return [head, table(t("admin.locks"), [t("lock.target"), t("lock.kind"), t("lock.reason"), t("lock.until"), t("admin.acts")], locks.map(line))];
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  async #lift(id, name) {
    if (!(await ask(t("admin.lift_title"), t("admin.lift_sure", { what: name }), t("admin.lift")))) return;
    await this.#page.run(async () => void (await call("DELETE", `api/v1/locks/${encodeURIComponent(id)}`)), t("admin.lifted", { what: name }));
  }
}
