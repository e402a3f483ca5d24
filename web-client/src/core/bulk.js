/**
 * Transfers on the channel `bulk`: large data in chunks, never more of it on its way than the other end takes.
 *
 * What a transfer is for is agreed on `ctl`; here are only its bytes. The numbers of this end's own are odd.
 */

/** @import { Abort, Bulk } from "./protocol/bulk.js" */

import { Pace } from "./pace.js";
import { decodeBulk, encodeBulk } from "./protocol/bulk.js";
import { BULK_WINDOW, MAX_CHUNK_BYTES } from "./protocol/limits.js";

/** Bytes that wait in the browser's own buffer; more would only hide how far the transfer is. */
const BUFFERED = 256 * 1024;
/** Bytes taken for each word of it; fewer than the other end has on its way at the least. */
const STEP = 2 * MAX_CHUNK_BYTES;
/** Bytes that are read from a file in one go. */
const SLICE = 1024 * 1024;

/** A transfer ended early; `code` says why. */
export class Aborted extends Error {
  /** @param {Abort | "lost"} code `lost`: with the connection, and not by anybody's will */
  constructor(code) {
    super(`the transfer ended early: ${code}`);
    this.name = "Aborted";
    this.code = code;
  }
}

/**
 * @typedef {object} Incoming
 * @property {(data: Uint8Array<ArrayBuffer>) => void | Promise<void>} sink
 * @property {() => void} done
 * @property {(error: Error) => void} failed
 * @property {number} received
 * @property {number} taken
 * @property {number} granted
 * @property {Promise<void>} writing
 */

/**
 * @typedef {object} Outgoing
 * @property {(error: Error) => void} failed
 * @property {() => void} wake
 * @property {number} sent
 * @property {number} granted
 * @property {Pace} pace
 */

export class BulkChannel {
  #channel;
  #number = -1;
  /** @type {Map<number, Incoming>} */
  #incoming = new Map();
  /** @type {Map<number, Outgoing>} */
  #outgoing = new Map();
  /** The other end gave up on a transfer whose bytes have not begun here, or are all sent. @type {(transfer: number, code: Abort) => void} */
  onStray = () => {};

  /** @param {RTCDataChannel} channel */
  constructor(channel) {
    this.#channel = channel;
    channel.bufferedAmountLowThreshold = BUFFERED / 2;
    channel.onmessage = ({ data }) => data instanceof ArrayBuffer && this.#message(data);
    channel.onbufferedamountlow = () => this.#wakeAll();
    channel.onclose = () => this.close();
  }

  /** A number for a transfer that this end begins. */
  number() {
    this.#number += 2;
    return this.#number;
  }

  /**
   * Takes the bytes of a transfer.
   * @param {number} transfer
   * @param {(data: Uint8Array<ArrayBuffer>) => void | Promise<void>} sink each chunk, in order; the next waits for it
   * @param {{ from?: number, signal?: AbortSignal | undefined }} [options] `from`: bytes that are here already
   * @returns {Promise<void>} resolves when all of it was taken; rejects with `Aborted`
   */
  read(transfer, sink, { from = 0, signal } = {}) {
    return new Promise((resolve, reject) => {
      const end = (/** @type {() => void} */ how) => {
        this.#incoming.delete(transfer);
        how();
      };
      const failed = (/** @type {Error} */ error) => end(() => reject(error));
      this.#incoming.set(transfer, {
        sink,
        done: () => end(resolve),
        failed,
        received: from,
        taken: from,
        granted: from + BULK_WINDOW,
        writing: Promise.resolve(),
      });
      signal?.addEventListener("abort", () => this.#incoming.has(transfer) && this.#giveUp(transfer, "cancelled", failed), { once: true });
    });
  }

  /**
   * Sends the bytes of a transfer.
   * @param {number} transfer
   * @param {{ size: number, slice: (from: number, to: number) => Blob }} blob
   * @param {{ from?: number, signal?: AbortSignal | undefined, progress?: (sent: number) => void, slice?: (data: ArrayBuffer) => void | Promise<void>, end?: () => void | Promise<void> }} [options]
   *   `slice` sees the bytes before they are sent; `end` is waited for before the end is said
   * @returns {Promise<void>} resolves when all of it was given to the network; rejects with `Aborted`
   */
  async write(transfer, blob, { from = 0, signal, progress, slice, end } = {}) {
    let failure = /** @type {Error | null} */ (null);
    /** @type {Outgoing} */
    const state = { failed: (error) => ((failure = error), state.wake()), wake: () => {}, sent: from, granted: from + BULK_WINDOW, pace: new Pace(from, BULK_WINDOW) };
    this.#outgoing.set(transfer, state);
    const cancel = () => this.#giveUp(transfer, "cancelled", state.failed);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      for (let at = from; at < blob.size; at += SLICE) {
        /** @type {ArrayBuffer} */
        let data;
        try {
          data = await readSlice(blob, at, at + SLICE);
        } catch (error) {
          this.#giveUp(transfer, "gone", state.failed);
          throw error;
        }
        await slice?.(data);
        for (let offset = 0; offset < data.byteLength; ) {
          const room = Math.min(state.granted, state.pace.until) - state.sent;
          if (failure !== null) throw failure;
          if (room <= 0 || this.#channel.bufferedAmount >= BUFFERED) {
            await new Promise((resolve) => (state.wake = () => resolve(undefined)));
            continue;
          }
          const length = Math.min(room, MAX_CHUNK_BYTES, data.byteLength - offset);
          this.#say({ kind: "chunk", transfer, data: new Uint8Array(data, offset, length) });
          offset += length;
          state.sent += length;
          state.pace.sent(state.sent, performance.now());
          progress?.(state.sent);
        }
      }
      if (failure !== null) throw failure;
      await end?.();
      this.#say({ kind: "end", transfer });
    } finally {
      this.#outgoing.delete(transfer);
      signal?.removeEventListener("abort", cancel);
    }
  }

  /**
   * Says that nothing will come.
   * @param {number} transfer
   * @param {Abort} code
   */
  abort(transfer, code) {
    this.#say({ kind: "abort", transfer, code });
  }

  close() {
    for (const { failed } of [...this.#incoming.values(), ...this.#outgoing.values()]) failed(new Aborted("lost"));
    this.#incoming.clear();
    this.#wakeAll();
  }

  /**
   * @param {number} transfer
   * @param {Abort} code
   * @param {(error: Error) => void} failed
   */
  #giveUp(transfer, code, failed) {
    this.abort(transfer, code);
    failed(new Aborted(code));
  }

  /** @param {ArrayBuffer} buffer */
  #message(buffer) {
    const message = decodeBulk(buffer);
    if (message === null) return console.warn("REMOVID: a message on bulk was refused");
    const { transfer } = message;
    const [incoming, outgoing] = [this.#incoming.get(transfer), this.#outgoing.get(transfer)];
    switch (message.kind) {
      case "chunk":
        return incoming === undefined ? undefined : this.#take(transfer, incoming, message.data);
      case "end":
        if (incoming !== undefined) void incoming.writing.then(incoming.done, incoming.failed);
        return;
      case "abort":
        if (incoming === undefined && outgoing === undefined) return this.onStray(transfer, message.code);
        incoming?.failed(new Aborted(message.code));
        outgoing?.failed(new Aborted(message.code));
        return;
      case "credit":
        if (outgoing === undefined || message.until <= outgoing.granted) return;
        outgoing.granted = Math.min(message.until, outgoing.sent + BULK_WINDOW);
        outgoing.pace.taken(outgoing.granted - BULK_WINDOW, performance.now());
        return outgoing.wake();
    }
  }

  /**
   * @param {number} transfer
   * @param {Incoming} incoming
   * @param {Uint8Array<ArrayBuffer>} data
   */
  #take(transfer, incoming, data) {
    incoming.received += data.length;
    if (incoming.received > incoming.granted) return this.#giveUp(transfer, "failed", incoming.failed);
    incoming.writing = incoming.writing.then(() => incoming.sink(data)).then(() => {
      incoming.taken += data.length;
      const next = incoming.taken + BULK_WINDOW;
      if (next - incoming.granted < STEP) return;
      incoming.granted = next;
      this.#say({ kind: "credit", transfer, until: next });
    });
    incoming.writing.catch((error) => {
      if (this.#incoming.get(transfer) !== incoming) return;
      this.abort(transfer, "failed");
      incoming.failed(error instanceof Error ? error : new Aborted("failed"));
    });
  }

  #wakeAll() {
    for (const { wake } of this.#outgoing.values()) wake();
  }

  /** @param {Bulk} message */
  #say(message) {
    if (this.#channel.readyState === "open") this.#channel.send(encodeBulk(message));
  }
}

/**
 * @param {{ slice: (from: number, to: number) => Blob }} blob
 * @param {number} from
 * @param {number} to
 * @returns {Promise<ArrayBuffer>} rejects with `unreadable`: no right to it, or it was changed or removed since it was chosen
 */
export async function readSlice(blob, from, to) {
  try {
    return await blob.slice(from, to).arrayBuffer();
  } catch {
    throw new Error("unreadable");
  }
}
