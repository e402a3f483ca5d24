//! The workstation's side of REMOVID: captures, encodes, sends, and injects input.

pub mod input;
pub mod screen;
