//! The forms of a clip. What is said of them on `ctl` is in `control.rs`, their bytes go over `bulk`.

use serde::{Deserialize, Serialize};

/// One form of what was copied, by its MIME type; text is UTF-8 with `\n` for line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ClipFormat {
    #[serde(rename = "text/plain")]
    Text,
    #[serde(rename = "text/html")]
    Html,
    #[serde(rename = "image/png")]
    Png,
}

impl ClipFormat {
    pub const ALL: [Self; 3] = [Self::Text, Self::Html, Self::Png];
}
