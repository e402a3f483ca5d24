/**
 * Where the picture lies, and which pixel a click hits.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { layout, pixelAt, wantedSize, wirePosition } from "../src/core/fit.js";

const size = (width, height) => ({ width, height });

test("a picture that fits is shown one to one, at whole device pixels", () => {
  assert.deepEqual(layout(size(1601, 901), size(1280, 720), "exact"), {
    left: 160,
    top: 90,
    width: 1280,
    height: 720,
    scale: 1,
    pixelated: false,
  });
});

test("a larger picture shrinks into the box with its shape kept", () => {
  const at = layout(size(700, 1000), size(1280, 1024), "exact");
  assert.equal(at.width, 700);
  assert.equal(at.height, 560);
  assert.equal(at.left, 0);
});

test("filling does not blur for the sake of one pixel", () => {
  assert.equal(layout(size(1001, 701), size(1000, 700), "fit").scale, 1);
  assert.equal(layout(size(2001, 1401), size(1000, 700), "fit").pixelated, true);
  assert.equal(layout(size(1500, 1050), size(1000, 700), "fit").scale, 1.5);
  assert.equal(layout(size(2900, 2100), size(1000, 700), "integer").scale, 2);
});

test("nothing to show has no place", () => {
  assert.equal(layout(size(800, 600), size(0, 0), "exact").width, 0);
});

/** What the host makes of a position. */
const toPixel = (v, side) => Math.floor((v * (side - 1) + 32_767) / 65_535);

test("at 1:1 and enlarged every pixel is reached, from each device pixel that shows it", () => {
  for (const [box, video, mode] of [
    [size(1600, 1200), size(1280, 1024), "exact"],
    [size(7680, 4320), size(7680, 4320), "exact"],
    [size(3000, 2400), size(1280, 1024), "integer"],
  ]) {
    const at = layout(box, video, mode);
    for (let place = 0; place < at.width; place++) {
      const { px, inside } = pixelAt(at, video, at.left + place, at.top);
      assert.ok(inside);
      assert.equal(px, Math.floor(place / at.scale));
      assert.equal(toPixel(wirePosition(px, video.width), video.width), px);
    }
  }
});

test("in a shrunken picture the corners are reached and nothing is off by more than a device pixel shows", () => {
  const video = size(1280, 1024);
  for (const box of [size(900, 500), size(700, 1000), size(1279, 1023)]) {
    const at = layout(box, video, "exact");
    const first = pixelAt(at, video, at.left, at.top);
    const last = pixelAt(at, video, at.left + at.width - 1, at.top + at.height - 1);
    assert.deepEqual([first.px, first.py, last.px, last.py], [0, 0, 1279, 1023]);
    for (let place = 0; place < at.width; place++) {
      const aimed = ((place + 0.5) * video.width) / at.width - 0.5;
      assert.ok(Math.abs(pixelAt(at, video, at.left + place, at.top).px - aimed) <= 0.5 + 0.5 / at.scale);
    }
  }
});

test("a device pixel that comes as a fraction of CSS pixels is the one that is meant", () => {
  const video = size(800, 600);
  const at = layout(video, video, "exact");
  for (let place = 0; place < 800; place++) {
    assert.equal(pixelAt(at, video, Math.fround(place / 1.25) * 1.25, 0).px, place);
  }
});

test("a point in a bar is outside and clamped to the edge", () => {
  const video = size(1280, 1024);
  const at = layout(size(1600, 1200), video, "exact");
  assert.deepEqual(pixelAt(at, video, 0, 0), { px: 0, py: 0, inside: false });
  assert.deepEqual(pixelAt(at, video, 1599, 1199), { px: 1279, py: 1023, inside: false });
});

test("a wanted size is even and within the limits", () => {
  assert.deepEqual(wantedSize(size(1367, 769)), size(1366, 768));
  assert.deepEqual(wantedSize(size(9, 99_999)), size(64, 4320));
});
