/**
 * Pictures with known colours, and how far another one is from them.
 */

/** The 24 patches of the ColorChecker in sRGB, and a ramp of greys. */
const PATCHES = [
  0x735244, 0xc29682, 0x627a9d, 0x576c43, 0x8580b1, 0x67bdaa, 0xd67e2c, 0x505ba6, 0xc15a63, 0x5e3c6c, 0x9dbc40, 0xe0a32e,
  0x383d96, 0x469449, 0xaf363c, 0xe7c71f, 0xbb5695, 0x0885a1, 0xf3f3f2, 0xc8c8c8, 0xa0a0a0, 0x7a7a79, 0x555555, 0x343434,
];
const GREYS = Array.from({ length: 8 }, (_, i) => Math.round((i * 255) / 7) * 0x01_01_01);
const COLUMNS = 8;

export const bytesOf = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];

/** Filled fields over the whole size; `areas` leaves their edges out, where codecs mix colours. */
export function chart({ width, height }) {
  const colours = [...PATCHES, ...GREYS];
  const rows = colours.length / COLUMNS;
  const [w, h] = [Math.floor(width / COLUMNS), Math.floor(height / rows)];
  const rgb = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const field = Math.min(rows - 1, Math.floor(y / h)) * COLUMNS + Math.min(COLUMNS - 1, Math.floor(x / w));
      rgb.set(bytesOf(colours[field]), 3 * (y * width + x));
    }
  }
  const areas = colours.map((_, i) => ({
    x: (i % COLUMNS) * w + 10,
    y: Math.floor(i / COLUMNS) * h + 10,
    width: w - 20,
    height: h - 20,
  }));
  return { rgb, areas, colours };
}

/** Mean distance of two pictures of one size, in 255ths. */
export function meanError(a, b) {
  if (a.length !== b.length) throw new Error(`pictures of different sizes: ${a.length} and ${b.length} bytes`);
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}

/**
 * What a browser without a GPU makes of a colour that came as BT.709: its fast conversion has 2 where the
 * standard has 2.11 for blue. Red and green are exact, so a wrong matrix still shows.
 */
function softwareBlue([r, g, b]) {
  const luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return b - 0.0532 * (b - luma);
}

/** The largest distance of any channel of any field, with its place for the message. */
export function worst(means, colours, { bt709 = false } = {}) {
  let most = { off: -1, text: "" };
  means.forEach((mean, i) => {
    const right = bytesOf(colours[i]);
    const off = Math.max(...mean.map((value, c) => {
      const other = bt709 && c === 2 ? softwareBlue(right) : right[c];
      return Math.min(Math.abs(value - right[c]), Math.abs(value - other));
    }));
    if (off > most.off) most = { off, text: `field ${i}: ${mean.map((v) => v.toFixed(1))} instead of ${right}` };
  });
  return most;
}
