//! The pointer's shape, as XFixes tells it.

use x11rb::errors::ReplyError;
use x11rb::protocol::xfixes::{ConnectionExt as _, GetCursorImageReply};
use x11rb::rust_connection::RustConnection;

use crate::screen::{CursorShape, SourceEvent};

/// The shape on display now; `CursorHidden` when there is nothing to be seen of it.
pub(super) fn current(conn: &RustConnection) -> Result<SourceEvent, ReplyError> {
    match conn.xfixes_get_cursor_image()?.reply() {
        Ok(image) => Ok(shape(&image).map_or(SourceEvent::CursorHidden, SourceEvent::Cursor)),
        // The server's way of saying that it shows none.
        Err(ReplyError::X11Error(_)) => Ok(SourceEvent::CursorHidden),
        Err(error @ ReplyError::ConnectionError(_)) => Err(error),
    }
}

fn shape(image: &GetCursorImageReply) -> Option<CursorShape> {
    let pixels = usize::from(image.width) * usize::from(image.height);
    let argb = image.cursor_image.get(..pixels)?;
    if argb.iter().all(|pixel| pixel >> 24 == 0) {
        return None;
    }
    let inside = |at: u16, side: u16| u32::from(at.min(side.saturating_sub(1)));
    Some(CursorShape {
        width: image.width.into(),
        height: image.height.into(),
        hot_x: inside(image.xhot, image.width),
        hot_y: inside(image.yhot, image.height),
        rgba: argb.iter().flat_map(|pixel| straight(*pixel)).collect(),
    })
}

/// Red, green, blue, alpha of a pixel whose colours were multiplied by alpha.
fn straight(pixel: u32) -> [u8; 4] {
    let [alpha, red, green, blue] = pixel.to_be_bytes();
    let divide = |colour: u8| match u32::from(alpha) {
        0 => 0,
        alpha => u8::try_from((u32::from(colour) * 255 + alpha / 2) / alpha).unwrap_or(255),
    };
    [divide(red), divide(green), divide(blue), alpha]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(pixels: Vec<u32>) -> GetCursorImageReply {
        let width = u16::try_from(pixels.len()).unwrap();
        GetCursorImageReply {
            width,
            height: 1,
            xhot: 9,
            cursor_image: pixels,
            ..Default::default()
        }
    }

    #[test]
    fn colours_are_divided_by_alpha_and_the_hot_spot_stays_inside() {
        let shape = shape(&image(vec![0x8040_0080, 0xff01_0203])).unwrap();
        assert_eq!(shape.rgba, [128, 0, 255, 128, 1, 2, 3, 255]);
        assert_eq!((shape.hot_x, shape.hot_y), (1, 0));
    }

    #[test]
    fn a_transparent_or_empty_pointer_is_hidden() {
        assert_eq!(shape(&image(vec![0; 16])), None);
        assert_eq!(shape(&image(vec![])), None);
    }
}
