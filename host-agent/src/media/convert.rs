//! BGRA to YCbCr by SIMD, only the rows that changed.

use std::ops::Range;

use yuv::{
    BufferStoreMut, YuvBiPlanarImageMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
    bgra_to_yuv_nv12, bgra_to_yuv420, bgra_to_yuv444,
};

use super::rungs::{Layout, Matrix, RawFormat};
use crate::screen::Picture;

/// Widens a range to even rows, as chroma rows cover two.
pub fn even(rows: &Range<u32>, height: u32) -> Range<u32> {
    (rows.start & !1)..((rows.end + 1) & !1).min(height)
}

/// Converts those rows of the picture into the planes at `to`. Rows and the layout's sides are even; a picture of odd
/// sides gets its last column and row twice.
///
/// # Errors
/// The picture is not of the layout's size, or rows lie outside it.
pub fn convert(
    picture: &Picture<'_>,
    rows: Range<u32>,
    format: RawFormat,
    matrix: Matrix,
    layout: &Layout,
    to: &mut [u8],
) -> anyhow::Result<()> {
    anyhow::ensure!(
        picture.width.next_multiple_of(2) == layout.width
            && picture.height.next_multiple_of(2) == layout.height
            && to.len() >= layout.size
            && rows.end <= layout.height,
        "picture and planes do not fit"
    );
    if rows.is_empty() {
        return Ok(());
    }
    // What the picture has of these rows.
    let height = rows.end.min(picture.height).saturating_sub(rows.start);
    let (first, count) = (rows.start as usize, (rows.end - rows.start) as usize);
    let source = picture.bgra.get(first * picture.stride..).unwrap_or_default();
    let stride = u32::try_from(picture.stride)?;
    let standard = match matrix {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
    };
    let (luma, chroma) = to.split_at_mut(layout.chroma[0]);
    let y_plane = &mut luma[first * layout.luma_stride..(first + count) * layout.luma_stride];
    let per_row = if format == RawFormat::I444 { 1 } else { 2 };
    let part = first / per_row * layout.chroma_stride..(first + count) / per_row * layout.chroma_stride;
    let (y_stride, uv_stride) = (
        u32::try_from(layout.luma_stride)?,
        u32::try_from(layout.chroma_stride)?,
    );
    // Exactly as many rows as there are: the library looks for an odd last one at the end of the plane.
    let own_rows = &mut y_plane[..height as usize * layout.luma_stride];
    match format {
        RawFormat::I420 => {
            let (u, v) = chroma.split_at_mut(layout.chroma[1] - layout.chroma[0]);
            let mut planes = YuvPlanarImageMut {
                y_plane: BufferStoreMut::Borrowed(own_rows),
                y_stride,
                u_plane: BufferStoreMut::Borrowed(&mut u[part.clone()]),
                u_stride: uv_stride,
                v_plane: BufferStoreMut::Borrowed(&mut v[part]),
                v_stride: uv_stride,
                width: picture.width,
                height,
            };
            bgra_to_yuv420(
                &mut planes,
                source,
                stride,
                YuvRange::Limited,
                standard,
                YuvConversionMode::Balanced,
            )?;
        }
        RawFormat::I444 => {
            let (u, v) = chroma.split_at_mut(layout.chroma[1] - layout.chroma[0]);
            let (u, v) = (&mut u[part.clone()], &mut v[part]);
            let own = height as usize * layout.chroma_stride;
            let mut planes = YuvPlanarImageMut {
                y_plane: BufferStoreMut::Borrowed(own_rows),
                y_stride,
                u_plane: BufferStoreMut::Borrowed(&mut u[..own]),
                u_stride: uv_stride,
                v_plane: BufferStoreMut::Borrowed(&mut v[..own]),
                v_stride: uv_stride,
                width: picture.width,
                height,
            };
            bgra_to_yuv444(
                &mut planes,
                source,
                stride,
                YuvRange::Limited,
                standard,
                YuvConversionMode::Balanced,
            )?;
            repeat_last(u, picture, layout, height as usize);
            repeat_last(v, picture, layout, height as usize);
        }
        RawFormat::Nv12 => {
            let mut planes = YuvBiPlanarImageMut {
                y_plane: BufferStoreMut::Borrowed(own_rows),
                y_stride,
                uv_plane: BufferStoreMut::Borrowed(&mut chroma[part]),
                uv_stride,
                width: picture.width,
                height,
            };
            bgra_to_yuv_nv12(
                &mut planes,
                source,
                stride,
                YuvRange::Limited,
                standard,
                YuvConversionMode::Balanced,
            )?;
        }
    }
    repeat_last(y_plane, picture, layout, height as usize);
    Ok(())
}

/// Fills the column and row of a plane that an odd picture has not: codecs see no edge there, and viewers do not show it.
fn repeat_last(luma: &mut [u8], picture: &Picture<'_>, layout: &Layout, height: usize) {
    let stride = layout.luma_stride;
    if picture.width < layout.width {
        for row in luma.chunks_mut(stride) {
            if let [.., last, added] = &mut row[..layout.width as usize] {
                *added = *last;
            }
        }
    }
    let (written, rest) = luma.split_at_mut((height * stride).min(luma.len()));
    if let (Some(last), Some(added)) = (written.rchunks(stride).next(), rest.get_mut(..stride)) {
        added.copy_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(bgra: &[u8], width: u32, height: u32) -> Picture<'_> {
        Picture {
            bgra,
            stride: width as usize * 4,
            width,
            height,
            dirty: 0..height,
            damaged: Vec::new(),
        }
    }

    #[test]
    fn colours_are_those_of_the_standard() {
        // BT.709 and BT.601, limited range: red, in BGRA.
        let red = [0u8, 0, 255, 255].repeat(64 * 4);
        for (matrix, want) in [(Matrix::Bt709, [63u8, 102, 240]), (Matrix::Bt601, [82, 90, 240])] {
            for format in [RawFormat::I420, RawFormat::Nv12, RawFormat::I444] {
                let layout = Layout::new(format, 64, 4);
                let mut planes = vec![0; layout.size];
                convert(&picture(&red, 64, 4), 0..4, format, matrix, &layout, &mut planes).unwrap();
                let (u, v) = match format {
                    RawFormat::I420 | RawFormat::I444 => (planes[layout.chroma[0]], planes[layout.chroma[1]]),
                    RawFormat::Nv12 => (planes[layout.chroma[0]], planes[layout.chroma[0] + 1]),
                };
                for (got, want) in [planes[0], u, v].into_iter().zip(want) {
                    assert!(
                        got.abs_diff(want) <= 1,
                        "{matrix:?} {format:?}: {got} is not {want}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_odd_picture_gets_its_last_column_and_row_twice() {
        // Grey, but for a white last column and row.
        let (width, height) = (33_u32, 5_u32);
        let bgra: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                let edge = i % width == width - 1 || i / width == height - 1;
                [
                    if edge { 255 } else { 128 },
                    if edge { 255 } else { 128 },
                    if edge { 255 } else { 128 },
                    255,
                ]
            })
            .collect();
        for format in [RawFormat::I420, RawFormat::Nv12, RawFormat::I444] {
            let layout = Layout::new(format, 34, 6);
            let mut planes = vec![0; layout.size];
            convert(
                &picture(&bgra, width, height),
                0..6,
                format,
                Matrix::Bt709,
                &layout,
                &mut planes,
            )
            .unwrap();
            let luma = |x: usize, y: usize| planes[y * layout.luma_stride + x];
            assert_eq!([luma(0, 0), luma(31, 3)], [126; 2]);
            assert_eq!(
                [luma(32, 0), luma(33, 0), luma(0, 4), luma(0, 5), luma(33, 5)],
                [235; 5]
            );
            // And a part of it that ends before the last row.
            planes.fill(7);
            convert(
                &picture(&bgra, width, height),
                2..4,
                format,
                Matrix::Bt709,
                &layout,
                &mut planes,
            )
            .unwrap();
            assert_eq!(
                [
                    planes[33 + layout.luma_stride],
                    planes[33 + 2 * layout.luma_stride],
                    planes[4 * layout.luma_stride]
                ],
                [7, 235, 7]
            );
        }
    }

    #[test]
    fn only_the_asked_rows_are_written() {
        let white = vec![255u8; 64 * 8 * 4];
        let layout = Layout::new(RawFormat::I420, 64, 8);
        let mut planes = vec![7; layout.size];
        convert(
            &picture(&white, 64, 8),
            2..4,
            RawFormat::I420,
            Matrix::Bt709,
            &layout,
            &mut planes,
        )
        .unwrap();
        let row = |n: usize| planes[n * layout.luma_stride];
        assert_eq!([row(1), row(2), row(3), row(4)], [7, 235, 235, 7]);
        assert!(
            convert(
                &picture(&white, 64, 8),
                6..10,
                RawFormat::I420,
                Matrix::Bt709,
                &layout,
                &mut planes
            )
            .is_err()
        );
        assert_eq!(even(&(3..5), 8), 2..6);
    }
}
