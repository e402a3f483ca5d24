/**
 * The keys of a keyboard with 105 keys, by their X keycodes (kernel number plus 8), and how to type text on a
 * US layout with them.
 */

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Row by row, in order of keycodes. */
export const ALL_KEYS = [
  ...range(9, 91), // Escape … keypad's comma; 92 and 93 are no keys
  ...range(94, 96), // key left of Z, F11, F12
  ...range(104, 119).filter((key) => key !== 109), // Enter of the keypad, right Ctrl, Print, right Alt, arrows and their block
  127, // Pause
  ...range(133, 135), // both Super, Menu
];

export const KEY = {
  escape: 9, backspace: 22, tab: 23, t: 28, enter: 36, control: 37, a: 38, d: 40, shift: 50, alt: 64, space: 65, f5: 71, w: 25,
};

const PLAIN = new Map();
const SHIFTED = new Map();
for (const [first, plain, shifted] of [
  [10, "1234567890-=", "!@#$%^&*()_+"],
  [24, "qwertyuiop[]\n", "QWERTYUIOP{}"],
  [38, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [51, "\\zxcvbnm,./", "|ZXCVBNM<>?"],
  [65, " ", ""],
]) {
  [...plain].forEach((c, i) => PLAIN.set(c, first + i));
  [...shifted].forEach((c, i) => SHIFTED.set(c, first + i));
}

/** Types on a display's real keyboard. */
export async function type(x, text) {
  for (const c of text) {
    if (PLAIN.has(c)) await x.tap(PLAIN.get(c));
    else if (SHIFTED.has(c)) await x.tap(KEY.shift, SHIFTED.get(c));
    else throw new Error(`no key makes ${JSON.stringify(c)}`);
  }
}
