//! The workstation's side of REMOVID: captures, encodes, sends, and injects input.

pub mod announce;
pub mod cli;
pub mod clipboard;
pub mod config;
pub mod courtesy;
pub mod desktop;
pub mod direct;
pub mod doctor;
pub mod files;
pub mod hub;
pub mod identity;
pub mod input;
pub mod install;
pub mod media;
pub mod priority;
pub mod screen;
pub mod sound;
pub mod station;
pub mod test_pattern;
pub mod tokens;
pub mod transport;
pub mod trust;
pub mod uplink;
pub mod x11;
