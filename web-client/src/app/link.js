/**
 * Reads a link or a bare token as people paste them. Pure.
 */

/** @typedef {{ token: string, hostKey: string | undefined }} Credentials */

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const KEY_HASH = /^[\w-]{43}$/;

/**
 * @param {string} fragment with or without `#`
 * @returns {Credentials | null}
 */
export function readFragment(fragment) {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const token = fields.get("t") ?? "";
  const key = fields.get("k");
  if (!TOKEN.test(token)) return null;
  return { token, hostKey: key !== null && KEY_HASH.test(key) ? key : undefined };
}

/**
 * @param {string} text a token, a whole link or only its fragment
 * @param {string} origin of this page
 * @returns {Credentials | { elsewhere: string } | null}
 */
export function readPasted(text, origin) {
  const trimmed = text.trim().replace(/^[<"']+|[>"']+$/g, "");
  if (TOKEN.test(trimmed)) return { token: trimmed, hostKey: undefined };
  if (trimmed.startsWith("#") || /^[kt]=/.test(trimmed)) return readFragment(trimmed);
  if (!URL.canParse(trimmed)) return null;
  const url = new URL(trimmed);
  const credentials = readFragment(url.hash);
  if (credentials === null) return null;
  return url.origin === origin ? credentials : { elsewhere: url.host };
}
