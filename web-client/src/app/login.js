/**
 * The page that asks for a token or a link.
 */

/** @import { Credentials } from "./link.js" */
/** @import { TextKey } from "./texts.js" */

import { make } from "./dom.js";
import { readPasted } from "./link.js";
import { t } from "./texts.js";

/**
 * @param {{ entered: (found: Credentials) => void, why?: TextKey | undefined }} options `why`: what went wrong before
 * @returns {HTMLElement}
 */
export function loginPage({ entered, why }) {
  const field = make("input", {
    id: "token",
    name: "token",
    type: "password",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "problem how",
  });
  const problem = make("p", { id: "problem", class: "problem", role: "alert" }, why === undefined ? "" : t(why));
  const say = (/** @type {string} */ text) => {
    problem.textContent = text;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (field.value.trim() === "") return say(t("login.empty"));
    const found = readPasted(field.value, location.origin);
    if (found === null) return say(t("login.unreadable"));
    if ("elsewhere" in found) return say(t("login.elsewhere", { host: found.elsewhere }));
    field.value = "";
    entered(found);
  };
  const mark = make("img", { src: new URL("icon.svg", import.meta.url).href, alt: "", width: "40", height: "40" });
  const form = make(
    "form",
    { onsubmit: submit, novalidate: true },
    make("label", { for: "token" }, t("login.field")),
    field,
    problem,
    make("button", { class: "primary", type: "submit" }, t("login.connect")),
  );
  const card = make(
    "div",
    { class: "card" },
    make("header", {}, mark, make("span", {}, t("app.name"))),
    make("h1", {}, t("login.title", { host: location.host })),
    form,
    make("p", { id: "how", class: "quiet" }, t("login.how")),
    make("p", { class: "quiet" }, t("login.certificate")),
  );
  queueMicrotask(() => field.focus());
  return make("main", { class: "login" }, card);
}
