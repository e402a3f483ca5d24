/**
 * The controls: a thin tab at the top edge that opens a row of buttons, and goes again by itself.
 *
 * Closed, it covers eight pixels of the picture's edge and nothing else; Ctrl+Alt+Shift opens it as well.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { Monitor, Right } from "../core/protocol/protocol.js" */
/** @import { KeyBar } from "./keybar.js" */
/** @import { Notice } from "./notice.js" */
/** @import { SoundControls } from "./sound.js" */

import { forbid, iconButton, isForbidden, make } from "./dom.js";
import { icon } from "./icons.js";
import { item, menu, moveFocus } from "./menu.js";
import { saverEntry } from "./saver.js";
import { t } from "./texts.js";
import { touchMenu } from "./touch.js";
import { openSecond } from "./windows.js";

const LINGER_MS = 1_200;

/** @type {readonly (readonly [string, readonly string[]])[]} */
const CHORDS = [
  ["Ctrl+Alt+Del", ["ControlLeft", "AltLeft", "Delete"]],
  ["Alt+Tab", ["AltLeft", "Tab"]],
  ["Super", ["MetaLeft"]],
  ["Alt+F4", ["AltLeft", "F4"]],
  ["Print", ["PrintScreen"]],
  ["Esc", ["Escape"]],
];
const CAPS_MBIT = [50, 20, 10, 5, 2, 1];

export class Toolbar {
  #desktop;
  #notice;
  #tab = make("button", { class: "tab", type: "button", "aria-label": t("toolbar.open"), "aria-expanded": "false" }, icon("chevron"));
  #bar = make("div", { class: "bar", role: "toolbar", "aria-label": t("toolbar.name"), hidden: true });
  element = make("div", { class: "toolbar" }, this.#tab, this.#bar);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {(() => void)[]} */
  #refresh = [];
  #viewers;

  /**
   * @param {RemovidDesktop} desktop
   * @param {Notice} notice
   * @param {KeyBar} keys
   * @param {SoundControls | null} sound null where the first window has it
   * @param {{ stats: () => boolean, viewers: () => void, clipboard: () => void, files: () => void }} open `stats` says whether they are shown now
   */
  constructor(desktop, notice, keys, sound, open) {
    this.#desktop = desktop;
    this.#notice = notice;
    this.#viewers = iconButton("viewers", t("toolbar.viewers"), { onclick: open.viewers });
    const stats = iconButton("stats", t("toolbar.stats"), {
      "aria-pressed": "false",
      onclick: () => stats.setAttribute("aria-pressed", String(open.stats())),
    });
    const touch = touchMenu(desktop, keys, { close: () => this.close(), refresh: this.#refresh });
    const clipboard = iconButton("clipboard", t("toolbar.clipboard"), { onclick: () => !isForbidden(clipboard) && open.clipboard() });
    this.#needs(clipboard, "input_keyboard");
    const files = iconButton("files", t("toolbar.files"), { onclick: () => !isForbidden(files) && open.files() });
    this.#refresh.push(() => forbid(files, desktop.can("files_to_host") || desktop.can("files_from_host") ? null : t("toolbar.no_right")));
    const menus = [this.#keysMenu(), touch, this.#displayMenu(), this.#qualityMenu(), ...(sound === null ? [] : [sound.menu])];
    if (sound !== null) this.#refresh.push(() => sound.refresh());
    this.#bar.append(
      this.#fullscreenButton(),
      ...menus.map(({ button }) => button),
      clipboard,
      files,
      this.#pointerButton(),
      this.#screenshotButton(),
      stats,
      this.#viewers,
      iconButton("disconnect", t("toolbar.disconnect"), { class: "danger", onclick: () => desktop.disconnect() }),
      ...menus.map(({ panel }) => panel),
    );
    this.#tab.addEventListener("click", () => this.open());
    this.#bar.addEventListener("keydown", (event) => this.#keydown(event));
    this.element.addEventListener("pointerenter", () => clearTimeout(this.#timer));
    this.element.addEventListener("pointerleave", () => this.#closeSoon());
    this.element.addEventListener("focusout", () => this.#closeSoon());
    this.refresh();
  }

  get isOpen() {
    return !this.#bar.hidden;
  }

  open() {
    clearTimeout(this.#timer);
    this.refresh();
    this.#bar.hidden = false;
    this.#tab.hidden = true;
    this.#tab.setAttribute("aria-expanded", "true");
    this.#buttons()[0]?.focus();
  }

  close() {
    clearTimeout(this.#timer);
    if (!this.isOpen) return;
    const hadFocus = this.#bar.contains(document.activeElement);
    this.#bar.hidden = true;
    this.#tab.hidden = false;
    this.#tab.setAttribute("aria-expanded", "false");
    if (hadFocus) this.#desktop.focus();
  }

  /** What may be done follows rights, display and state. */
  refresh() {
    for (const refresh of this.#refresh) refresh();
    const count = this.#desktop.desk.viewers.length;
    const label = this.#viewers.querySelector("span");
    if (label !== null) label.textContent = count > 1 ? `${t("toolbar.viewers")} ${count}` : t("toolbar.viewers");
  }

  async lockPointer() {
    this.close();
    try {
      await this.#desktop.lockPointer();
      this.#notice.hint("hint.pointer");
    } catch {
      this.#notice.hint("hint.no_lock");
    }
  }

  #buttons() {
    return /** @type {HTMLElement[]} */ ([...this.#bar.querySelectorAll(":scope > button:not([hidden])")]);
  }

  #closeSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const inside = this.#bar.contains(document.activeElement) && document.activeElement?.matches(":focus-visible");
      if (inside || this.#bar.matches(":hover") || this.#bar.querySelector(":popover-open") !== null) this.#closeSoon();
      else this.close();
    }, LINGER_MS);
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.key === "Escape" && this.#bar.querySelector(":popover-open") === null) return this.close();
    if (event.target instanceof Element && event.target.closest(".menu") === null) {
      moveFocus(event, this.#buttons(), "ArrowLeft", "ArrowRight");
    }
  }

  /**
   * @param {HTMLElement} control
   * @param {Right} right
   */
  #needs(control, right) {
    this.#refresh.push(() => forbid(control, this.#desktop.can(right) ? null : t("toolbar.no_right")));
  }

  #fullscreenButton() {
    const button = iconButton("fullscreen", t("toolbar.fullscreen"), {
      onclick: async () => {
        this.close();
        if (document.fullscreenElement !== null) return document.exitFullscreen();
        try {
          await this.#desktop.requestFullscreen();
          this.#notice.hint("hint.fullscreen");
        } catch {
          this.#notice.hint("hint.no_fullscreen");
        }
      },
    });
    this.#refresh.push(() => {
      const label = button.querySelector("span");
      if (label !== null) label.textContent = t(document.fullscreenElement === null ? "toolbar.fullscreen" : "toolbar.window");
    });
    return button;
  }

  #keysMenu() {
    const press = (/** @type {readonly string[]} */ codes) => {
      this.close();
      this.#desktop.sendKeys([...codes]);
      this.#desktop.focus();
    };
    const entries = CHORDS.map(([label, codes]) => item(label, () => press(codes)));
    const functions = Array.from({ length: 12 }, (_, i) => {
      const entry = item(`F${i + 1}`, () => press(["ControlLeft", "AltLeft", `F${i + 1}`]));
      entry.setAttribute("aria-label", `Ctrl+Alt+F${i + 1}`);
      return entry;
    });
    const desktop = this.#desktop;
    const named = /** @type {const} */ ([["typed", "keys.typed"], ["physical", "keys.physical"]]);
    const modes = named.map(([mode, name]) => {
      const entry = item(t(name), () => (desktop.keyMode = mode), { radio: true });
      this.#refresh.push(() => entry.setAttribute("aria-checked", String(desktop.keyMode === mode)));
      entry.addEventListener("click", () => this.refresh());
      return entry;
    });
    for (const entry of [...modes, ...entries, ...functions]) this.#needs(entry, "input_keyboard");
    const label = make("p", { class: "label" }, `${t("keys.functions")} · Ctrl+Alt+`);
    return menu("keys", t("toolbar.keys"), [...modes, make("hr"), ...entries, label, make("div", { class: "grid", role: "group" }, ...functions)]);
  }

  #displayMenu() {
    const desktop = this.#desktop;
    const monitors = make("div", { role: "group", class: "plain" });
    let listed = "";
    this.#refresh.push(() => {
      const now = desktop.desk.monitors;
      // Entries that are made anew would lose the focus of who walks through them.
      const key = JSON.stringify(now);
      if (key !== listed) monitors.replaceChildren(...this.#monitorEntries(now));
      listed = key;
      for (const entry of monitors.querySelectorAll("button")) entry.setAttribute("aria-checked", String(entry.value === desktop.monitor));
    });
    const second = item(t("display.second"), () => {
      if (!openSecond(desktop)) this.#notice.hint("hint.no_window");
    });
    const scales = /** @type {const} */ (["exact", "fit"]).map((scale) => {
      const entry = item(t(`display.${scale}`), () => (desktop.scale = scale), { radio: true });
      this.#refresh.push(() => entry.setAttribute("aria-checked", String(desktop.scale === scale)));
      entry.addEventListener("click", () => this.refresh());
      return entry;
    });
    const resize = item(t("display.resize"), () => desktop.resizeDesktop());
    this.#refresh.push(() => {
      const why = !desktop.can("display_resize") ? t("toolbar.no_right") : desktop.desk.resizable ? null : t("display.fixed");
      forbid(resize, why);
    });
    return menu("display", t("toolbar.display"), [monitors, ...scales, make("hr"), resize, second]);
  }

  /** @param {Monitor[]} monitors */
  #monitorEntries(monitors) {
    if (monitors.length < 2) return [];
    const all = { name: "", label: t("display.all") };
    const each = monitors.map(({ name, width, height }) => ({ name, label: t("display.monitor", { name, width, height }) }));
    const entries = [all, ...each].map(({ name, label }) => {
      const entry = item(label, () => (this.#desktop.monitor = name), { radio: true });
      entry.value = name;
      return entry;
    });
    return [...entries, make("hr")];
  }

  #qualityMenu() {
    const entries = [null, ...CAPS_MBIT].map((mbit) => {
      const kbps = mbit === null ? null : mbit * 1000;
      const label = mbit === null ? t("quality.auto") : t("quality.cap", { mbit });
      const entry = item(label, () => this.#desktop.limitQuality(kbps), { radio: true });
      this.#refresh.push(() => entry.setAttribute("aria-checked", String(this.#desktop.desk.maxKbps === kbps)));
      this.#needs(entry, "session_manage");
      return entry;
    });
    return menu("quality", t("toolbar.quality"), [
      saverEntry(this.#desktop, this.#refresh), make("p", { class: "label" }, t("quality.saver.how")), make("hr"),
      ...entries, make("p", { class: "label" }, t("quality.everybody")),
    ]);
  }

  #pointerButton() {
    const button = iconButton("pointer", t("toolbar.pointer"), {
      onclick: () => {
        if (!isForbidden(button)) void this.lockPointer();
      },
    });
    this.#needs(button, "input_pointer");
    return button;
  }

  #screenshotButton() {
    return iconButton("screenshot", t("toolbar.screenshot"), {
      onclick: async () => {
        try {
          const url = URL.createObjectURL(await this.#desktop.screenshot());
          const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
          const file = `${this.#desktop.desk.hostName || "removid"} ${time}.png`;
          make("a", { href: url, download: file }).click();
          setTimeout(() => URL.revokeObjectURL(url), 10_000);
          this.#notice.hint("hint.saved", { file });
        } catch {
          this.#notice.hint("toolbar.no_picture");
        }
      },
    });
  }
}
