//! Every maximum in one place. A peer that goes over one is refused; nothing is cut short silently.

use std::time::Duration;

/// Longest signalling frame, in UTF-8 bytes. A longer one closes the socket.
pub const MAX_SIGNAL_BYTES: usize = 64 * 1024;
/// Longest session description, in UTF-8 bytes.
pub const MAX_SDP_BYTES: usize = 48 * 1024;
/// Longest ICE candidate line, in bytes.
pub const MAX_CANDIDATE_BYTES: usize = 512;
/// Candidates taken from one peer in one session.
pub const MAX_CANDIDATES: usize = 64;
/// Signalling frames taken in any [`SIGNAL_WINDOW`] before the socket is closed.
pub const MAX_SIGNALS_PER_WINDOW: u32 = 200;
pub const SIGNAL_WINDOW: Duration = Duration::from_secs(10);

/// Longest message on the channels `input` and `motion`, in bytes.
pub const MAX_INPUT_BYTES: usize = 512;
/// Messages a second on `input` and on `motion`; a burst of twice as many is taken.
pub const MAX_INPUT_RATE: u32 = 2_000;
/// Longest text that one key event may carry, in UTF-8 bytes.
pub const MAX_KEY_TEXT_BYTES: usize = 64;
/// Longest text that one message on `input` may carry, in UTF-8 bytes; a longer one is sent in parts.
pub const MAX_TEXT_BYTES: usize = 480;
/// Longest physical code, in ASCII bytes (`AudioVolumeMute` has 15).
pub const MAX_CODE_BYTES: usize = 32;
/// Keys that one viewer may hold at a time.
pub const MAX_HELD_KEYS: usize = 16;

/// Longest message on `ctl`, in UTF-8 bytes: a cursor of 128 by 128 pixels fits.
pub const MAX_CONTROL_BYTES: usize = 128 * 1024;
/// Longest message on `ctl` that a viewer may send, in UTF-8 bytes.
pub const MAX_VIEWER_CONTROL_BYTES: usize = 4 * 1024;
/// Messages a second that a viewer may send on `ctl`; a burst of twice as many is taken.
pub const MAX_CONTROL_RATE: u32 = 200;

/// Most bytes of one chunk on `bulk`: what every browser passes on in one piece.
pub const MAX_CHUNK_BYTES: usize = 16 * 1024;
/// Bytes of one transfer that may be on their way.
pub const BULK_WINDOW: u64 = 1024 * 1024;
/// Messages a second that a viewer may send on `bulk`; a burst of twice as many is taken.
pub const MAX_BULK_RATE: u32 = 20_000;
/// Transfers that one viewer may have at a time.
pub const MAX_TRANSFERS: usize = 16;
/// Most bytes of one clip.
pub const MAX_CLIP_BYTES: u64 = 256 * 1024 * 1024;
/// What moves to the viewer at the copy already; more waits until it is asked for.
pub const EAGER_CLIP_BYTES: u64 = 1024 * 1024;
/// Longest path of a file below the folder, in UTF-8 bytes.
pub const MAX_PATH_BYTES: usize = 1024;
/// Entries that one list of files has at most.
pub const MAX_FILE_ENTRIES: usize = 500;
/// Bytes of one block, whose hashes make a file's checksum.
pub const HASH_BLOCK_BYTES: usize = 1024 * 1024;

/// Smallest and largest side of a desktop, in pixels.
pub const MIN_DISPLAY_SIDE: u32 = 64;
pub const MAX_DISPLAY_WIDTH: u32 = 7680;
pub const MAX_DISPLAY_HEIGHT: u32 = 4320;

/// Least and most that text is enlarged for a viewer's screen, in percent.
pub const MIN_DENSITY: u32 = 50;
pub const MAX_DENSITY: u32 = 400;
/// Monitors of one host that a viewer may choose from.
pub const MAX_MONITORS: usize = 16;

/// Viewers of one host at the same time.
pub const MAX_VIEWERS: usize = 32;

/// Fields of one event that a host tells its router.
pub const MAX_EVENT_FIELDS: usize = 8;
/// UTF-8 bytes of an event's code, and of a field's name.
pub const MAX_EVENT_NAME: usize = 16;
/// UTF-8 bytes of a field's value.
pub const MAX_EVENT_VALUE: usize = 200;

/// How long a ticket may wait for its one use.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);
/// The longest distance between two clocks that a token's times may show.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(5);

/// A viewer sends what it holds this often while anything is held.
pub const HELD_HEARTBEAT: Duration = Duration::from_millis(100);
/// A key that the heartbeats no longer name is released after this long.
pub const HELD_ABSENT: Duration = Duration::from_millis(500);
/// A viewer that says nothing for this long holds nothing.
pub const HELD_SILENCE: Duration = Duration::from_secs(2);
/// The host says on `ctl` that it lives, this often.
pub const HOST_HEARTBEAT: Duration = Duration::from_secs(1);

/// Network cards that a host tells of, and that one message wakes.
pub const MAX_LINKS: usize = 8;
