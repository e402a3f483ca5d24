//! Which right each message of a viewer needs. Whoever handles a message asks here first; `docs/rights.md` is made from it.

use crate::Right;
use crate::channel::control::FromViewer;
use crate::channel::input::{Input, Motion};

impl FromViewer {
    pub fn needs(&self) -> Right {
        match self {
            Self::DisplayResize { .. } => Right::DisplayResize,
            Self::QualityLimit { .. } | Self::ViewerDismiss { .. } => Right::SessionManage,
            Self::ClipOffer { .. } => Right::ClipboardToHost,
            Self::ClipGet { .. } => Right::ClipboardFromHost,
            Self::FilePut { .. } | Self::FileDone { .. } | Self::FileFolder { .. } => Right::FilesToHost,
            Self::FileBrowse { .. } | Self::FileGet { .. } => Right::FilesFromHost,
            Self::SoundListen { .. } => Right::Sound,
            Self::ControlAsk {}
            | Self::ControlGive { .. }
            | Self::ControlDecline { .. }
            | Self::ControlTake {}
            | Self::ControlRelease {}
            | Self::ControlStop {} => Right::InputPointer,
            Self::MicrophoneUse { .. } => Right::Microphone,
            Self::PageHidden { .. }
            | Self::QualitySave { .. }
            | Self::VideoShown { .. }
            | Self::VideoRefresh {}
            | Self::Ping { .. } => Right::View,
        }
    }
}

impl Input {
    pub fn needs(&self) -> Right {
        match self {
            Self::Key { .. } | Self::Text(_) => Right::InputKeyboard,
            Self::Button { .. } | Self::Wheel { .. } => Right::InputPointer,
            // What is held is let go, whatever rights are left.
            Self::Release => Right::View,
        }
    }
}

impl Motion {
    /// One of these is enough.
    pub fn needs(&self) -> &'static [Right] {
        match self {
            Self::Move { .. } | Self::Relative { .. } => &[Right::InputPointer],
            Self::Held { .. } => &[Right::InputKeyboard, Right::InputPointer],
        }
    }
}
