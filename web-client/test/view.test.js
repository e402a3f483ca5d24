/**
 * Monitors and zoom: what is shown where, and which pixel a point is.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { full } from "../src/core/half.js";
import { View } from "../src/core/view.js";

const VIDEO = { width: 3200, height: 1080 };
const RIGHT = { name: "B", x: 1920, y: 56, width: 1280, height: 1024, primary: false };

function view(monitor = null, video = VIDEO) {
  const it = new View();
  it.box = { width: 1600, height: 1100 };
  it.screen = VIDEO;
  it.monitor = monitor;
  it.place(video);
  return it;
}

test("one monitor is shown 1:1 and the rest is clipped away", () => {
  const it = view(RIGHT);
  assert.deepEqual({ ...it.layout }, { left: 160, top: 38, width: 1280, height: 1024, scale: 1, pixelated: false });
  const { at, clip } = it.whole(VIDEO);
  assert.deepEqual([at.left, at.top, at.width, at.height], [160 - 1920, 38 - 56, 3200, 1080]);
  assert.deepEqual(clip, { left: 1920, top: 56, right: 0, bottom: 0 });
});

test("a point on one monitor is the screen's pixel, and the way back", () => {
  const it = view(RIGHT);
  const corner = it.aim(160, 38);
  assert.deepEqual([Math.round((corner.x * 3199) / 65_535), Math.round((corner.y * 1079) / 65_535)], [1920, 56]);
  const last = it.aim(160 + 1279, 38 + 1023);
  assert.deepEqual([Math.round((last.x * 3199) / 65_535), Math.round((last.y * 1079) / 65_535)], [3199, 1079]);
  assert.equal(it.aim(159, 38).inside, false);
  const { x, y } = it.point(it.aim(700, 500));
  assert.ok(Math.abs(x - 700.5) < 0.6 && Math.abs(y - 500.5) < 0.6, `${x} ${y}`);
});

test("of an odd screen, which a video holds with its last column and row twice, each is shown once and can be hit", () => {
  const it = new View();
  it.box = { width: 1600, height: 1100 };
  it.screen = { width: 1365, height: 767 };
  const video = { width: 1366, height: 768 };
  it.place(video);
  assert.deepEqual([it.layout.width, it.layout.height, it.layout.scale], [1365, 767, 1]);
  const { at, clip } = it.whole(video);
  assert.deepEqual([at.width, at.height, clip], [1366, 768, { left: 0, top: 0, right: 1, bottom: 1 }]);
  const { x, y } = it.aim(it.layout.left + 1364, it.layout.top + 766);
  assert.deepEqual([x, y], [65_535, 65_535]);
  // A video of another size is what it is.
  it.place({ width: 1368, height: 768 });
  assert.deepEqual([it.layout.width, it.layout.height], [1368, 767]);
});

test("a half picture is shown as large as the whole one", () => {
  const half = { width: 1600, height: 540 };
  const [it, whole] = [view(RIGHT, half), view(RIGHT)];
  assert.deepEqual(it.layout, whole.layout);
  assert.deepEqual(it.whole(half), whole.whole(VIDEO));
  // Sides whose half is odd, and an odd screen.
  assert.deepEqual(full({ width: 684, height: 384 }, { width: 1366, height: 767 }), { width: 1366, height: 768 });
  assert.deepEqual(full({ width: 683, height: 384 }, { width: 1366, height: 767 }), { width: 683, height: 384 });
  assert.deepEqual(full({ width: 0, height: 0 }, { width: 0, height: 0 }), { width: 0, height: 0 });
});

test("zoom keeps the point under the fingers, pans within the picture, and ends whole", () => {
  const it = view();
  it.box = { width: 800, height: 270 };
  it.place(VIDEO);
  const before = it.aim(600, 100);
  it.zoomAt(4, 600, 100);
  assert.equal(it.zoom, 4);
  const after = it.aim(600, 100);
  assert.ok(Math.abs(after.x - before.x) < 100 && Math.abs(after.y - before.y) < 100);
  it.panBy(1e6, 1e6);
  assert.deepEqual([it.layout.left + 0, it.layout.top + 0], [0, 0]);
  it.panBy(-1e6, -1e6);
  assert.deepEqual([it.layout.left + it.layout.width, it.layout.top + it.layout.height], [800, 270]);
  it.zoomAt(0.001, 400, 100);
  assert.equal(it.zoom, 1);
  assert.deepEqual([it.layout.left, it.layout.width], [0, 800]);
});

test("all monitors, or a place that is not there any more, show everything", () => {
  assert.equal(view().whole(VIDEO).clip, null);
  const gone = view({ ...RIGHT, x: 5_000 });
  assert.equal(gone.whole(VIDEO).clip, null);
});
