/**
 * Transfers between two ends of a channel: every byte arrives, in order, whatever the pace, and either end can stop.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { Aborted, BulkChannel } from "../src/core/bulk.js";
import { BULK_WINDOW } from "../src/core/protocol/limits.js";

/** Two joined channels whose messages take a while. */
function pair(delay) {
  const make = () => ({ readyState: "open", bufferedAmount: 0, onmessage: null, onbufferedamountlow: null, peer: null, most: 0, flying: 0,
    send(bytes) {
      const copy = bytes.slice().buffer;
      this.flying += copy.byteLength;
      this.most = Math.max(this.most, this.flying);
      setTimeout(() => {
        this.flying -= copy.byteLength;
        this.peer.onmessage?.({ data: copy });
      }, delay());
    } });
  const [a, b] = [make(), make()];
  [a.peer, b.peer] = [b, a];
  return [a, b];
}

for (const [name, delay] of [["a quick path", () => 0], ["a path that becomes slow", ((n) => () => (n += 1) / 100)(0)]]) {
  test(`every byte arrives on ${name}`, async () => {
    const [a, b] = pair(delay);
    const [left, right] = [new BulkChannel(a), new BulkChannel(b)];
    for (const size of [0, 1, 16_383, 16_385, BULK_WINDOW + 1, 5_000_001]) {
      const data = new Uint8Array(size).map((_, i) => (i * 7 + (i >> 9)) & 0xff);
      const transfer = right.number();
      const chunks = [];
      const read = right.read(transfer, (chunk) => void chunks.push(chunk));
      await left.write(transfer, new Blob([data]));
      await read;
      assert.ok(Buffer.concat(chunks).equals(Buffer.from(data)), `${size} bytes`);
    }
    assert.ok(a.most <= BULK_WINDOW * 1.01, `${a.most} bytes were on their way`);
  });
}

test("a reader that is slow holds the writer back", async () => {
  const [a, b] = pair(() => 0);
  const [left, right] = [new BulkChannel(a), new BulkChannel(b)];
  let release;
  const gate = new Promise((resolve) => (release = resolve));
  const transfer = right.number();
  const read = right.read(transfer, () => gate);
  let sent = 0;
  const write = left.write(transfer, new Blob([new Uint8Array(4 * BULK_WINDOW)]), { progress: (n) => (sent = n) });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(sent > 0 && sent <= BULK_WINDOW, `${sent}`);
  release();
  await Promise.all([read, write]);
  assert.equal(sent, 4 * BULK_WINDOW);
});

test("either end can stop, and the other hears why", async () => {
  const [a, b] = pair(() => 0);
  const [left, right] = [new BulkChannel(a), new BulkChannel(b)];
  const blob = new Blob([new Uint8Array(4 * BULK_WINDOW)]);
  const stop = new AbortController();
  const reading = right.read(1, () => new Promise(() => {}), { signal: stop.signal });
  const writing = left.write(1, blob);
  setTimeout(() => stop.abort(), 20);
  await assert.rejects(reading, (error) => error instanceof Aborted && error.code === "cancelled");
  await assert.rejects(writing, (error) => error instanceof Aborted && error.code === "cancelled");
  const failing = right.read(3, () => { throw new Error("disk"); });
  const other = left.write(3, blob);
  await assert.rejects(failing, /disk/);
  await assert.rejects(other, (error) => error instanceof Aborted && error.code === "failed");
  const late = right.read(5, () => {});
  right.close();
  await assert.rejects(late, (error) => error instanceof Aborted && error.code === "lost");
});
