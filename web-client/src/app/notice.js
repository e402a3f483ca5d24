/**
 * The words above the picture: why there is none, why it stands still, what can be done.
 */

/** @import { Desk, State } from "../core/types.js" */
/** @import { TextKey } from "./texts.js" */

import { localNetwork } from "../core/local-network.js";
import { make } from "./dom.js";
import { reasonText, t } from "./texts.js";

/**
 * What would help against a reason.
 * @typedef {{ label: TextKey, act: () => void }} Remedy
 */

/** A connection that is there at once needs no words. */
const PATIENCE_MS = 400;
/** A connection that takes longer may wait for a question of the browser's. */
const ASKED_MS = 1_500;
const HINT_MS = 3_500;
const OFFER_MS = 10_000;

const UNSAFE = new Set(["hostkey", "fingerprint", "signature"]);
const BROWSER = new Set(["webrtc", "insecure", "ed25519", "codec"]);
/** A second factor is wanted. */
const FACTOR = new Set(["passkey_missing", "passkey_refused", "passkey_required", "step_up_required"]);
/** Trying again without doing something first would only fail again. */
const NO_RETRY = new Set([...UNSAFE, ...FACTOR, "no_passkeys", "webrtc", "insecure", "ed25519", "revoked", "unauthorized", "origin", "not_found", "forbidden"]);

export class Notice {
  element = make("div", { class: "notice", hidden: true });
  #live = make("p", { class: "offscreen", role: "status" });
  #hint = make("p", { class: "hint", role: "status", hidden: true });
  #offer = make("div", { class: "hint offer", role: "status", hidden: true });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #offerTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hintTimer;
  #actions;

  /** @param {{ again: () => void, login?: () => void, remedy?: (reason: string) => Remedy | undefined }} actions without `login`: another link is no way out */
  constructor(actions) {
    this.#actions = actions;
  }

  /** Everything that has to be in the page. */
  get parts() {
    return [this.element, this.#hint, this.#offer, this.#live];
  }

  /**
   * @param {State} state
   * @param {string} reason
   * @param {Desk} desk
   */
  show(state, reason, desk) {
    clearTimeout(this.#timer);
    const host = desk.hostName || location.host;
    this.#live.textContent = state === "live" ? t("state.live", { host }) : "";
    if (state === "idle") return this.#hide();
    if (state === "live") {
      if (desk.health === "live" || desk.health === "locked") return this.#hide();
      if (desk.health === "asleep") return this.#card(t("title.asleep"), t("health.asleep"), []);
      return this.#card(t("title.trouble"), t(`health.${desk.health}`), []);
    }
    if (state === "connecting" && reason === "") {
      this.#hide();
      this.#timer = setTimeout(() => this.#connecting(t("state.connecting", { host })), PATIENCE_MS);
      return;
    }
    if (state === "ended") return this.#ended(reason);
    if (reason === "consent_asked") return this.#card(t("title.asked"), reasonText(reason), [], true);
    const title = state === "stalled" ? "title.trouble" : "title.unreachable";
    this.#card(t(title), `${reasonText(reason)} ${state === "connecting" ? t("state.retry") : ""}`, [], true);
  }

  /**
   * A few words that go by themselves.
   * @param {TextKey} key
   * @param {{ [name: string]: string | number }} [values]
   */
  hint(key, values) {
    clearTimeout(this.#hintTimer);
    this.#hint.textContent = t(key, values);
    this.#hint.hidden = false;
    this.#hintTimer = setTimeout(() => (this.#hint.hidden = true), HINT_MS);
  }

  /**
   * A few words with something to do about them, that go by themselves.
   * @param {TextKey} key
   * @param {TextKey} label of the button
   * @param {() => void} action
   * @param {{ [name: string]: string | number }} [values]
   */
  offer(key, label, action, values) {
    clearTimeout(this.#offerTimer);
    const done = () => (this.#offer.hidden = true);
    const onclick = () => {
      done();
      action();
    };
    this.#offer.replaceChildren(make("span", {}, t(key, values)), make("button", { type: "button", class: "primary", onclick }, t(label)));
    this.#offer.hidden = false;
    this.#offerTimer = setTimeout(done, OFFER_MS);
  }

  /** What was offered is done. */
  withdraw() {
    this.#offer.hidden = true;
  }

  /**
   * What the host would not do.
   * @param {string} code
   * @param {string} ref the message's type
   */
  refused(code, ref) {
    // Their own parts of the page say it, once.
    if (/^(clip|file|sound|microphone)\./.test(ref) || (ref === "input" && code === "out_of_turn")) return;
    if (ref === "display.resize" && code === "failed") return this.hint("hint.not_resized");
    this.hint("hint.refused", { code });
  }

  /** @param {string} title */
  #connecting(title) {
    this.#card(title, "", [], true);
    this.#timer = setTimeout(async () => {
      const [timer, state] = [this.#timer, await localNetwork()];
      // Meanwhile there may be other words.
      if (state === "prompt" && timer === this.#timer && !this.element.hidden) this.#card(title, t("state.local_network"), [], true);
    }, ASKED_MS);
  }

  /** @param {string} reason */
  #ended(reason) {
    const title = FACTOR.has(reason) ? "title.factor" : UNSAFE.has(reason) ? "title.unsafe" : BROWSER.has(reason) ? "title.browser" : "title.ended";
    const buttons = [];
    const remedy = this.#actions.remedy?.(reason);
    if (remedy !== undefined) buttons.push(make("button", { class: "primary", type: "button", onclick: remedy.act }, t(remedy.label)));
    if (!NO_RETRY.has(reason)) {
      buttons.push(make("button", { class: "primary", type: "button", onclick: this.#actions.again }, t("action.again")));
    }
    const { login } = this.#actions;
    if (login !== undefined && remedy === undefined && !BROWSER.has(reason)) {
      buttons.push(make("button", { type: "button", onclick: login }, t("action.login")));
    }
    this.#card(t(title), reasonText(reason), buttons);
    buttons[0]?.focus();
  }

  #hide() {
    this.element.hidden = true;
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {HTMLElement[]} buttons
   * @param {boolean} [busy]
   */
  #card(title, text, buttons, busy = false) {
    const spinner = busy ? [make("div", { class: "spinner", "aria-hidden": "true" })] : [];
    const words = text.trim() === "" ? [] : [make("p", {}, text.trim())];
    const row = buttons.length === 0 ? [] : [make("div", { class: "row" }, ...buttons)];
    // An alert is read out when it is filled, so the card is new each time.
    const card = make("div", { class: "card", role: busy ? "status" : "alert" }, ...spinner, make("h2", {}, title), ...words, ...row);
    this.element.replaceChildren(card);
    this.element.hidden = false;
  }
}
