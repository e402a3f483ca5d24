//! BGRA to 4:2:0 by SIMD, only the rows that changed.

use std::ops::Range;

use yuv::{
    BufferStoreMut, YuvBiPlanarImageMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
    bgra_to_yuv_nv12, bgra_to_yuv420,
};

use super::rungs::{Layout, Matrix, RawFormat};
use crate::screen::Picture;

/// Widens a range to even rows, as chroma rows cover two.
pub fn even(rows: &Range<u32>, height: u32) -> Range<u32> {
    (rows.start & !1)..((rows.end + 1) & !1).min(height)
}

/// Converts those rows of the picture into the planes at `to`. Rows and sides are even.
///
/// # Errors
/// The picture is smaller than the layout, or rows lie outside it.
pub fn convert(
    picture: &Picture<'_>,
    rows: Range<u32>,
    format: RawFormat,
    matrix: Matrix,
    layout: &Layout,
    to: &mut [u8],
) -> anyhow::Result<()> {
    anyhow::ensure!(
        picture.width >= layout.width
            && picture.height >= layout.height
            && to.len() >= layout.size
            && rows.end <= layout.height,
        "picture and planes do not fit"
    );
    if rows.is_empty() {
        return Ok(());
    }
    let height = rows.end - rows.start;
    let (first, count) = (rows.start as usize, height as usize);
    let source = picture.bgra.get(first * picture.stride..).unwrap_or_default();
    let stride = u32::try_from(picture.stride)?;
    let standard = match matrix {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
    };
    let (luma, chroma) = to.split_at_mut(layout.chroma[0]);
    let y_plane = &mut luma[first * layout.luma_stride..(first + count) * layout.luma_stride];
    let part = first / 2 * layout.chroma_stride..(first + count) / 2 * layout.chroma_stride;
    let (y_stride, uv_stride) = (
        u32::try_from(layout.luma_stride)?,
        u32::try_from(layout.chroma_stride)?,
    );
    match format {
        RawFormat::I420 => {
            let (u, v) = chroma.split_at_mut(layout.chroma[1] - layout.chroma[0]);
            let mut planes = YuvPlanarImageMut {
                y_plane: BufferStoreMut::Borrowed(y_plane),
                y_stride,
                u_plane: BufferStoreMut::Borrowed(&mut u[part.clone()]),
                u_stride: uv_stride,
                v_plane: BufferStoreMut::Borrowed(&mut v[part]),
                v_stride: uv_stride,
                width: layout.width,
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
        RawFormat::Nv12 => {
            let mut planes = YuvBiPlanarImageMut {
                y_plane: BufferStoreMut::Borrowed(y_plane),
                y_stride,
                uv_plane: BufferStoreMut::Borrowed(&mut chroma[part]),
                uv_stride,
                width: layout.width,
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
    Ok(())
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
        }
    }

    #[test]
    fn colours_are_those_of_the_standard() {
        // BT.709 and BT.601, limited range: red, in BGRA.
        let red = [0u8, 0, 255, 255].repeat(64 * 4);
        for (matrix, want) in [(Matrix::Bt709, [63u8, 102, 240]), (Matrix::Bt601, [82, 90, 240])] {
            for format in [RawFormat::I420, RawFormat::Nv12] {
                let layout = Layout::new(format, 64, 4);
                let mut planes = vec![0; layout.size];
                convert(&picture(&red, 64, 4), 0..4, format, matrix, &layout, &mut planes).unwrap();
                let (u, v) = match format {
                    RawFormat::I420 => (planes[layout.chroma[0]], planes[layout.chroma[1]]),
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
