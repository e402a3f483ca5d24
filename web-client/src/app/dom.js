/**
 * Builds elements without markup in strings: the page's policy forbids those, and so nothing can be injected.
 */

/** @import { IconName } from "./icons.js" */

import { icon } from "./icons.js";

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{ [attribute: string]: string | boolean | ((event: any) => void) | undefined }} attributes `on…` are listeners
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (typeof value === "string") element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/**
 * A button with an icon and its name under it.
 * @param {IconName} name
 * @param {string} label
 * @param {{ [attribute: string]: string | boolean | ((event: any) => void) | undefined }} attributes
 */
export function iconButton(name, label, attributes) {
  return make("button", { type: "button", ...attributes }, icon(name), make("span", {}, label));
}

/**
 * Greys a control out and says why; it stays reachable, so that the reason can be read.
 * @param {HTMLElement} control
 * @param {string | null} why null: it may be used
 */
export function forbid(control, why) {
  control.setAttribute("aria-disabled", String(why !== null));
  control.title = why ?? "";
}

/** @param {HTMLElement} control */
export function isForbidden(control) {
  return control.getAttribute("aria-disabled") === "true";
}
