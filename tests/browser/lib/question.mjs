/**
 * The question that the person at a host is asked, on the host's screen: its buttons are known by their colours.
 */

import { until } from "./wait.mjs";

export const ALLOW = [0x18, 0x80, 0x38];
export const REFUSE = [0x5f, 0x63, 0x68];

/** Where a button of that colour is, a little within; null where there is none. */
export async function findColour(x, size, colour) {
  const pixels = await x.pixels(size);
  for (let i = 0; i < pixels.length; i += 3) {
    if (colour.every((value, c) => pixels[i + c] === value)) return { x: ((i / 3) % size.width) + 6, y: Math.floor(i / 3 / size.width) + 4 };
  }
  return null;
}

/** Clicks it as the person at the host does. */
export async function answer(x, size, colour) {
  const at = await until("the button on the host's screen", () => findColour(x, size, colour));
  await x.moveTo(at.x, at.y);
  await x.click();
  await until("the question to go", async () => (await findColour(x, size, colour)) === null);
}
