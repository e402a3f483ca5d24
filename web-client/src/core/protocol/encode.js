/**
 * Writes what a viewer sends: JSON for the signalling socket and `ctl`, bytes for `input` and `motion`.
 *
 * The table of bytes is at the head of `signaling-spec/src/channel/input.rs`; numbers are big-endian.
 */

/** @import { FromViewer, Signal } from "./protocol.js" */
/** @import { InputMessage } from "../types.js" */

import { MAX_BUTTON, MAX_CODE_BYTES, MAX_HELD_KEYS, MAX_KEY_TEXT_BYTES, MAX_TEXT_BYTES } from "./limits.js";

const UTF8 = new TextEncoder();
const CODE = /^[0-9A-Za-z]+$/;

/** @param {Extract<Signal, { type: "sdp.offer" | "ice.candidate" | "ice.end" | "session.end" }>} signal */
export function encodeSignal(signal) {
  return JSON.stringify(signal);
}

/** @param {FromViewer} message */
export function encodeControl(message) {
  return JSON.stringify(message);
}

/**
 * Whether a physical code may go over the wire.
 * @param {string} code
 */
export function isCode(code) {
  return CODE.test(code) && code.length <= MAX_CODE_BYTES;
}

/**
 * The text of a key if it fits; a longer one is left out, and the host goes by the physical code.
 * @param {string} text
 */
export function keyText(text) {
  return UTF8.encode(text).length <= MAX_KEY_TEXT_BYTES ? text : "";
}

/** Grows as it is written; messages are a few dozen bytes. */
class Writer {
  /** @type {number[]} */
  #bytes = [];

  /** @param {number} value */
  u8(value) {
    if (!Number.isInteger(value) || value < 0 || value > 0xff) throw new RangeError("byte is out of range");
    this.#bytes.push(value);
    return this;
  }

  /** @param {number} value */
  u16(value) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new RangeError("number is out of range");
    this.#bytes.push(value >> 8, value & 0xff);
    return this;
  }

  /** @param {number} value */
  i16(value) {
    if (!Number.isInteger(value) || value < -0x8000 || value > 0x7fff) throw new RangeError("number is out of range");
    return this.u16(value & 0xffff);
  }

  /** @param {number} value */
  i32(value) {
    if ((value | 0) !== value) throw new RangeError("number is out of range");
    this.#bytes.push((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
    return this;
  }

  /** @param {string} code */
  code(code) {
    if (!isCode(code)) throw new RangeError("code is not a physical key's name");
    return this.#sized(UTF8.encode(code));
  }

  /** @param {string} text */
  text(text) {
    const bytes = UTF8.encode(text);
    if (bytes.length > MAX_KEY_TEXT_BYTES) throw new RangeError("text is too long");
    return this.#sized(bytes);
  }

  /** @param {Uint8Array} bytes */
  #sized(bytes) {
    this.#bytes.push(bytes.length, ...bytes);
    return this;
  }

  /** @param {Uint8Array} bytes */
  raw(bytes) {
    this.#bytes.push(...bytes);
    return this;
  }

  end() {
    return new Uint8Array(this.#bytes);
  }
}

/** @param {number} button */
const checkedButton = (button) => {
  if (button > MAX_BUTTON) throw new RangeError("button is out of range");
  return button;
};

/**
 * @param {InputMessage} m
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function encodeInput(m) {
  const w = new Writer();
  switch (m.kind) {
    case "key": {
      if (m.repeat && !m.down) throw new RangeError("a release does not repeat");
      const flags = (m.down ? 1 : 0) | (m.repeat ? 2 : 0) | (m.physical ? 4 : 0);
      return w.u8(0x01).u8(flags).u8(m.modifiers).code(m.code).text(m.text).end();
    }
    case "button":
      return w.u8(0x02).u8(checkedButton(m.button)).u8(m.down ? 1 : 0).u16(m.x).u16(m.y).end();
    case "wheel":
      return w.u8(0x03).i16(m.dx).i16(m.dy).u16(m.x).u16(m.y).end();
    case "release":
      return w.u8(0x04).end();
    case "text": {
      const bytes = UTF8.encode(m.text);
      if (bytes.length === 0 || bytes.length > MAX_TEXT_BYTES) throw new RangeError("text is empty or too long");
      return w.u8(0x05).u16(bytes.length).raw(bytes).end();
    }
    case "move":
      return w.u8(0x10).u16(m.seq).u16(m.x).u16(m.y).end();
    case "relative":
      return w.u8(0x11).u16(m.seq).u8(m.lock).i32(m.total_x).i32(m.total_y).end();
    case "held": {
      if (m.codes.length > MAX_HELD_KEYS || m.buttons >> (MAX_BUTTON + 1) !== 0) {
        throw new RangeError("more is held than a message may name");
      }
      w.u8(0x12).u16(m.seq).u8(m.buttons).u8(m.modifiers).u8(m.codes.length);
      for (const code of m.codes) w.code(code);
      return w.end();
    }
  }
}
