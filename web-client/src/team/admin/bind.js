/**
 * The dialog that gives a role to a person or to a group of a provider.
 */

/** @import { Binding } from "./roles.js" */

import { t } from "../../app/texts.js";
import { Failure } from "../../core/failure.js";
import { ways } from "../account.js";
import { choice, field, formDialog, input } from "../parts.js";

/**
 * @param {string} role
 * @param {{ id: string, name: string, email: string, provider: string, subject: string }[]} accounts
 * @param {(binding: Binding, who: string) => Promise<void>} save
 */
export async function bindDialog(role, accounts, save) {
  const { providers: known } = await ways().catch(() => ({ providers: [] }));
  const person = choice([["", t("bind.nobody")], ...accounts.map(({ id, name, email, provider }) => /** @type {[string, string]} */ ([id, `${name} ${email === "" ? "" : `<${email}> `}(${provider})`]))]);
  const group = input();
  const provider = choice(known.map(({ id, name }) => [id, name]));
  const send = async () => {
    const found = accounts.find(({ id }) => id === person.value);
    const named = group.value.trim();
    if ((found === undefined) === (named === "")) throw new Failure("malformed", t("bind.one"));
    if (found !== undefined) return save({ provider: found.provider, subject: found.subject, role }, found.name);
    return save({ provider: provider.value, group: named, role }, named);
  };
  formDialog(
    t("admin.give_what", { what: role }),
    [field(t("bind.person"), person), field(t("bind.group"), group, t("bind.group_how")), ...(known.length > 1 ? [field(t("bind.provider"), provider)] : [])],
    t("admin.give"),
    send,
  );
}
