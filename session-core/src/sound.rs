//! Who hears the desktop and whose microphone it has; and what of the sound is silence.
//!
//! Capturing and encoding run only while somebody listens. The host has one virtual microphone, so one viewer's is
//! heard at a time: whoever wants it while another's is on is told so, and never takes it silently. It is never on by
//! itself: not for who comes back, not for who was granted it before.

use std::collections::BTreeSet;

use signaling_spec::{Refusal, ViewerId};

/// After this many silent frames of 10 ms nothing is sent: decoders have faded out by then.
const TAIL: u32 = 30;

/// What the sound's own part of the agent is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Capture and encode.
    pub listen: bool,
    /// Play what a viewer's microphone sends.
    pub microphone: bool,
}

/// See the module documentation. Rights were checked before.
#[derive(Debug, Default)]
pub struct Sounds {
    listeners: BTreeSet<ViewerId>,
    microphone: Option<ViewerId>,
}

impl Sounds {
    pub fn listen(&mut self, viewer: ViewerId, on: bool) {
        if on {
            self.listeners.insert(viewer);
        } else {
            self.listeners.remove(&viewer);
        }
    }

    /// # Errors
    /// `out_of_turn`: another viewer's microphone is on.
    pub fn use_microphone(&mut self, viewer: ViewerId, on: bool) -> Result<(), Refusal> {
        match self.microphone {
            Some(other) if other != viewer && on => return Err(Refusal::OutOfTurn),
            Some(other) if other != viewer => {}
            _ => self.microphone = on.then_some(viewer),
        }
        Ok(())
    }

    pub fn leave(&mut self, viewer: ViewerId) {
        self.listeners.remove(&viewer);
        if self.microphone == Some(viewer) {
            self.microphone = None;
        }
    }

    pub fn listeners(&self) -> impl Iterator<Item = ViewerId> + '_ {
        self.listeners.iter().copied()
    }

    pub fn microphone(&self) -> Option<ViewerId> {
        self.microphone
    }

    pub fn demand(&self) -> Demand {
        Demand {
            listen: !self.listeners.is_empty(),
            microphone: self.microphone.is_some(),
        }
    }
}

/// Tells frames that are worth sending from silence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence {
    quiet: u32,
}

impl Silence {
    /// Takes the loudest sample of a frame of 10 ms, 0…32768, and returns whether to send it. A dithered nothing is one
    /// step loud.
    pub fn is_sent(&mut self, peak: u16) -> bool {
        self.quiet = if peak > 1 { 0 } else { self.quiet.saturating_add(1) };
        self.quiet <= TAIL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ViewerId = ViewerId(1);
    const B: ViewerId = ViewerId(2);

    #[test]
    fn sound_is_made_only_while_somebody_listens() {
        let mut sounds = Sounds::default();
        assert_eq!(sounds.demand(), Demand::default());
        sounds.listen(A, true);
        sounds.listen(B, true);
        sounds.listen(A, false);
        assert_eq!(sounds.listeners().collect::<Vec<_>>(), [B]);
        assert!(sounds.demand().listen);
        sounds.leave(B);
        assert!(!sounds.demand().listen);
    }

    #[test]
    fn one_microphone_at_a_time_and_none_that_comes_back_by_itself() {
        let mut sounds = Sounds::default();
        assert_eq!(sounds.use_microphone(B, false), Ok(()));
        assert_eq!(sounds.use_microphone(A, true), Ok(()));
        assert_eq!(sounds.use_microphone(A, true), Ok(()));
        assert_eq!(sounds.use_microphone(B, true), Err(Refusal::OutOfTurn));
        assert_eq!(sounds.use_microphone(B, false), Ok(()));
        assert_eq!(sounds.microphone(), Some(A));
        sounds.leave(B);
        assert_eq!(sounds.microphone(), Some(A));
        sounds.leave(A);
        assert_eq!(sounds.microphone(), None);
        assert_eq!(sounds.use_microphone(B, true), Ok(()));
        assert_eq!(sounds.use_microphone(B, false), Ok(()));
        assert!(!sounds.demand().microphone);
    }

    #[test]
    fn silence_ends_at_once_and_begins_after_its_tail() {
        let mut silence = Silence::default();
        let quiet = (0..100).filter(|_| silence.is_sent(1)).count();
        assert_eq!(quiet, 30);
        assert!(silence.is_sent(2));
        assert!(silence.is_sent(0));
        assert!(silence.is_sent(32_768));
    }
}
