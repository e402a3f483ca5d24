//! Files of the host's shared folder. What is said of them on `ctl` is in `control.rs`, their bytes go over `bulk`.

use serde::{Deserialize, Serialize};

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FileEntry {
    /// Its name in that folder.
    pub name: String,
    pub folder: bool,
    /// Bytes; 0 for a folder.
    pub size: u64,
    /// Milliseconds since 1970.
    pub modified: u64,
}
