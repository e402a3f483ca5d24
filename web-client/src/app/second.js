/**
 * A further window of the same session, such as for a second monitor: it has no connection of its own, but shows and
 * drives that of the window that opened it.
 */

import { RemovidDesktop } from "../core/removid-desktop.js";
import { ClipboardPanel } from "./clipboard.js";
import { ViewersDialog } from "./dialog.js";
import { make } from "./dom.js";
import { KeyBar } from "./keybar.js";
import { Notice } from "./notice.js";
import { StatsOverlay } from "./stats.js";
import { t } from "./texts.js";
import { Toolbar } from "./toolbar.js";

/** @returns {HTMLElement} */
export function secondPage() {
  const first = openersDesktop();
  if (first === null) {
    return make("main", { class: "login" }, make("div", { class: "card" }, make("h1", {}, t("title.ended")), make("p", {}, t("second.alone"))));
  }
  const desktop = new RemovidDesktop();
  const notice = new Notice({ again: () => location.reload() });
  const stats = new StatsOverlay(desktop, () => notice.hint("hint.copied"));
  const viewers = new ViewersDialog(desktop, undefined);
  const clipboard = new ClipboardPanel(desktop, notice);
  const keys = new KeyBar(desktop);
  const toolbar = new Toolbar(desktop, notice, keys, null, { stats: () => stats.toggle(), viewers: () => viewers.open(), clipboard: () => clipboard.open(), files: () => notice.hint("files.first") });
  desktop.append(toolbar.element, stats.element, ...notice.parts, keys.element, clipboard.element, viewers.element);
  let picked = false;
  desktop.addEventListener("statechange", ({ detail: { state, reason } }) => {
    if (state === "ended" && reason === "closed") return window.close();
    notice.show(state, reason, desktop.desk);
    toolbar.refresh();
    toolbar.element.hidden = state === "ended";
  });
  desktop.addEventListener("deskchange", ({ detail: desk }) => {
    document.title = `${desk.hostName} – ${t("app.name")}`;
    const other = desk.monitors.find(({ name }) => name !== first.monitor);
    if (!picked && other !== undefined) {
      picked = true;
      desktop.monitor = other.name;
    }
    notice.show(desktop.state, desktop.reason, desk);
    toolbar.refresh();
    if (viewers.element.open) viewers.refresh();
  });
  desktop.addEventListener("refused", ({ detail: { code, ref } }) => notice.refused(code, ref));
  desktop.addEventListener("lockoffer", () => notice.offer("offer.lock", "toolbar.pointer", () => toolbar.lockPointer()));
  desktop.addEventListener("chord", () => {
    if (!toolbar.isOpen) return toolbar.open();
    toolbar.close();
    desktop.focus();
  });
  document.addEventListener("fullscreenchange", () => toolbar.refresh());
  queueMicrotask(() => desktop.follow(first.share));
  return make("main", { class: "viewer" }, desktop);
}

/** @returns {RemovidDesktop | null} */
function openersDesktop() {
  try {
    const found = /** @type {RemovidDesktop | null | undefined} */ (window.opener?.document.querySelector("removid-desktop"));
    return found?.share === undefined ? null : found;
  } catch {
    // The opener went to another site meanwhile.
    return null;
  }
}
