/**
 * The binding signature, checked as the host signs it.
 */

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign, webcrypto } from "node:crypto";
import { test } from "node:test";
import { boundBytes, follows, fromBase64url, keyHash, keyIsKnown, pinKey, sdpFingerprint, toBase64url, verifyBinding } from "../src/core/bind.js";

// Node 18 has it under another name.
if (globalThis.crypto === undefined) Object.defineProperty(globalThis, "crypto", { value: webcrypto });

const FP = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, "0").toUpperCase()).join(":");
const OTHER = FP.replace("00:", "FF:");
const BINDING = { sid: "s", hostId: "h", hostFp: FP, viewerFp: OTHER, viewerNonce: "n", rights: ["view", "input_pointer"], iat: 5 };

test("the signed bytes are the fields in order, each after its length", async () => {
  const bytes = Buffer.from(await boundBytes(BINDING));
  const rights = createHash("sha256").update("input_pointer,view").digest();
  const field = (value) => {
    const part = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return Buffer.concat([length, part]);
  };
  assert.deepEqual(bytes, Buffer.concat(["removid-bind-v1", "s", "h", FP, OTHER, "n", rights, "5"].map(field)));
});

test("the host's signature passes, and any change of what it covers does not", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const hostPub = publicKey.export({ format: "jwk" }).x;
  const signature = toBase64url(sign(null, await boundBytes(BINDING), privateKey));
  assert.equal(await verifyBinding(BINDING, hostPub, signature), true);
  for (const change of [{ sid: "t" }, { hostFp: OTHER }, { viewerFp: FP }, { viewerNonce: "m" }, { rights: ["view"] }, { iat: 6 }]) {
    assert.equal(await verifyBinding({ ...BINDING, ...change }, hostPub, signature), false, JSON.stringify(change));
  }
  assert.equal(await verifyBinding(BINDING, "AAAA", signature), false);
  assert.equal(await verifyBinding(BINDING, hostPub, "%%"), false);
});

test("a key's hash is that of its raw bytes", async () => {
  const key = Buffer.alloc(32, 7);
  assert.equal(await keyHash(key.toString("base64url")), createHash("sha256").update(key).digest("base64url"));
  assert.equal(await keyHash("AAAA"), null);
});

test("a description has one fingerprint or none that counts", () => {
  const sdp = (...lines) => ["v=0", ...lines.map((line) => `a=fingerprint:${line}`), ""].join("\r\n");
  assert.equal(sdpFingerprint(sdp(`sha-256 ${FP}`, `SHA-256 ${FP.toLowerCase()}`)), FP);
  assert.equal(sdpFingerprint(sdp(`sha-256 ${FP}`, `sha-256 ${OTHER}`)), null);
  assert.equal(sdpFingerprint(sdp(`sha-256 ${FP}`, `sha-1 ${FP}`)), null);
  assert.equal(sdpFingerprint(sdp(`sha-256 ${FP}:00`)), null);
  assert.equal(sdpFingerprint(sdp()), null);
});

test("base64url is read as written and nothing else is", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(fromBase64url(toBase64url(bytes)), bytes);
  for (const text of ["A", "A+B/", "AA=="]) assert.equal(fromBase64url(text), null, text);
});

test("the link decides, then the first visit does", () => {
  const map = new Map();
  const storage = { getItem: (k) => map.get(k) ?? null, setItem: (k, v) => void map.set(k, v) };
  assert.equal(keyIsKnown("h", "one", "two", storage), false);
  // What was only shown is not remembered.
  assert.equal(keyIsKnown("h", "lie", undefined, storage), true);
  assert.equal(keyIsKnown("h", "one", undefined, storage), true);
  pinKey("h", "one", storage);
  assert.equal(keyIsKnown("h", "one", undefined, storage), true);
  assert.equal(keyIsKnown("h", "two", undefined, storage), false);
  // Whoever gave the link vouches for the key; a later visit without one goes by it.
  assert.equal(keyIsKnown("h", "two", "two", storage), true);
  pinKey("h", "two", storage);
  assert.equal(keyIsKnown("h", "two", undefined, storage), true);
  assert.equal(keyIsKnown("other", "one", undefined, null), true);
});

test("a key that was remembered leads to its followers, and to nobody else", async () => {
  const pairs = Array.from({ length: 4 }, () => generateKeyPairSync("ed25519"));
  const pubs = pairs.map(({ publicKey }) => publicKey.export({ format: "jwk" }).x);
  const hashes = await Promise.all(pubs.map(keyHash));
  const field = (value) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(value));
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const step = (from, to, { host = "h", signer = from, iat = 5 } = {}) => {
    const bytes = Buffer.concat(["removid-succession-v1", host, pubs[from], pubs[to], String(iat)].map(field));
    const [old_sig, new_sig] = [signer, to].map((one) => sign(null, bytes, pairs[one].privateKey).toString("base64url"));
    return { old_pub: pubs[from], new_pub: pubs[to], iat, old_sig, new_sig };
  };
  const chain = [step(0, 1), step(1, 2)];
  assert.equal(await follows("h", hashes[0], pubs[1], chain), true);
  assert.equal(await follows("h", hashes[0], pubs[2], chain), true);
  assert.equal(await follows("h", hashes[0], pubs[2], chain.toReversed?.() ?? [...chain].reverse()), true);
  assert.equal(await follows("h", hashes[1], pubs[2], chain), true);
  assert.equal(await follows("h", hashes[2], pubs[0], chain), false, "no way back");
  assert.equal(await follows("h", hashes[0], pubs[3], chain), false, "nobody named it");
  assert.equal(await follows("h", hashes[3], pubs[2], chain), false, "whoever remembers another key");
  assert.equal(await follows("g", hashes[0], pubs[1], chain), false, "another host's chain");
  assert.equal(await follows("h", hashes[0], pubs[2], [step(1, 2)]), false, "a step is missing");
  assert.equal(await follows("h", hashes[0], pubs[3], [step(0, 3, { signer: 3 })]), false, "not signed by the remembered key");
  assert.equal(await follows("h", hashes[0], pubs[1], [{ ...step(0, 1), iat: 6 }]), false, "another time");
  assert.equal(await follows("h", hashes[0], pubs[3], [{ ...step(0, 1), new_pub: pubs[3] }]), false, "another follower");
  assert.equal(await follows("h", hashes[0], pubs[3], [step(0, 1), step(1, 0)]), false, "a ring ends");
  assert.equal(await follows("h", hashes[0], pubs[1], []), false);
});
