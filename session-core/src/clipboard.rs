//! Whose clip is pasted, and who may know of it.
//!
//! The host has one clipboard, its viewers have one each; the newest copy counts. A viewer's offer makes the host's
//! clipboard that viewer's, without its bytes; whatever an application copies after it ends that. Each clip of the host
//! has a new serial, and what is asked for by an older one is refused: nobody ever pastes the clip before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use signaling_spec::channel::clip::ClipFormat;
use signaling_spec::channel::control::FromHost;
use signaling_spec::{Refusal, Right, Rights, ViewerId};

/// The forms in which a clip can be had.
pub type Formats = BTreeSet<ClipFormat>;

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The host's clipboard is to have these forms; none: it is to be empty.
    Own(Formats),
    Tell(ViewerId, FromHost),
}

#[derive(Clone, Debug)]
struct Offer {
    viewer: ViewerId,
    serial: u32,
    formats: Formats,
}

/// See the module documentation.
#[derive(Debug, Default)]
pub struct Clipboards {
    /// The viewers who may read the host's clipboard.
    readers: BTreeSet<ViewerId>,
    serial: u32,
    /// The host's own clip.
    host: Option<(Formats, bool)>,
    offer: Option<Offer>,
    /// Refused once already, by direction: no more is said of it.
    told: BTreeMap<(ViewerId, Right), ()>,
    outputs: VecDeque<Output>,
}

impl Clipboards {
    /// A viewer is there; it hears of the clip that the host has already.
    pub fn join(&mut self, viewer: ViewerId, rights: &Rights) {
        if !rights.has(Right::ClipboardFromHost) {
            return;
        }
        self.readers.insert(viewer);
        if self.host.is_some() {
            let offer = self.said();
            self.outputs.push_back(Output::Tell(viewer, offer));
        }
    }

    /// What that viewer offered is not to be had any more.
    pub fn leave(&mut self, viewer: ViewerId) {
        self.readers.remove(&viewer);
        self.told.retain(|(who, _), ()| *who != viewer);
        if self.offer.take_if(|offer| offer.viewer == viewer).is_some() {
            self.outputs.push_back(Output::Own(Formats::new()));
        }
    }

    /// Whether to say that this viewer lacks the right: once for each direction.
    pub fn is_news(&mut self, viewer: ViewerId, right: Right) -> bool {
        self.told.insert((viewer, right), ()).is_none()
    }

    /// A viewer copied something, or has nothing any more.
    pub fn handle_offer(&mut self, viewer: ViewerId, serial: u32, formats: Formats) {
        if formats.is_empty() {
            if self.offer.take_if(|offer| offer.viewer == viewer).is_some() {
                self.outputs.push_back(Output::Own(formats));
            }
            return;
        }
        self.offer = Some(Offer {
            viewer,
            serial,
            formats: formats.clone(),
        });
        self.outputs.push_back(Output::Own(formats));
    }

    /// The host's clipboard has these forms now.
    pub fn handle_owned(&mut self, formats: &Formats) {
        let Some(offer) = self.offer.as_ref().filter(|offer| offer.formats == *formats) else {
            return;
        };
        let taken = FromHost::ClipTaken { serial: offer.serial };
        self.outputs.push_back(Output::Tell(offer.viewer, taken));
        // The others' clips are older than this one.
        if self.host.take().is_some() {
            self.serial = self.serial.wrapping_add(1);
        }
    }

    /// An application copied something, or its clip is gone.
    pub fn handle_changed(&mut self, formats: Formats, other: bool) {
        let empty = formats.is_empty() && !other;
        self.offer = None;
        if empty && self.host.is_none() {
            return;
        }
        self.serial = self.serial.wrapping_add(1);
        self.host = Some((formats, other));
        let offer = self.said();
        for viewer in &self.readers {
            self.outputs.push_back(Output::Tell(*viewer, offer.clone()));
        }
        if empty {
            self.host = None;
        }
    }

    /// A viewer asks for the host's clip.
    ///
    /// # Errors
    /// It is not that clip any more, or has no such form.
    pub fn handle_get(&self, serial: u32, format: ClipFormat) -> Result<(), Refusal> {
        let has = self
            .host
            .as_ref()
            .is_some_and(|(formats, _)| serial == self.serial && formats.contains(&format));
        has.then_some(()).ok_or(Refusal::NotFound)
    }

    /// Somebody pastes on the host: the viewer to ask, and its serial.
    pub fn handle_wanted(&self, format: ClipFormat) -> Option<(ViewerId, u32)> {
        let offer = self.offer.as_ref()?;
        offer
            .formats
            .contains(&format)
            .then_some((offer.viewer, offer.serial))
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn said(&self) -> FromHost {
        let (formats, other) = self.host.clone().unwrap_or_default();
        FromHost::ClipCopied {
            serial: self.serial,
            formats,
            other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ViewerId = ViewerId(1);
    const BEN: ViewerId = ViewerId(2);

    fn text() -> Formats {
        Formats::from([ClipFormat::Text])
    }

    fn drain(clips: &mut Clipboards) -> Vec<Output> {
        std::iter::from_fn(|| clips.poll_output()).collect()
    }

    fn offer(viewer: ViewerId, serial: u32, formats: Formats, other: bool) -> Output {
        Output::Tell(
            viewer,
            FromHost::ClipCopied {
                serial,
                formats,
                other,
            },
        )
    }

    fn both() -> Clipboards {
        let mut clips = Clipboards::default();
        clips.join(ANN, &Rights::from_iter(Right::ALL));
        clips.join(BEN, &Rights::from_iter([Right::View]));
        clips
    }

    #[test]
    fn a_copy_on_the_host_is_told_to_whoever_may_read_it() {
        let mut clips = both();
        clips.handle_changed(text(), false);
        assert_eq!(drain(&mut clips), [offer(ANN, 1, text(), false)]);
        assert_eq!(clips.handle_get(1, ClipFormat::Text), Ok(()));
        assert_eq!(clips.handle_get(1, ClipFormat::Png), Err(Refusal::NotFound));
        clips.handle_changed(Formats::new(), true);
        assert_eq!(drain(&mut clips), [offer(ANN, 2, Formats::new(), true)]);
        assert_eq!(
            clips.handle_get(1, ClipFormat::Text),
            Err(Refusal::NotFound),
            "never an older one"
        );
        clips.join(ViewerId(3), &Rights::from_iter(Right::ALL));
        assert_eq!(
            drain(&mut clips),
            [offer(ViewerId(3), 2, Formats::new(), true)],
            "also to who comes later"
        );
    }

    #[test]
    fn the_newest_copy_counts() {
        let mut clips = both();
        clips.handle_changed(text(), false);
        drain(&mut clips);
        clips.handle_offer(ANN, 7, text());
        assert_eq!(drain(&mut clips), [Output::Own(text())]);
        clips.handle_owned(&text());
        assert_eq!(
            drain(&mut clips),
            [Output::Tell(ANN, FromHost::ClipTaken { serial: 7 })]
        );
        assert_eq!(clips.handle_wanted(ClipFormat::Text), Some((ANN, 7)));
        assert_eq!(clips.handle_wanted(ClipFormat::Html), None);
        assert_eq!(clips.handle_get(1, ClipFormat::Text), Err(Refusal::NotFound));
        clips.handle_changed(text(), false);
        assert_eq!(clips.handle_wanted(ClipFormat::Text), None);
        assert_eq!(drain(&mut clips), [offer(ANN, 3, text(), false)]);
    }

    #[test]
    fn the_clip_of_who_leaves_is_gone() {
        let mut clips = both();
        clips.handle_offer(ANN, 1, text());
        clips.handle_offer(ANN, 2, Formats::new());
        assert_eq!(
            drain(&mut clips),
            [Output::Own(text()), Output::Own(Formats::new())]
        );
        clips.handle_offer(ANN, 3, text());
        clips.leave(BEN);
        clips.leave(ANN);
        assert_eq!(
            drain(&mut clips),
            [Output::Own(text()), Output::Own(Formats::new())]
        );
        clips.handle_owned(&text());
        assert_eq!(drain(&mut clips), [], "an answer that comes too late");
        clips.handle_changed(Formats::new(), false);
        assert_eq!(drain(&mut clips), [], "nothing became of nothing");
    }

    #[test]
    fn a_lacking_right_is_said_once_for_each_direction() {
        let mut clips = both();
        assert!(clips.is_news(BEN, Right::ClipboardToHost));
        assert!(!clips.is_news(BEN, Right::ClipboardToHost));
        assert!(clips.is_news(BEN, Right::ClipboardFromHost));
        clips.leave(BEN);
        assert!(clips.is_news(BEN, Right::ClipboardToHost));
    }
}
