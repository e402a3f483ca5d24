/**
 * Files that are dropped on the picture or picked by the reader go to the host; those that come are given to the browser.
 */

/** @import { FileEntry, FromHost, FromViewer } from "./protocol/protocol.js" */
/** @import { BulkChannel } from "./bulk.js" */
/** @import { FileJob } from "./files.js" */

import { Files, droppedFiles } from "./files.js";

export class FileLink {
  #files;
  #can;
  #abort = new AbortController();

  /**
   * @param {{ send: (message: FromViewer) => void, bulk: () => BulkChannel | null, live: () => boolean, can: () => boolean, changed: (job: FileJob) => void }} host
   */
  constructor({ send, bulk, live, can, changed }) {
    this.#can = can;
    this.#files = new Files({ send, bulk, live, changed, arrived: save });
  }

  /** @param {HTMLElement} element where files may be dropped */
  open(element) {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const over = (/** @type {DragEvent} */ event) => {
      if (event.dataTransfer === null || !event.dataTransfer.types.includes("Files")) return;
      // Without this the browser would leave the page for the file.
      event.preventDefault();
      event.dataTransfer.dropEffect = this.#can() ? "copy" : "none";
      element.toggleAttribute("dropping", event.type === "dragover" && this.#can());
    };
    element.addEventListener("dragover", over, { signal });
    element.addEventListener("dragleave", () => element.removeAttribute("dropping"), { signal });
    element.addEventListener("drop", (event) => {
      over(event);
      if (event.dataTransfer !== null && this.#can()) void droppedFiles(event.dataTransfer).then((files) => this.#files.upload(files));
    }, { signal });
  }

  close() {
    this.#abort.abort();
    this.#files.end();
  }

  /** @param {import("./files.js").Upload[]} files */
  upload(files) {
    this.#files.upload(files);
  }

  /** @param {string} path @param {number} size */
  download(path, size) {
    this.#files.download(path, size);
  }

  /** @param {number} id */
  cancel(id) {
    this.#files.cancel(id);
  }

  /** @param {string} path @returns {Promise<FileEntry[]>} */
  list(path) {
    return this.#files.list(path);
  }

  reset() {
    this.#files.reset();
  }

  live() {
    this.#files.live();
  }

  end() {
    this.#files.end();
  }

  /** @param {FromHost} message */
  handle(message) {
    return this.#files.handle(message);
  }
}

/**
 * @param {string} path
 * @param {File} file on the browser's own disk
 */
function save(path, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = path.split("/").at(-1) ?? "file";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
