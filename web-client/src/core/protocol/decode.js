/**
 * Turns texts from the router and the host into messages, or refuses them.
 *
 * `protocol.d.ts` has the types; types vanish at run time, so this file checks. What it must accept and
 * refuse is written in `signaling-spec/vectors/`, which the Rust side obeys too. The tables are keyed by
 * the generated types, so a field added in Rust does not pass `tsc` before it is checked here.
 */

/** @import { ClipFormat, Consent, ControlMode, DisplayHealth, EndReason, EventField, FileEntry, FromHost, FrameTrace, IceServer, Link, Monitor, Refusal, Right, SessionCreated, Signal, SoundHealth, Succession, ViewerCaps, ViewerInfo } from "./protocol.js" */

import { MAX_CANDIDATE_BYTES, MAX_CONTROL_BYTES, MAX_EVENT_FIELDS, MAX_EVENT_NAME, MAX_EVENT_VALUE, MAX_LINKS, MAX_SDP_BYTES, MAX_SIGNAL_BYTES, MAX_VIEWERS } from "./limits.js";

/** Why a text was refused; `code` is a `Refusal`. */
export class DecodeError extends Error {
  /**
   * @param {"malformed" | "unsupported" | "too_large"} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "DecodeError";
    this.code = code;
  }
}

/**
 * Reads one value or throws; what it returns is what the message holds. `undefined` leaves the field out.
 * @typedef {(value: unknown, at: string) => unknown} Reader
 */

/** @typedef {{ [field: string]: Reader }} Table */

/** @type {(at: string) => never} */
const malformed = (at) => {
  throw new DecodeError("malformed", `${at} is missing or wrong`);
};

/** @type {(test: (v: unknown) => boolean) => Reader} */
const when = (test) => (v, at) => (test(v) ? v : malformed(at));

/** @type {(max: number) => Reader} */
const count = (max) => when((v) => typeof v === "number" && Number.isInteger(v) && 0 <= v && v <= max);

const u32 = count(0xffff_ffff);
const u64 = count(Number.MAX_SAFE_INTEGER);
const real = when((v) => typeof v === "number" && Number.isFinite(v));
/** A number that the host keeps in 32 bits. */
const real32 = when((v) => typeof v === "number" && Number.isFinite(Math.fround(v)));
const flag = when((v) => typeof v === "boolean");
/** Half a surrogate pair is no text: UTF-8 cannot say it. */
const text = when((v) => typeof v === "string" && v.isWellFormed());

/** @type {(reader: Reader) => Reader} */
const optional = (reader) => (v, at) => (v === undefined || v === null ? undefined : reader(v, at));

/** For a list that is empty where it is not named. @type {(reader: Reader) => Reader} */
const unlessEmpty = (reader) => (v, at) => (v === undefined ? undefined : reader(v, at));

/** @type {(reader: Reader) => Reader} */
const nullable = (reader) => (v, at) => (v === undefined || v === null ? null : reader(v, at));

/** @type {(max: number) => Reader} */
const sized = (max) => (v, at) => {
  if (typeof v !== "string" || !v.isWellFormed()) return malformed(at);
  if (byteLength(v) > max) throw new DecodeError("too_large", `${at} exceeds the limit of ${max} bytes`);
  return v;
};

/** @type {(reader: Reader) => Reader} */
const list = (reader) => (v, at) =>
  Array.isArray(v) ? v.map((entry, i) => reader(entry, `${at}[${i}]`)) : malformed(at);

/** @type {(max: number, reader: Reader) => Reader} */
const atMost = (max, reader) => (v, at) => {
  const read = reader(v, at);
  if (Array.isArray(read) && read.length <= max) return read;
  throw new DecodeError("too_large", `${at} has more than ${max}`);
};

/**
 * @template {string} Name
 * @param {{ [N in Name]: true }} names
 * @returns {Reader}
 */
const oneOf = (names) => when((v) => typeof v === "string" && Object.hasOwn(names, v));

/** @type {Reader} */
const fingerprint = (v, at) =>
  typeof v === "string" && /^[0-9a-f]{2}(:[0-9a-f]{2}){31}$/i.test(v) ? v.toUpperCase() : malformed(at);

/** @type {Reader} */
const pair = (v, at) => (Array.isArray(v) && v.length === 2 ? v.map((side) => u32(side, at)) : malformed(at));

const u16 = count(0xffff);
/** @type {Reader} */
const place = (v, at) => (Array.isArray(v) && v.length === 2 ? v.map((side) => u16(side, at)) : malformed(at));

/** @type {{ [R in Right]: true }} */
const RIGHTS = {
  clipboard_to_host: true,
  clipboard_from_host: true,
  display_resize: true,
  files_to_host: true,
  files_from_host: true,
  input_keyboard: true,
  input_pointer: true,
  microphone: true,
  session_manage: true,
  sound: true,
  view: true,
};

/** A set: repeats are dropped and the order is that of the type. @type {Reader} */
const rights = (v, at) => {
  const named = new Set(/** @type {unknown[]} */ (list(oneOf(RIGHTS))(v, at)));
  return Object.keys(RIGHTS).filter((right) => named.has(right));
};

/** @type {{ [R in Refusal]: true }} */
const REFUSALS = {
  unauthorized: true,
  token_expired: true,
  token_not_yet_valid: true,
  token_revoked: true,
  ticket: true,
  origin: true,
  malformed: true,
  unsupported: true,
  too_large: true,
  too_many: true,
  out_of_turn: true,
  forbidden: true,
  fingerprint: true,
  codec: true,
  full: true,
  host_offline: true,
  consent: true,
  factor: true,
  not_found: true,
  failed: true,
};

/** @type {{ [R in EndReason]: true }} */
const END_REASONS = {
  closed: true,
  dismissed: true,
  replaced: true,
  revoked: true,
  lost: true,
  stopping: true,
  policy: true,
  error: true,
};

/** @type {{ [H in DisplayHealth]: true }} */
const HEALTHS = { live: true, gone: true, no_encoder: true, asleep: true, locked: true, unsuitable: true };

/** @type {{ [H in SoundHealth]: true }} */
const SOUND_HEALTHS = { idle: true, live: true, missing: true, off: true };

/** @type {{ [M in ControlMode]: true }} */
const CONTROL_MODES = { free: true, held: true, stopped: true, blocked: true };

/** @type {{ [C in Consent]: true }} */
const CONSENTS = { notify: true, ask: true };

/** In the order in which the richest comes last. @type {{ [F in ClipFormat]: true }} */
const CLIP_FORMATS = { "text/plain": true, "text/html": true, "image/png": true };

/** @type {Reader} */
const clipFormats = (v, at) => {
  const named = new Set(/** @type {unknown[]} */ (list(oneOf(CLIP_FORMATS))(v, at)));
  return Object.keys(CLIP_FORMATS).filter((format) => named.has(format));
};

/** @type {{ [F in keyof FileEntry]: Reader }} */
const FILE_ENTRY = { name: text, folder: flag, size: u64, modified: u64 };

/** @type {{ [F in keyof Monitor]: Reader }} */
const MONITOR = { name: text, x: u32, y: u32, width: u32, height: u32, primary: flag };

/** @type {{ [F in keyof Required<ViewerCaps>]: Reader }} */
const CAPS = { browser: (v, at) => (v === undefined ? "" : text(v, at)), size: optional(pair), density: optional(u32) };

/** @type {{ [F in keyof ViewerInfo]: Reader }} */
const VIEWER = { viewer: u32, subject: text, browser: text, controls: flag, since: u32 };

/** @type {{ [F in keyof EventField]: Reader }} */
const EVENT_FIELD = { name: sized(MAX_EVENT_NAME), value: sized(MAX_EVENT_VALUE) };

/** @type {{ [F in keyof FrameTrace]: Reader }} */
const TRACE = { rtp: u32, capture_ms: real32, convert_ms: real32, encode_ms: real32, send_ms: real32, at_ms: real };

/** @type {{ [F in keyof Required<IceServer>]: Reader }} */
const ICE_SERVER = { urls: list(text), username: optional(text), credential: optional(text) };

/** @type {{ [F in keyof Required<Link>]: Reader }} */
const LINK = { mac: text, net: text };

/** @type {Reader} */
const iceServers = list((v, at) => fields(v, ICE_SERVER, at, false));

/** @type {{ [F in keyof Required<Succession>]: Reader }} */
const SUCCESSION = { old_pub: text, new_pub: text, iat: u64, old_sig: text, new_sig: text };

/** @type {{ [F in keyof Required<SessionCreated>]: Reader }} */
const CREATED = {
  sid: text,
  ticket: text,
  ice_servers: iceServers,
  relay_only: optional(flag),
  host_id: text,
  host_name: text,
  host_pub: text,
  key_chain: unlessEmpty(list((v, at) => fields(v, SUCCESSION, at, false))),
};

/**
 * One table per `type` with a reader per field, whatever the union is.
 * @template {{ type: string }} Union
 * @typedef {{ [T in Union["type"]]: { [F in Exclude<keyof Required<Extract<Union, { type: T }>>, "type">]: Reader } }} Tables
 */

/** @type {Tables<Signal>} */
const SIGNALS = {
  "session.request": {
    sid: text,
    subject: text,
    token: text,
    rights,
    viewer_fp: fingerprint,
    viewer_nonce: text,
    page: optional(text),
    local: optional(text),
    resume: optional(text),
    grant: optional(text),
    ice_servers: optional(iceServers),
    relay_only: optional(flag),
    consent: optional(oneOf(CONSENTS)),
  },
  "session.lease": { sid: text, seconds: u32 },
  "host.status": { name: text, version: text, sessions: atMost(MAX_VIEWERS, list(text)), links: unlessEmpty(atMost(MAX_LINKS, list((v, at) => fields(v, LINK, at, false)))) },
  "host.wake": { macs: atMost(MAX_LINKS, list(text)) },
  "session.waiting": { sid: text, seconds: u32 },
  "session.accept": { sid: text, host_fp: fingerprint, rights },
  "session.reject": { sid: text, code: oneOf(REFUSALS) },
  "sdp.offer": {
    sid: text,
    negotiation: u32,
    sdp: sized(MAX_SDP_BYTES),
    caps: (v, at) => fields(v, CAPS, at, false),
  },
  "sdp.answer": { sid: text, negotiation: u32, sdp: sized(MAX_SDP_BYTES), bind_sig: text, bind_iat: u64 },
  "ice.candidate": { sid: text, candidate: sized(MAX_CANDIDATE_BYTES), mid: optional(text) },
  "ice.end": { sid: text },
  "session.end": { sid: text, reason: oneOf(END_REASONS) },
  error: { code: oneOf(REFUSALS), ref: optional(text) },
  "host.frames": {
    made: u32, capture_us: u32, convert_us: u32, encode_us: u32, send_us: u32,
    shown: u32, way_us: u32, decode_us: u32, show_us: u32, age_us: u32,
  },
  "host.event": {
    code: sized(MAX_EVENT_NAME),
    at: u64,
    fields: atMost(MAX_EVENT_FIELDS, list((v, at) => fields(v, EVENT_FIELD, at, false))),
    lost: u32,
  },
};

/** @type {Tables<FromHost>} */
const FROM_HOST = {
  hello: { viewer: u32, rights, host_name: text },
  heartbeat: { n: u32, rtp: nullable(u32) },
  pong: { t: u32, at_ms: real },
  "display.state": {
    width: u32,
    height: u32,
    resizable: flag,
    follows: flag,
    state: oneOf(HEALTHS),
    monitors: list((v, at) => fields(v, MONITOR, at, true)),
  },
  "cursor.shape": { id: u32, width: u32, height: u32, hot_x: u32, hot_y: u32, png: text },
  "cursor.use": { id: nullable(u32) },
  viewers: { list: list((v, at) => fields(v, VIEWER, at, true)) },
  "control.state": { mode: oneOf(CONTROL_MODES), holder: nullable(u32), asking: list(u32) },
  "pointer.at": { viewer: u32, at: nullable(place) },
  "video.state": { codec: text, encoder: text, max_kbps: nullable(u32) },
  "video.trace": { frames: list((v, at) => fields(v, TRACE, at, true)) },
  "clip.copied": { serial: u32, formats: clipFormats, other: flag },
  "clip.taken": { serial: u32 },
  "clip.want": { transfer: u32, serial: u32, format: oneOf(CLIP_FORMATS) },
  "file.ready": { transfer: u32, from: u64 },
  "file.stored": { transfer: u32, path: text },
  "file.begin": { transfer: u32, size: u64, modified: u64 },
  "file.sum": { transfer: u32, sum: text },
  "file.list": { path: text, entries: list((v, at) => fields(v, FILE_ENTRY, at, true)), more: flag },
  "sound.state": { state: oneOf(SOUND_HEALTHS), microphone: nullable(u32) },
  refused: { code: oneOf(REFUSALS), ref: text },
  "pointer.held": {},
};

/**
 * @param {string} value
 * @returns {number}
 */
function byteLength(value) {
  return new TextEncoder().encode(value).length;
}

/**
 * @param {unknown} value
 * @param {Table} table
 * @param {string} at
 * @param {boolean} closed whether a field that the table does not name is refused
 * @returns {{ [field: string]: unknown }}
 */
function fields(value, table, at, closed) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return malformed(at);
  const given = /** @type {{ [field: string]: unknown }} */ (value);
  if (closed) {
    for (const name of Object.keys(given)) if (!Object.hasOwn(table, name)) malformed(`${at}.${name}`);
  }
  /** @type {{ [field: string]: unknown }} */
  const read = {};
  for (const [name, reader] of Object.entries(table)) {
    const field = reader(Object.hasOwn(given, name) ? given[name] : undefined, `${at}.${name}`);
    if (field !== undefined) read[name] = field;
  }
  return read;
}

/**
 * @param {string} frame
 * @param {{ [type: string]: Table }} tables
 * @param {number} max
 * @param {boolean} closed
 * @returns {{ [field: string]: unknown }}
 */
function decode(frame, tables, max, closed) {
  const bytes = byteLength(frame);
  if (bytes > max) throw new DecodeError("too_large", `message of ${bytes} bytes exceeds the limit of ${max}`);
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(frame);
  } catch {
    throw new DecodeError("malformed", "message is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return malformed("message");
  const { type, ...rest } = /** @type {{ [field: string]: unknown }} */ (value);
  if (typeof type !== "string") return malformed("type");
  const table = Object.hasOwn(tables, type) ? tables[type] : undefined;
  if (table === undefined) throw new DecodeError("unsupported", "message type is unknown");
  return { type, ...fields(rest, table, type, closed) };
}

/**
 * One frame of the signalling socket. Unknown fields are ignored: a newer peer may say more.
 * @param {string} frame
 * @returns {Signal}
 */
export function decodeSignal(frame) {
  return /** @type {Signal} */ (decode(frame, SIGNALS, MAX_SIGNAL_BYTES, false));
}

/**
 * One message on `ctl`. Unknown fields are refused: both ends agreed on a version.
 * @param {string} frame
 * @returns {FromHost}
 */
export function decodeFromHost(frame) {
  return /** @type {FromHost} */ (decode(frame, FROM_HOST, MAX_CONTROL_BYTES, true));
}

/**
 * The body of `POST /api/v1/sessions`.
 * @param {unknown} body
 * @returns {SessionCreated}
 */
export function readSessionCreated(body) {
  return /** @type {SessionCreated} */ (/** @type {unknown} */ (fields(body, CREATED, "session", false)));
}
