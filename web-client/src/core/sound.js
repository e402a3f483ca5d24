/**
 * The desktop's sound, played beside the picture and not bound to it, and this reader's microphone.
 *
 * A browser may want a gesture before it plays: the picture runs meanwhile, and the next click or key anywhere starts the
 * sound. The microphone is never on by itself: not for a new connection, not after a reconnect.
 */

/** @import { FromHost, FromViewer, Right, SoundHealth } from "./protocol/protocol.js" */

/** How long the host may take to say that the microphone is its own now. */
const GRANT_MS = 5_000;

/** @typedef {"off" | "asking" | "on"} MicrophoneState */

/**
 * @typedef {object} SoundState
 * @property {SoundHealth} health what the host has
 * @property {boolean} muted
 * @property {number} volume 0 to 1
 * @property {boolean} blocked the browser waits for a gesture
 * @property {MicrophoneState} microphone
 * @property {string} reason why the microphone went off by itself: `denied`, `absent`, `taken`, `forbidden`, `lost`, or empty
 * @property {number | null} holder the viewer whose microphone the host has
 */

/**
 * @typedef {object} SoundHost
 * @property {(message: FromViewer) => void} send
 * @property {() => MediaStream | null} stream the sound of the session
 * @property {(track: MediaStreamTrack | null) => Promise<void>} microphone sends that track, or nothing
 * @property {() => number | null} viewer own number
 * @property {(right: Right) => boolean} can
 * @property {(state: SoundState) => void} changed
 */

export class Sound {
  #on;
  #audio = document.createElement("audio");
  /** @type {SoundHealth} */
  #health = "idle";
  #blocked = false;
  #listening = false;
  /** @type {MicrophoneState} */
  #microphone = "off";
  #reason = "";
  /** @type {number | null} */
  #holder = null;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  /** Tells an order to be on from a later one to be off. */
  #turn = 0;
  /** @type {AbortController | null} */
  #gesture = null;

  /** @param {SoundHost} on */
  constructor(on) {
    this.#on = on;
  }

  /** @returns {SoundState} */
  get state() {
    const { muted, volume } = this.#audio;
    return { health: this.#health, muted, volume, blocked: this.#blocked, microphone: this.#microphone, reason: this.#reason, holder: this.#holder };
  }

  set muted(/** @type {boolean} */ muted) {
    this.#audio.muted = muted;
    this.#listen();
    if (!muted) this.play();
    this.#changed();
  }

  /** @param {number} volume 0 to 1 */
  set volume(volume) {
    this.#audio.volume = Math.min(1, Math.max(0, volume));
    this.#changed();
  }

  /** Starts the sound; best called in a gesture. */
  play() {
    if (this.#audio.srcObject === null) return;
    this.#audio.play().then(
      () => this.#block(false),
      // Anything else is an interruption by a newer stream or a closed one.
      (error) => error instanceof Error && error.name === "NotAllowedError" && this.#block(true),
    );
  }

  /**
   * Turns the microphone on or off. The browser asks its user when it is turned on.
   * @param {boolean} on
   */
  async useMicrophone(on) {
    if (!on) return this.#off("");
    if (this.#microphone !== "off") return;
    const turn = ++this.#turn;
    this.#microphone = "asking";
    this.#reason = "";
    this.#changed();
    let track;
    try {
      const media = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
      track = media.getAudioTracks()[0];
    } catch (error) {
      const denied = error instanceof Error && (error.name === "NotAllowedError" || error.name === "SecurityError");
      if (turn === this.#turn) this.#off(denied ? "denied" : "absent");
      return;
    }
    if (track === undefined || turn !== this.#turn) return track?.stop();
    this.#track = track;
    track.addEventListener("ended", () => track === this.#track && this.#off("lost"));
    try {
      await this.#on.microphone(track);
    } catch {
      return turn === this.#turn ? this.#off("lost") : undefined;
    }
    if (turn !== this.#turn) return;
    this.#on.send({ type: "microphone.use", on: true });
    setTimeout(() => turn === this.#turn && this.#microphone === "asking" && this.#off("lost"), GRANT_MS);
  }

  /** The connection is another one. */
  swapped() {
    this.#listening = false;
    this.#health = "idle";
    this.#holder = null;
    if (this.#microphone !== "off") this.#off("lost");
    this.#audio.srcObject = this.#on.stream();
    this.play();
    this.#changed();
  }

  /** The session is over. */
  end() {
    this.#gesture?.abort();
    this.#gesture = null;
    this.#audio.srcObject = null;
    this.#listening = false;
    this.#blocked = false;
    this.#health = "idle";
    this.#holder = null;
    this.#off("");
  }

  /**
   * @param {FromHost} message
   * @returns {boolean} whether it was about sound
   */
  handle(message) {
    if (message.type === "refused" && message.ref === "microphone.use") {
      this.#off(message.code === "out_of_turn" ? "taken" : message.code === "forbidden" ? "forbidden" : "lost");
      return true;
    }
    if (message.type !== "sound.state") return false;
    this.#health = message.state;
    this.#holder = message.microphone ?? null;
    this.#listen();
    const ours = this.#holder !== null && this.#holder === this.#on.viewer();
    if (ours && this.#microphone === "asking" && this.#track !== null) this.#microphone = "on";
    else if (!ours && this.#microphone === "on") this.#off("lost");
    this.#changed();
    return true;
  }

  /** Says whether the sound is wanted, when that is news. */
  #listen() {
    const wanted = !this.#audio.muted && this.#audio.srcObject !== null && this.#health !== "off" && this.#on.can("sound");
    if (wanted === this.#listening) return;
    this.#listening = wanted;
    this.#on.send({ type: "sound.listen", on: wanted });
  }

  /** @param {string} reason */
  #off(reason) {
    this.#turn += 1;
    const was = this.#microphone;
    const track = this.#track;
    this.#track = null;
    this.#microphone = "off";
    this.#reason = reason;
    // First of all: the browser's own sign goes with the device.
    track?.stop();
    this.#on.microphone(null).catch(() => {});
    if (was !== "off") this.#on.send({ type: "microphone.use", on: false });
    this.#changed();
  }

  /** @param {boolean} blocked */
  #block(blocked) {
    if (!blocked) {
      this.#gesture?.abort();
      this.#gesture = null;
    } else if (this.#gesture === null) {
      this.#gesture = new AbortController();
      // Before anything else takes the event; keys that are no gesture simply fail again.
      for (const type of ["pointerup", "keydown", "touchend"]) {
        window.addEventListener(type, () => this.play(), { capture: true, passive: true, signal: this.#gesture.signal });
      }
    }
    if (this.#blocked === blocked) return;
    this.#blocked = blocked;
    this.#changed();
  }

  #changed() {
    this.#on.changed(this.state);
  }
}
