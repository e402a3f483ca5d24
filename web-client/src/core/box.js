/**
 * The element's box in device pixels, and a word whenever it or the screen's density is another.
 */

export class Box {
  #element;
  #changed;
  #observer;
  /** @type {MediaQueryList | null} */
  #density = null;
  #abort = new AbortController();
  #size = { width: 0, height: 0 };

  /**
   * @param {Element} element
   * @param {(laidOut: boolean) => void} changed `laidOut`: the element has a size
   */
  constructor(element, changed) {
    this.#element = element;
    this.#changed = changed;
    this.#observer = new ResizeObserver((entries) => this.#measured(entries));
    try {
      this.#observer.observe(element, { box: "device-pixel-content-box" });
    } catch {
      this.#observer.observe(element);
    }
    this.#watchDensity();
  }

  /** The observer speaks after the next layout; who cannot wait for it asks here. */
  get size() {
    if (this.#size.width === 0) {
      const { width, height } = this.#element.getBoundingClientRect();
      this.#size = { width: Math.round(width * devicePixelRatio), height: Math.round(height * devicePixelRatio) };
    }
    return this.#size;
  }

  /**
   * A point of the window in device pixels of the element.
   * @param {number} clientX
   * @param {number} clientY
   */
  point(clientX, clientY) {
    const rect = this.#element.getBoundingClientRect();
    return { x: (clientX - rect.left) * devicePixelRatio, y: (clientY - rect.top) * devicePixelRatio };
  }

  close() {
    this.#observer.disconnect();
    this.#abort.abort();
  }

  /** @param {ResizeObserverEntry[]} entries */
  #measured(entries) {
    const entry = entries.at(-1);
    if (entry === undefined) return;
    const exact = entry.devicePixelContentBoxSize?.[0];
    const { width, height } = entry.contentRect;
    this.#size = {
      width: exact?.inlineSize ?? Math.round(width * devicePixelRatio),
      height: exact?.blockSize ?? Math.round(height * devicePixelRatio),
    };
    this.#changed(width !== 0 && height !== 0);
  }

  #watchDensity() {
    if (this.#abort.signal.aborted) return;
    this.#density = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const options = { signal: this.#abort.signal, once: true };
    this.#density.addEventListener("change", () => this.#watchDensity(), options);
    this.#changed(false);
  }
}
