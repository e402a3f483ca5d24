/**
 * Keyboard layouts for the typing tests: which there are, and what a person can press on one.
 */

import { run } from "./process.mjs";

/** Of the viewer: name, layout and variant of XKB. */
export const CLIENTS = [
  ["us", "us", ""], ["us-intl", "us", "intl"], ["us-dvorak", "us", "dvorak"], ["gb", "gb", ""], ["de", "de", ""],
  ["ch-de", "ch", ""], ["ch-fr", "ch", "fr"], ["fr", "fr", ""], ["be", "be", ""], ["es", "es", ""],
  ["latam", "latam", ""], ["pt", "pt", ""], ["br", "br", ""], ["it", "it", ""], ["se", "se", ""], ["no", "no", ""],
  ["dk", "dk", ""], ["fi", "fi", ""], ["pl", "pl", ""], ["cz", "cz", ""], ["hu", "hu", ""], ["ro", "ro", ""],
  ["tr", "tr", ""], ["ru", "ru", ""], ["ua", "ua", ""], ["gr", "gr", ""], ["il", "il", ""], ["ara", "ara", ""],
];

/** Of the host. */
export const HOSTS = [["us", "us", ""], ["gb", "gb", ""], ["de", "de", ""], ["fr", "fr", ""], ["us,ru", "us,ru", ""]];

export function setLayout(display, layout, variant) {
  run("setxkbmap", ["-display", display, "-layout", layout, "-variant", variant, "-option", ""]);
}

/** The keys that write, row by row, and the space bar. */
const WRITING = [49, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 38, 39,
  40, 41, 42, 43, 44, 45, 46, 47, 48, 51, 94, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 97, 132, 65];
const SHIFT = 50;
const ALT_GR = 108;
const LEVEL3_SHIFT = 0xfe03;
/** Modifiers of each level, and where its symbol stands in the core protocol's list. */
const LEVELS = [[[], 0], [[SHIFT], 1], [[ALT_GR], 4], [[SHIFT, ALT_GR], 5]];

/** Dead keys' symbols with the mark that they put on a letter. */
const MARKS = new Map(Object.entries({
  fe50: "\u0300", fe51: "\u0301", fe52: "\u0302", fe53: "\u0303", fe54: "\u0304", fe55: "\u0306", fe56: "\u0307", fe57: "\u0308",
  fe58: "\u030a", fe59: "\u030b", fe5a: "\u030c", fe5b: "\u0327", fe5c: "\u0328",
}).map(([symbol, mark]) => [Number.parseInt(symbol, 16), mark]));

/** The sign of a symbol where the number tells it; null where only a table would, undefined where there is none. */
export function signOf(symbol) {
  if ((symbol >= 0x20 && symbol <= 0x7e) || (symbol >= 0xa0 && symbol <= 0xff)) return String.fromCodePoint(symbol);
  if (symbol >= 0x0100_0100 && symbol <= 0x0110_ffff) return String.fromCodePoint(symbol - 0x0100_0000);
  return symbol > 0xff && symbol < 0xfe00 ? null : undefined;
}

/**
 * What there is to press: `plain`, one list a key, of strokes `{ mods, key, sign }`; and `pairs`, one list a dead
 * key, of `{ dead, base, sign }`.
 * @param {Map<number, number[]>} keymap
 */
export function strokes(keymap) {
  const third = keymap.get(ALT_GR)[0] === LEVEL3_SHIFT;
  const plain = [];
  const dead = [];
  for (const key of WRITING) {
    const line = [];
    for (const [mods, at] of LEVELS) {
      if (mods.includes(ALT_GR) && !third) continue;
      const symbol = keymap.get(key)[at] ?? 0;
      if (MARKS.has(symbol)) dead.push({ stroke: { mods, key }, mark: MARKS.get(symbol) });
      const sign = signOf(symbol);
      if (sign !== undefined) line.push({ mods, key, sign });
    }
    if (line.length > 0) plain.push(line);
  }
  const letters = plain.flat().filter(({ mods, sign }) => !mods.includes(ALT_GR) && sign !== null && /\p{L}/u.test(sign));
  const pairs = dead.map(({ stroke, mark }) => {
    const made = letters.map((base) => ({ dead: stroke, base, sign: `${base.sign}${mark}`.normalize("NFC") }));
    return made.filter(({ sign }) => [...sign].length === 1);
  });
  return { plain, pairs: pairs.filter((line) => line.length > 0) };
}

/** Presses one stroke on a real keyboard. */
export async function stroke(x, { mods, key }) {
  for (const mod of mods) await x.keyDown(mod);
  await x.tap(key);
  for (const mod of [...mods].reverse()) await x.keyUp(mod);
}
