/**
 * The team's hosts: their labels, and removing one.
 */

/** @import { Page, Part } from "./admin.js" */

import { make } from "../../app/dom.js";
import { t } from "../../app/texts.js";
import { Failure } from "../../core/failure.js";
import { call } from "../account.js";
import { readLabels } from "../add.js";
import { ago } from "../hosts.js";
import { ask, button, field, formDialog, input, labelled, table } from "../parts.js";

/** @implements {Part} */
export class HostsPart {
  title = t("hosts.title");
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  async show() {
    const { hosts, now } = await call("GET", "api/v1/hosts");
    if (hosts.length === 0) return [make("p", { class: "quiet" }, t("admin.hosts_none"))];
    const line = (/** @type {any} */ host) => [
      make("div", { class: "stack" }, host.name, make("span", { class: "quiet" }, host.id)),
      host.online ? t("hosts.online") : `${t("hosts.offline")}, ${ago(host.last_seen, now)}`,
      labelled(host.labels),
      host.version,
      make(
        "div",
        { class: "row acts" },
        button(t("admin.labels"), t("admin.labels_of", { what: host.name }), () => this.#label(host)),
        button(t("admin.remove"), t("admin.remove_what", { what: host.name }), () => void this.#remove(host), "danger"),
      ),
    ];
    return [table(t("hosts.title"), [t("admin.host"), t("admin.state"), t("admin.labels"), t("admin.version"), t("admin.acts")], hosts.map(line))];
  }

  /** @param {{ id: string, name: string, labels: { [name: string]: string } }} host */
  #label(host) {
    const labels = input({ value: Object.entries(host.labels).map(([name, value]) => `${name}=${value}`).join(" ") });
    formDialog(t("admin.labels_of", { what: host.name }), [field(t("add.labels"), labels, t("add.labels_how"))], t("admin.save"), async () => {
      const read = readLabels(labels.value);
      if (read === null) throw new Failure("malformed", t("role.labels_wrong"));
      await call("PUT", `api/v1/hosts/${encodeURIComponent(host.id)}/labels`, { labels: read });
      await this.#page.run(async () => {}, t("admin.labels_saved", { what: host.name }));
    });
  }

  /** @param {{ id: string, name: string }} host */
  async #remove(host) {
    if (!(await ask(t("admin.host_remove_title"), t("admin.host_remove_sure", { host: host.name }), t("admin.remove")))) return;
    await this.#page.run(async () => void (await call("DELETE", `api/v1/hosts/${encodeURIComponent(host.id)}`)), t("admin.host_removed", { host: host.name }));
  }
}
