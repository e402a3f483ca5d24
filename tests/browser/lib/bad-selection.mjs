/**
 * Programs that misuse the clipboard: some ask for it and never take what they asked for, some own it and stop in the
 * middle of giving it.
 */

import { until } from "./wait.mjs";

const [OWN, PROPERTY, GET, SEND, CONVERT, EVENTS] = [22, 18, 20, 25, 24, 2];
const [PROPERTY_EVENT, ASKED, TOLD] = [28, 30, 31];
const PROPERTY_MASK = 0x40_0000;
const DELETED = 1;

const watch = (x, window) => x.request(EVENTS, 0, [window, 0x800, PROPERTY_MASK]);

function change(x, window, property, type, format, data) {
  const words = [window, property, type];
  const head = Buffer.from([format, 0, 0, 0]);
  const count = Buffer.alloc(4);
  count.writeUInt32LE(data.length / (format / 8));
  x.request(PROPERTY, 0, words, { bytes: Buffer.concat([head, count, data]) });
}

/** Asks for a text and stops: at once, or after `parts` of it, and then its window goes when `dies`. */
export async function askAndStop(x, { parts = 0, dies = false } = {}) {
  const window = await x.window({ width: 1, height: 1 });
  const [clipboard, text, property] = await Promise.all(["CLIPBOARD", "UTF8_STRING", "REMOVID_TEST"].map((name) => x.atom(name)));
  let told = false;
  let fresh = 0;
  x.onEvent = (event) => {
    const kind = event[0] & 0x7f;
    if (kind === TOLD && event.readUInt32LE(8) === window) told = event.readUInt32LE(20) !== 0;
    if (kind === PROPERTY_EVENT && event.readUInt32LE(4) === window && event[16] !== DELETED) fresh += 1;
  };
  watch(x, window);
  x.request(CONVERT, 0, [window, clipboard, text, property, 0]);
  await until("the owner to answer", () => told);
  for (let part = 0; part < parts; part += 1) {
    const seen = fresh;
    // Taking a part away asks for the next.
    await x.request(GET, 1, [window, property, 0, 0, 0x1000_0000], { answer: true });
    await until("the next part", () => fresh > seen);
  }
  if (dies) await x.destroy(window);
}

/** Owns the clipboard, names a text, and gives no more than its first part. Returns the number of asks for the text. */
export async function ownAndStop(x) {
  const window = await x.window({ width: 1, height: 1 });
  const names = ["CLIPBOARD", "UTF8_STRING", "TARGETS", "ATOM", "INCR"];
  const [clipboard, text, targets, atom, incremental] = await Promise.all(names.map((name) => x.atom(name)));
  const state = { asked: 0 };
  let begun = null;
  x.onEvent = (event) => {
    const kind = event[0] & 0x7f;
    if (kind === PROPERTY_EVENT && begun !== null && event.readUInt32LE(4) === begun.requestor && event[16] === DELETED) {
      change(x, begun.requestor, begun.property, text, 8, Buffer.alloc(4_096, "x"));
      begun = null;
    }
    if (kind !== ASKED) return;
    const [requestor, target, property] = [12, 20, 24].map((at) => event.readUInt32LE(at));
    const words = (...values) => Buffer.concat(values.map((value) => Buffer.from(new Uint32Array([value]).buffer)));
    if (target === targets) change(x, requestor, property, atom, 32, words(targets, text));
    if (target === text) {
      state.asked += 1;
      watch(x, requestor);
      change(x, requestor, property, incremental, 32, words(0));
      begun = { requestor, property };
    }
    const answer = Buffer.alloc(32);
    answer[0] = TOLD;
    answer.writeUInt32LE(requestor, 8);
    answer.writeUInt32LE(clipboard, 12);
    answer.writeUInt32LE(target, 16);
    answer.writeUInt32LE(target === targets || target === text ? property : 0, 20);
    x.request(SEND, 0, [requestor, 0], { bytes: answer });
  };
  x.request(OWN, 0, [window, clipboard, 0]);
  await x.sync();
  return state;
}
