/**
 * A clip as a value: its forms, how it is told from another, how it is read from and written to the browser.
 */

/** @import { ClipFormat } from "./protocol/protocol.js" */

/** @typedef {{ text?: string | undefined, html?: string | undefined, png?: Blob | undefined }} Clip */

/** Applications outside of browsers take bytes for Latin-1 unless they are told. */
const CHARSET = '<meta http-equiv="content-type" content="text/html; charset=utf-8">';
/** A picture larger than this is told by its bytes: decoding it would take a gigabyte. */
const MOST_PIXELS = 100_000_000;

/** @param {Clip} clip @returns {ClipFormat[]} */
export function formats({ text, html, png }) {
  /** @type {ClipFormat[]} */
  const found = [];
  if (text !== undefined) found.push("text/plain");
  if (html !== undefined) found.push("text/html");
  if (png !== undefined) found.push("image/png");
  return found;
}

/**
 * The bytes of one form as they go to the host; text has the host's line ends.
 * @param {Clip} clip
 * @param {ClipFormat} format
 * @returns {Blob | undefined}
 */
export function bytes({ text, html, png }, format) {
  if (format === "image/png") return png;
  const body = format === "text/plain" ? text?.replace(/\r\n?/g, "\n") : html && (/<meta[^>]+charset/i.test(html) ? html : CHARSET + html);
  return body === undefined ? undefined : new Blob([body]);
}

/**
 * A mark that two clips share when a reader would call them the same, whatever was made of them on the way: browsers
 * clean HTML and compress pictures anew.
 * @param {Clip} clip
 */
export async function mark({ text, html, png }) {
  if (text !== undefined && text !== "") return `t${await hash(new TextEncoder().encode(text.replace(/\r\n?/g, "\n")))}`;
  if (png !== undefined) return `p${await hash(await pixels(png))}`;
  return html === undefined ? "" : `h${await hash(new TextEncoder().encode(html))}`;
}

/** @param {Uint8Array<ArrayBuffer>} data */
async function hash(data) {
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Blob} png */
async function pixels(png) {
  try {
    const image = await createImageBitmap(png);
    const { width, height } = image;
    if (width * height <= MOST_PIXELS) {
      const context = new OffscreenCanvas(width, height).getContext("2d");
      context?.drawImage(image, 0, 0);
      const shown = context?.getImageData(0, 0, width, height).data;
      if (shown !== undefined) return new Uint8Array(shown.buffer, shown.byteOffset, shown.byteLength);
    }
  } catch {
    // Not a picture that this browser reads: its bytes tell it.
  }
  return new Uint8Array(await png.arrayBuffer());
}

/**
 * What a paste brings. Has to be called while the event is handled.
 * @param {DataTransfer} data
 * @returns {Clip & { files: File[] }}
 */
export function fromTransfer(data) {
  const files = [...data.files];
  const png = files.find(({ type }) => type === "image/png");
  const has = (/** @type {string} */ type) => (data.types.includes(type) ? data.getData(type) : undefined);
  return { text: has("text/plain"), html: has("text/html"), png, files: files.filter((file) => file !== png) };
}

/**
 * What the browser's clipboard holds, where reading needs no question to the reader.
 * @returns {Promise<Clip | null>}
 */
export async function readIfPermitted() {
  try {
    const { state } = await navigator.permissions.query(/** @type {PermissionDescriptor} */ (/** @type {unknown} */ ({ name: "clipboard-read" })));
    if (state !== "granted") return null;
    /** @type {Clip} */
    const clip = {};
    for (const item of await navigator.clipboard.read()) {
      if (item.types.includes("text/plain")) clip.text = await (await item.getType("text/plain")).text();
      if (item.types.includes("text/html")) clip.html = await (await item.getType("text/html")).text();
      if (item.types.includes("image/png")) clip.png = await item.getType("image/png");
    }
    return clip;
  } catch {
    // This browser knows no such permission, or the page has not the focus.
    return null;
  }
}

/**
 * Puts a clip into the browser's clipboard; its parts may still be on their way.
 * @param {{ [F in ClipFormat]?: Promise<Blob> | Blob }} parts
 */
export async function writeParts(parts) {
  await navigator.clipboard.write([new ClipboardItem(/** @type {Record<string, Blob>} */ (parts))]);
}
