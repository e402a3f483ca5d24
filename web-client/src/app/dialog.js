/**
 * The list of everybody who watches, on the browser's own dialog.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { ViewerInfo } from "../core/protocol/protocol.js" */

import { make } from "./dom.js";
import { t } from "./texts.js";

export class ViewersDialog {
  #desktop;
  /** @type {HTMLButtonElement} */
  #close;
  #list = make("ul", {});
  element;

  /** @param {RemovidDesktop} desktop */
  constructor(desktop) {
    this.#desktop = desktop;
    const close = make("button", { type: "button", onclick: () => this.element.close() }, t("action.close"));
    this.#close = close;
    this.element = make(
      "dialog",
      { class: "viewers", "aria-labelledby": "viewers-title", closedby: "any", onclose: () => desktop.focus() },
      make("h2", { id: "viewers-title" }, t("viewers.title")),
      this.#list,
      make("div", { class: "row" }, close),
    );
  }

  open() {
    this.refresh();
    if (!this.element.open) this.element.showModal();
    // The first button in the list would send somebody away.
    this.#close.focus();
  }

  refresh() {
    const { viewers, viewer } = this.#desktop.desk;
    this.#list.replaceChildren(...viewers.map((info) => this.#line(info, info.viewer === viewer)));
  }

  /**
   * @param {ViewerInfo} info
   * @param {boolean} own
   */
  #line(info, own) {
    const minutes = Math.floor(info.since / 60);
    const facts = [
      info.browser,
      t(info.controls ? "viewers.controls" : "viewers.watches"),
      minutes > 0 ? t("viewers.since", { minutes }) : t("viewers.now"),
    ].filter((fact) => fact !== "");
    const name = make("strong", {}, own ? `${info.subject} (${t("viewers.you")})` : info.subject);
    const line = make("li", {}, make("div", {}, name, make("span", {}, facts.join(" · "))));
    if (!own && this.#desktop.can("session_manage")) {
      line.append(
        make(
          "button",
          { type: "button", "aria-label": t("viewers.dismiss_who", { who: info.subject }), onclick: () => this.#desktop.dismiss(info.viewer) },
          t("viewers.dismiss"),
        ),
      );
    }
    return line;
  }
}
