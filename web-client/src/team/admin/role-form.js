/**
 * One role as a form with every option that roles have, and in a few words.
 */

import { make } from "../../app/dom.js";
import { t } from "../../app/texts.js";
import { Failure } from "../../core/failure.js";
import { choice, field, formDialog, input, tick } from "../parts.js";

/** @typedef {{ [name: string]: string[] }} Selector */

/**
 * @typedef {object} Role
 * @property {{ labels: Selector }} [allow]
 * @property {{ labels: Selector } | null} [deny]
 * @property {{ [right: string]: boolean }} [rights]
 * @property {number | null} [max_session] in seconds
 * @property {string} [require_session_mfa]
 * @property {boolean | null} [share]
 * @property {string} [host_consent]
 * @property {boolean} [require_audit]
 * @property {boolean} [admin]
 * @property {boolean} [audit]
 */

/** @type {{ [right: string]: () => string }} */
const RIGHTS = {
  view: () => t("right.view"),
  sound: () => t("right.sound"),
  input_keyboard: () => t("right.input_keyboard"),
  input_pointer: () => t("right.input_pointer"),
  clipboard_to_host: () => t("right.clipboard_to_host"),
  clipboard_from_host: () => t("right.clipboard_from_host"),
  files_to_host: () => t("right.files_to_host"),
  files_from_host: () => t("right.files_from_host"),
  display_resize: () => t("right.display_resize"),
  microphone: () => t("right.microphone"),
  session_manage: () => t("right.session_manage"),
};

/** @type {{ [factor: string]: () => string }} */
const FACTORS = { off: () => t("mfa.off"), step_up: () => t("mfa.step_up"), webauthn: () => t("mfa.webauthn") };

/** @type {{ [consent: string]: () => string }} */
const CONSENTS = { none: () => t("consent.none"), notify: () => t("consent.notify"), ask: () => t("consent.ask") };

/** @param {string} consent */
function consentName(consent) {
  return CONSENTS[consent]?.() ?? consent;
}

/** @param {string} right */
function rightName(right) {
  return RIGHTS[right]?.() ?? right;
}

/**
 * `env=dev,test os=*` as labels with their values; null if it is something else.
 * @param {string} text
 * @returns {Selector | null}
 */
export function readSelector(text) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  for (const pair of text.trim().split(/\s+/).filter((pair) => pair !== "")) {
    const parts = pair.split("=");
    const [name, values] = [parts[0] ?? "", (parts[1] ?? "").split(",")];
    if (parts.length !== 2 || name === "" || found.has(name) || values.includes("")) return null;
    found.set(name, values);
  }
  return Object.fromEntries(found);
}

/** @param {Selector | undefined} labels */
export function writeSelector(labels) {
  return Object.entries(labels ?? {}).map(([name, values]) => `${name}=${values.join(",")}`).join(" ");
}

/** @param {Role} role */
export function summary(role) {
  const rights = Object.entries(role.rights ?? {});
  const named = (/** @type {boolean} */ given) => rights.filter(([, value]) => value === given).map(([right]) => rightName(right)).join(", ");
  const hosts = writeSelector(role.allow?.labels);
  const lines = [
    ...(hosts === "" ? [] : [t("role.covers", { labels: hosts })]),
    ...(role.deny ? [t("role.denies", { labels: writeSelector(role.deny.labels) })] : []),
    ...(named(true) === "" ? [] : [t("role.gives", { rights: named(true) })]),
    ...(named(false) === "" ? [] : [t("role.takes", { rights: named(false) })]),
    ...(role.max_session ? [t("role.minutes", { minutes: Math.round(role.max_session / 60) })] : []),
    ...(role.require_session_mfa && role.require_session_mfa !== "off" ? [FACTORS[role.require_session_mfa]?.() ?? role.require_session_mfa] : []),
    ...(typeof role.share === "boolean" ? [t(role.share ? "role.shares" : "role.shares_not")] : []),
    ...(role.host_consent && role.host_consent !== "none" ? [t("role.consents", { consent: consentName(role.host_consent) })] : []),
    ...(role.require_audit ? [t("role.audited")] : []),
    ...(role.admin ? [t("role.admin")] : []),
    ...(role.audit ? [t("role.audit")] : []),
  ];
  return make("ul", { class: "says" }, ...lines.map((line) => make("li", {}, line)));
}

/** @param {boolean | null | undefined} said */
function given(said) {
  return choice([["", t("role.alone")], ["true", t("role.given")], ["false", t("role.taken")]], typeof said === "boolean" ? String(said) : "");
}

/**
 * @param {{ name: string, role: Role, rights: string[], factors: string[], consents: string[] }} what without a name: a new one
 * @param {(name: string, role: Role) => Promise<void>} save
 */
export function roleDialog({ name, role, rights, factors, consents }, save) {
  const fields = {
    name: input({ required: true, maxlength: "64", pattern: "[a-z0-9\\-]+", value: name, readonly: name !== "" }),
    allow: input({ value: writeSelector(role.allow?.labels) }),
    deny: input({ value: writeSelector(role.deny?.labels) }),
    minutes: input({ type: "number", min: "1", max: "720", value: role.max_session ? String(role.max_session / 60) : "", step: "any" }),
    factor: choice(factors.map((factor) => [factor, FACTORS[factor]?.() ?? factor]), role.require_session_mfa ?? "off"),
    share: given(role.share),
    consent: choice(consents.map((consent) => [consent, consentName(consent)]), role.host_consent ?? "none"),
    audited: tick(t("role.audited"), role.require_audit === true),
    admin: tick(t("role.admin"), role.admin === true),
    audit: tick(t("role.audit"), role.audit === true),
  };
  // In an order that people expect; one that this page does not know yet comes last.
  const known = [...Object.keys(RIGHTS).filter((right) => rights.includes(right)), ...rights.filter((right) => !Object.hasOwn(RIGHTS, right))];
  const choices = known.map((right) => {
    return { right, select: given(role.rights?.[right]) };
  });
  const read = () => {
    const [allow, deny] = [readSelector(fields.allow.value), readSelector(fields.deny.value)];
    if (allow === null || deny === null) throw new Failure("malformed", t("role.labels_wrong"));
    const minutes = fields.minutes.value.trim();
    /** @type {Role} */
    const made = {
      // What this form does not know stays as it is.
      ...role,
      allow: { labels: allow },
      deny: Object.keys(deny).length === 0 ? null : { labels: deny },
      rights: Object.fromEntries(choices.filter(({ select }) => select.value !== "").map(({ right, select }) => [right, select.value === "true"])),
      max_session: minutes === "" ? null : Math.round(Number(minutes) * 60),
      require_audit: fields.audited.box.checked,
      admin: fields.admin.box.checked,
      audit: fields.audit.box.checked,
    };
    if (factors.length > 0) made.require_session_mfa = fields.factor.value;
    if (consents.length > 0) made.host_consent = fields.consent.value;
    if (fields.share.value === "") delete made.share;
    else made.share = fields.share.value === "true";
    return made;
  };
  return formDialog(
    name === "" ? t("admin.role_new") : t("admin.change_what", { what: name }),
    [
      field(t("role.name"), fields.name, t("role.name_how")),
      field(t("role.allow"), fields.allow, t("role.allow_how")),
      field(t("role.deny"), fields.deny, t("role.deny_how")),
      make("fieldset", { class: "rights" }, make("legend", {}, t("role.rights")), ...choices.map(({ right, select }) => field(rightName(right), select))),
      field(t("role.max"), fields.minutes, t("role.max_how")),
      ...(factors.length > 0 ? [field(t("role.factor"), fields.factor)] : []),
      ...(consents.length > 0 ? [field(t("role.consent"), fields.consent)] : []),
      field(t("role.share"), fields.share),
      fields.audited.element,
      make("fieldset", {}, make("legend", {}, t("role.beyond")), fields.admin.element, fields.audit.element),
    ],
    t("admin.save"),
    () => save(fields.name.value, read()),
  );
}
