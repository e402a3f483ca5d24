/**
 * The clipboard's rules in a page whose browser lets clips in, refuses them, would ask the reader, or never answers.
 */

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import test from "node:test";
import { ClipboardSync } from "../src/core/clipboard.js";

globalThis.crypto ??= webcrypto;
globalThis.ClipboardItem ??= class {
  constructor(parts) {
    this.parts = parts;
  }
};

/** A browser, and a host that has one text. */
function scene({ active = true, read = "prompt", write = async () => {} } = {}) {
  const browser = { active, read, write, written: [] };
  const navigator = {
    get userActivation() {
      return browser.active === undefined ? undefined : { isActive: browser.active };
    },
    permissions: {
      query: async () => {
        if (browser.read === undefined) throw new TypeError("no such permission");
        return { state: browser.read };
      },
    },
    clipboard: {
      write: async ([item]) => {
        const text = await item.parts["text/plain"].text();
        await browser.write(text);
        browser.written.push(text);
      },
    },
  };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: navigator });
  const states = [];
  let text = "";
  let chunk = () => {};
  const bulk = {
    number: () => 1,
    read: async (_transfer, data) => {
      chunk = data;
      chunk(new TextEncoder().encode(text));
    },
  };
  const sync = new ClipboardSync({ send: () => {}, bulk: () => bulk, can: () => true, state: (state) => states.push(state) });
  let serial = 0;
  const copied = (what) => {
    text = what;
    serial += 1;
    return sync.copied({ type: "clip.copied", serial, formats: ["text/plain"], other: false });
  };
  return { browser, states, sync, copied };
}

test("a clip goes in where a key or a button preceded it", async () => {
  const { browser, states, copied } = scene();
  await copied("one");
  assert.deepEqual(browser.written, ["one"]);
  assert.deepEqual(states, ["same"]);
});

test("where the browser would ask the reader, the clip waits for a gesture", async () => {
  const { browser, states, sync, copied } = scene({ active: false });
  await copied("one");
  assert.deepEqual(browser.written, []);
  assert.deepEqual(states, ["blocked"]);
  browser.active = true;
  await sync.gesture();
  assert.deepEqual(browser.written, ["one"]);
  assert.deepEqual(states, ["blocked", "same"]);
});

test("who has let the page see the clipboard needs no gesture", async () => {
  const { browser, copied } = scene({ active: false, read: "granted" });
  await copied("one");
  assert.deepEqual(browser.written, ["one"]);
});

test("a browser that knows neither is asked, and its refusal is a wait", async () => {
  const { browser, states, sync, copied } = scene({ read: undefined, write: async () => Promise.reject(new Error("NotAllowedError")) });
  browser.active = undefined;
  await copied("one");
  assert.deepEqual(states, ["blocked"]);
  browser.write = async () => {};
  await sync.gesture();
  assert.deepEqual(browser.written, ["one"]);
});

test("a browser that never answers for one clip keeps no other out", async () => {
  const { browser, states, copied } = scene();
  browser.write = (text) => (text === "stuck" ? new Promise(() => {}) : Promise.resolve());
  void copied("stuck");
  await new Promise((resolve) => setTimeout(resolve, 20));
  await copied("next");
  assert.deepEqual(browser.written, ["next"]);
  assert.deepEqual(states, ["same"]);
});
