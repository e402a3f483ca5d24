/**
 * A button with a menu under it, on the browser's own popover; arrows move, Esc closes.
 */

/** @import { IconName } from "./icons.js" */

import { iconButton, isForbidden, make } from "./dom.js";

/** @typedef {{ button: HTMLButtonElement, panel: HTMLElement }} Menu */

let count = 0;

/**
 * @param {IconName} name
 * @param {string} label
 * @param {HTMLElement[]} entries
 * @returns {Menu}
 */
export function menu(name, label, entries) {
  const id = `menu-${++count}`;
  const panel = make("div", { id, class: "menu", popover: "auto", role: "menu", "aria-label": label }, ...entries);
  const button = iconButton(name, label, { "aria-haspopup": "menu", "aria-expanded": "false", popovertarget: id });
  const items = () => /** @type {HTMLElement[]} */ ([...panel.querySelectorAll("[role^=menuitem]")]);
  panel.addEventListener("toggle", (event) => {
    const open = /** @type {ToggleEvent} */ (event).newState === "open";
    button.setAttribute("aria-expanded", String(open));
    if (!open) return;
    const at = button.getBoundingClientRect();
    const left = Math.min(at.left, innerWidth - panel.offsetWidth - 8);
    panel.style.left = `${Math.max(8, left)}px`;
    panel.style.top = `${at.bottom + 6}px`;
    items()[0]?.focus();
  });
  panel.addEventListener("keydown", (event) => moveFocus(event, items(), "ArrowUp", "ArrowDown"));
  panel.addEventListener("click", (event) => {
    const item = event.target instanceof Element ? event.target.closest("[role^=menuitem]") : null;
    if (item instanceof HTMLElement && !isForbidden(item)) panel.hidePopover();
  });
  return { button, panel };
}

/**
 * @param {string} label
 * @param {() => void} chosen
 * @param {{ radio?: boolean, check?: boolean }} [kind]
 */
export function item(label, chosen, { radio = false, check = false } = {}) {
  /** @type {HTMLButtonElement} */
  const button = make(
    "button",
    {
      type: "button",
      role: radio ? "menuitemradio" : check ? "menuitemcheckbox" : "menuitem",
      "aria-checked": radio || check ? "false" : undefined,
      onclick: () => !isForbidden(button) && chosen(),
    },
    label,
  );
  return button;
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement[]} items
 * @param {string} back
 * @param {string} forth
 */
export function moveFocus(event, items, back, forth) {
  const step = event.key === back ? -1 : event.key === forth ? 1 : 0;
  const edge = event.key === "Home" ? 0 : event.key === "End" ? items.length - 1 : -1;
  if ((step === 0 && edge < 0) || items.length === 0) return;
  event.preventDefault();
  const now = items.findIndex((candidate) => candidate === document.activeElement);
  items[edge >= 0 ? edge : (now + step + items.length) % items.length]?.focus();
}
