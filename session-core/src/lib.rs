//! The rules of a session as pure state machines.
//!
//! Nothing here touches a socket, a device, a clock or a random source: input and time come in,
//! output is polled out. That is what lets `tests/` replay hours of sessions in milliseconds.

pub mod answerer;
pub mod bind;
pub mod chroma;
pub mod clipboard;
pub mod confined;
pub mod control;
pub mod courtesy;
pub mod delivery;
pub mod filenames;
pub mod grants;
pub mod hold_back;
pub mod input_gate;
pub mod keyframes;
pub mod ladder;
pub mod layout;
pub mod path;
pub mod quality;
pub mod queue;
pub mod rate;
pub mod reconnect;
pub mod refine;
pub mod rhythm;
pub mod room;
pub mod sizing;
pub mod sound;
pub mod tickets;
pub mod tiles;
pub mod transfer;
pub mod typist;
