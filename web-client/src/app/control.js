/**
 * Says who works now, asks the holder for whoever would like to, and says why keys do nothing.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { ControlInfo } from "../core/types.js" */
/** @import { Notice } from "./notice.js" */

/**
 * @param {RemovidDesktop} desktop
 * @param {Notice} notice
 */
export function tellControl(desktop, notice) {
  /** @type {ControlInfo} */
  let last = desktop.control.info;
  const nameOf = (/** @type {number | null} */ viewer) => desktop.desk.viewers.find((info) => info.viewer === viewer)?.subject ?? "";
  desktop.addEventListener("controlchange", ({ detail }) => {
    const { mode, holder, asking, blocked } = detail;
    const before = last;
    last = { mode, holder, asking };
    const { control, desk } = desktop;
    const who = nameOf(holder);
    const works = desktop.can("input_pointer");
    if (blocked) {
      if (mode === "blocked" || !works) notice.hint("control.blocked");
      else if (mode === "stopped") notice.offer("control.stopped", "control.take", () => control.take());
      else notice.offer("control.held", "control.ask", () => control.ask(), { who });
      return;
    }
    if (mode !== before.mode || holder !== before.holder) {
      notice.withdraw();
      if (mode === "blocked") notice.hint("control.blocked");
      else if (mode === "stopped") notice.hint("control.stopped");
      else if (mode === "free") notice.hint("control.ended");
      else if (holder === desk.viewer) notice.hint("control.given");
      else notice.hint("control.gone", { who });
    }
    const fresh = asking.find((viewer) => !before.asking.includes(viewer));
    if (mode === "held" && holder === desk.viewer && fresh !== undefined) {
      notice.offer("control.asked", "control.give", () => control.give(fresh), { who: nameOf(fresh) });
    }
  });
}
