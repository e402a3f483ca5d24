/** The layer of exact pixels: when it is shown, and when it hides because what it shows may be old. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { TileLayer } from "../src/core/tiles.js";

const [TILES, NOTE] = [1, 2];
const SAME = 4;

/** What of the DOM a layer needs. */
function stage() {
  const context = { fillStyle: "", fillRect() {}, clearRect() {}, putImageData() {} };
  const canvas = { className: "", width: 0, height: 0, hidden: false, inert: false, getContext: () => context };
  globalThis.document = /** @type {any} */ ({ createElement: () => canvas });
  globalThis.requestAnimationFrame = () => 0;
  return { prepend() {} };
}

/**
 * A message on a screen of 128x64; tiles paint the first cell grey.
 * @param {{ kind: number, number: number, stamp: number, same?: number }} message
 */
function message({ kind, number, stamp, same }) {
  const entry = kind === TILES ? [0, 0, 0, 80, 80, 80] : [];
  const view = new DataView(new ArrayBuffer(16 + entry.length + (same === undefined ? 0 : 4)));
  view.setUint8(0, kind);
  view.setUint8(1, same === undefined ? 0 : SAME);
  view.setUint32(2, number);
  view.setUint32(6, stamp);
  view.setUint16(10, 128);
  view.setUint16(12, 64);
  view.setUint16(14, kind === TILES ? 1 : 0);
  entry.forEach((byte, at) => view.setUint8(16 + at, byte));
  if (same !== undefined) view.setUint32(view.byteLength - 4, same);
  return view.buffer;
}

/** @param {number} rtpTimestamp */
const frame = (rtpTimestamp) => /** @type {any} */ ({ rtpTimestamp, width: 128, height: 64 });

function shown() {
  const layer = new TileLayer(/** @type {any} */ (stage()), () => {}, () => {});
  layer.open();
  layer.frame(frame(1_000));
  layer.message(message({ kind: NOTE, number: 1, stamp: 1_000 }));
  layer.message(message({ kind: TILES, number: 2, stamp: 1_500 }));
  assert.equal(layer.element.hidden, false);
  return layer;
}

test("a frame of which nothing is known hides the tiles until its note is there", () => {
  const layer = shown();
  layer.frame(frame(2_000));
  assert.equal(layer.element.hidden, true);
  layer.message(message({ kind: NOTE, number: 3, stamp: 2_000 }));
  assert.equal(layer.element.hidden, false);
});

test("a lost message hides nothing where the frame shows the same screen as one before", () => {
  const layer = shown();
  // Number 3 is missing.
  layer.message(message({ kind: NOTE, number: 4, stamp: 2_000, same: 1_000 }));
  layer.frame(frame(2_000));
  assert.equal(layer.element.hidden, false);
  // Of another screen it would be needed.
  layer.message(message({ kind: NOTE, number: 5, stamp: 3_000 }));
  layer.frame(frame(3_000));
  assert.equal(layer.element.hidden, true);
});
