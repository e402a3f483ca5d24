/**
 * Text without keys: what changed in the field, and how a text is cut.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SENTINEL, backspaces, change, textMessages } from "../src/core/input/text.js";
import { encodeInput } from "../src/core/protocol/encode.js";

test("what changed at the end of the field is deleted and written", () => {
  assert.deepEqual(change("", "é"), { remove: 0, insert: "é" });
  assert.deepEqual(change("ㅎ", "하"), { remove: 1, insert: "하" });
  assert.deepEqual(change("teh ", "the "), { remove: 3, insert: "he " });
  assert.deepEqual(change("a😀", "a😁"), { remove: 1, insert: "😁" });
  assert.deepEqual(change(SENTINEL, SENTINEL.slice(1)), { remove: 1, insert: "" });
  assert.deepEqual(change(SENTINEL, `${SENTINEL}x`), { remove: 0, insert: "x" });
});

test("a text is cut between signs, keeps its line ends as Enter, and loses what no key makes", () => {
  const [one] = textMessages("a\r\nb\rc\u0000\u001b\td");
  assert.equal(one.text, "a\nb\nc\td");
  const text = "😀".repeat(500);
  const parts = textMessages(text);
  assert.equal(parts.map((part) => part.text).join(""), text);
  for (const part of parts) encodeInput(part);
  assert.deepEqual(textMessages("\u0007"), []);
});

test("a deletion is a tap of Backspace", () => {
  assert.deepEqual(backspaces(2).map(({ code, down }) => [code, down]), [["Backspace", true], ["Backspace", false], ["Backspace", true], ["Backspace", false]]);
});
