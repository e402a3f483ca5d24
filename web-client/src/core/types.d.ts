/**
 * Types of the element's public API and of what its parts tell each other, and the gaps in lib.dom.
 */

import type { ClipState } from "./clipboard.js";
import type { FileJob } from "./files.js";
import type { SoundState } from "./sound.js";
import type { ControlMode, DisplayHealth, Monitor, Right, ViewerInfo } from "./protocol/protocol.d.ts";

export type State = "idle" | "connecting" | "live" | "stalled" | "ended";

export type TokenSource = string | (() => Promise<string>);

export interface ConnectOptions {
  /** Where the host or router is; its `/api/v1/…` is called. The page's own address if left out. A whole link will do. */
  url?: string | undefined;
  /** The access token (JWT), or who to ask for one before each attempt: a router's tokens live for minutes. */
  token?: TokenSource | undefined;
  /** The host's number, where the router has many. */
  host?: string | undefined;
  /** SHA-256 of the host's public key in base64url, as in a link's `k`. The first visit decides if left out. */
  hostKey?: string | undefined;
  /** What else the router wants with the next wish for a seat, if anything; asked before each. */
  extra?: (() => object | undefined) | undefined;
}

/** How the picture is laid into the element; see `fit.js`. */
export type Scale = "exact" | "fit" | "integer";

export interface HeldState {
  buttons: number;
  modifiers: number;
  codes: string[];
}

export type KeyMessage = {
  channel: "input";
  kind: "key";
  code: string;
  down: boolean;
  repeat: boolean;
  /** The key in this place is meant, not the sign that it makes here. */
  physical: boolean;
  modifiers: number;
  text: string;
};

export type InputMessage =
  | KeyMessage
  | { channel: "input"; kind: "button"; button: number; down: boolean; x: number; y: number }
  | { channel: "input"; kind: "wheel"; dx: number; dy: number; x: number; y: number }
  | { channel: "input"; kind: "release" }
  | { channel: "input"; kind: "text"; text: string }
  | { channel: "motion"; kind: "move"; seq: number; x: number; y: number }
  | { channel: "motion"; kind: "relative"; seq: number; lock: number; total_x: number; total_y: number }
  | ({ channel: "motion"; kind: "held"; seq: number } & HeldState);

/** What is known of the host and of this viewer, as of the last message. */
export interface Desk {
  viewer: number | null;
  hostName: string;
  rights: Right[];
  width: number;
  height: number;
  resizable: boolean;
  /** The host takes the size of a window unasked: nobody sits at its screen. */
  follows: boolean;
  /** Parts of the picture that are one monitor's each; none when there is one only. */
  monitors: Monitor[];
  health: DisplayHealth;
  viewers: ViewerInfo[];
  codec: string;
  encoder: string;
  maxKbps: number | null;
}

/** Who of several works; see `desktop.control`. */
export interface ControlInfo {
  mode: ControlMode;
  /** In the mode `held`, the number of whoever has the lease. */
  holder: number | null;
  /** Who would like it, the first to ask first. */
  asking: number[];
}

export interface Stats {
  fps: number | null;
  width: number;
  height: number;
  scale: number;
  codec: string;
  encoder: string;
  kbps: number | null;
  maxKbps: number | null;
  rttMs: number | null;
  lossPercent: number | null;
  decodeMs: number | null;
  jitterBufferMs: number | null;
  framesDropped: number | null;
  /** `host udp`, `relay tcp`, … or empty while unknown. */
  path: string;
  /** A frame's way, each part a mean of the last frames: from the word of a change to its capture, */
  captureMs: number | null;
  /** for the capture and its conversion, */
  convertMs: number | null;
  encodeMs: number | null;
  /** from the encoder to the transport, */
  sendMs: number | null;
  /** from the transport to its last packet's arrival here, waiting before the link included, */
  wayMs: number | null;
  /** through the decoder, */
  decodingMs: number | null;
  /** and until it is shown, the wait for the decoder included. */
  showMs: number | null;
  /** From the word of the change to the picture's presentation: all of these. */
  endToEndMs: number | null;
  /** From the capture of a small change to the animation frame that shows its exact pixels. */
  tilesMs: number | null;
  /** Whether every pixel shown is the screen's, as far as is known here. */
  exact: boolean;
}

export interface StateDetail {
  state: State;
  /** A stable code; empty when there is nothing to say. */
  reason: string;
}

export interface ErrorDetail {
  /** A stable code, the same as a state's `reason`. */
  code: string;
  /** For developers; may change. */
  message: string;
  /** Whether the session ended by it, or goes on trying. */
  fatal: boolean;
}

export interface DesktopEventMap extends HTMLElementEventMap {
  ready: CustomEvent<{ width: number; height: number }>;
  statechange: CustomEvent<StateDetail>;
  deskchange: CustomEvent<Desk>;
  /** Who works is another; or, `blocked`, keys were pressed that do not reach the host now. */
  controlchange: CustomEvent<ControlInfo & { blocked: boolean }>;
  /** The reader pressed Ctrl+Alt+Shift: the keyboard is free now. */
  chord: CustomEvent<null>;
  /** An application hides the pointer while it moves, or confines it: relative motion may be what it wants (`lockPointer`). */
  lockoffer: CustomEvent<null>;
  /** The sticky modifiers went with a key. */
  stickyused: CustomEvent<null>;
  /** What became of the host's newest clip; see `clipboard.js`. */
  clipboard: CustomEvent<{ state: ClipState }>;
  /** A file on its way has another state, or is further on. */
  filejob: CustomEvent<FileJob>;
  /** The browser plays no picture before a click or a key. */
  playblocked: CustomEvent<null>;
  /** Sound or microphone are in another state. */
  soundchange: CustomEvent<SoundState>;
  refused: CustomEvent<{ code: string; ref: string }>;
}

declare global {
  interface Navigator {
    readonly keyboard?: { lock(codes?: string[]): Promise<void>; unlock(): void };
    readonly userAgentData?: { brands: { brand: string; version: string }[]; platform: string };
  }
  interface FullscreenOptions {
    keyboardLock?: "browser" | "none";
  }
}
