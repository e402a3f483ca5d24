/**
 * Sound and microphone in the page's words: a menu, a chip while the browser waits for a click, and the sign that stays
 * while the microphone is on.
 */

/** @import { RemovidDesktop } from "../core/removid-desktop.js" */
/** @import { SoundState } from "../core/sound.js" */
/** @import { Menu } from "./menu.js" */
/** @import { Notice } from "./notice.js" */
/** @import { TextKey } from "./texts.js" */

import { forbid, make } from "./dom.js";
import { icon } from "./icons.js";
import { item, menu } from "./menu.js";
import { t } from "./texts.js";

/** @type {{ [reason: string]: TextKey }} */
const WHY = {
  denied: "sound.mic_denied",
  absent: "sound.mic_absent",
  taken: "sound.mic_taken",
  forbidden: "toolbar.no_right",
  lost: "sound.mic_lost",
};

export class SoundControls {
  #desktop;
  #notice;
  #mute = item(t("sound.mute"), () => (this.#desktop.sound.muted = !this.#desktop.sound.state.muted), { check: true });
  #microphone = item(t("sound.microphone"), () => void this.#toggle(), { check: true });
  #volume = make("input", { type: "range", min: "0", max: "100", step: "1", "aria-label": t("sound.volume") });
  #state = make("p", { class: "label", role: "status" });
  #start = make("button", { type: "button", class: "chip sound", hidden: true, onclick: () => this.#desktop.sound.play() }, icon("sound"), t("sound.start"));
  #sign = make(
    "div",
    { class: "chip microphone", hidden: true, role: "status" },
    icon("microphone"),
    make("span", {}, t("sound.mic_on")),
    make("button", { type: "button", onclick: () => void this.#desktop.sound.useMicrophone(false) }, t("sound.mic_off")),
  );
  /** @type {Menu} */
  menu;
  #last = "";

  /**
   * @param {RemovidDesktop} desktop
   * @param {Notice} notice
   */
  constructor(desktop, notice) {
    this.#desktop = desktop;
    this.#notice = notice;
    const volume = make("label", { class: "volume" }, make("span", {}, t("sound.volume")), this.#volume);
    this.menu = menu("sound", t("toolbar.sound"), [this.#mute, volume, make("hr"), this.#microphone, this.#state]);
    this.#volume.addEventListener("input", () => {
      desktop.sound.volume = Number(this.#volume.value) / 100;
      if (desktop.sound.state.muted) desktop.sound.muted = false;
    });
    desktop.addEventListener("soundchange", ({ detail }) => this.#show(detail));
    this.refresh();
  }

  /** What has to be in the page beside the menu. */
  get parts() {
    return [this.#start, this.#sign];
  }

  refresh() {
    this.#show(this.#desktop.sound.state);
  }

  async #toggle() {
    const { sound } = this.#desktop;
    await sound.useMicrophone(sound.state.microphone === "off");
    this.#desktop.focus();
  }

  /** @param {SoundState} state */
  #show({ health, muted, volume, blocked, microphone, reason, holder }) {
    const desktop = this.#desktop;
    const may = desktop.can("sound");
    const other = holder !== null && holder !== desktop.desk.viewer;
    this.#mute.setAttribute("aria-checked", String(muted));
    forbid(this.#mute, may ? null : t("toolbar.no_right"));
    this.#volume.disabled = !may;
    this.#volume.value = String(Math.round(volume * 100));
    this.#microphone.setAttribute("aria-checked", String(microphone !== "off"));
    const why = !desktop.can("microphone") ? "toolbar.no_right" : health === "off" ? "sound.off" : other ? "sound.mic_taken" : null;
    forbid(this.#microphone, why === null ? null : t(why));
    this.#state.textContent = health === "missing" ? t("sound.missing") : health === "off" ? t("sound.off") : "";
    this.#state.hidden = this.#state.textContent === "";
    this.#start.hidden = !blocked || muted || !may || health === "off";
    this.#sign.hidden = microphone !== "on";
    this.menu.button.classList.toggle("muted", muted);
    this.menu.button.classList.toggle("recording", microphone === "on");
    const words = microphone === "off" ? WHY[reason] : undefined;
    if (words !== undefined && reason !== this.#last) this.#notice.hint(words);
    this.#last = reason;
  }
}
