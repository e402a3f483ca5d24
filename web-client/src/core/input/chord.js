/**
 * A sign with modifiers that were chosen before it, as from a keyboard on the screen. Pure.
 */

/** @import { InputMessage } from "../types.js" */

import { Keyboard } from "./keyboard.js";

/** The usual places of signs; a layout may have them elsewhere, and then the sign counts. @type {{ [sign: string]: string }} */
const PLACES = {
  " ": "Space",
  "-": "Minus",
  "=": "Equal",
  "[": "BracketLeft",
  "]": "BracketRight",
  ";": "Semicolon",
  "'": "Quote",
  "`": "Backquote",
  "\\": "Backslash",
  ",": "Comma",
  ".": "Period",
  "/": "Slash",
  "\n": "Enter",
};

/** @param {string} sign */
function place(sign) {
  const upper = sign.toUpperCase();
  if (/^[A-Z]$/.test(upper)) return `Key${upper}`;
  return /^[0-9]$/.test(sign) ? `Digit${sign}` : PLACES[sign];
}

/** Whether it is one sign that a key makes. @param {string} text */
export function isChordSign(text) {
  return place(text) !== undefined;
}

/**
 * Presses the modifiers and the key of the sign, and lets them go in reverse.
 * @param {readonly string[]} modifiers codes
 * @param {string} sign
 * @returns {InputMessage[]} none when no key makes the sign
 */
export function chordMessages(modifiers, sign) {
  const code = place(sign);
  if (code === undefined) return [];
  const keyboard = new Keyboard("other");
  const state = (/** @type {string} */ name) => keyboard.codes.some((held) => held.startsWith(name));
  const input = (/** @type {string} */ held, /** @type {string} */ key) => ({ code: held, key, repeat: false, composing: false, time: 0, state });
  const key = sign === "\n" ? "Enter" : sign.toLowerCase();
  const names = [...modifiers.map((held) => ({ held, key: held.replace(/(Left|Right)$/, "") })), { held: code, key }];
  return [
    ...names.flatMap(({ held, key }) => keyboard.down(input(held, key))),
    ...names.toReversed().flatMap(({ held, key }) => keyboard.up(input(held, key)).messages),
  ];
}
