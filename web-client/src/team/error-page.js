/**
 * The page for an address that leads nowhere, or not for this person: a sentence, and a way on.
 */

import { make } from "../app/dom.js";
import { problemText, t } from "../app/texts.js";

/** Waiting may help. */
const AGAIN = new Set(["database", "disk_full", "audit_unwritten", "too_fast", "stopping", "too_many", "host_offline", "internal", "unreachable"]);

/**
 * @param {string} code
 * @param {string} root where the start page is, without the slash at its end
 */
export function errorPage(code, root) {
  const title = code === "not_found" || code === "no_host" ? t("error.not_found") : code === "forbidden" || code === "origin" || code === "locked" ? t("error.forbidden") : t("error.trouble");
  const mark = make("img", { src: new URL("../app/icon.svg", import.meta.url).href, alt: "", width: "40", height: "40" });
  const ways = [make("a", { class: "button primary", href: `${root}/` }, t("error.start"))];
  const again = AGAIN.has(code) ? [make("button", { type: "button", onclick: () => location.reload() }, t("start.again"))] : [];
  const element = make(
    "main",
    { class: "login start" },
    make("div", { class: "card" }, make("header", {}, mark, make("span", {}, t("app.name"))), make("h1", {}, title), make("p", {}, problemText(code)), make("div", { class: "ways" }, ...ways, ...again)),
  );
  return { title: `${title} – ${t("app.name")}`, element };
}
