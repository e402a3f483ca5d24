/**
 * Keys: what goes over the wire for what a browser tells, and that nothing stays down.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ALT, ALT_GRAPH, CAPS_LOCK, CTRL, Keyboard, SHIFT } from "../src/core/input/keyboard.js";

/** @param {string} code @param {string} key @param {string[]} states @param {object} more */
const event = (code, key, states = [], more = {}) => ({
  code,
  key,
  repeat: false,
  composing: false,
  time: 0,
  state: (name) => states.includes(name),
  ...more,
});
const told = (messages) => messages.map(({ code, down }) => (down ? "+" : "-") + code);

test("a key carries its code, its text and the modifiers", () => {
  const keyboard = new Keyboard("other");
  keyboard.down(event("ShiftLeft", "Shift", []));
  const [message] = keyboard.down(event("KeyA", "A", ["Shift", "CapsLock"]));
  assert.deepEqual(message, {
    channel: "input",
    kind: "key",
    code: "KeyA",
    down: true,
    repeat: false,
    physical: false,
    modifiers: SHIFT | CAPS_LOCK,
    text: "A",
  });
  assert.deepEqual(keyboard.codes, ["ShiftLeft", "KeyA"]);
});

test("a modifier counts itself when it goes down and not when it goes up, whatever the browser says", () => {
  const keyboard = new Keyboard("other");
  assert.equal(keyboard.down(event("ShiftLeft", "Shift", []))[0].modifiers, SHIFT);
  assert.equal(keyboard.up(event("ShiftLeft", "Shift", ["Shift"])).messages[0].modifiers, 0);
});

test("named keys make no text", () => {
  const keyboard = new Keyboard("other");
  for (const key of ["Enter", "F1", "ArrowUp", "Escape"]) {
    assert.equal(keyboard.down(event(key, key))[0].text, "", key);
  }
  assert.equal(keyboard.down(event("KeyQ", "é"))[0].text, "é");
});

test("a modifier whose release was lost is healed by the next event", () => {
  const keyboard = new Keyboard("other");
  keyboard.down(event("ControlLeft", "Control", ["Control"]));
  assert.deepEqual(told(keyboard.down(event("KeyT", "t"))), ["-ControlLeft", "+KeyT"]);
  keyboard.down(event("AltLeft", "Alt", ["Alt"]));
  assert.deepEqual(told(keyboard.observe(() => false, 1e6)), ["-AltLeft"]);
});

test("healing waits while an input method is at work", () => {
  const keyboard = new Keyboard("other");
  keyboard.down(event("ControlLeft", "Control", ["Control"]));
  assert.deepEqual(keyboard.down(event("KeyT", "Process", [], { composing: true })), []);
});

test("AltGr is Alt or AltGraph, and is not healed away", () => {
  const keyboard = new Keyboard("other");
  const [down] = keyboard.down(event("AltRight", "AltGraph", []));
  assert.equal(down.modifiers, ALT_GRAPH);
  const [at] = keyboard.down(event("KeyQ", "@", ["AltGraph"]));
  assert.equal(at.modifiers, ALT_GRAPH);
  assert.equal(at.text, "@");
  assert.deepEqual(keyboard.codes, ["AltRight", "KeyQ"]);
});

test("the Control that Windows invents for AltGr is taken back", () => {
  const keyboard = new Keyboard("windows");
  keyboard.down(event("ControlLeft", "Control", ["Control"], { time: 100 }));
  const out = keyboard.down(event("AltRight", "AltGraph", ["Control", "Alt"], { time: 101 }));
  assert.deepEqual(told(out), ["-ControlLeft", "+AltRight"]);
});

test("a dead key makes its sign by the input method, so that the host hears nothing of it", () => {
  const keyboard = new Keyboard("other");
  assert.deepEqual(keyboard.down(event("Quote", "Dead")), []);
  assert.deepEqual(keyboard.up(event("Quote", "Dead")).messages, []);
});

test("by its place a dead key is let go at once, and its release, if it comes, is not told again", () => {
  const keyboard = new Keyboard("other", "physical");
  assert.deepEqual(told(keyboard.down(event("Quote", "Dead"))), ["+Quote", "-Quote"]);
  assert.deepEqual(keyboard.up(event("Quote", "Dead")).messages, []);
});

test("on a Mac keys under Command and Caps Lock report no release", () => {
  const keyboard = new Keyboard("mac");
  keyboard.down(event("MetaLeft", "Meta", ["Meta"]));
  const copy = keyboard.down(event("KeyC", "c", ["Meta"]));
  assert.deepEqual(told(copy), ["+KeyC", "-KeyC"]);
  assert.equal(copy[0].modifiers, CTRL, "Command is the others' Control");
  keyboard.up(event("MetaLeft", "Meta"));
  assert.deepEqual(told(keyboard.down(event("CapsLock", "CapsLock", ["CapsLock"]))), ["+CapsLock", "-CapsLock"]);
});

test("on a Mac Command goes as Control, and comes up as that", () => {
  const keyboard = new Keyboard("mac");
  assert.deepEqual(told(keyboard.down(event("MetaLeft", "Meta", ["Meta"]))), ["+ControlLeft"]);
  assert.deepEqual(keyboard.codes, ["ControlLeft"]);
  assert.deepEqual(told(keyboard.up(event("MetaLeft", "Meta")).messages), ["-ControlLeft"]);
  const places = new Keyboard("mac", "physical");
  assert.deepEqual(told(places.down(event("MetaLeft", "Meta", ["Meta"]))), ["+MetaLeft"]);
});

test("on a Mac Option that picks a sign is no Alt; with a key that makes none, with a click and alone it is", () => {
  const keyboard = new Keyboard("mac");
  assert.deepEqual(keyboard.down(event("AltLeft", "Alt", ["Alt"])), []);
  assert.deepEqual(keyboard.codes, []);
  const [sign] = keyboard.down(event("KeyL", "@", ["Alt"]));
  assert.deepEqual([sign.text, sign.modifiers & ALT], ["@", 0]);
  keyboard.up(event("KeyL", "@", ["Alt"]));
  assert.deepEqual(told(keyboard.down(event("ArrowLeft", "ArrowLeft", ["Alt"]))), ["+AltLeft", "+ArrowLeft"]);
  keyboard.up(event("ArrowLeft", "ArrowLeft", ["Alt"]));
  assert.deepEqual(told(keyboard.up(event("AltLeft", "Alt")).messages), ["-AltLeft"]);
  keyboard.down(event("AltRight", "Alt", ["Alt"]));
  assert.deepEqual(told(keyboard.up(event("AltRight", "Alt")).messages), ["+AltRight", "-AltRight"]);
  keyboard.down(event("AltLeft", "Alt", ["Alt"]));
  assert.deepEqual(told(keyboard.flush()), ["+AltLeft"]);
});

test("a key that a layout has put elsewhere goes as what it is", () => {
  const keyboard = new Keyboard("other");
  assert.deepEqual(told(keyboard.down(event("CapsLock", "Escape"))), ["+Escape"]);
  assert.deepEqual(told(keyboard.up(event("CapsLock", "Escape")).messages), ["-Escape"]);
  assert.deepEqual(told(keyboard.down(event("CapsLock", "Control"))), ["+ControlLeft"]);
  assert.deepEqual(keyboard.codes, ["ControlLeft"]);
});

test("repeats are told of held keys only", () => {
  const keyboard = new Keyboard("other");
  assert.deepEqual(keyboard.down(event("KeyA", "a", [], { repeat: true })), []);
  keyboard.down(event("KeyA", "a"));
  assert.equal(keyboard.down(event("KeyA", "a", [], { repeat: true }))[0].repeat, true);
});

test("never a release without a press, and nothing is held after clearing", () => {
  const keyboard = new Keyboard("other");
  assert.deepEqual(keyboard.up(event("KeyA", "a")).messages, []);
  keyboard.down(event("KeyA", "a"));
  assert.equal(keyboard.clear(), true);
  assert.deepEqual(keyboard.up(event("KeyA", "a")).messages, []);
});

test("Ctrl+Alt+Shift alone is the chord, in any order; with another key it is the host's", () => {
  for (const [first, second, third] of [
    ["ControlLeft", "AltLeft", "ShiftLeft"],
    ["ShiftRight", "ControlRight", "AltLeft"],
  ]) {
    const keyboard = new Keyboard("other");
    const all = ["Control", "Alt", "Shift"];
    for (const code of [first, second, third]) keyboard.down(event(code, "", all));
    assert.equal(keyboard.modifiers, CTRL | ALT | SHIFT);
    assert.equal(keyboard.up(event(third, "", all)).chord, true);
  }
  const keyboard = new Keyboard("other");
  const all = ["Control", "Alt", "Shift"];
  for (const code of ["ControlLeft", "AltLeft", "ShiftLeft", "ArrowUp"]) keyboard.down(event(code, "", all));
  keyboard.up(event("ArrowUp", "ArrowUp", all));
  assert.equal(keyboard.up(event("ShiftLeft", "Shift", all)).chord, false);
});

test("a key without a physical name is typed by its text", () => {
  const keyboard = new Keyboard("other");
  const out = keyboard.down(event("", "ß"));
  assert.deepEqual(told(out), ["+Unidentified", "-Unidentified"]);
  assert.equal(out[0].text, "ß");
});

test("no more keys are held than a heartbeat can name", () => {
  const keyboard = new Keyboard("other");
  for (let i = 0; i < 30; i++) keyboard.down(event(`F${i}`, `F${i}`));
  assert.equal(keyboard.codes.length, 16);
});

test("Windows tells of Print by its release only", () => {
  const print = event("PrintScreen", "PrintScreen");
  assert.deepEqual(told(new Keyboard("windows").up(print).messages), ["+PrintScreen", "-PrintScreen"]);
  assert.deepEqual(told(new Keyboard("other").up(print).messages), []);
});

test("a move that was held back until after a press lets go of nothing", () => {
  const keyboard = new Keyboard("other");
  const press = { code: "ControlLeft", key: "Control", repeat: false, composing: false, time: 100, state: (/** @type {string} */ name) => name === "Control" };
  keyboard.down(press);
  assert.deepEqual(keyboard.observe(() => false, 99), []);
  assert.deepEqual(keyboard.codes, ["ControlLeft"]);
  assert.equal(keyboard.observe(() => false, 101).length, 1, "a later one does");
});
