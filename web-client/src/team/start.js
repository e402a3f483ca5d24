/**
 * The page for somebody who is not logged in: whom to log in with, and what went wrong before.
 */

import { make } from "../app/dom.js";
import { problemText, t } from "../app/texts.js";
import { providers } from "./account.js";

/**
 * @param {{ problem: string | null, to: string }} options `to`: where to go afterwards
 * @returns {Promise<HTMLElement>}
 */
export async function startPage({ problem, to }) {
  const said = make("p", { class: problem === "logged_out" ? "quiet" : "problem", role: "alert" }, problem === null ? "" : problemText(problem));
  const ways = make("div", { class: "ways" });
  const mark = make("img", { src: new URL("../app/icon.svg", import.meta.url).href, alt: "", width: "40", height: "40" });
  const card = make(
    "div",
    { class: "card" },
    make("header", {}, mark, make("span", {}, t("app.name"))),
    make("h1", {}, t("start.title")),
    said,
    ways,
  );
  try {
    const known = await providers();
    for (const { id, name } of known) {
      const href = `./auth/login?${new URLSearchParams({ provider: id, to })}`;
      ways.append(make("a", { class: "button primary", href }, t("start.with", { name })));
    }
    if (known.length === 0) said.textContent = t("start.none");
  } catch {
    said.className = "problem";
    said.textContent = t("start.unreachable");
    ways.append(make("button", { class: "primary", type: "button", onclick: () => location.reload() }, t("start.again")));
  }
  return make("main", { class: "login start" }, card);
}
