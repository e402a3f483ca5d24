/**
 * Files to and from the host's shared folder, one after the other, below everything else that the connection carries.
 *
 * One that was broken off goes on where it stopped when the session is back. Nothing is kept in memory: uploads are read
 * in slices, downloads are written to the browser's own disk and handed over when they are whole.
 */

/** @import { FileEntry, FromHost, FromViewer } from "./protocol/protocol.js" */
/** @import { BulkChannel } from "./bulk.js" */

import { Aborted, readSlice } from "./bulk.js";
import { Checksum } from "./checksum.js";
import { HASH_BLOCK_BYTES } from "./protocol/limits.js";

/** How long the host may take to answer a question. */
const ANSWER_MS = 60_000;
const AGAIN_MS = 1_000;
/** How often the progress of a file is told. */
const TELL_MS = 100;

/** @typedef {"waiting" | "running" | "checking" | "done" | "failed" | "cancelled"} JobState */

/**
 * One file on its way.
 * @typedef {object} FileJob
 * @property {number} id
 * @property {"up" | "down"} way
 * @property {string} path
 * @property {number} size bytes; 0 while unknown
 * @property {number} done bytes that arrived
 * @property {JobState} state
 * @property {string} reason why it failed: a stable code, or empty
 */

/**
 * What is to go to the host: `path` is where it belongs below the shared folder. A folder is named where nothing is in
 * it; and what cannot be read is named too, so that whoever dropped it hears of that.
 * @typedef {{ path: string, file: File | "folder" | "unreadable" }} Upload
 */

/**
 * @typedef {object} FilesHost
 * @property {(message: FromViewer) => void} send
 * @property {() => BulkChannel | null} bulk
 * @property {() => boolean} live
 * @property {(job: FileJob) => void} changed
 * @property {(path: string, file: File) => void} arrived a download is whole
 */

/** @typedef {{ resolve: (message: any) => void, reject: (error: Error) => void }} Waiting */

export class Files {
  #on;
  #ids = 0;
  /** @type {{ job: FileJob, run: (signal: AbortSignal) => Promise<void>, stop: AbortController }[]} */
  #queue = [];
  #busy = false;
  #told = 0;
  /** Answers that are awaited, by what they answer. @type {Map<string, Waiting>} */
  #waiting = new Map();
  /** @type {(() => void)[]} */
  #onLive = [];

  /** @param {FilesHost} on */
  constructor(on) {
    this.#on = on;
  }

  /** @param {Upload[]} files */
  upload(files) {
    for (const { path, file } of files) {
      if (file === "folder") this.#add("up", path, 0, (job) => this.#makeFolder(job));
      else if (file === "unreadable") this.#add("up", path, 0, () => Promise.reject(new Error(file)));
      else this.#add("up", path, file.size, (job, signal) => this.#upload(job, file, signal));
    }
  }

  /** @param {string} path @param {number} size */
  download(path, size) {
    this.#add("down", path, size, (job, signal) => this.#download(job, signal));
  }

  /** @param {number} id */
  cancel(id) {
    this.#queue.find(({ job }) => job.id === id)?.stop.abort();
  }

  /**
   * What is in a folder.
   * @param {string} path
   * @returns {Promise<FileEntry[]>}
   */
  async list(path) {
    /** @type {FileEntry[]} */
    const all = [];
    for (;;) {
      const after = all.at(-1)?.name ?? null;
      this.#on.send({ type: "file.browse", path, after });
      const { entries, more } = await this.#answer(`list ${path}`);
      all.push(...entries);
      if (!more || entries.length === 0) return all;
    }
  }

  /** The session is there, maybe again. */
  live() {
    for (const go of this.#onLive.splice(0)) go();
  }

  /** The connection is another one: what was asked over the old one is not answered. */
  reset() {
    for (const { reject } of this.#waiting.values()) reject(new Aborted("lost"));
    this.#waiting.clear();
  }

  /** The session is over: nothing goes on. */
  end() {
    for (const { stop } of this.#queue) stop.abort();
    this.live();
    this.reset();
  }

  /**
   * @param {FromHost} message
   * @returns {boolean} whether it was about files
   */
  handle(message) {
    switch (message.type) {
      case "file.ready":
      case "file.stored":
      case "file.begin":
      case "file.sum":
        this.#take(`${message.type} ${message.transfer}`, message);
        return true;
      case "file.list":
        this.#take(`list ${message.path}`, message);
        return true;
      case "refused":
        if (!message.ref.startsWith("file.") && message.code !== "too_many") return false;
        for (const { reject } of this.#waiting.values()) reject(new Error(message.code));
        this.#waiting.clear();
        return false;
      default:
        return false;
    }
  }

  /**
   * @param {"up" | "down"} way
   * @param {string} path
   * @param {number} size
   * @param {(job: FileJob, signal: AbortSignal) => Promise<void>} run
   */
  #add(way, path, size, run) {
    /** @type {FileJob} */
    const job = { id: (this.#ids += 1), way, path, size, done: 0, state: "waiting", reason: "" };
    const stop = new AbortController();
    this.#queue.push({ job, stop, run: (signal) => run(job, signal) });
    this.#on.changed(job);
    void this.#work();
  }

  async #work() {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const { job, run, stop } = next;
      await this.#finish(job, run, stop.signal);
      this.#queue.shift();
    }
    this.#busy = false;
  }

  /**
   * @param {FileJob} job
   * @param {(signal: AbortSignal) => Promise<void>} run
   * @param {AbortSignal} signal
   */
  async #finish(job, run, signal) {
    for (;;) {
      try {
        if (!signal.aborted) {
          this.#set(job, "running");
          await run(signal);
          return this.#set(job, "done");
        }
      } catch (error) {
        const code = error instanceof Aborted ? error.code : error instanceof Error ? error.message : "failed";
        // The host takes so many words a second: later it takes them again.
        if (code === "too_many") await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        else if (!signal.aborted && code !== "lost") {
          job.reason = code;
          return this.#set(job, "failed");
        }
      }
      if (signal.aborted) return this.#set(job, "cancelled");
      this.#set(job, "waiting");
      await new Promise((resolve) => {
        this.#onLive.push(() => resolve(undefined));
        if (this.#on.live()) this.live();
      });
    }
  }

  /**
   * @param {FileJob} job
   * @param {File} file
   * @param {AbortSignal} signal
   */
  async #upload(job, file, signal) {
    const bulk = this.#on.bulk();
    if (bulk === null) throw new Aborted("lost");
    const transfer = bulk.number();
    const stored = this.#answer(`file.stored ${transfer}`, Infinity);
    stored.catch(() => {});
    bulk.onStray = (stray, code) => stray === transfer && this.#fail(transfer, code);
    this.#on.send({ type: "file.put", transfer, path: job.path, size: file.size, modified: file.lastModified });
    const { from } = await this.#answer(`file.ready ${transfer}`);
    const sum = new Checksum();
    job.done = from;
    // What is there already counts in the sum of the whole.
    for (let at = 0; at < from; at += HASH_BLOCK_BYTES) {
      await sum.update(new Uint8Array(await readSlice(file, at, Math.min(from, at + HASH_BLOCK_BYTES))));
    }
    await bulk.write(transfer, file, {
      from,
      signal,
      progress: (sent) => this.#progress(job, sent),
      slice: (data) => sum.update(new Uint8Array(data)),
      end: async () => this.#on.send({ type: "file.done", transfer, sum: await sum.hex() }),
    });
    this.#set(job, "checking");
    const { path } = await stored;
    job.path = path;
  }

  /** @param {FileJob} job */
  async #makeFolder(job) {
    const bulk = this.#on.bulk();
    if (bulk === null) throw new Aborted("lost");
    const transfer = bulk.number();
    const stored = this.#answer(`file.stored ${transfer}`);
    bulk.onStray = (stray, code) => stray === transfer && this.#fail(transfer, code);
    this.#on.send({ type: "file.folder", transfer, path: job.path });
    job.path = (await stored).path;
  }

  /**
   * @param {FileJob} job
   * @param {AbortSignal} signal
   */
  async #download(job, signal) {
    const bulk = this.#on.bulk();
    if (bulk === null) throw new Aborted("lost");
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("removid", { create: true });
    const name = `${job.id}`;
    const handle = await folder.getFileHandle(name, { create: true });
    const transfer = bulk.number();
    const sum = new Checksum();
    const begun = this.#answer(`file.begin ${transfer}`);
    const told = this.#answer(`file.sum ${transfer}`, Infinity);
    begun.catch(() => {});
    told.catch(() => {});
    const out = await handle.createWritable();
    try {
      const read = bulk.read(transfer, async (data) => {
        await out.write(data);
        await sum.update(data);
        this.#progress(job, job.done + data.length);
      }, { signal });
      job.done = 0;
      this.#on.send({ type: "file.get", transfer, path: job.path, from: 0 });
      await read;
      job.size = (await begun).size;
      this.#set(job, "checking");
      if ((await told).sum !== (await sum.hex())) throw new Aborted("checksum");
      await out.close();
    } catch (error) {
      this.#fail(transfer, "cancelled");
      await out.abort().catch(() => {});
      await folder.removeEntry(name).catch(() => {});
      throw error;
    }
    this.#on.arrived(job.path, await handle.getFile());
  }

  /**
   * @param {FileJob} job
   * @param {number} done
   */
  #progress(job, done) {
    job.done = done;
    // Every chunk would be hundreds a second, at the picture's expense.
    const now = performance.now();
    if (now - this.#told < TELL_MS) return;
    this.#told = now;
    this.#on.changed(job);
  }

  /**
   * @param {FileJob} job
   * @param {JobState} state
   */
  #set(job, state) {
    job.state = state;
    this.#on.changed(job);
  }

  /**
   * @param {string} key
   * @param {number} [ms]
   * @returns {Promise<any>}
   */
  #answer(key, ms = ANSWER_MS) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(key, { resolve, reject });
      if (ms !== Infinity) setTimeout(() => this.#waiting.get(key)?.resolve === resolve && reject(new Aborted("silent")), ms);
    });
  }

  /**
   * @param {string} key
   * @param {FromHost} message
   */
  #take(key, message) {
    this.#waiting.get(key)?.resolve(message);
    this.#waiting.delete(key);
  }

  /**
   * @param {number} transfer
   * @param {import("./protocol/bulk.js").Abort} code
   */
  #fail(transfer, code) {
    for (const [key, { reject }] of [...this.#waiting]) {
      if (!key.endsWith(` ${transfer}`) || key.startsWith("list ")) continue;
      this.#waiting.delete(key);
      reject(new Aborted(code));
    }
  }
}

/**
 * The files of a drop, with those in its folders, however many a folder has. Has to be called in the event.
 * @param {DataTransfer} data
 * @returns {Promise<Upload[]>}
 */
export async function droppedFiles(data) {
  // Entries and files are there only while the event is handled.
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const roots = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  /** @type {Upload[]} */
  const found = [];
  for (const root of roots) {
    if (root instanceof File) found.push({ path: root.name, file: root });
    else if (root !== null) await walk(root, "", found);
  }
  return found;
}

/**
 * @param {FileSystemEntry} entry
 * @param {string} folder
 * @param {Upload[]} found
 */
async function walk(entry, folder, found) {
  const path = `${folder}${entry.name}`;
  const before = found.length;
  try {
    if (entry.isFile) {
      const file = await new Promise((/** @type {(file: File) => void} */ resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
      found.push({ path, file });
      return;
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    // A browser gives a hundred at a time, and nothing at the end.
    for (;;) {
      const some = await new Promise((/** @type {(entries: FileSystemEntry[]) => void} */ resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) break;
      for (const inner of some) await walk(inner, `${path}/`, found);
    }
    if (found.length === before) found.push({ path, file: "folder" });
  } catch {
    // One that cannot be read keeps none of the others back.
    found.push({ path, file: "unreadable" });
  }
}
