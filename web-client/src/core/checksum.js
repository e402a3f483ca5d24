/**
 * The checksum of a file that comes in pieces: SHA-256 of the SHA-256 digests of its blocks, one after the other. It
 * needs no more memory than a block, and can be begun anew at any of them.
 */

import { HASH_BLOCK_BYTES } from "./protocol/limits.js";

export class Checksum {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #pieces = [];
  #filled = 0;
  /** @type {ArrayBuffer[]} */
  #digests = [];

  /** @param {Uint8Array<ArrayBuffer>} data */
  async update(data) {
    for (let at = 0; at < data.length; ) {
      const length = Math.min(data.length - at, HASH_BLOCK_BYTES - this.#filled);
      this.#pieces.push(data.subarray(at, at + length));
      this.#filled += length;
      at += length;
      if (this.#filled === HASH_BLOCK_BYTES) await this.#close();
    }
  }

  /** @returns {Promise<string>} in hex */
  async hex() {
    if (this.#filled > 0) await this.#close();
    const all = await crypto.subtle.digest("SHA-256", await new Blob(this.#digests).arrayBuffer());
    return [...new Uint8Array(all)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async #close() {
    const block = await new Blob(this.#pieces).arrayBuffer();
    this.#pieces = [];
    this.#filled = 0;
    this.#digests.push(await crypto.subtle.digest("SHA-256", block));
  }
}
