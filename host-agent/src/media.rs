//! From the screen to encoded pictures.
//!
//! The studio (`studio.rs`) is one thread that owns the source and feeds encoders. Each encoder is a child
//! process (`worker.rs`) that shares a ring of raw pictures with it: a plug-in that crashes, hangs or
//! aborts takes its own process down and nothing else, and the ladder's next rung goes on. GStreamer is
//! named in this folder only, and loaded in the child only.

pub mod convert;
pub mod encoder;
pub mod gate;
pub mod probe;
pub mod ring;
pub mod rungs;
pub mod sound;
pub mod studio;
pub mod tiles;
pub mod wire;
pub mod worker;
