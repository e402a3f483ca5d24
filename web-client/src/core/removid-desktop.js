/**
 * `<removid-desktop>`: a remote desktop as an element. This is the whole public API.
 *
 *   const desktop = document.createElement("removid-desktop");
 *   document.body.append(desktop);
 *   desktop.addEventListener("ready", () => console.log("there it is"));
 *   desktop.connect({ url: "https://workstation:8443/", token, hostKey });
 *
 * Events (types in `types.d.ts`): `ready`, `statechange`, `error`, `deskchange`, `chord`, `refused`,
 * `lockoffer`, `stickyused`, `clipboard`, `filejob`, `soundchange`, `controlchange`.
 * What is put inside the element, such as a toolbar, lies above the picture and stays in full screen.
 */

/** @import { FromHost, FromViewer, Right } from "./protocol/protocol.js" */
/** @import { ConnectOptions, Desk, DesktopEventMap, ErrorDetail, InputMessage, Scale, State, StateDetail, Stats } from "./types.js" */
/** @import { TouchMode } from "./input/gestures.js" */
/** @import { KeyMode } from "./input/keyboard.js" */

import { Cursor } from "./cursor.js";
import { NOTHING } from "./desk.js";
import { fullscreen } from "./fullscreen.js";
import { InputLayer } from "./input/layer.js";
import { Placement } from "./placement.js";
import { WindowSize } from "./resize.js";
import { Services } from "./services.js";
import { Session } from "./session.js";
import { fillShadow } from "./shadow.js";
import { Follower, Share } from "./share.js";
import { connectTarget } from "./target.js";

export class RemovidDesktop extends HTMLElement {
  #resize = new WindowSize((wish) => this.#send({ type: "display.resize", ...wish, asked: false }));
  /** @type {InputLayer | null} */
  #input = null;
  /** @type {Session | Follower | null} */
  #session = null;
  #share = new Share({
    stream: () => this.#session?.video?.stream ?? null,
    tiles: () => this.#session?.video?.tiles ?? null,
    state: () => ({ state: this.#state, reason: this.#reason }),
    send: (message) => this.#send(message),
    input: (message) => this.#session?.input(message),
    shown: (rtp, at) => this.#session instanceof Session && this.#session.elsewhere(rtp, at),
    visibility: () => this.#session instanceof Session && this.#session.visibility(),
    stats: () => this.stats(),
  });
  #services = new Services({
    send: (message) => this.#send(message),
    session: () => (this.#session instanceof Session ? this.#session : null),
    viewer: () => this.#desk.viewer,
    state: () => this.#state,
    can: (right) => this.can(right),
    clip: (state) => this.#emit("clipboard", { state }),
    file: (job) => this.#emit("filejob", job),
    sound: (state) => this.#emit("soundchange", state),
    control: (blocked) => {
      if (!this.control.mine && !blocked) this.#input?.release();
      this.#emit("controlchange", { ...this.control.info, blocked });
    },
  });
  #parts = fillShadow(this.attachShadow({ mode: "open" }), this.#services.control.pointers.element);
  #stage = this.#parts.stage;
  #layer = this.#parts.layer;
  #cursor = new Cursor(this.#layer, this.#parts.canvas);
  /** @type {ConnectOptions | null} */
  #options = null;
  /** @type {State} */
  #state = "idle";
  #reason = "";
  #ready = false;
  #desk = { ...NOTHING };
  #placement = new Placement(this.#layer, this.#cursor, (laidOut) => this.#measured(laidOut));
  #view = this.#placement.view;

  // --- Life in a document -------------------------------------------------------------------------

  connectedCallback() {
    this.#input = new InputLayer(this.#layer, {
      send: (message) => this.#sendInput(message),
      aim: (x, y) => this.#placement.aim(x, y),
      chord: () => this.#emit("chord", null),
      moved: (x, y) => this.#placement.moved(x, y),
      bounds: () => this.#placement.bounds,
      zoom: (factor, x, y) => this.#placement.zoom(factor, x, y),
      pan: (dx, dy) => this.#placement.pan(dx, dy),
      pin: (at) => this.#placement.pin(at),
      offerLock: () => this.#emit("lockoffer", null),
      stickyUsed: () => this.#emit("stickyused", null),
      ...this.#services.clips.layer,
      keys: () => this.can("input_keyboard"),
      pointer: () => this.can("input_pointer"),
    });
    this.#placement.open();
    this.control.pointers.open((at) => this.#placement.spot(at));
    this.#services.open(this, this.#layer);
    this.#input.mode = this.keyMode;
    this.#input.touchMode = this.touchMode;
  }

  disconnectedCallback() {
    this.disconnect();
    this.#input?.close();
    this.#input = null;
    this.#placement.close();
    this.#services.close();
    this.#resize.reset();
  }

  // --- Public -------------------------------------------------------------------------------------

  get state() {
    return this.#state;
  }

  /** Why the state is what it is: a stable code, or empty. */
  get reason() {
    return this.#reason;
  }

  /** What is known of the host and of this viewer. */
  get desk() {
    return this.#desk;
  }

  /** Where the picture lies, in device pixels. */
  get pictureLayout() {
    return this.#view.layout;
  }

  /** @returns {Scale} */
  get scale() {
    const value = this.getAttribute("scale");
    return value === "fit" || value === "integer" ? value : "exact";
  }

  /** The name of the one monitor that is shown, or "" for all; see `desk.monitors`. */
  get monitor() {
    return this.#view.monitor?.name ?? "";
  }

  set monitor(name) {
    this.setAttribute("monitor", name);
    this.#view.pick(this.#desk.monitors, this.getAttribute("monitor"));
    this.#view.reset();
    this.#place();
    this.#emit("deskchange", this.#desk);
  }

  set scale(value) {
    this.setAttribute("scale", value);
    this.#place();
  }

  /**
   * Starts a session; a running one ends. Progress comes as events.
   * @param {ConnectOptions} options
   */
  connect(options) {
    if (!this.isConnected) throw new DOMException("put the element into a document first", "InvalidStateError");
    const target = connectTarget(options);
    this.#stop();
    this.#options = { ...target, url: target.base.href };
    this.#begin();
    this.#resize.box(this.#placement.wanted);
    this.#setState("connecting", "");
    /** @type {Session} */
    const session = new Session(
      { ...target, stage: this.#stage, size: () => this.#placement.wanted, hidden: () => this.#share.hidden, saves: () => this.saver },
      { ...this.#listener(() => session), error: (detail) => session === this.#session && this.#emit("error", detail) },
    );
    this.#session = session;
    this.#takeFocus();
  }

  /** What another window of this page needs to show and drive this element's session; see `follow`. */
  get share() {
    return this.#share;
  }

  /**
   * Shows and drives the session of an element in another window of the same page, by that one's connection.
   * @param {Share} share that element's
   */
  follow(share) {
    this.#stop();
    this.#options = null;
    this.#begin();
    /** @type {Follower} */
    const follower = new Follower(share, this.#stage, this.#listener(() => follower));
    this.#session = follower;
    follower.start();
    this.#takeFocus();
  }

  /** Starts the last session again. */
  reconnect() {
    if (this.#options !== null) this.connect(this.#options);
  }

  disconnect() {
    this.#input?.release();
    this.#session?.end("closed");
    if (this.#session instanceof Follower) this.#setState("ended", "closed");
    this.#session = null;
  }

  /** @returns {Promise<Stats | null>} null without a session */
  async stats() {
    if (this.#session instanceof Follower) return this.#session.stats();
    const numbers = await this.#session?.stats();
    if (numbers === null || numbers === undefined) return null;
    const { width, height } = this.#pictureSize();
    const { encoder, maxKbps, codec } = this.#desk;
    return { ...numbers, codec: numbers.codec || codec, width, height, scale: this.#view.layout.scale, encoder, maxKbps, exact: this.#session?.video?.tiles.exact ?? false };
  }

  /** Whether the host granted this right. @param {Right} right */
  can(right) {
    return this.#desk.rights.includes(right);
  }

  /** Presses physical keys in order, lets them go in reverse. @param {string[]} codes such as `["AltLeft", "Tab"]` */
  sendKeys(codes) {
    if (this.can("input_keyboard")) this.#input?.tap(codes);
  }

  /** Whether a key is the sign that it makes here (`typed`, the default) or the one in its place (`physical`). @returns {KeyMode} */
  get keyMode() {
    return this.getAttribute("keys") === "physical" ? "physical" : "typed";
  }

  set keyMode(mode) {
    this.setAttribute("keys", mode);
    if (this.#input !== null) this.#input.mode = this.keyMode;
  }

  /** Whether the pointer is where the finger is (`direct`, the default), or is pushed by it (`trackpad`). @returns {TouchMode} */
  get touchMode() {
    return this.getAttribute("touch") === "trackpad" ? "trackpad" : "direct";
  }

  set touchMode(mode) {
    this.setAttribute("touch", mode);
    if (this.#input !== null) this.#input.touchMode = this.touchMode;
  }

  /** Codes of modifiers that the next sign of a keyboard on the screen takes along; see the event `stickyused`. */
  set stickyModifiers(/** @type {string[]} */ codes) {
    if (this.#input !== null) this.#input.sticky = codes;
  }

  /** Types a text as if it came from a keyboard. @param {string} text */
  typeText(text) {
    if (this.can("input_keyboard")) this.#input?.type(text);
  }

  /** Shows or hides a device's own keyboard on the screen. @param {boolean} shown */
  showKeyboard(shown) {
    this.#input?.showKeyboard(shown);
  }

  /**
   * Presses and releases a mouse button where the pointer is, for one that the browser keeps.
   * @param {number} button 0 left, 1 middle, 2 right, 3 back, 4 forward
   */
  clickButton(button) {
    if (this.can("input_pointer")) this.#input?.click(button);
  }

  /** Makes the desktop as large as the element, now. */
  resizeDesktop() {
    this.#send({ type: "display.resize", ...this.#placement.wanted, asked: true });
  }

  /** Whether this viewer saves data, by a picture of fewer bits and pixels. */
  get saver() {
    return this.hasAttribute("saver");
  }

  set saver(on) {
    this.toggleAttribute("saver", on);
    this.#send({ type: "quality.save", on });
  }

  /** @param {number | null} kbps for everybody who watches; null lifts the cap */
  limitQuality(kbps) {
    this.#send({ type: "quality.limit", max_kbps: kbps });
  }

  /** @param {number} viewer a number from `desk.viewers` */
  dismiss(viewer) {
    this.#send({ type: "viewer.dismiss", viewer });
  }

  /** Brings the host's clip into the browser's clipboard, however large. Call it in a click. */
  fetchClip() {
    return this.#services.clips.fetch();
  }

  /** Files to and from the host's shared folder; their progress comes as the event `filejob`. */
  get files() {
    return this.#services.files;
  }

  /** The desktop's sound and this reader's microphone; their state comes as the event `soundchange`. */
  get sound() {
    return this.#services.sound;
  }

  /** Who of several works: ask for the lease, give it, take it; what changes comes as the event `controlchange`. */
  get control() {
    return this.#services.control;
  }

  /** @returns {Promise<Blob>} a PNG of the picture */
  async screenshot() {
    const video = this.#session?.video;
    if (video === null || video === undefined) throw new DOMException("there is no picture", "InvalidStateError");
    return video.screenshot(this.#view.size);
  }

  /** Relative motion, for games and 3-D programs. Esc leaves. */
  async lockPointer() {
    await this.#input?.lock();
  }

  /**
   * @override
   * @param {FullscreenOptions} [options]
   */
  async requestFullscreen(options) {
    await fullscreen((how) => super.requestFullscreen(how), options);
    this.focus();
  }

  /** @override */
  focus() {
    this.#input?.focus();
  }

  /**
   * @template {keyof DesktopEventMap} Type
   * @override
   * @param {Type} type
   * @param {(this: RemovidDesktop, event: DesktopEventMap[Type]) => void} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListener} */ (listener), options);
  }

  // --- From the session ---------------------------------------------------------------------------

  #begin() {
    this.#ready = false;
    this.#desk = { ...NOTHING };
    this.#resize.reset();
  }

  /** An element among the fields of a page does not take the focus from them. */
  #takeFocus() {
    const active = document.activeElement;
    if (active === null || active === document.body || active === this) this.focus();
  }

  /** @param {() => Session | Follower} session whose words count while it is the one */
  #listener(session) {
    const ours = () => session() === this.#session;
    return {
      state: (/** @type {StateDetail} */ { state, reason }) => ours() && this.#setState(state, reason),
      control: (/** @type {FromHost} */ message) => ours() && this.#control(message),
      swapped: () => ours() && this.#swapped(),
      resized: () => ours() && this.#placed(),
    };
  }

  #swapped() {
    this.#input?.release();
    this.#cursor.reset();
    this.#resize.reset();
    this.#share.swapped();
    this.#services.swapped();
    this.#placed();
  }

  /** The picture is there or has another size. */
  #placed() {
    this.#place();
    const { width, height } = this.#pictureSize();
    if (this.#ready || width === 0) return;
    this.#ready = true;
    // After what the host said meanwhile, so that a listener finds rights and names.
    queueMicrotask(() => this.#emit("ready", { width, height }));
  }

  /** @param {FromHost} message */
  #control(message) {
    this.#share.control(message);
    switch (message.type) {
      case "hello":
        return this.#update({ viewer: message.viewer, rights: message.rights, hostName: message.host_name });
      case "display.state": {
        const { width, height, resizable, follows, state, monitors } = message;
        this.#view.screen = { width, height };
        this.#desk = { ...this.#desk, monitors };
        this.#view.pick(this.#desk.monitors, this.getAttribute("monitor"));
        this.#place();
        this.#update({ width, height, resizable, follows, health: state });
        return this.#resize.display(follows && this.can("display_resize") && this.#session instanceof Session);
      }
      case "cursor.shape":
        return this.#cursor.shape(message);
      case "cursor.use":
        this.#input?.pointerHidden(message.id === null);
        return this.#cursor.use(message.id);
      case "pointer.held":
        return this.#input?.pointerHeld();
      case "viewers":
        this.control.pointers.viewers(message.list);
        return this.#update({ viewers: message.list });
      case "video.state":
        return this.#update({ codec: message.codec, encoder: message.encoder, maxKbps: message.max_kbps });
      case "refused":
        this.#services.handle(message);
        return this.#emit("refused", { code: message.code, ref: message.ref });
      default:
        return void this.#services.handle(message);
    }
  }

  /** @param {Partial<Desk>} change */
  #update(change) {
    this.#desk = { ...this.#desk, ...change };
    this.#emit("deskchange", this.#desk);
  }

  /**
   * @param {State} state
   * @param {string} reason
   */
  #setState(state, reason) {
    if (state === this.#state && reason === this.#reason) return;
    // What was pressed while nothing was sent is not held by the host, and the other way round.
    if ((state === "live") !== (this.#state === "live")) this.#input?.release();
    this.#state = state;
    this.#reason = reason;
    this.#stage.classList.toggle("doubt", state === "stalled");
    this.#share.told({ state, reason });
    this.#services.told(state);
    this.#emit("statechange", { state, reason });
  }

  #stop() {
    const old = this.#session;
    this.#session = null;
    old?.end("closed");
    this.#cursor.reset();
  }

  // --- To the session -----------------------------------------------------------------------------

  /** @param {FromViewer} message */
  #send(message) {
    this.#session?.send(message);
  }

  /** @param {InputMessage} message */
  #sendInput(message) {
    if (!this.control.blocks(message)) this.#share.input(this, message);
  }

  #pictureSize() {
    return this.#session?.video?.size ?? { width: 0, height: 0 };
  }

  /** @param {boolean} laidOut */
  #measured(laidOut) {
    this.#place();
    // A keyboard on the screen takes room for a while; a desktop that shrank for it would be another one.
    if (laidOut && this.#input?.keyboardShown !== true) this.#resize.box(this.#placement.wanted);
  }

  #place() {
    this.#placement.place(this.#session?.videos ?? [], this.#pictureSize(), this.scale);
    this.control.pointers.place();
  }

  /**
   * @template {"ready" | "statechange" | "error" | "deskchange" | "chord" | "refused" | "lockoffer" | "stickyused" | "clipboard" | "filejob" | "soundchange" | "controlchange"} Type
   * @param {Type} type
   * @param {Type extends "error" ? ErrorDetail : DesktopEventMap[Type] extends CustomEvent<infer D> ? D : never} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

customElements.define("removid-desktop", RemovidDesktop);
