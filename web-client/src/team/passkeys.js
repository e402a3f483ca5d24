/**
 * The passkeys of whoever is logged in: which there are, a further one, another name, away with one.
 */

import { make } from "../app/dom.js";
import { problemText, t } from "../app/texts.js";
import { call } from "./account.js";
import { CAN, create, show } from "./passkey.js";

/** @typedef {{ id: string, name: string, created: number, last_used: number }} Passkey */

/** @param {unknown} error */
const codeOf = (error) => (error instanceof Error && "code" in error ? String(error.code) : "other");

/** @param {number} at in seconds since 1970 */
const day = (at) => new Date(at * 1000).toLocaleDateString(undefined, { dateStyle: "medium" });

export class PasskeysDialog {
  #list = make("ul", { class: "keys" });
  #said = make("p", { class: "problem", role: "alert" });
  #name = make("input", { id: "passkey-name", autocomplete: "off", maxlength: "64" });
  #form = make(
    "form",
    { onsubmit: (/** @type {Event} */ event) => void this.#add(event) },
    make("label", { for: "passkey-name" }, t("passkeys.name")),
    this.#name,
    make("button", { class: "primary", type: "submit" }, t("passkeys.add")),
  );
  element = make(
    "dialog",
    { class: "card sheet", "aria-labelledby": "passkeys-title" },
    make("h2", { id: "passkeys-title" }, t("passkeys.title")),
    make("p", { class: "quiet" }, t("passkeys.how")),
    this.#list,
    this.#said,
    this.#form,
    make("button", { type: "button", onclick: () => this.element.close() }, t("add.close")),
  );

  async open() {
    this.element.showModal();
    await this.#do(async () => {});
    if (!CAN) this.#said.textContent = problemText("passkeys_unsupported");
  }

  /** @param {Event} event */
  async #add(event) {
    event.preventDefault();
    await this.#do(async () => {
      const made = await create(await call("POST", "api/v1/passkeys/register"));
      await call("POST", "api/v1/passkeys", { ...made, name: this.#name.value });
      this.#name.value = "";
    });
  }

  /**
   * Does it, after a proof of who it is where that is wanted, and shows what there is then.
   * @param {() => Promise<void>} act
   */
  async #do(act) {
    this.#said.textContent = "";
    try {
      await act().catch(async (error) => {
        if (codeOf(error) !== "passkey_required") throw error;
        await call("POST", "api/v1/passkeys/confirmed", await show(await call("POST", "api/v1/passkeys/confirm")));
        await act();
      });
      await this.#draw();
    } catch (error) {
      if (codeOf(error) === "step_up_required") return this.#stepUp();
      this.#said.textContent = problemText(codeOf(error));
    }
  }

  #stepUp() {
    this.#said.replaceChildren(
      t("problem.step_up_required"),
      " ",
      make("a", { href: `./auth/step-up?${new URLSearchParams({ to: `${new URL("./", location.href).pathname}?do=passkeys` })}` }, t("factor.step_up")),
    );
  }

  async #draw() {
    const { passkeys, possible } = await call("GET", "api/v1/passkeys");
    this.#form.hidden = !possible || !CAN;
    if (!possible) this.#said.textContent = problemText("no_passkeys");
    this.#list.replaceChildren(...passkeys.map((/** @type {Passkey} */ passkey) => this.#row(passkey)));
  }

  /** @param {Passkey} passkey */
  #row({ id, name, created, last_used: used }) {
    const path = `api/v1/passkeys/${encodeURIComponent(id)}`;
    const field = make("input", { "aria-label": t("passkeys.rename", { name }), maxlength: "64", autocomplete: "off" });
    field.value = name;
    field.addEventListener("change", () => void this.#do(() => call("PUT", path, { name: field.value })));
    const said = used === 0 ? t("passkeys.made", { day: day(created) }) : t("passkeys.used", { day: day(used) });
    const remove = () => void this.#do(() => call("DELETE", path));
    return make("li", {}, field, make("span", { class: "quiet" }, said), make("button", { type: "button", "aria-label": t("passkeys.remove_who", { name }), onclick: remove }, t("passkeys.remove")));
  }
}
