/**
 * Exact pixels over the video: a canvas that the host's tiles are painted on, and cleared from as newer video is shown.
 *
 * The messages' form is in the contract (`tiles.rs`). A frame is known by its RTP timestamp, which not every browser
 * tells; the host sends tiles only after it was told that this one does.
 */

import { isHalf, isWhole } from "./half.js";

const CELL = 64;
const [TILES, NOTE] = [1, 2];
const [FORGET, EXACT, SAME] = [1, 2, 4];
const HEAD = 16;
/** A path that lost something is taken for lossy so long. */
const LOSSY_MS = 10_000;
/** Messages beyond a missing one that are remembered. */
const MAX_EARLY = 4_096;
/** Notes of frames that are not shown yet; a page that nobody sees shows none. */
const MAX_NOTES = 512;
const ONE_COLOUR = 0;
const FEW = 1;

/** Whether RTP timestamp `a` is newer than `b` (RFC 3550: they wrap at 32 bits). @param {number} a @param {number} b */
const newer = (a, b) => a !== b && ((a - b) >>> 0) < 0x8000_0000;

export class TileLayer {
  element = document.createElement("canvas");
  /** Whether all was exact when the last message was done. */
  #exact = false;
  #context;
  #say;
  #seenPainted;
  /** RTP time of the pixels that the next animation frame shows first. @type {number | null} */
  #fresh = null;
  /** For each cell the number of the message that painted it, 0 for none. @type {Uint32Array} */
  #painted = new Uint32Array(0);
  /** For each cell the last message that painted it or said that it is gone. @type {Uint32Array} */
  #touched = new Uint32Array(0);
  #columns = 0;
  #count = 0;
  /** All messages up to this one are done. */
  #done = 0;
  /** What is done beyond that, each with the frame up to which it speaks. @type {Map<number, { stamp: number, exact: boolean }>} */
  #early = new Map();
  /** The message that gave the canvas its size. */
  #sized = 0;
  /** Messages before this one are void. */
  #first = 0;
  /** The newest frame up to which all is known. @type {number | null} */
  #heard = null;
  /** The newest frame that is shown. @type {number | null} */
  #shown = null;
  /** @type {{ stamp: number, number: number, runs: [number, number][] }[]} */
  #notes = [];
  /** Frames that show the same as an earlier one, and that one's RTP time. @type {Map<number, number>} */
  #same = new Map();
  /** Width and height of the frame that is shown, which are even. */
  #video = { width: 0, height: 0 };
  /** When something came a second time: the host sends short messages twice where some are lost. */
  #twice = -Infinity;
  #opened = false;
  #closed = false;
  /** Other windows' layers, which show the same. @type {Set<TileLayer>} */
  #followers = new Set();

  /**
   * @param {HTMLElement} stage
   * @param {(bytes: Uint8Array<ArrayBuffer>) => void} say
   * @param {(stamp: number) => void} painted what the host had at that RTP time is shown
   */
  constructor(stage, say, painted) {
    this.#say = say;
    this.#seenPainted = painted;
    const { element } = this;
    element.className = "tiles";
    element.width = element.height = 0;
    element.hidden = true;
    element.inert = true;
    this.#context = element.getContext("2d", { alpha: true });
    stage.prepend(element);
  }

  /** Whether every pixel that is shown is the screen's, as far as this page has heard. */
  get exact() {
    return this.#exact && !this.element.hidden;
  }

  /** Whether the path loses messages, as far as this page can tell. */
  get lossy() {
    return performance.now() - this.#twice < LOSSY_MS;
  }

  /** Says again what is done, for its own sake. */
  again() {
    if (!this.#closed) this.#seen(this.#done);
  }

  /** @param {VideoFrameCallbackMetadata} metadata of the frame that is shown now */
  frame({ rtpTimestamp: rtp, width, height }) {
    if (rtp === undefined || this.#closed) return;
    const first = this.#shown === null;
    this.#shown = rtp;
    if (first) this.#begin();
    this.#video = { width, height };
    this.#settle();
  }

  /** The host can be spoken to. */
  open() {
    this.#opened = true;
    this.#begin();
  }

  /** Asks for tiles, once it is known that this browser tells which frame it shows. */
  #begin() {
    if (this.#opened && this.#shown !== null) this.#seen(0);
  }

  /** Has another window's layer show the same from now on. @param {TileLayer} follower */
  lead(follower) {
    follower.reset();
    this.#followers.add(follower);
    // It needs what was painted before it came.
    if (this.#opened && this.#shown !== null) this.#say(Uint8Array.of(3));
  }

  /** @param {TileLayer} follower */
  leave(follower) {
    this.#followers.delete(follower);
  }

  /** Forgets all, as for another connection. Public: another window has its own class. */
  reset() {
    this.element.width = this.element.height = 0;
    this.element.hidden = true;
    this.#exact = false;
    this.#painted = this.#touched = new Uint32Array(0);
    this.#count = this.#done = this.#sized = this.#first = 0;
    this.#early.clear();
    this.#same.clear();
    this.#notes = [];
    this.#heard = this.#shown = null;
  }

  /** @param {ArrayBuffer} data */
  message(data) {
    if (this.#closed) return;
    for (const follower of this.#followers) follower.message(data);
    try {
      this.#take(new DataView(data));
    } catch (error) {
      console.warn("REMOVID: a message on tiles was refused:", error instanceof Error ? error.message : "");
    }
  }

  /** @param {DataView} view */
  #take(view) {
    const [kind, flags, number, stamp] = [view.getUint8(0), view.getUint8(1), view.getUint32(2), view.getUint32(6)];
    // Said again, or before all was forgotten.
    if (number <= this.#done || number < this.#first || this.#early.has(number)) {
      this.#twice = performance.now();
      return;
    }
    if ((flags & FORGET) !== 0) this.#forget(number);
    // Of a screen that had another size since, or will have.
    if (!this.#size(view.getUint16(10), view.getUint16(12), number)) return this.#finish(number, (stamp - 1) >>> 0, flags);
    const count = view.getUint16(14);
    if (kind === NOTE) {
      /** @type {[number, number][]} */
      const runs = [];
      for (let at = HEAD; at + 4 <= view.byteLength && runs.length < count; at += 4) runs.push([view.getUint16(at), view.getUint16(at + 2)]);
      for (const [first, length] of runs) {
        for (let cell = first; cell < first + length; cell += 1) this.#touched[cell] = Math.max(number, this.#touched[cell] ?? 0);
      }
      this.#notes.push({ stamp, number, runs });
      if ((flags & SAME) !== 0) this.#same.set(stamp, view.getUint32(view.byteLength - 4));
      for (const old of this.#same.keys()) if (this.#same.size > MAX_NOTES) this.#same.delete(old);
      return this.#finish(number, stamp, flags);
    }
    if (kind !== TILES) return;
    const { cells, rest } = readCells(view, count);
    // Of the frame of that very time nothing was said yet.
    const before = (stamp - 1) >>> 0;
    if (rest >= view.byteLength) {
      this.#paint(cells, null, number);
      this.#time(stamp);
      return this.#finish(number, before, flags);
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset + rest, view.byteLength - rest);
    inflate(/** @type {Uint8Array<ArrayBuffer>} */ (bytes)).then(
      (pixels) => {
        if (this.#closed || number < this.#first || number <= this.#done || this.#early.has(number)) return;
        this.#paint(cells, pixels, number);
        this.#time(stamp);
        this.#finish(number, before, flags);
      },
      () => console.warn("REMOVID: pixels of tiles are damaged"),
    );
  }

  /**
   * A message is done; with it perhaps some that came before their turn.
   * @param {number} number
   * @param {number} stamp
   * @param {number} flags
   */
  #finish(number, stamp, flags) {
    if (this.#early.size < MAX_EARLY) this.#early.set(number, { stamp, exact: (flags & EXACT) !== 0 });
    const before = this.#done;
    for (let next = this.#early.get(this.#done + 1); next !== undefined; next = this.#early.get(this.#done + 1)) {
      this.#done += 1;
      this.#early.delete(this.#done);
      this.#exact = next.exact;
      if (this.#heard === null || newer(next.stamp, this.#heard)) this.#heard = next.stamp;
    }
    if (this.#done !== before) this.#seen(this.#done);
    this.#settle();
  }

  /**
   * @param {Cell[]} cells
   * @param {Uint8Array | null} pixels
   * @param {number} message its number
   */
  #paint(cells, pixels, message) {
    const { width, height } = this.element;
    const context = this.#context;
    if (context === null) return;
    const drawn = pixels === null ? null : new Drawn(pixels, cells.filter(({ form }) => form === FEW).reduce((sum, { number }) => sum + this.#area(number), 0));
    for (const { number, form, colour } of cells) {
      const [x, y] = [(number % this.#columns) * CELL, Math.floor(number / this.#columns) * CELL];
      const [wide, high] = [Math.min(CELL, width - x), Math.min(CELL, height - y)];
      if (wide <= 0 || high <= 0 || number >= this.#painted.length) break;
      // Newer pixels are there already, or it is known to be gone.
      const late = message < (this.#touched[number] ?? 0);
      if (form === ONE_COLOUR) {
        context.fillStyle = colour;
        if (!late) context.fillRect(x, y, wide, high);
      } else if (drawn !== null) {
        const image = new ImageData(wide, high);
        if (form === FEW) drawn.few(image);
        else drawn.many(image);
        if (!late) context.putImageData(image, x, y);
      }
      if (late) continue;
      if (this.#painted[number] === 0) this.#count += 1;
      this.#painted[number] = this.#touched[number] = message;
    }
  }

  /** Tells when pixels of that time are shown. @param {number} stamp */
  #time(stamp) {
    if (this.#fresh === null) {
      requestAnimationFrame(() => {
        if (this.#fresh !== null && !this.element.hidden) this.#seenPainted(this.#fresh);
        this.#fresh = null;
      });
    }
    this.#fresh ??= stamp;
  }

  /** Pixels of a cell. @param {number} number */
  #area(number) {
    const { width, height } = this.element;
    const [x, y] = [(number % this.#columns) * CELL, Math.floor(number / this.#columns) * CELL];
    return Math.max(0, Math.min(CELL, width - x)) * Math.max(0, Math.min(CELL, height - y));
  }

  /** Clears what the frame that is shown replaces; hides all while what it replaces is not known. */
  #settle() {
    const shown = this.#shown;
    if (shown === null) return;
    const extra = this.#notes.length - MAX_NOTES;
    const due = this.#notes.filter(({ stamp }, at) => at < extra || !newer(stamp, shown));
    if (due.length > 0) this.#notes = this.#notes.filter((note) => !due.includes(note));
    for (const { runs, number } of due) {
      for (const [first, length] of runs) {
        for (let cell = first; cell < first + length; cell += 1) this.#clear(cell, number);
      }
    }
    const unknown = this.#heard === null || newer(this.#same.get(shown) ?? shown, this.#heard);
    const { width, height } = this.element;
    const fits = isWhole(this.#video, { width, height }) || isHalf(this.#video, { width, height });
    this.element.hidden = this.#count === 0 || unknown || !fits;
  }

  /**
   * @param {number} cell
   * @param {number} before only what an earlier message painted
   */
  #clear(cell, before) {
    const painted = this.#painted[cell] ?? 0;
    if (painted === 0 || painted > before) return;
    this.#painted[cell] = 0;
    this.#count -= 1;
    this.#context?.clearRect((cell % this.#columns) * CELL, Math.floor(cell / this.#columns) * CELL, CELL, CELL);
  }

  /**
   * Returns whether the screen has that size, as far as is known.
   * @param {number} width
   * @param {number} height
   * @param {number} number of the message that says so
   */
  #size(width, height, number) {
    const { element } = this;
    const same = element.width === width && element.height === height;
    if (same || number < this.#sized) return same;
    this.#sized = number;
    element.width = width;
    element.height = height;
    this.#columns = Math.ceil(width / CELL);
    this.#painted = new Uint32Array(this.#columns * Math.ceil(height / CELL));
    this.#touched = new Uint32Array(this.#painted.length);
    this.#count = 0;
    this.#notes = [];
    element.hidden = true;
    return true;
  }

  /** @param {number} number of the message that says so */
  #forget(number) {
    this.#context?.clearRect(0, 0, this.element.width, this.element.height);
    this.#painted.fill(0);
    // What comes later and was said earlier is void, with whatever is missing.
    this.#first = number;
    this.#done = number - 1;
    for (const early of this.#early.keys()) if (early < number) this.#early.delete(early);
    this.#count = 0;
    this.#notes = [];
  }

  /** @param {number} number */
  #seen(number) {
    const bytes = new Uint8Array(5);
    bytes[0] = 1;
    new DataView(bytes.buffer).setUint32(1, number);
    this.#say(bytes);
  }

  close() {
    this.#closed = true;
    this.#followers.clear();
    this.element.remove();
  }
}

/** @typedef {{ number: number, form: number, colour: string }} Cell */

/**
 * @param {DataView} view
 * @param {number} count
 */
function readCells(view, count) {
  /** @type {Cell[]} */
  const cells = [];
  let at = HEAD;
  for (let left = count; left > 0; left -= 1) {
    const [number, form] = [view.getUint16(at), view.getUint8(at + 2)];
    at += 3;
    let colour = "";
    if (form === ONE_COLOUR) {
      colour = `rgb(${view.getUint8(at)} ${view.getUint8(at + 1)} ${view.getUint8(at + 2)})`;
      at += 3;
    }
    cells.push({ number, form, colour });
  }
  return { cells, rest: at };
}

/** The pixels of a message's cells, taken in their order. */
class Drawn {
  #bytes;
  /** As canvases have them, opaque. */
  #colours;
  /** Of the next cell's low bytes; its high bytes stand so far behind. */
  #low;
  #high;
  #many;

  /**
   * @param {Uint8Array} bytes
   * @param {number} few pixels of the cells of few colours
   */
  constructor(bytes, few) {
    this.#bytes = bytes;
    const count = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    this.#colours = new Uint32Array(count);
    for (let i = 0; i < count; i += 1) this.#colours[i] = colour(bytes[2 + 3 * i] ?? 0, bytes[3 + 3 * i] ?? 0, bytes[4 + 3 * i] ?? 0);
    this.#low = 2 + 3 * count;
    this.#high = count > 256 ? few : 0;
    this.#many = this.#low + few + this.#high;
  }

  /** @param {ImageData} image */
  few(image) {
    const to = new Uint32Array(image.data.buffer);
    const [bytes, colours, low, high] = [this.#bytes, this.#colours, this.#low, this.#high];
    if (high === 0) {
      for (let i = 0; i < to.length; i += 1) to[i] = colours[bytes[low + i] ?? 0] ?? 0;
    } else {
      for (let i = 0; i < to.length; i += 1) to[i] = colours[(bytes[low + i] ?? 0) | ((bytes[low + high + i] ?? 0) << 8)] ?? 0;
    }
    this.#low += to.length;
  }

  /** @param {ImageData} image */
  many(image) {
    const to = new Uint32Array(image.data.buffer);
    const { width } = image;
    const bytes = this.#bytes;
    let [red, green, blue, at] = [0, 0, 0, this.#many];
    for (let i = 0; i < to.length; i += 1, at += 3) {
      if (i % width === 0) red = green = blue = 0;
      red = (red + (bytes[at] ?? 0)) & 255;
      green = (green + (bytes[at + 1] ?? 0)) & 255;
      blue = (blue + (bytes[at + 2] ?? 0)) & 255;
      to[i] = colour(red, green, blue);
    }
    this.#many = at;
  }
}

/**
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 */
function colour(red, green, blue) {
  return (red | (green << 8) | (blue << 16) | 0xff00_0000) >>> 0;
}

/**
 * Written by hand where a Blob's stream would do: that one takes the bytes through the browser's own process and back.
 * @param {Uint8Array<ArrayBuffer>} bytes raw DEFLATE
 */
async function inflate(bytes) {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  const written = Promise.all([writer.write(bytes), writer.close()]);
  // What is damaged is told by the reader.
  written.catch(() => {});
  /** @type {Uint8Array[]} */
  const parts = [];
  let length = 0;
  const reader = readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
    length += next.value.length;
  }
  await written;
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
