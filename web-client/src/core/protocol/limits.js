/**
 * The maxima of `signaling-spec/src/limits.rs` that concern a viewer.
 *
 * A peer that goes over one is refused; nothing is cut short silently.
 */

export const MAX_SIGNAL_BYTES = 64 * 1024;
export const MAX_SDP_BYTES = 48 * 1024;
export const MAX_CANDIDATE_BYTES = 512;
export const MAX_CANDIDATES = 64;
export const MAX_INPUT_BYTES = 512;
export const MAX_KEY_TEXT_BYTES = 64;
export const MAX_CODE_BYTES = 32;
export const MAX_HELD_KEYS = 16;
export const MAX_BUTTON = 4;
export const MAX_CONTROL_BYTES = 128 * 1024;
export const MIN_DISPLAY_SIDE = 64;
export const MAX_DISPLAY_WIDTH = 7680;
export const MAX_DISPLAY_HEIGHT = 4320;
export const HELD_HEARTBEAT_MS = 100;
