/**
 * The page of an invitation: whoever has the link makes a passkey and is logged in by it, or becomes an administrator.
 *
 * The link's secret stands in the fragment, which browsers do not send.
 */

import { make } from "../app/dom.js";
import { problemText, t } from "../app/texts.js";
import { bare, call, whoAmI } from "./account.js";
import { create } from "./passkey.js";
import { card } from "./start.js";

/** @param {unknown} error */
const codeOf = (error) => (error instanceof Error && "code" in error ? String(error.code) : "other");

/**
 * @param {string} secret
 * @returns {Promise<HTMLElement>}
 */
export async function invitePage(secret) {
  const said = make("p", { class: "problem", role: "alert" });
  const ways = make("div", { class: "ways" });
  const home = () => location.replace(new URL("./", location.href));
  /** @param {() => Promise<void>} act */
  const trying = (act) => async () => {
    said.textContent = "";
    await act().then(home, (error) => (said.textContent = problemText(codeOf(error))));
  };
  try {
    const { name, admin, passkeys } = await bare("api/v1/invites/look", { secret });
    const known = await whoAmI().catch(() => null);
    const words = [make("p", {}, t(admin ? "invite.admin" : "invite.how", { name }))];
    const field = make("input", { id: "passkey-name", autocomplete: "off", maxlength: "64" });
    const join = trying(async () => {
      const made = await create(await bare("api/v1/invites/begin", { secret }));
      await bare("api/v1/invites/finish", { ...made, secret, name: field.value });
    });
    const accept = trying(async () => void (await call("POST", "api/v1/invites/accept", { secret })));
    if (passkeys) {
      words.push(make("p", { class: "quiet" }, t("invite.passkey")));
      const submit = (/** @type {Event} */ event) => {
        event.preventDefault();
        void join();
      };
      ways.append(make("form", { onsubmit: submit }, make("label", { for: "passkey-name" }, t("invite.name")), field, make("button", { class: "primary", type: "submit" }, t("invite.make"))));
    }
    if (admin && known !== null) {
      ways.append(make("button", { class: passkeys ? "" : "primary", type: "button", onclick: accept }, t("invite.accept", { name: known.person.name })));
    }
    if (!passkeys && known === null) {
      words.push(make("p", {}, t("invite.login_first")));
      ways.append(make("a", { class: "button primary", href: "./" }, t("start.title")));
    }
    return card(t("invite.title"), ...words, said, ways);
  } catch (error) {
    said.textContent = problemText(codeOf(error));
    return card(t("invite.title"), said);
  }
}
