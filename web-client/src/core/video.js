/**
 * One session's picture: a `<video>` that is laid out by device pixels and reports every frame shown.
 *
 * Each session has its own, so that the old picture stays until the new one is there.
 */

/** @import { Layout } from "./fit.js" */

import { full } from "./half.js";
import { TileLayer } from "./tiles.js";

/** @typedef {{ shown: () => void, tiles?: (bytes: Uint8Array<ArrayBuffer>) => void, painted?: (stamp: number) => void, frame: (metadata: VideoFrameCallbackMetadata) => void, resized: () => void }} VideoEvents */

export class VideoSink {
  element = document.createElement("video");
  /** What is painted over it. @type {TileLayer} */
  tiles;
  /** @type {VideoEvents} */
  #on;
  #shown = false;
  #closed = false;
  /** @type {AbortController | null} */
  #gesture = null;

  /**
   * @param {HTMLElement} stage
   * @param {VideoEvents} on
   */
  constructor(stage, on) {
    this.#on = on;
    const video = this.element;
    video.muted = true;
    video.playsInline = true;
    video.disablePictureInPicture = true;
    video.disableRemotePlayback = true;
    // A focusable or clickable video would take keys and clicks from the input layer.
    video.tabIndex = -1;
    video.inert = true;
    video.addEventListener("loadeddata", () => this.#first());
    video.addEventListener("resize", () => on.resized());
    // Behind the picture that is shown, until this one has a frame.
    this.tiles = new TileLayer(stage, (bytes) => on.tiles?.(bytes), (stamp) => on.painted?.(stamp));
    stage.prepend(video);
  }

  get size() {
    return { width: this.element.videoWidth, height: this.element.videoHeight };
  }

  /** @returns {MediaStream | null} */
  get stream() {
    // Not looked at by its class: another window's streams are of that window's class.
    return /** @type {MediaStream | null} */ (this.element.srcObject);
  }

  /** @param {MediaStream} stream */
  attach(stream) {
    this.element.srcObject = stream;
    this.#next();
    this.play();
  }

  /** A browser may pause what it thinks nobody sees. */
  play() {
    this.element.play().catch((error) => {
      // Else interrupted by a newer stream or a closed one; `loadeddata` tells when there is a picture.
      if (error instanceof Error && error.name === "NotAllowedError" && !this.#closed) this.#waitForGesture();
    });
  }

  /** Some readers have their browser play nothing at all unasked, not even without sound. */
  #waitForGesture() {
    if (this.#gesture !== null) return;
    const gesture = new AbortController();
    this.#gesture = gesture;
    const again = () => {
      this.play();
      gesture.abort();
      this.#gesture = null;
    };
    for (const type of ["pointerup", "keydown", "touchend"]) {
      window.addEventListener(type, again, { capture: true, passive: true, signal: gesture.signal });
    }
    this.element.dispatchEvent(new CustomEvent("playblocked", { bubbles: true, composed: true }));
  }

  /**
   * @param {{ at: Layout, clip: { left: number, top: number, right: number, bottom: number } | null }} place
   * @param {number} dpr
   */
  place({ at, clip }, dpr) {
    for (const { style } of [this.element, this.tiles.element]) this.#lay(style, { at, clip }, dpr);
  }

  /**
   * @param {CSSStyleDeclaration} style
   * @param {{ at: Layout, clip: { left: number, top: number, right: number, bottom: number } | null }} place
   * @param {number} dpr
   */
  #lay(style, { at, clip }, dpr) {
    style.left = `${at.left / dpr}px`;
    style.top = `${at.top / dpr}px`;
    style.width = `${at.width / dpr}px`;
    style.height = `${at.height / dpr}px`;
    // Other monitors' part of the picture.
    const edges = clip === null ? [] : [clip.top, clip.right, clip.bottom, clip.left].map((edge) => `${edge / dpr}px`);
    style.clipPath = edges.length === 0 ? "" : `inset(${edges.join(" ")})`;
    style.imageRendering = at.pixelated ? "pixelated" : "auto";
  }

  /**
   * @param {{ width: number, height: number }} size of the screen in it
   * @returns {Promise<Blob>} the frame shown now as PNG
   */
  async screenshot({ width, height }) {
    const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
    const context = canvas.getContext("2d");
    const { width: wide, height: high } = full(this.size, { width, height });
    context?.drawImage(this.element, 0, 0, wide, high);
    if (!this.tiles.element.hidden) context?.drawImage(this.tiles.element, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }

  close() {
    this.#closed = true;
    this.#gesture?.abort();
    this.element.srcObject = null;
    this.tiles.close();
    this.element.remove();
  }

  #first() {
    if (this.#shown || this.#closed) return;
    this.#shown = true;
    this.#on.resized();
    this.#on.shown();
  }

  #next() {
    if (!("requestVideoFrameCallback" in this.element)) return;
    this.element.requestVideoFrameCallback((_, metadata) => {
      if (this.#closed) return;
      this.#first();
      this.tiles.frame(metadata);
      this.#on.frame(metadata);
      this.#next();
    });
  }
}
