/**
 * What the page says of the clipboard: a chip when the host's clip needs a click, a notice when it cannot be had, and a
 * panel to write or paste into for browsers and places where pasting does not work.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { Notice } from "./notice.js" */

import { make } from "./dom.js";
import { t } from "./texts.js";

export class ClipboardPanel {
  #desktop;
  #field = make("textarea", { id: "clip-text", rows: "6", spellcheck: "false", autocomplete: "off", "aria-describedby": "clip-how" });
  element;

  /**
   * @param {RemovidDesktop} desktop
   * @param {Notice} notice
   */
  constructor(desktop, notice) {
    this.#desktop = desktop;
    this.element = make(
      "dialog",
      { class: "viewers clip", "aria-label": t("clip.title") },
      make("h2", {}, t("clip.title")),
      make("p", { id: "clip-how", class: "quiet" }, t("clip.how")),
      this.#field,
      make(
        "div",
        { class: "row" },
        make("button", { type: "button", onclick: () => this.#close() }, t("action.close")),
        make("button", { type: "button", class: "primary", onclick: () => this.#type() }, t("clip.type")),
      ),
    );
    // What was pasted here may be a password.
    this.element.addEventListener("close", () => (this.#field.value = ""));
    const bring = () => {
      // The browser takes it in the click only; what comes after belongs to the host again.
      void desktop.fetchClip();
      desktop.focus();
    };
    desktop.addEventListener("clipboard", ({ detail: { state } }) => {
      if (state === "blocked") notice.offer("clip.blocked", "clip.bring", bring);
      else if (state === "large") notice.offer("clip.large", "clip.bring", bring);
      else if (state === "other") notice.hint("clip.other");
      else if (state === "failed") notice.hint("clip.failed");
      else notice.withdraw();
    });
    let said = false;
    desktop.addEventListener("refused", ({ detail: { ref } }) => {
      if (said || !ref.startsWith("clip.")) return;
      said = true;
      notice.hint("clip.forbidden");
    });
  }

  open() {
    this.element.showModal();
    this.#field.focus();
  }

  #close() {
    this.element.close();
    this.#desktop.focus();
  }

  #type() {
    const text = this.#field.value;
    this.#close();
    this.#desktop.typeText(text);
  }
}
