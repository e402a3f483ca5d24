/**
 * Files dragged from a real window of another program onto a page, as from a file manager.
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { firstLine } from "./process.mjs";
import { pause, until } from "./wait.mjs";

const SOURCE = fileURLToPath(new URL("drag-source.py", import.meta.url));
/** Beside every browser's window. */
const PLACE = [1600, 100];

/** Drags files and folders onto the middle of the viewer's picture. */
export async function drag(viewer, paths) {
  const { x } = viewer;
  const { layout, at } = await viewer.aim();
  const source = viewer.browser.display.run("/usr/bin/python3", [SOURCE, ...PLACE.map(String), ...paths.map((path) => pathToFileURL(path).href)]);
  try {
    await firstLine(source, "something to drag");
    await viewer.page.evaluate(() => {
      window.dropped = false;
      addEventListener("drop", () => (window.dropped = true), { capture: true, once: true });
    });
    const over = () => viewer.page.evaluate(() => document.querySelector("removid-desktop").hasAttribute("dropping"));
    const count = (word) => source.out.split("\n").filter((line) => line === word).length;
    const dropped = () => viewer.page.evaluate(() => window.dropped);
    // A button that goes up before the page's answer has come back to the source ends the drag without a drop, as it
    // does for a person, who then drags again.
    for (let turn = 1; turn <= 5; turn += 1) {
      await x.moveTo(PLACE[0] + 40, PLACE[1] + 40);
      await x.buttonDown(1);
      let [step, seen] = [0, 0];
      // A drag begins some pixels on, and the page hears of it while the pointer moves.
      await until("the drag to be over the picture", async () => {
        step += 1;
        if (count("begun") < turn) await x.moveTo(PLACE[0] + 40 + (step % 40), PLACE[1] + 40);
        else await x.moveTo(...at(Math.round(layout.width / 2) + (step % 9), Math.round(layout.height / 2)));
        await pause(20);
        seen = (await over()) ? seen + 1 : 0;
        return seen > 10;
      });
      await x.buttonUp(1);
      await until("the drag to end", async () => count("over") >= turn || (await dropped()));
      if (await until("the drop", dropped, 2_000).catch(() => false)) return;
    }
    throw new Error("five drags ended without a drop");
  } finally {
    await x.buttonUp(1);
    await source.end("SIGKILL");
  }
}
