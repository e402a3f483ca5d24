/**
 * Opens further windows of the same session, and tells such a window from the first.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */

/** Windows of this name are such; it outlives a reload, and an address with it would outlive the session. */
const NAME = "removid-second-";

/**
 * Opens one; each shows another monitor where there are several.
 * @param {RemovidDesktop} desktop of this window
 * @returns {boolean} whether the browser allowed it
 */
export function openSecond(desktop) {
  const { monitors } = desktop.desk;
  const first = monitors.find(({ primary }) => primary) ?? monitors[0];
  if (desktop.monitor === "" && first !== undefined) desktop.monitor = first.name;
  const { width, height } = monitors.find(({ name }) => name !== desktop.monitor) ?? desktop.desk;
  const size = `width=${Math.round(width / devicePixelRatio)},height=${Math.round(height / devicePixelRatio)}`;
  return window.open(location.pathname, `${NAME}${Date.now()}`, `popup,${size}`) !== null;
}

/** Whether this window is one. */
export function isSecond() {
  return window.name.startsWith(NAME);
}
