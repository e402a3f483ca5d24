/**
 * Fingers: each gesture makes exactly the clicks that it stands for, and nothing stays down.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { chordMessages, isChordSign } from "../src/core/input/chord.js";
import { Gestures } from "../src/core/input/gestures.js";
import { Sticky } from "../src/app/sticky.js";
import { LockOffer } from "../src/core/input/offer.js";

/** Plays `[ms, what, id, x, y]` and names what comes out: `+0` is button 0 down, `-0` up, `.` a place, `~` a push. */
function play(mode, script, until = 5_000) {
  const gestures = new Gestures(mode);
  const out = [];
  const note = (acts) => {
    for (const act of acts) {
      if (act.kind === "button") out.push(`${act.down ? "+" : "-"}${act.button}`);
      else if (act.kind === "point") out.push(`.${act.x},${act.y}`);
      else if (act.kind === "shift") out.push(`~${Math.sign(act.dx)},${Math.sign(act.dy)}`);
      else out.push(act.kind);
    }
  };
  for (const [at, what, id, x, y] of script) {
    while (gestures.due !== null && gestures.due <= at) note(gestures.poll(gestures.due));
    note(what === "up" ? gestures.up(id, at) : gestures[what](id, x, y, at));
  }
  while (gestures.due !== null && gestures.due <= until) note(gestures.poll(gestures.due));
  return out;
}
const buttons = (out) => out.filter((act) => /^[+-]/.test(act)).join(" ");
const tap = (at, x = 50, y = 60, id = 1) => [[at, "down", id, x, y], [at + 60, "up", id]];

for (const mode of ["direct", "trackpad"]) {
  test(`${mode}: a tap is a click, another at the same pixel after a second another`, () => {
    assert.equal(buttons(play(mode, [...tap(0), ...tap(1_000)])), "+0 -0 +0 -0");
  });

  test(`${mode}: a double tap with a slip is a double click at one place`, () => {
    const out = play(mode, [...tap(0), [150, "down", 1, 53, 60], [200, "up", 1]]);
    assert.equal(buttons(out), "+0 -0 +0 -0");
    assert.ok(!out.slice(1).some((act) => act.startsWith(".")), out.join(" "));
  });

  test(`${mode}: a long press is a right click, and its release is nothing`, () => {
    assert.equal(buttons(play(mode, [[0, "down", 1, 50, 60], [900, "up", 1]])), "+2 -2");
  });

  test(`${mode}: tap, hold and drag is one drag`, () => {
    const out = play(mode, [...tap(0), [150, "down", 1, 50, 60], [200, "move", 1, 90, 60], [300, "move", 1, 120, 90], [400, "up", 1]]);
    assert.equal(buttons(out), "+0 -0");
    assert.equal(out.at(-1), "-0", out.join(" "));
  });

  test(`${mode}: two fingers scroll without a button`, () => {
    const out = play(mode, [[0, "down", 1, 50, 60], [20, "down", 2, 90, 60], [40, "move", 1, 50, 90], [41, "move", 2, 90, 90], [60, "move", 1, 50, 120], [61, "move", 2, 90, 120], [90, "up", 1], [95, "up", 2]]);
    assert.equal(buttons(out), "");
    assert.ok(out.includes("wheel") && !out.includes("zoom"), out.join(" "));
  });

  test(`${mode}: a pinch enlarges here and tells the host nothing`, () => {
    const out = play(mode, [[0, "down", 1, 50, 60], [20, "down", 2, 90, 60], [40, "move", 1, 30, 60], [41, "move", 2, 110, 60], [60, "move", 1, 10, 60], [61, "move", 2, 140, 60], [90, "up", 1], [95, "up", 2]]);
    assert.equal(buttons(out), "");
    assert.ok(out.includes("zoom") && !out.includes("wheel"), out.join(" "));
  });

  test(`${mode}: a tap of two fingers is a right click, of three a middle click`, () => {
    assert.equal(buttons(play(mode, [[0, "down", 1, 50, 60], [20, "down", 2, 90, 60], [80, "up", 1], [85, "up", 2]])), "+2 -2");
    assert.equal(buttons(play(mode, [[0, "down", 1, 50, 60], [20, "down", 2, 90, 60], [30, "down", 3, 120, 60], [80, "up", 1], [85, "up", 2], [90, "up", 3]])), "+1 -1");
  });
}

test("direct: one finger drags; trackpad: it pushes without a button", () => {
  const script = [[0, "down", 1, 50, 60], [30, "move", 1, 90, 60], [60, "move", 1, 120, 90], [90, "up", 1]];
  assert.deepEqual(play("direct", script), [".50,60", "+0", ".90,60", ".120,90", "-0"]);
  assert.deepEqual(play("trackpad", script), ["~1,0", "~1,1"]);
});

test("whatever fingers do, no button stays down and none is let go that was not pressed", () => {
  let seed = 7;
  const random = (n) => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    return seed % n;
  };
  for (let round = 0; round < 3_000; round += 1) {
    const mode = random(2) === 0 ? "direct" : "trackpad";
    const script = [];
    let at = 0;
    const down = new Set();
    for (let n = 0; n < 24; n += 1) {
      at += random(400);
      const id = 1 + random(3);
      const what = down.has(id) ? ["move", "move", "up"][random(3)] : "down";
      if (what === "down") down.add(id);
      if (what === "up") down.delete(id);
      script.push([at, what, id, random(300), random(300)]);
    }
    for (const id of down) script.push([(at += 10), "up", id]);
    const held = new Set();
    for (const act of play(mode, script, at + 5_000)) {
      if (!/^[+-]/.test(act)) continue;
      if (act[0] === "+") assert.ok(!held.has(act[1]) && held.add(act[1]), JSON.stringify(script));
      else assert.ok(held.delete(act[1]), JSON.stringify(script));
    }
    assert.equal(held.size, 0, JSON.stringify(script));
  }
});

test("what is held is let go when the fingers are taken away", () => {
  const gestures = new Gestures();
  gestures.down(1, 10, 10, 0);
  gestures.move(1, 60, 10, 20);
  assert.deepEqual(gestures.cancel(), [{ kind: "button", button: 0, down: false }]);
  assert.deepEqual(gestures.cancel(), []);
  assert.deepEqual(gestures.up(1, 30), []);
  assert.equal(gestures.due, null);
});

test("the pointer lock is offered when the host says that the pointer is confined, twice at most", () => {
  const offer = new LockOffer();
  assert.deepEqual([offer.held(), offer.held(), offer.held()], [true, true, false]);
  offer.taken();
  assert.equal(offer.held(), true);
});

test("the pointer lock is offered when the pointer stays hidden although it moves, and twice at most", () => {
  const offer = new LockOffer();
  const moves = (from) => Array.from({ length: 20 }, (_, n) => offer.moved(from + n * 50)).filter(Boolean).length;
  assert.equal(moves(0), 0, "it is shown");
  offer.pointer(true);
  assert.equal(moves(1_000), 1);
  assert.equal(moves(9_000), 0, "once for each time");
  offer.pointer(false);
  offer.pointer(true);
  assert.equal(offer.moved(20_000), false, "the first move may show it again");
  offer.pointer(false);
  offer.pointer(true);
  assert.equal(moves(30_000), 1);
  offer.pointer(false);
  offer.pointer(true);
  assert.equal(moves(40_000), 0, "who did not want it twice is not asked again");
  offer.taken();
  offer.pointer(false);
  offer.pointer(true);
  assert.equal(moves(50_000), 1);
});

test("a sign takes sticky modifiers along, and nothing stays down", () => {
  const messages = chordMessages(["ControlLeft", "ShiftLeft"], "c");
  assert.deepEqual(messages.map(({ code, down }) => `${down ? "+" : "-"}${code}`), ["+ControlLeft", "+ShiftLeft", "+KeyC", "-KeyC", "-ShiftLeft", "-ControlLeft"]);
  assert.equal(messages[2].text, "c");
  assert.equal(messages[2].physical, false);
  assert.ok(!isChordSign("é") && !isChordSign("ab") && isChordSign("7"));
});

test("a sticky modifier goes with one key; pressed twice it stays until it is pressed again", () => {
  const sticky = new Sticky();
  sticky.press("ControlLeft");
  sticky.press("ShiftLeft");
  sticky.press("ShiftLeft");
  assert.deepEqual([sticky.hold("ControlLeft"), sticky.hold("ShiftLeft"), sticky.hold("AltLeft")], ["once", "kept", "off"]);
  sticky.used();
  assert.deepEqual(sticky.codes, ["ShiftLeft"]);
  sticky.press("ShiftLeft");
  assert.deepEqual(sticky.codes, []);
});
