//! The data channels of the one peer connection. The viewer opens all of them in its first offer.

pub mod bulk;
pub mod clip;
pub mod control;
pub mod files;
pub mod input;
pub mod tiles;

/// A data channel by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Keys, buttons, wheel: reliable and ordered, binary.
    Input,
    /// Pointer moves and held-key heartbeats: unordered, never sent again, binary.
    Motion,
    /// Cursor, sizes, viewers, heartbeat: reliable and ordered, JSON.
    Ctl,
    /// The bytes of clips and files: reliable and ordered, binary.
    Bulk,
    /// Exact pixels over the video: reliable, unordered, binary.
    Tiles,
}

impl Channel {
    pub const ALL: [Self; 5] = [Self::Input, Self::Motion, Self::Ctl, Self::Bulk, Self::Tiles];

    pub fn label(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Motion => "motion",
            Self::Ctl => "ctl",
            Self::Bulk => "bulk",
            Self::Tiles => "tiles",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.label() == label)
    }
}
