/**
 * A bar of keys at the lower edge, for devices whose own keyboard lacks them: modifiers that stay for the next key,
 * arrows, function keys, and the device's keyboard itself.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */

import { make } from "./dom.js";
import { Sticky } from "./sticky.js";
import { t } from "./texts.js";

const MODIFIERS = /** @type {const} */ ([
  ["Ctrl", "ControlLeft"],
  ["Alt", "AltLeft"],
  ["Shift", "ShiftLeft"],
  ["Super", "MetaLeft"],
]);
const KEYS = /** @type {const} */ ([
  ["Esc", "Escape"],
  ["Tab", "Tab"],
  ["←", "ArrowLeft"],
  ["↑", "ArrowUp"],
  ["↓", "ArrowDown"],
  ["→", "ArrowRight"],
  ["Home", "Home"],
  ["End", "End"],
  ["PgUp", "PageUp"],
  ["PgDn", "PageDown"],
  ["Del", "Delete"],
]);

export class KeyBar {
  #desktop;
  #sticky = new Sticky();
  #modifiers;
  #functions;
  #keyboard = false;
  element;

  /** @param {RemovidDesktop} desktop */
  constructor(desktop) {
    this.#desktop = desktop;
    this.#modifiers = MODIFIERS.map(([label, code]) => ({ code, button: this.#button(label, () => this.#sticky.press(code)) }));
    const keys = KEYS.map(([label, code]) => this.#button(label, () => this.#tap(code), code));
    const functions = Array.from({ length: 12 }, (_, i) => this.#button(`F${i + 1}`, () => this.#tap(`F${i + 1}`)));
    this.#functions = make("div", { class: "row plain", hidden: true }, ...functions);
    const more = this.#button("F1–12", () => (this.#functions.hidden = !this.#functions.hidden));
    const keyboard = this.#button("⌨", () => desktop.showKeyboard((this.#keyboard = !this.#keyboard)), t("touch.keyboard"));
    const row = make("div", { class: "row plain" }, keyboard, ...this.#modifiers.map(({ button }) => button), ...keys, more);
    this.element = make("div", { class: "keybar", role: "toolbar", "aria-label": t("keybar.name"), hidden: true }, this.#functions, row);
    // A press must not take the focus: the device's keyboard would go, and with it what is held.
    this.element.addEventListener("pointerdown", (event) => event.preventDefault());
    this.element.addEventListener("mousedown", (event) => event.preventDefault());
    desktop.addEventListener("stickyused", () => {
      this.#sticky.used();
      this.#show();
    });
    this.#show();
  }

  /** @returns {boolean} whether it is shown now */
  toggle() {
    this.element.hidden = !this.element.hidden;
    if (!this.element.hidden) this.#desktop.focus();
    return !this.element.hidden;
  }

  /**
   * @param {string} label
   * @param {() => void} press
   * @param {string} [name]
   */
  #button(label, press, name = label) {
    const onclick = () => {
      press();
      this.#show();
    };
    return make("button", { type: "button", "aria-label": name, onclick }, label);
  }

  /** @param {string} code */
  #tap(code) {
    this.#desktop.sendKeys([...this.#sticky.codes, code]);
    this.#sticky.used();
  }

  #show() {
    this.#desktop.stickyModifiers = this.#sticky.codes;
    for (const { code, button } of this.#modifiers) {
      const hold = this.#sticky.hold(code);
      button.setAttribute("aria-pressed", String(hold !== "off"));
      button.classList.toggle("kept", hold === "kept");
    }
  }
}
