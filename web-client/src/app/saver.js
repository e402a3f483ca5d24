/**
 * The entry of the menu that saves data; the choice is kept for the next time.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */

import { item } from "./menu.js";
import { t } from "./texts.js";

const KEY = "removid.saver";

/**
 * @param {RemovidDesktop} desktop
 * @param {(() => void)[]} refresh run whenever the bar is looked at
 */
export function saverEntry(desktop, refresh) {
  desktop.saver = read();
  const entry = item(t("quality.saver"), () => {
    desktop.saver = !desktop.saver;
    write(desktop.saver);
  }, { check: true });
  refresh.push(() => entry.setAttribute("aria-checked", String(desktop.saver)));
  return entry;
}

function read() {
  try {
    return localStorage.getItem(KEY) === "on";
  } catch {
    return false;
  }
}

/** @param {boolean} on */
function write(on) {
  try {
    if (on) localStorage.setItem(KEY, "on");
    else localStorage.removeItem(KEY);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
