/**
 * Gives the mouse's side buttons to the host where the browser would leave the page with them.
 *
 * Firefox on X11 turns them into Back and Forward without an event that a page could stop. So the page
 * stands between two entries of its own in the history: a step to either is a side button, if the pointer
 * is over the picture, and is taken back. A step from anywhere else is meant for the history and goes on.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */

const BACK = 3;
const FORWARD = 4;
const MARK = "removid.side";

/** By name, for want of anything that could be tried: no event tells a page of this. */
const affected = () => /Firefox\//.test(navigator.userAgent) && /Linux|X11/.test(navigator.userAgent) && !/Android/.test(navigator.userAgent);

/**
 * @param {RemovidDesktop} desktop
 * @param {AbortSignal} signal
 */
export function guardSideButtons(desktop, signal) {
  if (!affected()) return;
  let guarded = history.state?.[MARK] !== undefined;
  // Entries that were made without the reader's doing are skipped by Back, so they wait for the first press.
  const press = () => {
    if (guarded || desktop.state !== "live") return;
    guarded = true;
    history.replaceState({ [MARK]: -1 }, "");
    history.pushState({ [MARK]: 0 }, "");
    history.pushState({ [MARK]: 1 }, "");
    history.back();
  };
  const step = (/** @type {PopStateEvent} */ event) => {
    const side = event.state?.[MARK];
    if (side !== -1 && side !== 1) return;
    const ours = desktop.state === "live" && desktop.matches(":hover");
    if (ours) desktop.clickButton(side < 0 ? BACK : FORWARD);
    if (ours || side === 1) history.go(-side);
    else history.back();
  };
  desktop.addEventListener("pointerup", press, { signal });
  addEventListener("popstate", step, { signal });
}
