/**
 * The administration: roles, people, hosts, locks and enrolment tokens, one part of the page at a time.
 */

/** @import { Account } from "../account.js" */

import { make } from "../../app/dom.js";
import { t } from "../../app/texts.js";
import { bar } from "../nav.js";
import { codeOf, words } from "../parts.js";
import { HostsPart } from "./hosts.js";
import { LocksPart } from "./locks.js";
import { PeoplePart } from "./people.js";
import { RolesPart } from "./roles.js";
import { TokensPart } from "./tokens.js";

/**
 * What a part may do to the page.
 * @typedef {object} Page
 * @property {(text: string) => void} say tells what was done
 * @property {(act: () => Promise<void>, done?: string) => Promise<void>} run does something, tells it, and shows what there is then
 */

/**
 * @typedef {object} Part
 * @property {string} title
 * @property {() => Promise<(Node | string)[]>} show
 */

export class AdminPage {
  #lost;
  /** @type {{ [name: string]: Part }} */
  #parts;
  #links = make("nav", { class: "parts", "aria-label": t("admin.parts") });
  #title = make("h2", { tabindex: "-1" });
  #said = make("p", { class: "said", role: "status" });
  #problem = make("p", { class: "problem", role: "alert" });
  #body = make("div", { class: "part" });
  #abort = new AbortController();
  element;

  /**
   * @param {Account} account
   * @param {(code: string) => void} lost
   */
  constructor(account, lost) {
    this.#lost = (/** @type {string} */ code) => {
      this.#abort.abort();
      lost(code);
    };
    /** @type {Page} */
    const page = { say: (text) => void (this.#said.textContent = text), run: (act, done) => this.#run(act, done) };
    this.#parts = { roles: new RolesPart(page), people: new PeoplePart(page), hosts: new HostsPart(page), locks: new LocksPart(page), tokens: new TokensPart(page) };
    this.element = make(
      "div",
      { class: "team" },
      bar(account, "admin", this.#lost),
      make("main", { class: "page broad" }, make("div", { class: "head" }, make("h1", {}, t("admin.title"))), this.#links, this.#title, this.#said, this.#problem, this.#body),
    );
    addEventListener("hashchange", () => void this.#draw(true), { signal: this.#abort.signal });
  }

  get #here() {
    const name = location.hash.slice(1);
    return Object.hasOwn(this.#parts, name) ? name : "roles";
  }

  async run() {
    await this.#draw(false);
  }

  /** @param {boolean} moved somebody came here from another part */
  async #draw(moved) {
    const here = this.#here;
    const part = this.#parts[here];
    if (part === undefined) return;
    const entries = Object.entries(this.#parts);
    this.#links.replaceChildren(...entries.map(([name, { title }]) => make("a", { href: `#${name}`, "aria-current": name === here ? "true" : undefined }, title)));
    this.#title.textContent = part.title;
    document.title = `${part.title} – ${t("admin.title")} – ${t("app.name")}`;
    if (moved) {
      this.#said.textContent = "";
      this.#title.focus();
    }
    try {
      const shown = await part.show();
      if (here === this.#here) this.#body.replaceChildren(...shown);
      this.#problem.textContent = "";
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    const code = codeOf(error);
    if (code === "login_required" || code === "forbidden") return this.#lost(code);
    this.#problem.textContent = words(error);
  }

  /**
   * @param {() => Promise<void>} act
   * @param {string} [done]
   */
  async #run(act, done) {
    this.#said.textContent = "";
    this.#problem.textContent = "";
    try {
      await act();
    } catch (error) {
      return this.#failed(error);
    }
    await this.#draw(false);
    if (done !== undefined) this.#said.textContent = done;
    // The row of the button may be gone.
    if (document.activeElement === null || document.activeElement === document.body) this.#title.focus();
  }
}
