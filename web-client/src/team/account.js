/**
 * Who is logged in: a token for the page's calls, got for the cookie that no script can read.
 *
 * The token lives in this module alone, for minutes. Another is asked for when it is about to end.
 */

import { Failure } from "../core/failure.js";

/** @typedef {{ id: string, name: string, email: string }} Person */
/** @typedef {{ person: Person, admin: boolean, audit: boolean }} Account `audit`: may read the log */

/** A token that ends sooner than this is not used any more, in milliseconds. */
const MARGIN_MS = 30_000;

/** @type {{ token: string, until: number, account: Account } | null} */
let held = null;

/**
 * @param {Response} response
 * @returns {Promise<any>} its JSON
 */
async function answer(response) {
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const { code, message } = body ?? {};
  throw new Failure(typeof code === "string" ? code : "other", typeof message === "string" ? message : `status ${response.status}`);
}

/**
 * @param {string} path
 * @param {RequestInit} init
 */
async function reach(path, init) {
  try {
    return await fetch(new URL(path, document.baseURI), { cache: "no-store", referrerPolicy: "no-referrer", ...init });
  } catch (cause) {
    throw new Failure("unreachable", "the router cannot be reached", { cause });
  }
}

async function renew() {
  const body = await answer(await reach("api/v1/token", { method: "POST", credentials: "same-origin" }));
  const account = { person: body.account, admin: body.admin === true, audit: body.audit === true };
  held = { token: body.token, until: performance.now() + body.expires_in * 1000, account };
  return held;
}

/** Whoever needs a token while one is being asked for waits for that one. @type {ReturnType<typeof renew> | null} */
let asked = null;

/** @returns {Promise<string>} */
export async function token() {
  if (held !== null && held.until - MARGIN_MS > performance.now()) return held.token;
  asked ??= renew().finally(() => (asked = null));
  return (await asked).token;
}

/** @returns {Promise<Account>} throws the failure `login_required` when nobody is logged in */
export async function whoAmI() {
  return (await renew()).account;
}

/**
 * A call of the router's API.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 */
export async function call(method, path, body) {
  /** @type {{ [name: string]: string }} */
  const headers = { authorization: `Bearer ${await token()}` };
  /** @type {RequestInit} */
  const init = { method, credentials: "omit", headers };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const response = await reach(path, init);
  return response.status === 204 ? null : answer(response);
}

/**
 * A call whose answer is a file.
 * @param {string} path
 * @returns {Promise<Blob>} which the browser may keep on disk
 */
export async function fetchFile(path) {
  const response = await reach(path, { credentials: "omit", headers: { authorization: `Bearer ${await token()}` } });
  return response.ok ? response.blob() : answer(response);
}

/**
 * A call of our own page that needs no token, and that may begin a login.
 * @param {string} path
 * @param {unknown} [body]
 */
export async function bare(path, body) {
  /** @type {RequestInit} */
  const init = { method: "POST", credentials: "same-origin", headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) };
  const response = await reach(path, init);
  if (response.status !== 204) return answer(response);
  held = null;
  return null;
}

/**
 * Ends this browser's login, or all of them.
 * @param {boolean} everywhere
 * @returns {Promise<string | null>} where the provider wants the browser to go then
 */
export async function logOut(everywhere) {
  held = null;
  const response = await reach(`auth/logout${everywhere ? "?everywhere=true" : ""}`, { method: "POST", credentials: "same-origin" });
  return response.status === 204 ? null : (await answer(response)).url;
}

/**
 * How one can log in.
 * @returns {Promise<{ providers: { id: string, name: string }[], passkeys: boolean, header: boolean }>}
 */
export async function ways() {
  return answer(await reach("api/v1/providers", { credentials: "omit" }));
}
