/**
 * Puts the desktop, its controls and its words together in one page.
 */

/** @import { ConnectOptions } from "../core/types.js" */
/** @import { Remedy } from "./notice.js" */
/** @import { TextKey } from "./texts.js" */

import { RemovidDesktop } from "../core/removid-desktop.js";
import { ClipboardPanel } from "./clipboard.js";
import { tellControl } from "./control.js";
import { ViewersDialog } from "./dialog.js";
import { make } from "./dom.js";
import { FilesDialog } from "./files.js";
import { KeyBar } from "./keybar.js";
import { Notice } from "./notice.js";
import { guardSideButtons } from "./side-buttons.js";
import { SoundControls } from "./sound.js";
import { StatsOverlay } from "./stats.js";
import { anotherToken, t } from "./texts.js";
import { Toolbar } from "./toolbar.js";

/**
 * @param {{ login: (why?: TextKey) => void, remedy?: (reason: string) => Remedy | undefined, share?: () => void }} on `login`: another token is needed; `remedy`: what the page around can do; `share`: asks somebody in
 * @returns {{ element: HTMLElement, connect: (target: ConnectOptions) => void, close: () => void }}
 */
export function viewerPage(on) {
  const desktop = new RemovidDesktop();
  const notice = new Notice({ again: () => desktop.reconnect(), login: () => on.login(), ...(on.remedy ? { remedy: on.remedy } : {}) });
  const stats = new StatsOverlay(desktop, () => notice.hint("hint.copied"));
  const viewers = new ViewersDialog(desktop, on.share);
  const clipboard = new ClipboardPanel(desktop, notice);
  const files = new FilesDialog(desktop);
  const keys = new KeyBar(desktop);
  const sound = new SoundControls(desktop, notice);
  const toolbar = new Toolbar(desktop, notice, keys, sound, { stats: () => stats.toggle(), viewers: () => viewers.open(), clipboard: () => clipboard.open(), files: () => files.open() });
  desktop.append(toolbar.element, stats.element, ...notice.parts, keys.element, ...sound.parts, clipboard.element, files.tray, files.element, viewers.element);

  const abort = new AbortController();
  tellControl(desktop, notice);
  guardSideButtons(desktop, abort.signal);
  desktop.addEventListener("statechange", ({ detail: { state, reason } }) => {
    const ask = state === "ended" ? anotherToken(reason) : undefined;
    if (ask !== undefined) return on.login(ask);
    notice.show(state, reason, desktop.desk);
    toolbar.refresh();
    if (state === "ended") {
      if (document.fullscreenElement !== null) void document.exitFullscreen();
      toolbar.close();
    }
    toolbar.element.hidden = state === "ended";
    stats.element.classList.toggle("over", state === "ended");
  });
  let viewOnlySaid = false;
  let lockSaid = false;
  desktop.addEventListener("deskchange", ({ detail: desk }) => {
    document.title = `${desk.hostName} – ${t("app.name")}`;
    notice.show(desktop.state, desktop.reason, desk);
    toolbar.refresh();
    if (viewers.element.open) viewers.refresh();
    if (desk.health === "locked" && !lockSaid) notice.hint("health.locked");
    lockSaid = desk.health === "locked";
    const viewOnly = !desktop.can("input_keyboard") && !desktop.can("input_pointer");
    if (viewOnly && !viewOnlySaid) notice.hint("hint.view_only");
    viewOnlySaid = viewOnly;
  });
  desktop.addEventListener("refused", ({ detail: { code, ref } }) => notice.refused(code, ref));
  desktop.addEventListener("playblocked", () => notice.offer("hint.play_blocked", "action.play", () => desktop.focus()));
  desktop.addEventListener("lockoffer", () => notice.offer("offer.lock", "toolbar.pointer", () => toolbar.lockPointer()));
  desktop.addEventListener("chord", () => {
    if (!toolbar.isOpen) return toolbar.open();
    toolbar.close();
    desktop.focus();
  });
  document.addEventListener("fullscreenchange", () => toolbar.refresh(), { signal: abort.signal });

  return {
    element: make("main", { class: "viewer" }, desktop),
    connect: (target) => desktop.connect(target),
    close: () => abort.abort(),
  };
}
