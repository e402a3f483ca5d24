//! Where moving pictures carry all their colours: with an encoder of their own, in which no bitrate is held.

use std::time::Instant;

use super::encode::REST;
use super::feed::Feeds;
use super::{Stream, Teller};
use crate::media::rungs::Rung;
use crate::transport::Codec;

/// The usual encode, and the one that takes its place.
const USUAL: Stream = Stream {
    codec: Codec::H264,
    slow: false,
};
const FULL: Codec = Codec::H264High444;

/// Whether it makes one of these codecs, other than in place of another.
pub(super) fn is_usual(rung: &Rung, codecs: &[Codec]) -> bool {
    rung.codec != FULL && codecs.contains(&rung.codec)
}

impl Feeds {
    /// The first codec of the ladder that is among these.
    pub(super) fn first(&self, codecs: &[Codec], now: Instant) -> Option<Codec> {
        let rung = self.ladder.pick(now, |rung| is_usual(rung, codecs));
        rung.map(|rung| rung.codec)
    }

    /// The codec of that viewer, which would get `codec`.
    pub(super) fn with_colours(&self, codec: Codec, slow: bool, now: Instant) -> Codec {
        let full = codec == USUAL.codec && !slow && self.carries(now);
        if full { FULL } else { codec }
    }

    /// Whether the usual encode has another in its place.
    pub(super) fn carries(&self, now: Instant) -> bool {
        self.chroma.is_on() && self.can_carry(now)
    }

    /// Whether all viewers of the usual encode would have all colours, without a bitrate, from an encoder in software: no
    /// others are known to make them as well.
    fn can_carry(&self, now: Instant) -> bool {
        let pick = |codec| self.ladder.pick(now, |rung| rung.codec == codec);
        let software = pick(USUAL.codec).is_some_and(|rung| rung.can_be_unbound());
        if !software || !self.targets[0].unbound || pick(FULL).is_none() {
            return false;
        }
        let mut usual = self
            .viewers
            .values()
            .filter(|watch| !watch.slow && self.first(&watch.codecs, now) == Some(USUAL.codec))
            .peekable();
        usual.peek().is_some() && usual.all(|watch| watch.codecs.contains(&FULL))
    }

    /// When the usual encode will have rested, if all colours wait for that.
    pub(super) fn colours_at(&self, now: Instant) -> Option<Instant> {
        if !self.chroma.wants(now) || !self.can_carry(now) {
            return None;
        }
        let feed = self.feeds.get(&USUAL)?;
        let submitted = feed.submitted.filter(|_| !(feed.behind && feed.wanted));
        submitted.map(|last| last.at + REST)
    }

    pub(super) fn update_colours(&mut self, size: Option<(u32, u32)>, now: Instant, tell: &Teller) {
        let rests = self.colours_at(now).is_some_and(|at| at <= now);
        let possible = self.can_carry(now);
        self.chroma.update(possible, rests, now);
        let carried = self.assigned.values().any(|stream| stream.codec == FULL);
        if carried != self.chroma.is_on() {
            tracing::debug!(all = self.chroma.is_on(), "Colours of moving pictures");
            self.assign(size, now, tell);
        }
    }
}
