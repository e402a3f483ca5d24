/**
 * Text that no single key makes: of dead keys, of input methods, of keyboards on the screen. Pure.
 *
 * The layer is a text field that is always empty, or holds a few characters that nobody sees, so that a
 * keyboard on the screen has something to delete. What changes in it is what was written.
 */

/** @import { InputMessage } from "../types.js" */

import { MAX_TEXT_BYTES } from "../protocol/limits.js";

const UTF8 = new TextEncoder();

/** What stands in the field while a keyboard on the screen is shown: something to delete. */
export const SENTINEL = "\u200b".repeat(8);

/**
 * What turns one text into the other at its end: characters to delete, and then a text to write.
 * @param {string} before
 * @param {string} after
 */
export function change(before, after) {
  const [from, to] = [[...before], [...after]];
  let same = 0;
  while (same < from.length && same < to.length && from[same] === to[same]) same += 1;
  return { remove: from.length - same, insert: to.slice(same).join("").replaceAll("\u200b", "") };
}

/**
 * Cuts a text into messages. Line ends become the host's; other control characters have no key and go.
 * @param {string} text
 * @returns {InputMessage[]}
 */
export function textMessages(text) {
  const clean = text.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
  /** @type {InputMessage[]} */
  const out = [];
  let part = "";
  let size = 0;
  for (const sign of clean) {
    const bytes = UTF8.encode(sign).length;
    if (size + bytes > MAX_TEXT_BYTES) {
      out.push({ channel: "input", kind: "text", text: part });
      part = "";
      size = 0;
    }
    part += sign;
    size += bytes;
  }
  if (part !== "") out.push({ channel: "input", kind: "text", text: part });
  return out;
}

/** @param {number} count */
export function backspaces(count) {
  /** @type {InputMessage[]} */
  const out = [];
  for (let n = 0; n < count; n += 1) {
    for (const down of [true, false]) {
      out.push({ channel: "input", kind: "key", code: "Backspace", down, repeat: false, physical: false, modifiers: 0, text: "" });
    }
  }
  return out;
}
