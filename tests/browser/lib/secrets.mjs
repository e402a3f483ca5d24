/**
 * Looks for secrets in bytes: each in every form that a log, a database or an address could give it, whole or in part.
 */

/** A part of a secret of so many bytes is a leak, too: whoever has it has the rest sooner. */
const PIECE = 16;
/** Numbers as Rust prints bytes say less in as many signs. */
const PIECE_OF_NUMBERS = 40;
const FILTER_BITS = 24;

const slot = (word) => Math.imul(word, 0x9e3779b1) >>> (32 - FILTER_BITS);

/** Base64 of something that stands anywhere in what is encoded: one for each place in a group of three bytes. */
function* based(bytes) {
  for (const before of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const text = whole.subarray(0, whole.length - (whole.length % 3)).toString("base64").slice(before === 0 ? 0 : 4);
    yield text;
    yield text.replaceAll("+", "-").replaceAll("/", "_");
    yield encodeURIComponent(text);
  }
}

function* encoded(bytes) {
  yield ["bytes", bytes, PIECE];
  for (const text of based(bytes)) yield ["base64", Buffer.from(text), PIECE];
  yield ["hex", Buffer.from(bytes.toString("hex")), PIECE];
  yield ["hex", Buffer.from(bytes.toString("hex").toUpperCase()), PIECE];
  yield ["numbers", Buffer.from([...bytes].join(", ")), PIECE_OF_NUMBERS];
  yield ["numbers", Buffer.from([...bytes].join(",")), PIECE_OF_NUMBERS];
}

/** Every form of a secret, as `[what it is called, bytes, length of its pieces]`. @param {string | Buffer} secret */
export function* forms(secret) {
  const bytes = Buffer.from(secret);
  yield* encoded(bytes);
  if (typeof secret !== "string") return;
  yield ["percent", Buffer.from(encodeURIComponent(secret)), PIECE];
  if (!/^[\w+/-]{22,}=*$/.test(secret)) return;
  const inner = Buffer.from(secret, "base64");
  // Words that only look like it have no bytes of their own to look for.
  if (inner.toString("base64url") === secret.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")) yield* encoded(inner);
}

export class Needles {
  #filter = new Uint8Array(1 << FILTER_BITS);
  /** @type {Map<number, { name: string, form: string, piece: Buffer }[]>} by their first four bytes */
  #pieces = new Map();
  /** @type {Map<string, string | Buffer>} by what they are called */
  known = new Map();

  /** @param {string} kind @param {string | Buffer} secret of ten bytes at least */
  add(kind, secret) {
    if (secret.length < 10) throw new Error(`${kind} is too short to be looked for`);
    if ([...this.known.values()].some((other) => Buffer.from(other).equals(Buffer.from(secret)))) return;
    const name = `${kind} ${[...this.known.keys()].filter((key) => key.startsWith(`${kind} `)).length + 1}`;
    this.known.set(name, secret);
    for (const [form, bytes, size] of forms(secret)) {
      for (let at = 0; at === 0 || at + size <= bytes.length; at += size >> 1) this.#put(name, form, bytes.subarray(at, at + size));
      // Its end, too.
      if (bytes.length > size) this.#put(name, form, bytes.subarray(bytes.length - size));
    }
  }

  #put(name, form, piece) {
    if (piece.length < 8) return;
    const word = piece.readUInt32LE(0);
    this.#filter[slot(word)] = 1;
    if (!this.#pieces.has(word)) this.#pieces.set(word, []);
    this.#pieces.get(word).push({ name, form, piece });
  }

  /** The kinds of secret, each once. */
  get kinds() {
    return [...new Set([...this.known.keys()].map((name) => name.replace(/ \d+$/, "")))].sort();
  }

  /** Which secrets are in there: `{ name, form, near }`, each once. @param {Buffer} place */
  find(place) {
    const found = new Map();
    const end = place.length - 4;
    for (let at = 0; at <= end; at += 1) {
      const word = place[at] | (place[at + 1] << 8) | (place[at + 2] << 16) | (place[at + 3] << 24);
      if (this.#filter[slot(word)] === 0) continue;
      for (const { name, form, piece } of this.#pieces.get(word >>> 0) ?? []) {
        if (found.has(name) || !place.subarray(at, at + piece.length).equals(piece)) continue;
        found.set(name, { name, form, near: place.subarray(Math.max(0, at - 160), at + piece.length + 60).toString("latin1") });
      }
    }
    return [...found.values()];
  }
}
