/**
 * Proves that the peer is the host that the link names: keys, fingerprints and the binding signature.
 *
 * The router carries every message and could swap a certificate; it cannot sign with the host's key. So
 * nothing is connected before these checks, and there is no weaker mode. The browser's clock is not asked:
 * a fresh nonce shows that the signature is fresh, and many clocks are wrong.
 */

/** @import { Right, Succession } from "./protocol/protocol.js" */

const UTF8 = new TextEncoder();

/** @param {Uint8Array} bytes */
export function toBase64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer> | null}
 */
export function fromBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

/** @returns {string} 32 random bytes in base64url */
export function nonce() {
  return toBase64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {BufferSource} bytes */
async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/**
 * SHA-256 of a host's public key, as in a link's `k`; null when it is not a key.
 * @param {string} hostPub
 */
export async function keyHash(hostPub) {
  const key = fromBase64url(hostPub);
  return key?.length === 32 ? toBase64url(await sha256(key)) : null;
}

/**
 * @param {BufferSource} certificate DER
 * @returns {Promise<string>} `AB:CD:…`
 */
export async function certificateFingerprint(certificate) {
  return Array.from(await sha256(certificate), (byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":");
}

/**
 * The one certificate fingerprint of a session description; null when there is none, when it is not
 * SHA-256, or when its lines differ.
 * @param {string} sdp
 */
export function sdpFingerprint(sdp) {
  /** @type {string | null} */
  let found = null;
  for (const [, value = ""] of sdp.matchAll(/^a=fingerprint:(.*?)\r?$/gm)) {
    const match = /^sha-256 +((?:[0-9a-f]{2}:){31}[0-9a-f]{2}) *$/i.exec(value);
    const print = match?.[1]?.toUpperCase();
    if (print === undefined || (found !== null && found !== print)) return null;
    found = print;
  }
  return found;
}

/**
 * What the host signs.
 * @typedef {object} Binding
 * @property {string} sid
 * @property {string} hostId
 * @property {string} hostFp
 * @property {string} viewerFp
 * @property {string} viewerNonce
 * @property {Right[]} rights
 * @property {number | bigint} iat
 */

/**
 * The signed bytes: each field after its length as a 32-bit big-endian number.
 * @param {Binding} b
 */
export async function boundBytes(b) {
  const rights = await sha256(UTF8.encode([...b.rights].sort().join(",")));
  const texts = ["removid-bind-v1", b.sid, b.hostId, b.hostFp, b.viewerFp, b.viewerNonce];
  return framed([...texts.map((text) => UTF8.encode(text)), rights, UTF8.encode(String(b.iat))]);
}

/** @param {Uint8Array[]} parts */
function framed(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    out.set(part, at + 4);
    at += 4 + part.length;
  }
  return out;
}

/**
 * @param {Binding} binding
 * @param {string} hostPub base64url
 * @param {string} signature base64url
 * @returns {Promise<boolean>}
 */
export async function verifyBinding(binding, hostPub, signature) {
  return isSigned(await boundBytes(binding), hostPub, signature);
}

/**
 * @param {BufferSource} bytes
 * @param {string} publicKey base64url
 * @param {string} signature base64url
 */
async function isSigned(bytes, publicKey, signature) {
  const key = fromBase64url(publicKey);
  const sig = fromBase64url(signature);
  if (key?.length !== 32 || sig?.length !== 64) return false;
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, sig, bytes);
}

/** Successions that are looked at: each costs a signature's check. */
const MAX_CHAIN = 64;

/**
 * Whether a host came from a remembered key to the one that it shows, by a signature of each key under the next. The
 * order in which they are told does not count.
 * @param {string} hostId
 * @param {string} remembered hash of the key
 * @param {string} hostPub that it shows
 * @param {Succession[]} chain
 */
export async function follows(hostId, remembered, hostPub, chain) {
  /** @type {Map<string, Succession>} */
  const after = new Map();
  for (const step of chain.slice(-MAX_CHAIN)) {
    const old = await keyHash(step.old_pub);
    if (old !== null) after.set(old, step);
  }
  let hash = remembered;
  for (let step = after.get(hash); step !== undefined; step = after.get(hash)) {
    after.delete(hash);
    const bytes = framed(["removid-succession-v1", hostId, step.old_pub, step.new_pub, String(step.iat)].map((text) => UTF8.encode(text)));
    if (!(await isSigned(bytes, step.old_pub, step.old_sig))) return false;
    if (step.new_pub === hostPub) return true;
    hash = (await keyHash(step.new_pub)) ?? "";
  }
  return false;
}

const PIN = "removid.pin.";

/**
 * Whether a host may show this key: as the link says, or as on the first visit.
 * @param {string} hostId
 * @param {string} hash of the key that it shows
 * @param {string | undefined} expected from the link
 * @param {Pick<Storage, "getItem"> | null} storage
 */
export function keyIsKnown(hostId, hash, expected, storage) {
  if (expected !== undefined && expected !== "") return expected === hash;
  const pinned = pinnedKey(hostId, storage);
  return pinned === null || pinned === hash;
}

/**
 * Hash of the key that this host had when it was last here; null if it never was.
 * @param {string} hostId
 * @param {Pick<Storage, "getItem"> | null} storage
 */
export function pinnedKey(hostId, storage) {
  return storage?.getItem(PIN + hostId) ?? null;
}

/**
 * Remembers the key of a host that has just signed with it: later visits go by it. One that was only named by whoever is
 * between must not be remembered, or a single lie would keep the honest host out.
 * @param {string} hostId
 * @param {string} hash
 * @param {Pick<Storage, "setItem"> | null} storage
 */
export function pinKey(hostId, hash, storage) {
  storage?.setItem(PIN + hostId, hash);
}
