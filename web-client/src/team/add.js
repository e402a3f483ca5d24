/**
 * The dialog that makes a token for a new host and shows the commands to run there.
 */

import { make } from "../app/dom.js";
import { t } from "../app/texts.js";
import { call } from "./account.js";

/**
 * `env=dev os=debian` as an object; null if it is something else.
 * @param {string} text
 * @returns {{ [name: string]: string } | null}
 */
export function readLabels(text) {
  const pairs = text.trim().split(/\s+/).filter((pair) => pair !== "").map((pair) => pair.split("="));
  return pairs.every((pair) => pair.length === 2 && pair[0] !== "" && pair[1] !== "") ? Object.fromEntries(pairs) : null;
}

export class AddDialog {
  #labels = make("input", { id: "labels", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": "labels-how add-problem" });
  #problem = make("p", { id: "add-problem", class: "problem", role: "alert" });
  #made = make("div", { class: "made", "aria-live": "polite" });
  element = make(
    "dialog",
    { class: "card sheet", "aria-labelledby": "add-title" },
    make("h2", { id: "add-title" }, t("add.title")),
    make(
      "form",
      { onsubmit: (/** @type {Event} */ event) => void this.#make(event) },
      make("label", { for: "labels" }, t("add.labels")),
      this.#labels,
      make("p", { id: "labels-how", class: "quiet" }, t("add.labels_how")),
      this.#problem,
      make("button", { class: "primary", type: "submit" }, t("add.make")),
    ),
    this.#made,
    make("p", { class: "quiet" }, t("add.or", { url: new URL(".", document.baseURI).href }), " ", make("a", { href: "./approve" }, t("add.or_code")), "."),
    make("button", { type: "button", onclick: () => this.element.close() }, t("add.close")),
  );

  open() {
    this.#problem.textContent = "";
    this.#made.replaceChildren();
    this.element.showModal();
    this.#labels.focus();
  }

  /** @param {Event} event */
  async #make(event) {
    event.preventDefault();
    const labels = readLabels(this.#labels.value);
    if (labels === null) return void (this.#problem.textContent = t("add.wrong", { why: t("add.labels") }));
    try {
      const { token } = await call("POST", "api/v1/enroll-tokens", { labels });
      this.#problem.textContent = "";
      this.#show(token);
    } catch (error) {
      this.#problem.textContent = t("add.wrong", { why: error instanceof Error ? error.message : "" });
    }
  }

  /** @param {string} token */
  #show(token) {
    const base = new URL(".", document.baseURI).href;
    const commands = `printf %s '${token}' > enroll-token\nremovid enroll ${base} --token-file enroll-token\nremovid agent`;
    const copy = make("button", { type: "button" }, t("add.copy"));
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(commands);
      copy.textContent = t("add.copied");
    });
    this.#made.replaceChildren(make("p", {}, t("add.how")), make("pre", { tabindex: "0" }, commands), copy);
  }
}
