/**
 * Reads and writes messages of the channel `bulk`; the table is at the head of `signaling-spec/src/channel/bulk.rs`.
 */

import { MAX_CHUNK_BYTES } from "./limits.js";

/** @typedef {"cancelled" | "failed" | "too_large" | "gone" | "silent" | "full" | "checksum"} Abort */

/**
 * @typedef {{ kind: "chunk", transfer: number, data: Uint8Array<ArrayBuffer> }
 *   | { kind: "end", transfer: number }
 *   | { kind: "abort", transfer: number, code: Abort }
 *   | { kind: "credit", transfer: number, until: number }} Bulk
 */

const [CHUNK, END, ABORT, CREDIT] = /** @type {const} */ ([0x20, 0x21, 0x22, 0x23]);
const HEAD = 5;
/** @type {readonly Abort[]} */
const ABORTS = ["cancelled", "failed", "too_large", "gone", "silent", "full", "checksum"];

/**
 * @param {ArrayBuffer} buffer
 * @returns {Bulk | null} null for what is no message
 */
export function decodeBulk(buffer) {
  if (buffer.byteLength < HEAD) return null;
  const view = new DataView(buffer);
  const transfer = view.getUint32(1);
  const rest = buffer.byteLength - HEAD;
  switch (view.getUint8(0)) {
    case CHUNK:
      return rest >= 1 && rest <= MAX_CHUNK_BYTES ? { kind: "chunk", transfer, data: new Uint8Array(buffer, HEAD) } : null;
    case END:
      return rest === 0 ? { kind: "end", transfer } : null;
    case ABORT: {
      const code = rest === 1 ? ABORTS[view.getUint8(HEAD) - 1] : undefined;
      return code === undefined ? null : { kind: "abort", transfer, code };
    }
    case CREDIT: {
      if (rest !== 8) return null;
      const until = view.getBigUint64(HEAD);
      return until <= BigInt(Number.MAX_SAFE_INTEGER) ? { kind: "credit", transfer, until: Number(until) } : null;
    }
    default:
      return null;
  }
}

/**
 * @param {Bulk} message
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function encodeBulk(message) {
  const body = message.kind === "chunk" ? message.data.length : message.kind === "abort" ? 1 : message.kind === "credit" ? 8 : 0;
  const bytes = new Uint8Array(HEAD + body);
  const view = new DataView(bytes.buffer);
  view.setUint32(1, message.transfer);
  switch (message.kind) {
    case "chunk":
      if (body < 1 || body > MAX_CHUNK_BYTES) throw new RangeError("chunk is out of range");
      view.setUint8(0, CHUNK);
      bytes.set(message.data, HEAD);
      break;
    case "end":
      view.setUint8(0, END);
      break;
    case "abort":
      view.setUint8(0, ABORT);
      view.setUint8(HEAD, ABORTS.indexOf(message.code) + 1);
      break;
    case "credit":
      view.setUint8(0, CREDIT);
      view.setBigUint64(HEAD, BigInt(message.until));
      break;
  }
  return bytes;
}
