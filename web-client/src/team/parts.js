/**
 * What the team's pages are built of: tables, fields, dialogs, times, and what went wrong in words.
 */

import { make } from "../app/dom.js";
import { problemText, t } from "../app/texts.js";

/** @typedef {Node | string} Cell */

let made = 0;

/** A name that no other element of the page has. */
function fresh() {
  made += 1;
  return `part-${made}`;
}

/**
 * A table whose first column names its rows.
 * @param {string} caption for who cannot see the heading above it
 * @param {string[]} heads
 * @param {Cell[][]} rows
 */
export function table(caption, heads, rows) {
  const line = (/** @type {Cell[]} */ [first = "", ...rest]) => make("tr", {}, make("th", { scope: "row" }, first), ...rest.map((cell) => make("td", {}, cell)));
  const head = make("tr", {}, ...heads.map((text) => (text === "" ? make("td", {}) : make("th", { scope: "col" }, text))));
  const whole = make("table", {}, make("caption", { class: "offscreen" }, caption), make("thead", {}, head), make("tbody", {}, ...rows.map(line)));
  // What is wider than the window is scrolled, by keyboard, too.
  return make("div", { class: "wide", role: "region", tabindex: "0", "aria-label": caption }, whole);
}

/**
 * A labelled field with a word of help.
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} control
 * @param {string} [how]
 */
export function field(label, control, how = "") {
  control.id = fresh();
  const whole = make("div", { class: "field" }, make("label", { for: control.id }, label), control);
  if (how !== "") {
    const help = make("p", { class: "quiet", id: fresh() }, how);
    control.setAttribute("aria-describedby", help.id);
    whole.append(help);
  }
  return whole;
}

/**
 * A box to tick, with its words beside it.
 * @param {string} label
 * @param {boolean} checked
 */
export function tick(label, checked) {
  const box = make("input", { type: "checkbox", checked });
  return { box, element: make("label", { class: "tick" }, box, label) };
}

/**
 * @param {[value: string, name: string][]} options
 * @param {string} [chosen]
 */
export function choice(options, chosen) {
  const select = make("select", {}, ...options.map(([value, name]) => make("option", { value }, name)));
  if (chosen !== undefined) select.value = chosen;
  return select;
}

/** @param {Partial<Record<string, string | boolean>>} [more] */
export function input(more = {}) {
  return make("input", { autocomplete: "off", autocapitalize: "off", spellcheck: "false", ...more });
}

/**
 * A button whose name says which row it belongs to.
 * @param {string} label
 * @param {string} whole what is read out
 * @param {() => void} onclick
 * @param {string} [kind]
 */
export function button(label, whole, onclick, kind = "") {
  return make("button", { type: "button", class: kind, "aria-label": whole === label ? undefined : whole, onclick }, label);
}

/**
 * Browsers give the focus back to what opened a dialog. Where a list was drawn anew meanwhile, its successor gets it.
 * @param {Element | null} opener
 */
export function giveBack(opener) {
  if (opener === null || opener.isConnected) return;
  const name = (/** @type {Element} */ element) => element.getAttribute("aria-label") ?? element.textContent;
  const same = [...document.querySelectorAll("main button")].find((other) => name(other) === name(opener));
  const found = same ?? document.querySelector("main h2[tabindex]");
  if (found instanceof HTMLElement) found.focus();
}

/**
 * Asks before something that cannot be undone; Escape and the first button leave all as it is.
 * @param {string} title
 * @param {string} text
 * @param {string} act the name of the button that does it
 * @returns {Promise<boolean>}
 */
export function ask(title, text, act) {
  return new Promise((resolve) => {
    const [head, words] = [make("h2", { id: fresh() }, title), make("p", { id: fresh() }, text)];
    const dialog = make("dialog", { class: "card sheet", role: "alertdialog", "aria-labelledby": head.id, "aria-describedby": words.id });
    const end = (/** @type {boolean} */ sure) => {
      dialog.returnValue = String(sure);
      dialog.close(String(sure));
    };
    const cancel = make("button", { type: "button", onclick: () => end(false) }, t("action.cancel"));
    dialog.append(head, words, make("div", { class: "row ends" }, cancel, make("button", { type: "button", class: "danger", onclick: () => end(true) }, act)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "true");
    });
    document.body.append(dialog);
    dialog.showModal();
    cancel.focus();
  });
}

/**
 * A dialog with a form. It stays open, with the reason, while it is refused.
 * @param {string} title
 * @param {HTMLElement[]} fields
 * @param {string} act
 * @param {() => Promise<void>} send throws what went wrong
 */
export function formDialog(title, fields, act, send) {
  const head = make("h2", { id: fresh() }, title);
  const problem = make("p", { class: "problem", role: "alert" });
  const submit = make("button", { type: "submit", class: "primary" }, act);
  const onsubmit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    problem.textContent = "";
    try {
      await send();
      dialog.close();
    } catch (error) {
      problem.textContent = words(error);
    } finally {
      submit.disabled = false;
    }
  };
  const opener = document.activeElement;
  const onclose = () => {
    dialog.remove();
    giveBack(opener);
  };
  const dialog = make(
    "dialog",
    { class: "card sheet", "aria-labelledby": head.id, onclose },
    head,
    make("form", { onsubmit }, ...fields, problem, make("div", { class: "row ends" }, make("button", { type: "button", onclick: () => dialog.close() }, t("action.cancel")), submit)),
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * What went wrong, for people. What the router says of a field is more than its code.
 * @param {unknown} error
 */
export function words(error) {
  const code = codeOf(error);
  if (code === "malformed" && error instanceof Error) return t("problem.malformed_why", { why: error.message });
  return problemText(code);
}

/** @param {unknown} error */
export function codeOf(error) {
  return error instanceof Error && "code" in error ? String(error.code) : "other";
}

/**
 * @param {number} at seconds since 1970
 * @returns {HTMLElement}
 */
export function time(at) {
  const date = new Date(at * 1000);
  const shown = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" }).format(date);
  return make("time", { datetime: Number.isFinite(date.getTime()) ? date.toISOString() : undefined }, shown);
}

/** @param {{ [name: string]: string }} labels */
export function labelled(labels) {
  const all = Object.entries(labels).map(([name, value]) => make("span", { class: "label" }, `${name}=${value}`));
  return make("span", { class: "labels" }, ...all);
}
