/**
 * The page of a share's link: whoever is logged in accepts it, and goes on to the host.
 *
 * The link's secret stands in the fragment, which browsers do not send. Over a login it stays in this tab.
 */

import { make } from "../app/dom.js";
import { t } from "../app/texts.js";
import { call, whoAmI } from "./account.js";
import { codeOf, time, words } from "./parts.js";
import { kindName } from "./share.js";
import { card, startPage } from "./start.js";

const KEPT = "removid.share";
/** It may be good in a moment. */
const FOR_NOW = ["unreachable", "database", "disk_full", "too_fast", "stopping", "too_many", "login_required"];

/** @param {unknown} error */
function wrong(error) {
  if (!FOR_NOW.includes(codeOf(error))) sessionStorage.removeItem(KEPT);
  return words(error);
}

/**
 * @param {string} secret from the address; empty after a login
 * @param {{ problem: string | null, to: string }} options for the login
 * @returns {Promise<HTMLElement>}
 */
export async function sharePage(secret, { problem, to }) {
  if (secret !== "") sessionStorage.setItem(KEPT, secret);
  const kept = sessionStorage.getItem(KEPT) ?? "";
  const account = await whoAmI().catch(() => null);
  if (account === null) return startPage({ problem, to });
  const said = make("p", { class: "problem", role: "alert" });
  const home = make("a", { class: "button", href: "./" }, t("error.start"));
  try {
    const { host, by, kind, until } = await call("POST", "api/v1/shares/look", { secret: kept });
    const accept = async () => {
      said.textContent = "";
      try {
        const joined = await call("POST", "api/v1/shares/accept", { secret: kept });
        sessionStorage.removeItem(KEPT);
        location.replace(new URL(`./desktop?${new URLSearchParams({ host: joined.host })}`, location.href));
      } catch (error) {
        said.textContent = wrong(error);
      }
    };
    return card(
      t("share.asked"),
      make("p", {}, t("share.asked_how", { by, host })),
      make("p", { class: "quiet" }, kindName(kind), " · ", t("share.until"), " ", time(until)),
      make("p", { class: "quiet" }, t("hosts.account", { name: account.person.name })),
      said,
      make("div", { class: "ways" }, make("button", { class: "primary", type: "button", onclick: accept }, t("share.accept")), home),
    );
  } catch (error) {
    said.textContent = wrong(error);
    home.classList.add("primary");
    return card(t("error.trouble"), said, make("div", { class: "ways" }, home));
  }
}
