//! What the studio makes, on its way to the viewers: frames, sizes, pointer shapes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use signaling_spec::channel::Channel;
use signaling_spec::channel::control::{DisplayHealth, FrameTrace, FromHost, Monitor};
use signaling_spec::channel::tiles::FromViewer;
use signaling_spec::limits::MAX_CONTROL_BYTES;
use signaling_spec::{Refusal, ViewerId};

use super::Hub;
use crate::media::studio::{Command, Stream, StudioEvent, Trace, Watch};
use crate::screen::{Condition, CursorShape};
use crate::transport::{EncodedFrame, Sent};

/// Pointer shapes that are remembered; applications use a dozen.
const CURSORS: usize = 64;
/// Traces that are told in one second.
const TRACES: usize = 8;
/// A loss is reported sooner than this after the frame that was lost.
const STILL: Duration = Duration::from_millis(2_500);
/// A frame that none follows is named to its viewers after this long.
pub(super) const TAIL: Duration = Duration::from_millis(120);

/// What is shown, as newcomers are told it.
#[derive(Debug)]
pub(super) struct Screen {
    width: u32,
    height: u32,
    resizable: bool,
    monitors: Vec<Monitor>,
    condition: Condition,
    health: DisplayHealth,
    cursors: Vec<(u32, CursorShape, FromHost)>,
    next_cursor: u32,
    cursor: Option<u32>,
    encoders: BTreeMap<Stream, &'static str>,
    pub(super) limit: Option<u32>,
    traces: Vec<FrameTrace>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            resizable: false,
            monitors: Vec::new(),
            condition: Condition::default(),
            health: DisplayHealth::Gone,
            cursors: Vec::new(),
            next_cursor: 0,
            cursor: None,
            encoders: BTreeMap::new(),
            limit: None,
            traces: Vec::new(),
        }
    }
}

impl Screen {
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub(super) fn monitors(&self) -> &[Monitor] {
        &self.monitors
    }

    fn state(&self, follows: bool) -> FromHost {
        // A screen that is not there, or not to be encoded, is neither dark nor locked.
        let state = match (self.health, self.condition) {
            (DisplayHealth::Live, Condition::Asleep) => DisplayHealth::Asleep,
            (DisplayHealth::Live, Condition::Locked) => DisplayHealth::Locked,
            (health, _) => health,
        };
        FromHost::DisplayState {
            width: self.width,
            height: self.height,
            resizable: self.resizable,
            follows: follows && self.resizable,
            state,
            monitors: self.monitors.clone(),
        }
    }
}

impl Hub {
    pub(super) fn handle_studio(&mut self, event: StudioEvent) {
        match event {
            StudioEvent::Frame {
                stream,
                frame,
                trace,
                notes,
            } => {
                for (viewer, note) in notes {
                    self.send_tiles(viewer, &note);
                }
                self.frame(stream, &frame, trace);
            }
            StudioEvent::Tiles { viewer, data } => self.send_tiles(viewer, &data),
            StudioEvent::Assigned(assigned) => self.assigned(&assigned),
            StudioEvent::Encoder { stream, element } => {
                self.screen.encoders.insert(stream, element);
                // Whoever decodes this codec starts anew with its first keyframe.
                for session in self
                    .sessions
                    .values_mut()
                    .filter(|session| session.assigned == Some(stream))
                {
                    session.delivery.handle_break();
                }
                if self.screen.health == DisplayHealth::NoEncoder {
                    self.set_health(DisplayHealth::Live);
                }
                self.tell_video_state();
            }
            StudioEvent::Size {
                width,
                height,
                resizable,
                monitors,
                about,
            } => {
                tracing::info!(width, height, about, "Screen is shown");
                (self.screen.width, self.screen.height, self.screen.resizable) = (width, height, resizable);
                self.screen.monitors = monitors;
                if self.screen.health != DisplayHealth::Live {
                    self.screen.condition = Condition::Shown;
                    self.sizing.handle_reopened();
                    self.order_size();
                }
                self.screen.health = DisplayHealth::Live;
                self.announce_screen();
                self.ready_sink();
            }
            StudioEvent::Condition(condition) => {
                self.screen.condition = condition;
                self.announce_screen();
            }
            StudioEvent::Unsuitable { why } => {
                tracing::debug!(why, "Screen cannot be captured");
                self.sink = None;
                self.set_health(DisplayHealth::Unsuitable);
            }
            StudioEvent::Gone { why } => {
                tracing::debug!(why, "Screen is not there");
                self.sink = None;
                self.set_health(DisplayHealth::Gone);
            }
            StudioEvent::NoEncoder => self.set_health(DisplayHealth::NoEncoder),
            StudioEvent::Cursor(shape) => self.cursor(shape),
            StudioEvent::CursorHidden => self.use_cursor(None),
            StudioEvent::ResizeFailed(why) => {
                tracing::info!(why, "Screen was not resized");
                self.tell_all(&FromHost::Refused {
                    code: Refusal::Failed,
                    reference: "display.resize".to_owned(),
                });
            }
        }
    }

    fn set_health(&mut self, health: DisplayHealth) {
        if self.screen.health != health {
            self.screen.health = health;
            self.announce_screen();
        }
    }

    fn announce_screen(&mut self) {
        let state = self.screen.state(self.follow_window);
        self.tell_all(&state);
    }

    /// Who watches now, and with which codecs.
    pub(super) fn tell_viewers_to_studio(&self) {
        let viewers = self
            .sessions
            .iter()
            .filter(|(_, session)| session.live && !session.hidden)
            .map(|(viewer, session)| {
                let watch = Watch {
                    codecs: session.codecs.clone(),
                    tiles: session.tiles,
                    slow: self.quality.is_slow(viewer),
                };
                (*viewer, watch)
            })
            .collect();
        self.studio.try_tell(Command::Viewers(viewers));
    }

    fn assigned(&mut self, assigned: &BTreeMap<ViewerId, Stream>) {
        let mut wishes = Vec::new();
        for (viewer, session) in &mut self.sessions {
            let stream = assigned.get(viewer).copied();
            if stream.is_some() && (session.assigned != stream || session.delivery.needs_key()) {
                session.delivery.handle_break();
                wishes.push(*viewer);
            }
            session.assigned = stream.or(session.assigned);
        }
        for viewer in wishes {
            self.wish_keyframe(viewer);
        }
        self.tell_video_state();
    }

    fn send_tiles(&mut self, viewer: ViewerId, data: &[u8]) {
        if let Some(session) = self.sessions.get_mut(&viewer) {
            session.path_rate.handle_other(data.len(), Instant::now());
        }
        if self.transport.send(viewer, Channel::Tiles, true, data) != Sent::Taken {
            self.studio.try_tell(Command::TilesLost(viewer));
        }
    }

    /// What a viewer says of tiles.
    pub(super) fn tiles(&mut self, viewer: ViewerId, data: &[u8]) {
        let (Some(said), Some(session)) = (FromViewer::decode(data), self.sessions.get_mut(&viewer)) else {
            return self.refuse(viewer, Refusal::Malformed, Channel::Tiles.label());
        };
        let takes = match said {
            FromViewer::Seen(_) => self.hybrid,
            FromViewer::Anew | FromViewer::Frame { .. } | FromViewer::Promise => session.tiles,
            FromViewer::Off => false,
        };
        let changed = std::mem::replace(&mut session.tiles, takes) != takes;
        if changed {
            self.tell_viewers_to_studio();
        }
        match said {
            FromViewer::Seen(number) => self.studio.try_tell(Command::TilesSeen(viewer, number)),
            FromViewer::Anew => self.studio.try_tell(Command::TilesAnew(viewer)),
            FromViewer::Frame { rtp, at_ms } => self.frame_seen(viewer, rtp, at_ms),
            FromViewer::Promise => self.frames_promised(viewer),
            FromViewer::Off => {}
        }
    }

    /// The viewer's browser reports a loss, or only misses frames: browsers do so three seconds after the
    /// last one, and would be given a whole picture of a still screen for ever.
    pub(super) fn picture_lost(&mut self, viewer: ViewerId) {
        let now = Instant::now();
        let still = self
            .sessions
            .get(&viewer)
            .and_then(|session| session.last_frame)
            .is_some_and(|(_, at)| at + STILL <= now);
        if !still {
            self.wish_keyframe(viewer);
        }
    }

    pub(super) fn wish_keyframe(&mut self, viewer: ViewerId) {
        if let Some(stream) = self.sessions.get(&viewer).and_then(|session| session.assigned) {
            self.studio.try_tell(Command::Keyframe(stream));
        }
    }

    fn frame(&mut self, stream: Stream, frame: &EncodedFrame, trace: Trace) {
        let (target, now) = (self.quality.target(stream.slow).bps, Instant::now());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "RTP timestamps wrap at 32 bits (RFC 3550)"
        )]
        let rtp = frame.rtp_time as u32;
        for (viewer, session) in &mut self.sessions {
            let watches = session.live && !session.hidden && session.assigned == Some(stream);
            if !watches
                || !session
                    .delivery
                    .handle_frame(frame.key, session.is_slow(target), now)
            {
                continue;
            }
            session.path_rate.handle_frame(rtp, frame.data.len(), now);
            session.last_frame = Some((rtp, now));
            session.told_last = false;
            self.transport.send_frame(*viewer, frame);
        }
        self.wish_keyframes();
        self.set_gate(now);
        let before = now.saturating_duration_since(frame.captured);
        let send = before.saturating_sub(trace.convert + trace.encode);
        self.figures.made(trace, send);
        if self.screen.traces.len() < TRACES {
            let ms = |time: Duration| time.as_secs_f32() * 1000.0;
            self.screen.traces.push(FrameTrace {
                rtp,
                capture_ms: ms(trace.capture),
                convert_ms: ms(trace.convert),
                encode_ms: ms(trace.encode),
                send_ms: ms(send),
                at_ms: wall_ms(before),
            });
        }
    }

    pub(super) fn flush_traces(&mut self) {
        if !self.screen.traces.is_empty() {
            let frames = std::mem::take(&mut self.screen.traces);
            self.tell_all(&FromHost::VideoTrace { frames });
        }
    }

    /// Asks for the keyframes that viewers wait for.
    pub(super) fn wish_keyframes(&mut self) {
        let now = Instant::now();
        let wishes: Vec<ViewerId> = self
            .sessions
            .iter_mut()
            .filter(|(_, session)| session.live && !session.hidden)
            .filter_map(|(viewer, session)| {
                let lags = session.is_slow(self.quality.target(self.quality.is_slow(viewer)).bps);
                session.delivery.poll_wish(lags, now).then_some(*viewer)
            })
            .collect();
        wishes.into_iter().for_each(|viewer| self.wish_keyframe(viewer));
    }

    /// Everything that a newcomer must know of the screen.
    pub(super) fn tell_screen(&mut self, viewer: ViewerId) {
        let state = self.screen.state(self.follow_window);
        self.tell(viewer, state);
        self.tell_cursor(viewer);
        let state = self.video_state(viewer);
        state.into_iter().for_each(|state| self.tell(viewer, state));
    }

    fn video_state(&self, viewer: ViewerId) -> Option<FromHost> {
        let stream = self.sessions.get(&viewer)?.assigned?;
        let encoder = self
            .screen
            .encoders
            .get(&stream)
            .copied()
            .unwrap_or_default()
            .to_owned();
        Some(FromHost::VideoState {
            codec: stream.codec.name().to_owned(),
            encoder,
            max_kbps: self.screen.limit,
        })
    }

    pub(super) fn tell_video_state(&mut self) {
        let viewers: Vec<ViewerId> = self.sessions.keys().copied().collect();
        for viewer in viewers {
            if let Some(state) = self.video_state(viewer) {
                self.tell(viewer, state);
            }
        }
    }

    fn cursor(&mut self, shape: CursorShape) {
        let known = self
            .screen
            .cursors
            .iter()
            .find(|(_, known, _)| *known == shape)
            .map(|(id, _, _)| *id);
        let id = known.or_else(|| {
            let id = self.screen.next_cursor;
            let message = shape_message(id, &shape.even())?;
            self.screen.next_cursor = id.wrapping_add(1);
            if self.screen.cursors.len() >= CURSORS {
                let (gone, _, _) = self.screen.cursors.remove(0);
                // Nobody is told of it again.
                for session in self.sessions.values_mut() {
                    session.cursors.retain(|told| *told != gone);
                }
            }
            self.screen.cursors.push((id, shape, message));
            Some(id)
        });
        self.use_cursor(id);
    }

    fn use_cursor(&mut self, id: Option<u32>) {
        self.screen.cursor = id;
        let viewers: Vec<ViewerId> = self.sessions.keys().copied().collect();
        for viewer in viewers {
            self.tell_cursor(viewer);
        }
    }

    fn tell_cursor(&mut self, viewer: ViewerId) {
        let id = self.screen.cursor;
        let shape = self
            .screen
            .cursors
            .iter()
            .find(|(known, _, _)| Some(*known) == id)
            .map(|(_, _, message)| message.clone());
        let Some(session) = self.sessions.get_mut(&viewer).filter(|session| session.ctl_open) else {
            return;
        };
        if let (Some(id), Some(message)) = (id, shape)
            && !session.cursors.contains(&id)
        {
            session.cursors.push(id);
            self.tell(viewer, message);
        }
        self.tell(viewer, FromHost::CursorUse { id });
    }
}

/// So long ago on this machine's clock, in milliseconds since 1970.
pub(super) fn wall_ms(before: Duration) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(before).as_secs_f64() * 1000.0
}

/// The shape as a message; one that would be too long becomes smaller, since a pointer that cannot be seen is worse.
/// `None` for one without pixels.
fn shape_message(id: u32, shape: &CursorShape) -> Option<FromHost> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, shape.width, shape.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&shape.rgba))
        .ok()?;
    let png = base64::engine::general_purpose::STANDARD.encode(&bytes);
    if png.len() + 256 > MAX_CONTROL_BYTES {
        tracing::debug!(
            width = shape.width,
            height = shape.height,
            "Pointer shape is too large to send as it is"
        );
        return shape_message(id, &shape.halved().even());
    }
    let (width, height, hot_x, hot_y) = (shape.width, shape.height, shape.hot_x, shape.hot_y);
    Some(FromHost::CursorShape {
        id,
        width,
        height,
        hot_x,
        hot_y,
        png,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_that_is_too_large_for_a_message_becomes_smaller() {
        let mut noise = 1_u32;
        let shape = CursorShape {
            width: 256,
            height: 256,
            hot_x: 255,
            hot_y: 255,
            rgba: std::iter::repeat_with(|| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                noise.to_be_bytes()
            })
            .take(256 * 256)
            .flatten()
            .collect(),
        };
        let Some(FromHost::CursorShape {
            width, hot_x, png, ..
        }) = shape_message(1, &shape)
        else {
            panic!("no shape");
        };
        assert_eq!((width, hot_x), (130, 128));
        assert!(png.len() < MAX_CONTROL_BYTES);
    }
}
