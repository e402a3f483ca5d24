//! May somebody come in? A window on the host's screen with two buttons, for whoever sits there.

use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{
    ButtonPressEvent, ChangeGCAux, Char2b, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux,
    EventMask, Rectangle, StackMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::sign::{BACK, PADDING, TEXT, clean};
use super::{done, id};
use crate::courtesy::Question;

const ALLOW: u32 = 0x0018_8038;
const REFUSE: u32 = 0x005f_6368;
/// Pixels of a button's width.
const BUTTON: u16 = 160;
/// From the screen's upper edge: below the strip.
const TOP: i32 = 96;

/// A part of the screen, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    left: i32,
    top: i32,
    width: u16,
    height: u16,
}

impl Area {
    pub(super) fn contains(&self, (x, y): (u32, u32)) -> bool {
        let within = |at: u32, from: i32, side: u16| {
            let off = i64::from(at) - i64::from(from);
            (0..i64::from(side)).contains(&off)
        };
        within(x, self.left, self.width) && within(y, self.top, self.height)
    }
}

/// An open question.
#[derive(Debug)]
pub(super) struct Asked {
    number: u64,
    window: Window,
    gc: u32,
    area: Area,
    lines: [String; 2],
    ascent: i16,
    line: u16,
    allow: Rectangle,
    refuse: Rectangle,
    /// How wide the buttons' words are.
    words: [u16; 2],
}

const WORDS: [&str; 2] = ["Allow", "Refuse"];

impl Asked {
    /// In the middle of that monitor (left edge, upper edge, width).
    ///
    /// # Errors
    /// The display is gone.
    pub(super) fn open(
        conn: &RustConnection,
        root: Window,
        (font, gc): (u32, u32),
        (left, top, room): (i32, i32, u16),
        question: &Question,
    ) -> Result<Self, ReplyError> {
        let wish = if question.controls { "see and use" } else { "see" };
        let lines = [
            format!("{} wants to {wish} this desktop.", clean(&question.name)),
            "Ctrl+Alt+Shift+Backspace stops their keys at any time.".to_owned(),
        ];
        let side = |value: i32| u16::try_from(value.max(1)).unwrap_or(u16::MAX);
        let (mut wide, mut line, mut ascent) = (2 * BUTTON + PADDING, 1, 0);
        for text in &lines {
            let size = conn.query_text_extents(font, &glyphs(text))?.reply()?;
            wide = wide.max(side(size.overall_width));
            line = side(i32::from(size.font_ascent) + i32::from(size.font_descent));
            ascent = size.font_ascent;
        }
        let mut words = [0; 2];
        for (wide, word) in words.iter_mut().zip(WORDS) {
            let size = conn.query_text_extents(font, &glyphs(word))?.reply()?;
            *wide = side(size.overall_width);
        }
        let step = line + PADDING;
        let width = wide.saturating_add(4 * PADDING);
        let height = 2 * step + 2 * line + 5 * PADDING;
        let area = Area {
            left: left + i32::from(room.saturating_sub(width) / 2),
            top: top + TOP,
            width,
            height,
        };
        let at = |value: u16| i16::try_from(value).unwrap_or(i16::MAX);
        let button = |x: u16| Rectangle {
            x: at(x),
            y: at(2 * step + 3 * PADDING),
            width: BUTTON,
            height: 2 * line,
        };
        let refuse = button(width - 2 * PADDING - BUTTON);
        let allow = button(width - 3 * PADDING - 2 * BUTTON);
        let window = id(conn)?;
        let look = CreateWindowAux::new()
            .background_pixel(BACK)
            .border_pixel(TEXT)
            .override_redirect(1)
            .event_mask(EventMask::EXPOSURE | EventMask::BUTTON_PRESS | EventMask::VISIBILITY_CHANGE);
        let place = |value: i32| i16::try_from(value).unwrap_or(i16::MAX);
        done(conn.create_window(
            x11rb::COPY_DEPTH_FROM_PARENT,
            window,
            root,
            place(area.left),
            place(area.top),
            width,
            height,
            1,
            WindowClass::INPUT_OUTPUT,
            0,
            &look,
        ))?;
        conn.map_window(window)?.ignore_error();
        let asked = Self {
            number: question.number,
            window,
            gc,
            area,
            lines,
            ascent,
            line,
            allow,
            refuse,
            words,
        };
        asked.raise(conn)?;
        Ok(asked)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn area(&self) -> Area {
        self.area
    }

    pub(super) fn raise(&self, conn: &RustConnection) -> Result<(), ReplyError> {
        let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        conn.configure_window(self.window, &above)?.ignore_error();
        Ok(())
    }

    pub(super) fn close(self, conn: &RustConnection) -> Result<(), ReplyError> {
        conn.destroy_window(self.window)?.ignore_error();
        Ok(())
    }

    /// The question's number and whether it was a yes, if a button was hit.
    pub(super) fn answer(&self, press: &ButtonPressEvent) -> Option<(u64, bool)> {
        let hit = |button: &Rectangle| {
            let (x, y) = (
                i32::from(press.event_x) - i32::from(button.x),
                i32::from(press.event_y) - i32::from(button.y),
            );
            (0..i32::from(button.width)).contains(&x) && (0..i32::from(button.height)).contains(&y)
        };
        if press.event != self.window || press.detail != 1 {
            return None;
        }
        let yes = hit(&self.allow);
        (yes || hit(&self.refuse)).then_some((self.number, yes))
    }

    pub(super) fn draw(&self, conn: &RustConnection) -> Result<(), ReplyError> {
        let at = |value: u16| i16::try_from(value).unwrap_or(i16::MAX);
        let paint = |back: u32| ChangeGCAux::new().foreground(TEXT).background(back);
        let fill = |colour: u32| ChangeGCAux::new().foreground(colour);
        for (text, row) in self.lines.iter().zip(0u16..) {
            conn.change_gc(self.gc, &paint(BACK))?.ignore_error();
            let base = at(2 * PADDING + row * (self.line + PADDING)) + self.ascent;
            conn.image_text16(self.window, self.gc, at(2 * PADDING), base, &glyphs(text))?
                .ignore_error();
        }
        let buttons = [(&self.allow, ALLOW), (&self.refuse, REFUSE)];
        for ((button, colour), (word, wide)) in buttons.into_iter().zip(WORDS.into_iter().zip(self.words)) {
            conn.change_gc(self.gc, &fill(colour))?.ignore_error();
            conn.poly_fill_rectangle(self.window, self.gc, &[*button])?
                .ignore_error();
            conn.change_gc(self.gc, &paint(colour))?.ignore_error();
            let base = button.y + at(self.line / 2) + self.ascent;
            conn.image_text16(
                self.window,
                self.gc,
                button.x + at(BUTTON.saturating_sub(wide) / 2),
                base,
                &glyphs(word),
            )?
            .ignore_error();
        }
        conn.change_gc(self.gc, &paint(BACK))?.ignore_error();
        Ok(())
    }
}

/// As an X font counts them.
pub(super) fn glyphs(text: &str) -> Vec<Char2b> {
    text.chars()
        .map(|c| {
            let [byte1, byte2] = u16::try_from(u32::from(c))
                .unwrap_or(u16::from(b'?'))
                .to_be_bytes();
            Char2b { byte1, byte2 }
        })
        .collect()
}
