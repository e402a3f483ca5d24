/**
 * The page for somebody who is not logged in: how to log in, and what went wrong before.
 */

import { make } from "../app/dom.js";
import { problemText, t } from "../app/texts.js";
import { bare, ways as knownWays } from "./account.js";
import { show } from "./passkey.js";

/**
 * A page of one card.
 * @param {string} title
 * @param {...Node} parts
 */
export function card(title, ...parts) {
  const mark = make("img", { src: new URL("../app/icon.svg", import.meta.url).href, alt: "", width: "40", height: "40" });
  return make("main", { class: "login start" }, make("div", { class: "card" }, make("header", {}, mark, make("span", {}, t("app.name"))), make("h1", {}, title), ...parts));
}

/**
 * @param {{ problem: string | null, to: string }} options `to`: where to go afterwards
 * @returns {Promise<HTMLElement>}
 */
export async function startPage({ problem, to }) {
  const said = make("p", { class: problem === "logged_out" ? "quiet" : "problem", role: "alert" }, problem === null ? "" : problemText(problem));
  const ways = make("div", { class: "ways" });
  const byPasskey = async () => {
    said.className = "problem";
    said.textContent = "";
    try {
      await bare("auth/passkey", await show(await bare("auth/passkey/begin")));
      const [there, home] = [new URL(to, location.origin).href, new URL("./", location.href).href];
      location.replace(there.startsWith(home) ? there : home);
    } catch (error) {
      said.textContent = problemText(error instanceof Error && "code" in error ? String(error.code) : "other");
    }
  };
  try {
    const { providers, passkeys, header } = await knownWays();
    for (const { id, name } of providers) {
      const href = `./auth/login?${new URLSearchParams({ provider: id, to })}`;
      ways.append(make("a", { class: "button primary", href }, t("start.with", { name })));
    }
    if (header) ways.append(make("a", { class: "button primary", href: `./auth/header?${new URLSearchParams({ to })}` }, t("start.header")));
    if (passkeys) ways.append(make("button", { class: providers.length === 0 ? "primary" : "", type: "button", onclick: () => void byPasskey() }, t("start.passkey")));
    if (ways.childElementCount === 0) said.textContent = t("start.none");
  } catch {
    said.className = "problem";
    said.textContent = t("start.unreachable");
    ways.append(make("button", { class: "primary", type: "button", onclick: () => location.reload() }, t("start.again")));
  }
  return card(t("start.title"), said, ways);
}
