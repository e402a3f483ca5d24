/**
 * Exact pixels over the video: a canvas that the host's tiles are painted on, and cleared from as newer video is shown.
 *
 * The messages' form is in the contract (`tiles.rs`). A frame is known by its RTP timestamp, which not every browser
 * tells; the host sends tiles only after it was told that this one does.
 */

const CELL = 64;
const [TILES, NOTE] = [1, 2];
const [FORGET, EXACT] = [1, 2];
const HEAD = 12;
const ONE_COLOUR = 0;
const PALETTE = 1;

/** Whether RTP timestamp `a` is newer than `b` (RFC 3550: they wrap at 32 bits). @param {number} a @param {number} b */
const newer = (a, b) => a !== b && ((a - b) >>> 0) < 0x8000_0000;

export class TileLayer {
  element = document.createElement("canvas");
  /** Whether all that is shown is exact. */
  exact = false;
  #context;
  #say;
  /** For each cell the number of the message that painted it, 0 for none. @type {Uint32Array} */
  #painted = new Uint32Array(0);
  #columns = 0;
  #count = 0;
  #number = 0;
  /** The newest frame that was spoken of. @type {number | null} */
  #heard = null;
  /** The newest frame that is shown. @type {number | null} */
  #shown = null;
  /** @type {{ stamp: number, number: number, runs: [number, number][] }[]} */
  #notes = [];
  /** Messages are taken in their order, and some need time. @type {Promise<void> | null} */
  #before = null;
  /** Width and height of the frame that is shown, which are even. */
  #video = [0, 0];
  #begun = false;
  #closed = false;

  /**
   * @param {HTMLElement} stage
   * @param {(bytes: Uint8Array<ArrayBuffer>) => void} say
   */
  constructor(stage, say) {
    this.#say = say;
    const { element } = this;
    element.className = "tiles";
    element.width = element.height = 0;
    element.hidden = true;
    element.inert = true;
    this.#context = element.getContext("2d", { alpha: true });
    stage.prepend(element);
  }

  /** @param {VideoFrameCallbackMetadata} metadata of the frame that is shown now */
  frame({ rtpTimestamp: rtp, width, height }) {
    if (rtp === undefined || this.#closed) return;
    if (!this.#begun) {
      this.#begun = true;
      this.#seen(0);
    }
    this.#shown = rtp;
    this.#video = [width, height];
    this.#settle();
  }

  /** @param {ArrayBuffer} data */
  message(data) {
    if (this.#closed) return;
    const view = new DataView(data);
    if (this.#before === null) {
      const later = this.#take(view);
      if (later !== null) this.#queue(later);
      return;
    }
    this.#queue(this.#before.then(() => this.#take(view) ?? undefined));
  }

  /** @param {Promise<void>} work */
  #queue(work) {
    const mine = work.catch((error) => console.warn("REMOVID: a message on tiles was refused:", error instanceof Error ? error.message : "")).then(() => {
      if (this.#before === mine) this.#before = null;
    });
    this.#before = mine;
  }

  /**
   * Returns a promise where the message needs time.
   * @param {DataView} view
   * @returns {Promise<void> | null}
   */
  #take(view) {
    if (view.byteLength < HEAD) return null;
    const [kind, flags, stamp] = [view.getUint8(0), view.getUint8(1), view.getUint32(2)];
    this.#size(view.getUint16(6), view.getUint16(8));
    if ((flags & FORGET) !== 0) this.#forget();
    this.exact = (flags & EXACT) !== 0;
    this.#number += 1;
    const count = view.getUint16(10);
    if (kind === NOTE) {
      /** @type {[number, number][]} */
      const runs = [];
      for (let at = HEAD; at + 4 <= view.byteLength && runs.length < count; at += 4) runs.push([view.getUint16(at), view.getUint16(at + 2)]);
      this.#notes.push({ stamp, number: this.#number, runs });
      this.#heard = stamp;
      this.#settle();
      return null;
    }
    if (kind !== TILES) return null;
    // Of the frame of that very time nothing was said yet.
    const before = (stamp - 1) >>> 0;
    if (this.#heard === null || newer(before, this.#heard)) this.#heard = before;
    const { cells, rest } = readCells(view, count);
    if (rest >= view.byteLength) {
      this.#paint(cells, null, stamp);
      return null;
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset + rest, view.byteLength - rest);
    return inflate(/** @type {Uint8Array<ArrayBuffer>} */ (bytes)).then((pixels) => this.#paint(cells, pixels, stamp));
  }

  /**
   * @param {Cell[]} cells
   * @param {Uint8Array | null} pixels
   * @param {number} stamp
   */
  #paint(cells, pixels, stamp) {
    const { width, height } = this.element;
    const context = this.#context;
    if (this.#closed || context === null) return;
    let at = 0;
    for (const { number, form, colours } of cells) {
      const [x, y] = [(number % this.#columns) * CELL, Math.floor(number / this.#columns) * CELL];
      const [wide, high] = [Math.min(CELL, width - x), Math.min(CELL, height - y)];
      if (wide <= 0 || high <= 0 || number >= this.#painted.length) break;
      if (form === ONE_COLOUR) {
        const colour = colours[0] ?? 0;
        context.fillStyle = `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
        context.fillRect(x, y, wide, high);
      } else if (pixels !== null) {
        const image = new ImageData(wide, high);
        at = form === PALETTE ? fromPalette(image, pixels, at, colours) : fromColours(image, pixels, at);
        context.putImageData(image, x, y);
      }
      if (this.#painted[number] === 0) this.#count += 1;
      this.#painted[number] = this.#number;
    }
    this.#settle();
    this.#seen(stamp);
  }

  /** Clears what the frame that is shown replaces; hides all while what it replaces is not known. */
  #settle() {
    const shown = this.#shown;
    if (shown === null) return;
    while (this.#notes[0] !== undefined && !newer(this.#notes[0].stamp, shown)) {
      const note = this.#notes.shift();
      for (const [first, length] of note?.runs ?? []) {
        for (let cell = first; cell < first + length; cell += 1) this.#clear(cell, note?.number ?? 0);
      }
    }
    const unknown = this.#heard === null || newer(shown, this.#heard);
    const { width, height } = this.element;
    const fits = this.#video[0] === width + (width & 1) && this.#video[1] === height + (height & 1);
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
   * @param {number} width
   * @param {number} height
   */
  #size(width, height) {
    const { element } = this;
    if (element.width === width && element.height === height) return;
    element.width = width;
    element.height = height;
    this.#columns = Math.ceil(width / CELL);
    this.#painted = new Uint32Array(this.#columns * Math.ceil(height / CELL));
    this.#count = 0;
    this.#notes = [];
    element.hidden = true;
  }

  #forget() {
    this.#context?.clearRect(0, 0, this.element.width, this.element.height);
    this.#painted.fill(0);
    this.#count = 0;
    this.#notes = [];
  }

  /** @param {number} stamp */
  #seen(stamp) {
    const bytes = new Uint8Array(5);
    bytes[0] = 1;
    new DataView(bytes.buffer).setUint32(1, stamp);
    this.#say(bytes);
  }

  close() {
    this.#closed = true;
    this.element.remove();
  }
}

/** @typedef {{ number: number, form: number, colours: Uint32Array }} Cell its colours as canvases have them, opaque */

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
    let length = form === ONE_COLOUR ? 1 : 0;
    if (form === PALETTE) {
      length = view.getUint8(at) + 1;
      at += 1;
    }
    const colours = new Uint32Array(length);
    for (let i = 0; i < length; i += 1, at += 3) {
      colours[i] = (view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16) | 0xff00_0000) >>> 0;
    }
    cells.push({ number, form, colours });
  }
  return { cells, rest: at };
}

/**
 * @param {ImageData} image
 * @param {Uint8Array} pixels
 * @param {number} from
 * @param {Uint32Array} colours
 */
function fromPalette(image, pixels, from, colours) {
  const to = new Uint32Array(image.data.buffer);
  for (let i = 0; i < to.length; i += 1) to[i] = colours[pixels[from + i] ?? 0] ?? 0;
  return from + to.length;
}

/**
 * @param {ImageData} image
 * @param {Uint8Array} pixels
 * @param {number} from
 */
function fromColours(image, pixels, from) {
  const to = new Uint32Array(image.data.buffer);
  const { width } = image;
  let [red, green, blue, at] = [0, 0, 0, from];
  for (let i = 0; i < to.length; i += 1) {
    if (i % width === 0) red = green = blue = 0;
    red = (red + (pixels[at] ?? 0)) & 255;
    green = (green + (pixels[at + 1] ?? 0)) & 255;
    blue = (blue + (pixels[at + 2] ?? 0)) & 255;
    to[i] = (red | (green << 8) | (blue << 16) | 0xff00_0000) >>> 0;
    at += 3;
  }
  return at;
}

/** @param {Uint8Array<ArrayBuffer>} bytes raw DEFLATE */
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
