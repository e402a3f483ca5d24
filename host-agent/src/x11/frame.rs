//! The picture's memory, and fetching rows into it: shared with the X server, or through the socket.
//!
//! The memory is ours (`memfd`) and given to the server, rather than the other way round: it is reserved
//! before use and sealed against shrinking, so that a small `/dev/shm` or a hostile server cannot make
//! reading it a bus error. Where the server does not take it, now or later, rows come through the socket.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use anyhow::Context as _;
use nix::fcntl::{FcntlArg, SealFlag, fcntl, posix_fallocate};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::ReplyError;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat, Window};
use x11rb::rust_connection::RustConnection;

use super::{done, id};

const ALL_PLANES: u32 = !0;

/// A persistent picture of the root window.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) width: u32,
    pub(super) height: u32,
    memory: Memory,
    /// Why not shared, in words.
    pub(super) slow_because: Option<String>,
}

#[derive(Debug)]
enum Memory {
    Shared { segment: u32, map: Mapping },
    Own(Vec<u8>),
}

impl Frame {
    pub(super) fn new(conn: &RustConnection, local: bool, width: u32, height: u32) -> Self {
        let (memory, slow_because) = match share(conn, local, bytes(width, height)) {
            Ok(shared) => (shared, None),
            Err(error) => (
                Memory::Own(vec![0; bytes(width, height)]),
                Some(format!("{error:#}")),
            ),
        };
        Self {
            width,
            height,
            memory,
            slow_because,
        }
    }

    pub(super) fn stride(&self) -> usize {
        bytes(self.width, 1)
    }

    pub(super) fn pixels(&self) -> &[u8] {
        match &self.memory {
            Memory::Shared { map, .. } => map.as_slice(),
            Memory::Own(pixels) => pixels,
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        matches!(self.memory, Memory::Shared { .. })
    }

    /// Goes on without shared memory; the picture must be fetched anew.
    pub(super) fn give_up_sharing(&mut self, conn: &RustConnection, why: String) {
        self.release(conn);
        self.memory = Memory::Own(vec![0; bytes(self.width, self.height)]);
        self.slow_because = Some(why);
    }

    /// Takes the segment back from the server.
    pub(super) fn release(&self, conn: &RustConnection) {
        if let Memory::Shared { segment, .. } = self.memory
            && let Ok(cookie) = conn.shm_detach(segment)
        {
            cookie.ignore_error();
        }
    }

    /// Brings these rows up to date.
    pub(super) fn fetch(
        &mut self,
        conn: &RustConnection,
        root: Window,
        bands: &[Range<u32>],
    ) -> Result<(), ReplyError> {
        let stride = self.stride();
        let width = side(self.width);
        match &mut self.memory {
            Memory::Shared { segment, .. } => {
                // All are asked for before the first answer is awaited.
                let mut asked = Vec::with_capacity(bands.len());
                for rows in bands {
                    let offset = u32::try_from(stride)
                        .unwrap_or(u32::MAX)
                        .saturating_mul(rows.start);
                    let (y, height) = (top(rows), side(rows.end - rows.start));
                    let format = u8::from(ImageFormat::Z_PIXMAP);
                    let segment = *segment;
                    asked.push(
                        conn.shm_get_image(root, 0, y, width, height, ALL_PLANES, format, segment, offset)?,
                    );
                }
                asked
                    .into_iter()
                    .try_for_each(|cookie| cookie.reply().map(|_| ()))
            }
            Memory::Own(pixels) => {
                for rows in bands {
                    let (y, height) = (top(rows), side(rows.end - rows.start));
                    let image = conn
                        .get_image(ImageFormat::Z_PIXMAP, root, 0, y, width, height, ALL_PLANES)?
                        .reply()?;
                    let from = stride * usize::try_from(rows.start).unwrap_or(usize::MAX);
                    let into = pixels.get_mut(from..from + stride * usize::from(height));
                    if let (Some(into), Some(data)) = (into, image.data.get(..stride * usize::from(height))) {
                        into.copy_from_slice(data);
                    }
                }
                Ok(())
            }
        }
    }
}

fn bytes(width: u32, height: u32) -> usize {
    usize::try_from(u64::from(width) * u64::from(height) * 4).unwrap_or(usize::MAX)
}

fn side(length: u32) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn top(rows: &Range<u32>) -> i16 {
    i16::try_from(rows.start).unwrap_or(i16::MAX)
}

fn share(conn: &RustConnection, local: bool, size: usize) -> anyhow::Result<Memory> {
    if !local {
        anyhow::bail!("the display is reached over the network");
    }
    let known = conn.extension_information(shm::X11_EXTENSION_NAME)?;
    known.context("the X server has no MIT-SHM extension")?;
    let version = conn.shm_query_version()?.reply()?;
    if (version.major_version, version.minor_version) < (1, 2) {
        anyhow::bail!("the X server's MIT-SHM extension is older than 1.2");
    }
    let (fd, map) = reserve(size).context("no shared memory is to be had")?;
    let segment = id(conn)?;
    done(conn.shm_attach_fd(segment, fd, false)).context("the X server does not take shared memory")?;
    conn.flush()?;
    Ok(Memory::Shared { segment, map })
}

fn reserve(size: usize) -> anyhow::Result<(OwnedFd, Mapping)> {
    let fd = memfd_create(
        "removid-picture",
        MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING,
    )?;
    posix_fallocate(&fd, 0, i64::try_from(size)?)?;
    fcntl(
        &fd,
        FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW),
    )?;
    let length = NonZeroUsize::new(size).context("the screen is empty")?;
    #[expect(
        unsafe_code,
        reason = "mapping memory that another process writes has no safe form"
    )]
    // SAFETY: a new mapping at a place of the kernel's choice, of an object that is that long for good.
    let start = unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, &fd, 0) }?;
    Ok((fd, Mapping { start, length: size }))
}

/// The agent's view of the shared memory.
#[derive(Debug)]
struct Mapping {
    start: NonNull<c_void>,
    /// INVARIANT: the mapping's length, every byte of it readable for as long as this lives.
    length: usize,
}

impl Mapping {
    fn as_slice(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "the mapping is only known by its address")]
        // SAFETY: mapped and reserved (INVARIANT above). The server writes only while it answers `fetch`, which
        // waits for that and borrows the frame mutably, so no slice of it is alive then.
        unsafe {
            std::slice::from_raw_parts(self.start.cast().as_ptr(), self.length)
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "unmapping has no safe form")]
        // SAFETY: mapped by `reserve` with this length, and no slice outlives `self`.
        let _ = unsafe { munmap(self.start, self.length) };
    }
}
