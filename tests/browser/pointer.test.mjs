/**
 * The viewer's real mouse, read back on the host: every aimed pixel is hit, also in a picture that is smaller
 * or larger than the window; five buttons, the wheel both ways, and releases that happen elsewhere.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS } from "./lib/browser.mjs";
import { Scene } from "./lib/scene.mjs";
import { until } from "./lib/wait.mjs";

/** The same places each time: a failure must come back. */
function* places(width, height) {
  yield* [[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1], [width >> 1, height >> 1]];
  let seed = 12_345;
  const next = (side) => ((seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >> 8) % side;
  for (let i = 0; i < 20; i += 1) yield [next(width), next(height)];
}

for (const name of BROWSERS) {
  describe(`pointer in ${name}`, () => {
    const scene = new Scene();
    before(() => scene.browser(name));
    after(() => scene.end());

    for (const [what, width, height] of [["smaller", 640, 480], ["larger", 1280, 1024]]) {
      it(`hits every aimed pixel of a picture ${what} than the window`, async () => {
        const own = new Scene();
        try {
          const host = await own.host({ width, height });
          const viewer = await scene.browser_.view(own.agent.url());
          await viewer.live();
          await viewer.take();
          const { layout, at } = await viewer.aim();
          assert.equal(layout.scale < 1, what === "larger", JSON.stringify(layout));
          // From the first pixel to the last, evenly.
          const expected = (place, shown, side) => (place * (side - 1)) / (shown - 1);
          for (const [column, row] of places(layout.width, layout.height)) {
            await viewer.x.moveTo(...at(column, row));
            const [x, y] = [expected(column, layout.width, width), expected(row, layout.height, height)];
            let pointer;
            await until(`the pointer at ${x}, ${y}`, async () => {
              pointer = await host.pointer();
              return Math.abs(pointer.x - x) <= 0.5 && Math.abs(pointer.y - y) <= 0.5;
            }, 3_000, () => JSON.stringify(pointer));
          }
          if (what === "smaller") {
            const presses = () => host.events.filter(({ type }) => type === "button").length;
            await viewer.page.evaluate(() => {
              window.clicks = 0;
              addEventListener("pointerup", () => (window.clicks += 1), true);
            });
            await viewer.x.moveTo(...at(-20, 10));
            host.events.length = 0;
            await viewer.x.click();
            // A window manager that looks at each press takes two clicks within a millisecond for one.
            await until("the page to have the click", () => viewer.page.evaluate(() => window.clicks === 1));
            // What came before this answer would have been logged.
            await viewer.x.moveTo(...at(5, 5));
            await viewer.x.click();
            await until("the click inside", () => presses() > 0);
            assert.equal(presses(), 1, "a click in a bar reaches no application");
          }
        } finally {
          await (await scene.browser_.page()).page.goto("about:blank");
          await own.end();
        }
      });
    }

    describe("buttons and wheel", () => {
      const own = new Scene();
      let host;
      let viewer;
      before(async () => {
        host = await own.host();
        viewer = await scene.browser_.view(own.agent.url());
        await viewer.live();
        await viewer.take();
        await until("the click that took the keyboard", () => host.events.some(({ type }) => type === "buttonup"));
      });
      after(() => own.end());

      const log = () => host.events.filter(({ type }) => type.startsWith("button")).map(({ type, detail }) => `${type} ${detail}`);

      it("passes five buttons and stays on the page", async () => {
        const before = viewer.page.url();
        for (const button of [1, 2, 3, 8, 9]) {
          host.events.length = 0;
          await viewer.x.buttonDown(button);
          await until(`button ${button} down`, () => log().length > 0, 3_000);
          await viewer.x.buttonUp(button);
          await until(`button ${button} up`, () => log().length > 1, 3_000);
          assert.deepEqual(log(), [`button ${button}`, `buttonup ${button}`]);
        }
        assert.equal(viewer.page.url(), before);
        assert.equal((await viewer.look()).state, "live");
      });

      it("turns the wheel by as many notches, both ways", async () => {
        for (const button of [4, 5, 6, 7]) {
          host.events.length = 0;
          for (let n = 0; n < 3; n += 1) {
            await viewer.x.click(button);
            await until(`notch ${n + 1} of wheel ${button}`, () => log().length >= 2 * (n + 1), 3_000, () => log().join());
          }
          assert.deepEqual(log(), [0, 1, 2].flatMap(() => [`button ${button}`, `buttonup ${button}`]));
        }
      });

      it("releases what is let go outside the window", async () => {
        const { layout, at } = await viewer.aim();
        for (const button of [1, 2, 3]) {
          await viewer.x.moveTo(...at(layout.width >> 1, layout.height >> 1));
          await viewer.x.buttonDown(button);
          await until("the button down", async () => (await host.held()).length === 1, 3_000);
          // The window ends at 1280; this is the bare screen beside it.
          await viewer.x.moveTo(1700, 1300);
          await viewer.x.buttonUp(button);
          await until("the button up", async () => (await host.held()).length === 0, 500, log);
        }
      });

      it("releases two buttons in either order, and after a return what a browser missed outside", async () => {
        const { layout, at } = await viewer.aim();
        const middle = at(layout.width >> 1, layout.height >> 1);
        for (const order of [[1, 3], [3, 1]]) {
          for (const outside of [false, true]) {
            await viewer.x.moveTo(...middle);
            host.events.length = 0;
            for (const button of [1, 3]) await viewer.x.buttonDown(button);
            await until("both down", async () => (await host.held()).length === 2, 3_000, log);
            if (outside) await viewer.x.moveTo(1700, 1300);
            for (const button of order) await viewer.x.buttonUp(button);
            // Outside the window browsers see the first release only; the next event over the picture tells.
            if (outside) await viewer.x.moveTo(middle[0] + 3, middle[1]);
            await until("both up", async () => (await host.held()).length === 0, 500, log);
            assert.equal(log().filter((line) => line.startsWith("buttonup")).length, 2);
          }
        }
      });
    });
  });
}
