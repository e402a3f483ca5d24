/**
 * A page's zoom, by the keys that a person uses; only a browser's own keys change it.
 */

import { KEY } from "./keys.mjs";
import { until } from "./wait.mjs";

const MINUS = 20;
const EQUAL = 21;
const ZERO = 19;

const density = (viewer) => viewer.page.evaluate(() => devicePixelRatio);

/** Zooms to the browser's own step that is nearest to a share of one, and returns the page's density. */
export async function zoomTo(viewer, share) {
  await viewer.x.activate(viewer.browser.window);
  // The picture would take the keys.
  await viewer.page.evaluate(() => document.activeElement?.blur());
  await viewer.x.tap(KEY.control, ZERO);
  let now = await until("no zoom", async () => {
    const value = await density(viewer);
    return Math.abs(value - 1) < 0.01 && value;
  }, 3_000).catch(() => density(viewer));
  while (Math.abs(now - share) > 0.04) {
    const [key, before] = [now > share ? MINUS : EQUAL, now];
    await viewer.x.tap(KEY.control, key);
    now = await until(`a step from ${before} towards ${share}`, async () => {
      const value = await density(viewer);
      return value !== before && value;
    }, 3_000);
    if ((now > share) !== (before > share)) break;
  }
  return now;
}
