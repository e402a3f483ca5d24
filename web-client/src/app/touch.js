/**
 * The menu for fingers: what one does, the device's keyboard, the bar of keys. Shown where there are fingers.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { KeyBar } from "./keybar.js" */

import { make } from "./dom.js";
import { item, menu } from "./menu.js";
import { t } from "./texts.js";

const MODE = "removid.touch";

/**
 * @param {RemovidDesktop} desktop
 * @param {KeyBar} keys
 * @param {{ close: () => void, refresh: (() => void)[] }} bar the toolbar, and what is looked at when it opens
 */
export function touchMenu(desktop, keys, bar) {
  const saved = read();
  if (saved !== null) desktop.touchMode = saved;
  const named = /** @type {const} */ ([["direct", "touch.direct"], ["trackpad", "touch.trackpad"]]);
  const modes = named.map(([mode, name]) => {
    const entry = item(t(name), () => {
      desktop.touchMode = mode;
      write(mode);
      bar.close();
    }, { radio: true });
    bar.refresh.push(() => entry.setAttribute("aria-checked", String(desktop.touchMode === mode)));
    return entry;
  });
  const keyboard = item(t("touch.keyboard"), () => {
    bar.close();
    desktop.showKeyboard(true);
  });
  const keybar = item(t("touch.keybar"), () => {
    bar.close();
    keys.toggle();
  });
  const made = menu("touch", t("toolbar.touch"), [...modes, make("hr"), keyboard, keybar, make("p", { class: "label wide" }, t("touch.how"))]);
  let seen = matchMedia("(any-pointer: coarse)").matches;
  desktop.addEventListener("pointerdown", ({ pointerType }) => (seen ||= pointerType === "touch"));
  bar.refresh.push(() => (made.button.hidden = !seen));
  return made;
}

/** @returns {"direct" | "trackpad" | null} */
function read() {
  try {
    const value = localStorage.getItem(MODE);
    return value === "direct" || value === "trackpad" ? value : null;
  } catch {
    return null;
  }
}

/** @param {string} mode */
function write(mode) {
  try {
    localStorage.setItem(MODE, mode);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
