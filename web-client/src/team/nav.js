/**
 * The way between the team's pages, for those who may go it, and the bar of the pages beside the list of hosts.
 */

/** @import { Account } from "./account.js" */

import { make } from "../app/dom.js";
import { t } from "../app/texts.js";
import { logOut } from "./account.js";

/** @typedef {"hosts" | "admin" | "audit"} Place */

/**
 * @param {Account} account
 * @param {Place} here
 * @returns {HTMLElement[]} nothing for whoever has one page only
 */
export function nav(account, here) {
  if (!account.admin && !account.audit) return [];
  /** @type {[Place, string, string, boolean][]} */
  const all = [
    ["hosts", "./", t("nav.hosts"), true],
    ["admin", "./admin", t("nav.admin"), account.admin],
    ["audit", "./audit", t("nav.audit"), account.audit],
  ];
  const links = all.filter(([, , , may]) => may).map(([place, href, name]) => make("a", { href, "aria-current": place === here ? "page" : undefined }, name));
  return [make("nav", { class: "places", "aria-label": t("nav.name") }, ...links)];
}

/**
 * @param {Account} account
 * @param {Place} here
 * @param {(code: string) => void} lost
 */
export function bar(account, here, lost) {
  const leave = async () => {
    const there = await logOut(false).catch(() => null);
    if (there === null) lost("logged_out");
    else location.assign(there);
  };
  const mark = make("img", { src: new URL("../app/icon.svg", import.meta.url).href, alt: "", width: "28", height: "28" });
  return make(
    "header",
    { class: "team-bar" },
    mark,
    make("span", { class: "brand" }, t("app.name")),
    ...nav(account, here),
    make("span", { class: "who" }, t("hosts.account", { name: account.person.name })),
    make("button", { type: "button", onclick: leave }, t("hosts.logout")),
  );
}
