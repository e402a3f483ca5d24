/**
 * A small X11 client: reads pixels and key states, makes windows that log events, and plays a real mouse and
 * keyboard through XTEST. An independent witness: nothing of it is shared with the agent, and it needs no
 * package. Numbers are from the X protocol's encoding, appendix B.
 */

import { connect } from "node:net";
import { readFileSync } from "node:fs";

const EVENT_NAMES = { 2: "key", 3: "keyup", 4: "button", 5: "buttonup", 6: "move", 9: "focus", 10: "blur" };
const CONFIGURE = 22;
const MASK = { keys: 0x3, buttons: 0xc, motion: 0x40, focus: 0x20_0000, structure: 0x2_0000 };

export class X11 {
  static async open(display, authority) {
    const number = Number(display.replace(/^:/, ""));
    const socket = connect(`/tmp/.X11-unix/X${number}`);
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const x = new X11(socket);
    await x.#setUp(authority);
    return x;
  }

  #socket;
  #data = Buffer.alloc(0);
  #sequence = 0;
  #waiting = new Map();
  #ready;
  #xtest = null;
  #ids = 0;
  #atoms = new Map();
  /** What the windows of this client were told: `{ type, detail, x, y, state }`. */
  events = [];
  /** Sizes that the screen took since `watchSize`. */
  sizes = [];
  /** Protocol errors; a test that made one is wrong. */
  errors = [];
  closed = false;
  /** Is shown every event's bytes. */
  onEvent = (_bytes) => {};

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      for (const { reject } of this.#waiting.values()) reject(new Error("the X server is gone"));
      this.#waiting.clear();
    });
  }

  end() {
    this.#socket.destroy();
  }

  async #setUp(authority) {
    const cookie = authority === undefined ? Buffer.alloc(0) : readCookie(authority);
    const name = Buffer.from(cookie.length > 0 ? "MIT-MAGIC-COOKIE-1" : "");
    const head = Buffer.alloc(12);
    head.write("l");
    head.writeUInt16LE(11, 2);
    head.writeUInt16LE(name.length, 6);
    head.writeUInt16LE(cookie.length, 8);
    const answer = new Promise((resolve, reject) => (this.#ready = { resolve, reject }));
    this.#socket.write(Buffer.concat([head, padded(name), padded(cookie)]));
    const setup = await answer;
    this.idBase = setup.readUInt32LE(12);
    const screen = 40 + pad4(setup.readUInt16LE(24)) + 8 * setup.readUInt8(29);
    this.root = setup.readUInt32LE(screen);
    this.visual = setup.readUInt32LE(screen + 32);
  }

  #take(chunk) {
    this.#data = this.#data.length === 0 ? chunk : Buffer.concat([this.#data, chunk]);
    for (;;) {
      const data = this.#data;
      if (this.#ready !== undefined) {
        if (data.length < 8 || data.length < 8 + 4 * data.readUInt16LE(6)) return;
        const all = data.subarray(0, 8 + 4 * data.readUInt16LE(6));
        this.#data = data.subarray(all.length);
        const { resolve, reject } = this.#ready;
        this.#ready = undefined;
        if (all[0] === 1) resolve(all);
        else reject(new Error(`the X server refused: ${all.subarray(8).toString().trim()}`));
        continue;
      }
      if (data.length < 32) return;
      const length = data[0] === 1 ? 32 + 4 * data.readUInt32LE(4) : 32;
      if (data.length < length) return;
      this.#data = data.subarray(length);
      this.#message(data.subarray(0, length));
    }
  }

  #message(message) {
    const kind = message[0] & 0x7f;
    const waiting = this.#waiting.get(message.readUInt16LE(2));
    if (kind > 1) return this.#event(kind, message);
    this.#waiting.delete(message.readUInt16LE(2));
    if (kind === 1) return waiting?.resolve(message);
    const error = new Error(`X error ${message[1]} of request ${message[10]}.${message.readUInt16LE(8)}`);
    this.errors.push(error);
    waiting?.reject(error);
  }

  #event(kind, message) {
    this.onEvent(message);
    if (kind === CONFIGURE && message.readUInt32LE(8) === this.root) this.sizes.push(`${message.readUInt16LE(20)}x${message.readUInt16LE(22)}`);
    const type = EVENT_NAMES[kind];
    if (type === undefined) return;
    const [x, y, state] = [message.readInt16LE(20), message.readInt16LE(22), message.readUInt16LE(28)];
    this.events.push({ type, detail: message[1], x, y, state, at: performance.now() });
  }

  #send(opcode, data, body = Buffer.alloc(0)) {
    const rest = padded(body);
    const head = Buffer.alloc(4);
    head.writeUInt8(opcode, 0);
    head.writeUInt8(data, 1);
    head.writeUInt16LE(1 + rest.length / 4, 2);
    this.#socket.write(Buffer.concat([head, rest]));
    this.#sequence = (this.#sequence + 1) & 0xffff;
    return this.#sequence;
  }

  #ask(opcode, data, body) {
    if (this.closed) return Promise.reject(new Error("the X server is gone"));
    const sequence = this.#send(opcode, data, body);
    return new Promise((resolve, reject) => this.#waiting.set(sequence, { resolve, reject }));
  }

  /** Any request, for what one test alone needs; with `answer` its reply. */
  request(opcode, data, words, { answer = false, bytes = Buffer.alloc(0) } = {}) {
    return (answer ? this.#ask : this.#send).call(this, opcode, data, Buffer.concat([...words.map(u32), bytes]));
  }

  /** Everything sent so far has been done when this returns. */
  async sync() {
    await this.#ask(43, 0);
  }

  #newId() {
    this.#ids += 1;
    return this.idBase + this.#ids;
  }

  /** A number for something that a test makes by `request`. */
  id() {
    return this.#newId();
  }

  // --- The screen ---------------------------------------------------------------------------------

  async size(window = this.root) {
    const reply = await this.#ask(14, 0, u32(window));
    return { width: reply.readUInt16LE(16), height: reply.readUInt16LE(18) };
  }

  /** From now on every size of the screen is kept in `sizes`. */
  async watchSize() {
    this.#send(2, 0, Buffer.concat([u32(this.root), u32(0x800), u32(MASK.structure)]));
    await this.sync();
    this.sizes.length = 0;
  }

  /** Pixels of the root window with everything on it, as RGB bytes. */
  async pixels({ x = 0, y = 0, width, height }) {
    const rgb = Buffer.alloc(width * height * 3);
    // Bands, so that no answer is larger than what a socket takes at once.
    const rows = Math.max(1, Math.floor(1_000_000 / (width * 4)));
    for (let top = 0; top < height; top += rows) {
      const band = Math.min(rows, height - top);
      const reply = await this.#ask(73, 2, Buffer.concat([u32(this.root), i16(x, y + top), i16(width, band), u32(0xffff_ffff)]));
      for (let i = 0; i < width * band; i += 1) {
        const [from, to] = [32 + 4 * i, 3 * (top * width + i)];
        rgb[to] = reply[from + 2];
        rgb[to + 1] = reply[from + 1];
        rgb[to + 2] = reply[from];
      }
    }
    return rgb;
  }

  async pointer() {
    const reply = await this.#ask(38, 0, u32(this.root));
    return { x: reply.readInt16LE(16), y: reply.readInt16LE(18), state: reply.readUInt16LE(24) };
  }

  /** Keycodes that are down now. */
  async keysDown() {
    const reply = await this.#ask(44, 0);
    const down = [];
    for (let key = 8; key < 256; key += 1) if (reply[8 + (key >> 3)] & (1 << (key & 7))) down.push(key);
    return down;
  }

  /** Everything held: keycodes and `buttonN`. */
  async held() {
    const buttons = ((await this.pointer()).state >> 8) & 0x1f;
    const names = [1, 2, 3, 4, 5].filter((n) => buttons & (1 << (n - 1))).map((n) => `button${n}`);
    return [...(await this.keysDown()), ...names];
  }

  // --- Windows ------------------------------------------------------------------------------------

  /** A window that no window manager touches, on top of the others unless `managed`. */
  async window({ x = 0, y = 0, width, height, colour = 0x404040, managed = false, title = "" }) {
    const id = this.#newId();
    const mask = MASK.keys | MASK.buttons | MASK.motion | MASK.focus;
    const values = Buffer.concat([u32(colour), u32(managed ? 0 : 1), u32(mask)]);
    // Background pixel, override-redirect, event mask.
    const body = [u32(id), u32(this.root), i16(x, y), i16(width, height), i16(0, 1), u32(this.visual), u32(0xa02), values];
    this.#send(1, 24, Buffer.concat(body));
    if (title !== "") this.#send(18, 0, Buffer.concat([u32(id), u32(39), u32(31), Buffer.from([8, 0, 0, 0]), u32(title.length), Buffer.from(title)]));
    this.#send(8, 0, u32(id));
    await this.sync();
    return id;
  }

  async destroy(window) {
    this.#send(4, 0, u32(window));
    await this.sync();
  }

  async place(window, { x, y, width, height }) {
    this.#send(12, 0, Buffer.concat([u32(window), u32(0xf), u32(x), u32(y), u32(width), u32(height)]));
    await this.sync();
  }

  /** Gives a window a pointer that nobody sees, as games do. */
  async hideCursor(window) {
    const [mask, gc, cursor] = [this.#newId(), this.#newId(), this.#newId()];
    // A mask of one bit, emptied; the pointer made of it shows nothing.
    this.#send(53, 1, Buffer.concat([u32(mask), u32(this.root), i16(1, 1)]));
    this.#send(55, 0, Buffer.concat([u32(gc), u32(mask), u32(0x4), u32(0)]));
    this.#send(70, 0, Buffer.concat([u32(mask), u32(gc), i16(0, 0), i16(1, 1)]));
    this.#send(93, 0, Buffer.concat([u32(cursor), u32(mask), u32(mask), Buffer.alloc(16)]));
    this.#send(2, 0, Buffer.concat([u32(window), u32(0x4000), u32(cursor)]));
    await this.sync();
  }

  async focus(window) {
    this.#send(42, 1, Buffer.concat([u32(window), u32(0)]));
    await this.sync();
  }

  /** Puts RGB bytes into a window, once; what is exposed later is blank. */
  async paint(window, { width, height }, rgb) {
    const gc = this.#newId();
    this.#send(55, 0, Buffer.concat([u32(gc), u32(window), u32(0)]));
    const rows = Math.max(1, Math.floor(200_000 / (width * 4)));
    for (let top = 0; top < height; top += rows) {
      const band = Math.min(rows, height - top);
      const bgra = Buffer.alloc(width * band * 4);
      for (let i = 0; i < width * band; i += 1) {
        const from = 3 * (top * width + i);
        bgra[4 * i] = rgb[from + 2];
        bgra[4 * i + 1] = rgb[from + 1];
        bgra[4 * i + 2] = rgb[from];
      }
      this.#send(72, 2, Buffer.concat([u32(window), u32(gc), i16(width, band), i16(0, top), Buffer.from([0, 24, 0, 0]), bgra]));
    }
    await this.sync();
  }

  async atom(name) {
    if (!this.#atoms.has(name)) {
      const head = Buffer.alloc(4);
      head.writeUInt16LE(name.length);
      this.#atoms.set(name, (await this.#ask(16, 0, Buffer.concat([head, Buffer.from(name)]))).readUInt32LE(8));
    }
    return this.#atoms.get(name);
  }

  /** A property as 32-bit numbers. */
  async property(window, name) {
    const reply = await this.#ask(20, 0, Buffer.concat([u32(window), u32(await this.atom(name)), u32(0), u32(0), u32(4096)]));
    const count = reply[1] === 32 ? reply.readUInt32LE(16) : 0;
    return Array.from({ length: count }, (_, i) => reply.readUInt32LE(32 + 4 * i));
  }

  /** Windows that the window manager knows, oldest first. */
  async clients() {
    return this.property(this.root, "_NET_CLIENT_LIST");
  }

  /** Whether a window is shown that no window manager arranges: a menu, a list of windows to choose from. */
  async popup() {
    const tree = await this.#ask(15, 0, u32(this.root));
    for (let i = 0; i < tree.readUInt16LE(16); i++) {
      const window = tree.readUInt32LE(32 + 4 * i);
      const attributes = await this.#ask(3, 0, u32(window)).catch(() => null);
      // The manager's own windows of one pixel stand outside the screen.
      if (attributes?.[26] === 2 && attributes[27] === 1 && (await this.size(window).catch(() => ({ width: 0 }))).width > 1) return true;
    }
    return false;
  }

  /** Asks the window manager to raise and focus a window, as a pager does. */
  async activate(window) {
    const event = Buffer.alloc(32);
    event.writeUInt8(33, 0);
    event.writeUInt8(32, 1);
    event.writeUInt32LE(window, 4);
    event.writeUInt32LE(await this.atom("_NET_ACTIVE_WINDOW"), 8);
    event.writeUInt32LE(2, 12);
    this.#send(25, 0, Buffer.concat([u32(this.root), u32(0x18_0000), event]));
    await this.sync();
  }

  // --- A real mouse and keyboard ------------------------------------------------------------------

  async #fake(type, detail, x = 0, y = 0) {
    this.#xtest ??= (await this.#ask(98, 0, Buffer.concat([Buffer.from([5, 0, 0, 0]), Buffer.from("XTEST")])))[9];
    const body = Buffer.alloc(32);
    body.writeUInt8(type, 0);
    body.writeUInt8(detail, 1);
    body.writeUInt32LE(type === 6 ? this.root : 0, 8);
    body.writeInt16LE(x, 20);
    body.writeInt16LE(y, 22);
    this.#send(this.#xtest, 2, body);
    await this.sync();
  }

  async keyDown(keycode) {
    await this.#fake(2, keycode);
  }

  async keyUp(keycode) {
    await this.#fake(3, keycode);
  }

  async tap(...keycodes) {
    for (const key of keycodes) await this.keyDown(key);
    for (const key of keycodes.toReversed?.() ?? [...keycodes].reverse()) await this.keyUp(key);
  }

  /** The symbols of every key, by keycode: of one group its levels are at 0, 1, 4 and 5. */
  async keymap() {
    const reply = await this.#ask(101, 0, Buffer.from([8, 248, 0, 0]));
    const width = reply[1];
    const symbols = (key) => Array.from({ length: width }, (_, i) => reply.readUInt32LE(32 + 4 * ((key - 8) * width + i)));
    return new Map(Array.from({ length: 248 }, (_, i) => [i + 8, symbols(i + 8)]));
  }

  async buttonDown(button) {
    await this.#fake(4, button);
  }

  async buttonUp(button) {
    await this.#fake(5, button);
  }

  async click(button = 1) {
    await this.buttonDown(button);
    await this.buttonUp(button);
  }

  async moveTo(x, y) {
    await this.#fake(6, 0, Math.round(x), Math.round(y));
  }
}

function readCookie(path) {
  // One record: family, then address, number, name and data, each with its length before it.
  const bytes = readFileSync(path);
  let at = 2;
  let field = Buffer.alloc(0);
  for (let i = 0; i < 4; i += 1) {
    const length = bytes.readUInt16BE(at);
    field = bytes.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
  return field;
}

const pad4 = (length) => (length + 3) & ~3;
const padded = (bytes) => (bytes.length % 4 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(pad4(bytes.length) - bytes.length)]));
const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
const i16 = (a, b) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt16LE(a);
  bytes.writeInt16LE(b, 2);
  return bytes;
};
