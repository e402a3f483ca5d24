/**
 * Everybody who watches, who of them works, and the ways to change that, on the browser's own dialog.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { ViewerInfo } from "../core/protocol/protocol.js" */

import { make } from "./dom.js";
import { t } from "./texts.js";

/** @typedef {ReturnType<typeof make>} Part */

export class ViewersDialog {
  #desktop;
  /** @type {HTMLButtonElement} */
  #close;
  #list = make("ul", {});
  #control = make("div", { class: "control", role: "group", "aria-labelledby": "viewers-control" });
  #said = make("p", { id: "viewers-control", role: "status" });
  /** So that a list that says the same keeps the focus of who walks through it. */
  #drawn = "";
  element;

  /**
   * @param {RemovidDesktop} desktop
   * @param {(() => void) | undefined} share asks somebody in, where that can be done
   */
  constructor(desktop, share) {
    this.#desktop = desktop;
    const close = make("button", { type: "button", onclick: () => this.element.close() }, t("action.close"));
    this.#close = close;
    const onshare = () => {
      this.element.close();
      share?.();
    };
    const invite = share === undefined ? [] : [make("button", { type: "button", class: "primary", onclick: onshare }, t("viewers.share"))];
    this.element = make(
      "dialog",
      { class: "viewers", "aria-labelledby": "viewers-title", closedby: "any", onclose: () => desktop.focus() },
      make("h2", { id: "viewers-title" }, t("viewers.title")),
      this.#control,
      this.#list,
      make("div", { class: "row" }, ...invite, close),
    );
    desktop.addEventListener("controlchange", () => this.element.open && this.refresh());
  }

  open() {
    this.refresh();
    if (!this.element.open) this.element.showModal();
    // The first button in the list would send somebody away.
    this.#close.focus();
  }

  refresh() {
    const { viewers, viewer, rights } = this.#desktop.desk;
    const now = JSON.stringify([viewers, viewer, rights, this.#desktop.control.info]);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const focused = document.activeElement?.getAttribute("data-act");
    this.#drawControl();
    this.#list.replaceChildren(...viewers.map((info) => this.#line(info, info.viewer === viewer)));
    if (focused !== undefined && focused !== null) {
      const again = [...this.element.querySelectorAll("button")].find((button) => button.dataset["act"] === focused);
      (again ?? this.#close).focus();
    }
  }

  get #works() {
    return this.#desktop.can("input_pointer");
  }

  get #manages() {
    return this.#desktop.can("session_manage");
  }

  #drawControl() {
    const { control, desk } = this.#desktop;
    const { mode, holder, asking } = control.info;
    // Alone, there is nobody to agree with.
    this.#control.hidden = desk.viewers.length < 2 && mode === "free";
    const who = desk.viewers.find((info) => info.viewer === holder)?.subject ?? "";
    const own = holder === desk.viewer && holder !== null;
    this.#said.textContent =
      mode === "free" ? t("control.free")
      : mode === "stopped" ? t("control.stopped")
      : mode === "blocked" ? t("control.blocked")
      : own ? t("control.own")
      : t("control.held", { who });
    /** @type {Part[]} */
    const buttons = [];
    const add = (/** @type {string} */ act, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
      buttons.push(make("button", { type: "button", "data-act": act, onclick }, label));
    if (this.#works && mode !== "blocked") {
      if (own) add("release", t("control.release"), () => control.release());
      else if (mode !== "held" || this.#manages) add("take", t("control.take"), () => control.take());
      else if (desk.viewer !== null && asking.includes(desk.viewer)) add("release", t("control.ask_no_more"), () => control.release());
      else add("ask", t("control.ask"), () => control.ask());
      if (mode !== "stopped") add("stop", t("control.stop"), () => control.stop());
    }
    this.#control.replaceChildren(this.#said, make("div", { class: "row" }, ...buttons));
  }

  /**
   * @param {ViewerInfo} info
   * @param {boolean} own
   */
  #line(info, own) {
    const { control, desk } = this.#desktop;
    const { mode, holder, asking } = control.info;
    const { viewer, subject: who } = info;
    const minutes = Math.floor(info.since / 60);
    const asks = asking.includes(viewer);
    const facts = [
      info.browser,
      viewer === holder ? t("control.has") : asks ? t("control.asks") : t(info.controls ? "viewers.controls" : "viewers.watches"),
      minutes > 0 ? t("viewers.since", { minutes }) : t("viewers.now"),
    ].filter((fact) => fact !== "");
    const name = make("strong", {}, own ? `${who} (${t("viewers.you")})` : who);
    const line = make("li", {}, make("div", {}, name, make("span", {}, facts.join(" · "))));
    if (own) return line;
    const buttons = make("div", { class: "acts" });
    const add = (/** @type {string} */ act, /** @type {string} */ label, /** @type {string} */ full, /** @type {() => void} */ onclick) =>
      buttons.append(make("button", { type: "button", "aria-label": full, "data-act": `${act} ${viewer}`, onclick }, label));
    const holds = mode === "held" && holder === desk.viewer;
    const may = holds || (this.#manages && mode !== "blocked");
    if (this.#works && may && info.controls && viewer !== holder) add("give", t("control.give"), t("control.give_who", { who }), () => control.give(viewer));
    if (holds && asks) add("decline", t("control.decline"), t("control.decline_who", { who }), () => control.decline(viewer));
    if (this.#manages) add("dismiss", t("viewers.dismiss"), t("viewers.dismiss_who", { who }), () => this.#desktop.dismiss(viewer));
    line.append(buttons);
    return line;
  }
}
