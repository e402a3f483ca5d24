/**
 * Tells the host when frames arrived, so that it notices within a few frames that they wait somewhere on their way.
 *
 * Not each of them: the newest one, thirty times a second at most.
 */

const EVERY_MS = 33;

export class Arrivals {
  #say;
  /** @type {{ rtp: number, at: number } | null} */
  #newest = null;
  #saidAt = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(bytes: Uint8Array<ArrayBuffer>) => void} say on the channel `tiles` */
  constructor(say) {
    this.#say = say;
  }

  /**
   * @param {number} rtp timestamp of a frame that is shown
   * @param {number} at when it arrived, in ms since 1970
   */
  frame(rtp, at) {
    this.#newest = { rtp, at };
    if (this.#timer !== undefined) return;
    const wait = this.#saidAt + EVERY_MS - performance.now();
    if (wait <= 0) this.#tell();
    else this.#timer = setTimeout(() => this.#tell(), wait);
  }

  /** The host can be spoken to. */
  open() {
    if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) this.#say(Uint8Array.of(5));
  }

  close() {
    clearTimeout(this.#timer);
    this.#newest = null;
  }

  #tell() {
    this.#timer = undefined;
    if (this.#newest === null) return;
    const bytes = new DataView(new ArrayBuffer(13));
    bytes.setUint8(0, 4);
    bytes.setUint32(1, this.#newest.rtp);
    bytes.setFloat64(5, this.#newest.at);
    this.#newest = null;
    this.#saidAt = performance.now();
    this.#say(new Uint8Array(bytes.buffer));
  }
}

/** When a frame arrived, in ms since 1970. @param {VideoFrameCallbackMetadata} metadata */
export const arrivedAt = ({ receiveTime, presentationTime }) => performance.timeOrigin + (receiveTime ?? presentationTime);
