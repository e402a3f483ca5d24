/**
 * Prompts for passkeys (Web Authentication, Level 3): the router's options in, the browser's answer out, both as JSON.
 */

import { Failure } from "../core/failure.js";
import { call } from "./account.js";

/** @typedef {{ ceremony: string, options: any }} Asked what the router wants to be answered */
/** @typedef {{ ceremony: string, credential: object }} Answered */

/** Whether this browser can be asked at all. */
export const CAN = "PublicKeyCredential" in globalThis && "parseCreationOptionsFromJSON" in PublicKeyCredential;

/**
 * @param {() => Promise<Credential | null>} prompt
 * @param {string} ceremony
 * @returns {Promise<Answered>}
 */
async function answered(prompt, ceremony) {
  if (!CAN) throw new Failure("passkeys_unsupported", "this browser has no passkeys, or an older kind");
  /** @type {Credential | null} */
  let credential;
  try {
    credential = await prompt();
  } catch (cause) {
    // The browser does not tell why, so that nobody learns which passkeys somebody has.
    const known = cause instanceof DOMException && cause.name === "InvalidStateError";
    throw new Failure(known ? "passkey_known" : "passkey_none", "the prompt was closed, or no passkey fits", { cause });
  }
  if (!(credential instanceof PublicKeyCredential)) throw new Failure("passkey_none", "the browser gave no passkey");
  return { ceremony, credential: credential.toJSON() };
}

/** Makes a passkey. @param {Asked} asked */
export function create({ ceremony, options }) {
  return answered(() => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }), ceremony);
}

/** Shows one. @param {Asked} asked */
export function show({ ceremony, options }) {
  return answered(() => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }), ceremony);
}

/** Shows one for a session on a host. @param {string} host */
export async function showFor(host) {
  return show(await call("POST", `api/v1/hosts/${encodeURIComponent(host)}/passkey`));
}
