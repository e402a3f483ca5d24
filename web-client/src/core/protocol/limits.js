/**
 * The maxima of the protocol that concern a viewer.
 *
 * Generated from `signaling-spec/src/limits.rs` by `cargo run -p xtask -- codegen`; do not edit.
 * A peer that goes over one is refused; nothing is cut short silently.
 */

export const MAX_SIGNAL_BYTES = 65536;
export const MAX_SDP_BYTES = 49152;
export const MAX_CANDIDATE_BYTES = 512;
export const MAX_CANDIDATES = 64;
export const MAX_INPUT_BYTES = 512;
export const MAX_KEY_TEXT_BYTES = 64;
export const MAX_TEXT_BYTES = 480;
export const MAX_CODE_BYTES = 32;
export const MAX_HELD_KEYS = 16;
export const MAX_CONTROL_BYTES = 131072;
export const MAX_CHUNK_BYTES = 16384;
export const BULK_WINDOW = 1048576;
export const MAX_CLIP_BYTES = 268435456;
export const EAGER_CLIP_BYTES = 1048576;
export const MAX_PATH_BYTES = 1024;
export const HASH_BLOCK_BYTES = 1048576;
export const MIN_DISPLAY_SIDE = 64;
export const MAX_DISPLAY_WIDTH = 7680;
export const MAX_DISPLAY_HEIGHT = 4320;
export const MAX_VIEWERS = 32;
export const MAX_EVENT_FIELDS = 8;
export const MAX_EVENT_NAME = 16;
export const MAX_EVENT_VALUE = 200;
export const MAX_LINKS = 8;
export const MAX_BUTTON = 4;
export const HELD_HEARTBEAT_MS = 100;
