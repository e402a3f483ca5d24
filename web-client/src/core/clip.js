/**
 * A clip as a value: its forms, how it is told from another, how it is read from and written to the browser.
 */

/** @import { ClipFormat } from "./protocol/protocol.js" */

/** @typedef {{ text?: string | undefined, html?: string | undefined, png?: Blob | undefined }} Clip */

/**
 * A clip that is offered: its text as the host's bytes already. Making them when somebody waits for a hundred megabytes
 * would take longer than the host lets an application wait.
 * @typedef {Omit<Clip, "text"> & { text: Bytes | undefined }} Offered
 */

/** Bytes in memory, read like a `Blob`. */
export class Bytes {
  #data;

  /** @param {Uint8Array<ArrayBuffer>} data */
  constructor(data) {
    this.#data = data;
  }

  get size() {
    return this.#data.length;
  }

  /** @param {number} from @param {number} to */
  slice(from, to) {
    return new Blob([this.#data.subarray(from, to)]);
  }

  /** SHA-256, in hex. */
  hash() {
    return hash(this.#data);
  }
}

/** @param {Clip} clip @returns {Offered} */
export function offered({ text, ...rest }) {
  return { ...rest, text: text === undefined ? undefined : new Bytes(new TextEncoder().encode(text.replace(/\r\n?/g, "\n"))) };
}

/** Applications outside of browsers take bytes for Latin-1 unless they are told. */
const CHARSET = '<meta http-equiv="content-type" content="text/html; charset=utf-8">';
/** A picture larger than this is told by its bytes: decoding it would take a gigabyte. */
const MOST_PIXELS = 100_000_000;

/** @param {Clip | Offered} clip @returns {ClipFormat[]} */
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
 * @param {Offered} clip
 * @param {ClipFormat} format
 * @returns {Blob | Bytes | undefined}
 */
export function bytes({ text, html, png }, format) {
  if (format === "image/png") return png;
  if (format === "text/plain") return text;
  return html === undefined ? undefined : new Blob([/<meta[^>]+charset/i.test(html) ? html : CHARSET + html]);
}

/**
 * Marks of which two clips share one when a reader would call them the same, whatever was made of them on the way:
 * browsers clean HTML, and compress pictures anew; a clip of nothing has none. A picture has a mark for its numbers as
 * they are written and one for the colours that they mean: some programs pass on the one, some the other.
 * @param {Clip | Offered} clip
 * @returns {Promise<string[]>}
 */
export async function marks(clip) {
  const { html, png } = clip;
  const text = typeof clip.text === "string" ? offered({ text: clip.text }).text : clip.text;
  if (text !== undefined && text.size > 0) return [`t${await text.hash()}`];
  if (png !== undefined) {
    const both = [await pixels(png, "none"), await pixels(png, "default")];
    return Promise.all(both.map(async (data) => `p${await hash(data)}`));
  }
  return html === undefined ? [] : [`h${await hash(new TextEncoder().encode(html))}`];
}

/** @param {string[]} some @param {string[]} others */
export function same(some, others) {
  return some.some((mark) => others.includes(mark));
}

/** @param {Uint8Array<ArrayBuffer>} data */
async function hash(data) {
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Blob} png @param {ColorSpaceConversion} colorSpaceConversion */
async function pixels(png, colorSpaceConversion) {
  try {
    const image = await createImageBitmap(png, { colorSpaceConversion });
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

/** Whether the reader has let the page see the clipboard; other browsers know no such permission. */
async function permitted() {
  try {
    const { state } = await navigator.permissions.query(/** @type {PermissionDescriptor} */ (/** @type {unknown} */ ({ name: "clipboard-read" })));
    return state === "granted";
  } catch {
    return false;
  }
}

/**
 * Whether the browser takes a clip now without a question to the reader: Chromium asks "wants to see text and images
 * copied to the clipboard" for one that no key or button preceded, and lets the page wait for the answer.
 */
export async function mayWrite() {
  return navigator.userActivation?.isActive !== false || (await permitted());
}

/**
 * What the browser's clipboard holds, where reading needs no question to the reader.
 * @returns {Promise<Clip | null>}
 */
export async function readIfPermitted() {
  try {
    if (!(await permitted())) return null;
    /** @type {Clip} */
    const clip = {};
    for (const item of await navigator.clipboard.read()) {
      if (item.types.includes("text/plain")) clip.text = await (await item.getType("text/plain")).text();
      if (item.types.includes("text/html")) clip.html = await (await item.getType("text/html")).text();
      if (item.types.includes("image/png")) clip.png = await item.getType("image/png");
    }
    return clip;
  } catch {
    // The page has not the focus.
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
