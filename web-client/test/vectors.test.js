/**
 * The contract's cases: what the viewer must read, refuse and write, byte for byte.
 *
 * `input` vectors are only written here, never read: what a host must refuse there is the Rust side's part.
 */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { decodeBulk, encodeBulk } from "../src/core/protocol/bulk.js";
import { DecodeError, decodeFromHost, decodeSignal, readSessionCreated } from "../src/core/protocol/decode.js";
import { encodeControl, encodeInput, encodeSignal } from "../src/core/protocol/encode.js";

/** @param {string} kind */
function vectors(kind) {
  const dir = new URL(`../../signaling-spec/vectors/${kind}/`, import.meta.url);
  const files = readdirSync(dir).filter((name) => name.endsWith(".json"));
  test(`${kind}: there are vectors`, () => assert.notEqual(files.length, 0));
  return files.map((file) => ({ file: `${kind}/${file}`, ...JSON.parse(readFileSync(new URL(file, dir), "utf8")) }));
}

/**
 * A wire with the fields that are too long to be written out: a text and how often it is repeated.
 * @param {any} wire
 * @param {{ [field: string]: [string, number] }} [fill]
 */
function filled(wire, fill = {}) {
  const fields = Object.entries(fill).map(([field, [text, times]]) => [field, text.repeat(times)]);
  return fields.length === 0 ? wire : { ...wire, ...Object.fromEntries(fields) };
}

/** A wire that is not JSON, or not as JSON would write it, stands in the file as text. @param {unknown} wire */
const text = (wire) => (typeof wire === "string" ? wire : JSON.stringify(wire));

/**
 * @param {{ file: string, accept: any[], reject: any[] }} vector
 * @param {(frame: string) => unknown} decode
 */
function reads({ file, accept, reject }, decode) {
  for (const { name, wire, reads_as = wire, fill } of accept) {
    test(`${file}: accepts ${name}`, () => assert.deepEqual(decode(text(filled(wire, fill))), filled(reads_as, fill)));
  }
  for (const { name, wire, code, fill } of reject) {
    test(`${file}: refuses ${name}`, () => {
      assert.throws(
        () => decode(text(filled(wire, fill))),
        (error) => error instanceof DecodeError && (code === undefined || error.code === code),
      );
    });
  }
}

for (const vector of vectors("signal")) {
  reads(vector, decodeSignal);
  for (const { name, wire, reads_as = wire } of vector.accept) {
    test(`${vector.file}: writes ${name}`, () => assert.deepEqual(JSON.parse(encodeSignal(reads_as)), reads_as));
  }
}

for (const vector of vectors("control")) {
  if (vector.direction === "from_host") {
    reads(vector, decodeFromHost);
    continue;
  }
  test(`${vector.file}: has a direction`, () => assert.equal(vector.direction, "from_viewer"));
  for (const { name, wire, reads_as = wire } of vector.accept) {
    test(`${vector.file}: writes ${name}`, () => assert.deepEqual(JSON.parse(encodeControl(reads_as)), reads_as));
  }
}

for (const { file, accept } of vectors("input")) {
  for (const { name, hex, message } of accept) {
    test(`${file}: writes ${name}`, () => {
      assert.equal(Buffer.from(encodeInput(message)).toString("hex"), hex.replaceAll(" ", "").toLowerCase());
    });
  }
}

for (const { file, accept, reject } of vectors("bulk")) {
  const bytes = (/** @type {any} */ { hex, fill = 0 }) => new Uint8Array([...Buffer.from(hex, "hex"), ...new Array(fill).fill(0)]);
  const shown = (/** @type {any} */ message) => (message?.kind === "chunk" ? { ...message, data: Buffer.from(message.data).toString("hex") } : message);
  for (const vector of accept) {
    test(`${file}: reads and writes ${vector.name}`, () => {
      const message = decodeBulk(bytes(vector).buffer);
      assert.deepEqual(shown(message), vector.message);
      assert.deepEqual(message && encodeBulk(message), bytes(vector));
    });
  }
  for (const vector of reject) test(`${file}: refuses ${vector.name}`, () => assert.equal(decodeBulk(bytes(vector).buffer), null));
}

for (const vector of vectors("api")) {
  if (vector.type === "SessionCreated") reads(vector, (body) => readSessionCreated(JSON.parse(body)));
}
