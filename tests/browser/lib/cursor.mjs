/**
 * Pointer shapes on an X display: makes them of ARGB pixels (RENDER), and reads the one that is shown (XFIXES).
 * Numbers are from the encodings of both extensions.
 */

const RENDER = { queryVersion: 0, queryFormats: 1, createPicture: 4, createCursor: 27, createAnimCursor: 31 };
const XFIXES = { queryVersion: 0, getCursorImage: 4 };
const CORE = { changeWindow: 2, createPixmap: 53, createGc: 55, putImage: 72, queryExtension: 98 };
const ATTRIBUTE_CURSOR = 0x4000;

const pair = (a, b) => ((b & 0xffff) << 16) | (a & 0xffff);

async function extension(x, name, version) {
  const opcodes = (x.extensions ??= new Map());
  if (!opcodes.has(name)) {
    const reply = await x.request(CORE.queryExtension, 0, [name.length], { answer: true, bytes: Buffer.from(name) });
    if (reply[8] !== 1) throw new Error(`${name} is missing`);
    opcodes.set(name, reply[9]);
    await x.request(reply[9], 0, version, { answer: true });
  }
  return opcodes.get(name);
}

/**
 * A cursor of `width * height` pixels 0xAARRGGBB whose colours are multiplied by alpha already.
 * @returns {Promise<number>} its number
 */
export async function makeCursor(x, { width, height, hot: [hotX, hotY], argb }) {
  const render = await extension(x, "RENDER", [0, 11]);
  const formats = await x.request(render, RENDER.queryFormats, [], { answer: true });
  let format;
  for (let i = 0, at = 32; i < formats.readUInt32LE(8); i += 1, at += 28) {
    const [depth, red, alpha, alphaMask] = [formats[at + 5], formats.readUInt16LE(at + 8), formats.readUInt16LE(at + 20), formats.readUInt16LE(at + 22)];
    if (depth === 32 && red === 16 && alpha === 24 && alphaMask === 255) format = formats.readUInt32LE(at);
  }
  const [pixmap, gc, picture, cursor] = [x.id(), x.id(), x.id(), x.id()];
  x.request(CORE.createPixmap, 32, [pixmap, x.root, pair(width, height)]);
  x.request(CORE.createGc, 0, [gc, pixmap, 0]);
  const bytes = Buffer.alloc(4 * width * height);
  argb.forEach((pixel, i) => bytes.writeUInt32LE(pixel >>> 0, 4 * i));
  // In bands: one request holds 256 KiB.
  const band = Math.max(1, Math.floor(200_000 / (4 * width)));
  for (let row = 0; row < height; row += band) {
    const rows = Math.min(band, height - row);
    x.request(CORE.putImage, 2, [pixmap, gc, pair(width, rows), pair(0, row), 32 << 8], { bytes: bytes.subarray(4 * width * row, 4 * width * (row + rows)) });
  }
  x.request(render, RENDER.createPicture, [picture, pixmap, format, 0]);
  x.request(render, RENDER.createCursor, [cursor, picture, pair(hotX, hotY)]);
  await x.sync();
  return cursor;
}

/** Of several cursors one that shows each for so many milliseconds. */
export async function animate(x, cursors, ms) {
  const render = await extension(x, "RENDER", [0, 11]);
  const cursor = x.id();
  x.request(render, RENDER.createAnimCursor, [cursor, ...cursors.flatMap((frame) => [frame, ms])]);
  await x.sync();
  return cursor;
}

/** Shows a cursor over a window. */
export async function setCursor(x, window, cursor) {
  x.request(CORE.changeWindow, 0, [window, ATTRIBUTE_CURSOR, cursor]);
  await x.sync();
}

/** The cursor that is shown now: `{ x, y, width, height, hot, argb }`, its place by the hot spot; null for none. */
export async function shownCursor(x) {
  const xfixes = await extension(x, "XFIXES", [5, 0]);
  let reply;
  try {
    reply = await x.request(xfixes, XFIXES.getCursorImage, [], { answer: true });
  } catch {
    x.errors.length = 0;
    return null;
  }
  const [px, py, width, height, hotX, hotY] = [8, 10, 12, 14, 16, 18].map((at) => reply.readUInt16LE(at));
  const argb = Array.from({ length: width * height }, (_, i) => reply.readUInt32LE(32 + 4 * i));
  return { x: px, y: py, width, height, hot: [hotX, hotY], argb };
}

/**
 * Lays a cursor over RGB bytes of an area, in place.
 * @param {{ x: number, y: number, width: number, height: number }} area
 * @param {{ x: number, y: number }} spot where the cursor's hot spot is
 */
export function overlay(rgb, area, cursor, spot) {
  const [left, top] = [spot.x - cursor.hot[0] - area.x, spot.y - cursor.hot[1] - area.y];
  for (let row = 0; row < cursor.height; row += 1) {
    for (let column = 0; column < cursor.width; column += 1) {
      const [ax, ay] = [left + column, top + row];
      if (ax < 0 || ay < 0 || ax >= area.width || ay >= area.height) continue;
      const pixel = cursor.argb[row * cursor.width + column];
      const behind = 255 - (pixel >>> 24);
      const at = 3 * (ay * area.width + ax);
      for (let c = 0; c < 3; c += 1) {
        const colour = (pixel >>> (16 - 8 * c)) & 255;
        rgb[at + c] = Math.min(255, colour + Math.round((rgb[at + c] * behind) / 255));
      }
    }
  }
}
