//! What a token's holder may do. What is not named is not permitted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One permission. The agent checks it at every message; the page only greys out what would be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Right {
    /// Put the viewer's clipboard on the host.
    ClipboardToHost,
    /// Read the host's clipboard.
    ClipboardFromHost,
    /// Change the desktop's size.
    DisplayResize,
    /// Put files on the host.
    FilesToHost,
    /// Read the files of the host's shared folder.
    FilesFromHost,
    /// Press keys.
    InputKeyboard,
    /// Move the pointer, press its buttons, turn the wheel.
    InputPointer,
    /// Be the host's microphone.
    Microphone,
    /// Dismiss other viewers and set limits that concern everybody.
    SessionManage,
    /// Hear the desktop.
    Sound,
    /// See the picture.
    View,
}

impl Right {
    pub const ALL: [Self; 11] = [
        Self::ClipboardToHost,
        Self::ClipboardFromHost,
        Self::DisplayResize,
        Self::FilesToHost,
        Self::FilesFromHost,
        Self::InputKeyboard,
        Self::InputPointer,
        Self::Microphone,
        Self::SessionManage,
        Self::Sound,
        Self::View,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClipboardToHost => "clipboard_to_host",
            Self::ClipboardFromHost => "clipboard_from_host",
            Self::DisplayResize => "display_resize",
            Self::FilesToHost => "files_to_host",
            Self::FilesFromHost => "files_from_host",
            Self::InputKeyboard => "input_keyboard",
            Self::InputPointer => "input_pointer",
            Self::Microphone => "microphone",
            Self::SessionManage => "session_manage",
            Self::Sound => "sound",
            Self::View => "view",
        }
    }
}

/// A set of rights; on the wire a list of names without repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "Right[]"))]
pub struct Rights(#[serde(deserialize_with = "crate::object::names")] BTreeSet<Right>);

impl Rights {
    pub fn all() -> Self {
        Right::ALL.into_iter().collect()
    }

    /// Look, and nothing else.
    pub fn view_only() -> Self {
        [Right::View].into_iter().collect()
    }

    pub fn has(&self, right: Right) -> bool {
        self.0.contains(&right)
    }

    /// What both permit.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        self.0.intersection(&other.0).copied().collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = Right> + '_ {
        self.0.iter().copied()
    }

    /// The names in ascending ASCII order joined by commas: the form that the binding signature covers.
    pub fn canonical(&self) -> String {
        let mut names: Vec<&str> = self.0.iter().map(|right| right.name()).collect();
        names.sort_unstable();
        names.join(",")
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Self(rights.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_serde_writes() {
        for right in Right::ALL {
            assert_eq!(serde_json::to_value(right).unwrap(), right.name());
        }
    }

    #[test]
    fn an_empty_set_permits_nothing() {
        assert!(Right::ALL.into_iter().all(|right| !Rights::default().has(right)));
    }
}
