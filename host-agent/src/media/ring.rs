//! Raw pictures in memory that agent and encoder share: a sparse file in memory with a few slots.
//!
//! Who may touch a slot goes to and fro in messages (`wire.rs`): the agent writes one that is free, the
//! worker reads one that it was told of, and gives it back. Only touched pages cost memory, so slots are
//! as large as the largest screen.

use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use anyhow::Context as _;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use signaling_spec::limits::{MAX_DISPLAY_HEIGHT, MAX_DISPLAY_WIDTH};

use super::rungs::{Layout, RawFormat};

/// One picture is encoded while the next is written.
pub const SLOTS: usize = 2;
const SLOT_BYTES: usize = MAX_DISPLAY_WIDTH as usize * MAX_DISPLAY_HEIGHT as usize * 3;
const RING_BYTES: usize = SLOTS * SLOT_BYTES;

/// Whether a picture of these sides has room in a slot, however it is laid out.
pub fn fits((width, height): (u32, u32)) -> bool {
    [RawFormat::I420, RawFormat::Nv12, RawFormat::I444]
        .into_iter()
        .all(|format| {
            // Before the layout is counted out, which no side of this size can overflow.
            width.max(height) <= u32::from(u16::MAX) && Layout::new(format, width, height).size <= SLOT_BYTES
        })
}

/// The mapping; unmapped with its last user.
#[derive(Debug)]
struct Mapping(NonNull<std::ffi::c_void>);

#[expect(unsafe_code, reason = "a mapping is plain memory: any thread may use it")]
// SAFETY: the pointer is to shared memory that lives until `drop`; access is ordered by messages.
unsafe impl Send for Mapping {}
#[expect(unsafe_code, reason = "a mapping is plain memory: any thread may use it")]
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(fd: impl AsFd, protection: ProtFlags) -> anyhow::Result<Self> {
        let length = RING_BYTES.try_into().context("ring is empty")?;
        #[expect(unsafe_code, reason = "shared memory cannot be had without mapping it")]
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing of ours.
        let mapped = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, fd, 0) };
        Ok(Self(mapped.context("picture memory cannot be mapped")?))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "undoes the mapping")]
        // SAFETY: mapped in `new` with this length, and no slice outlives the mapping.
        let unmapped = unsafe { munmap(self.0, RING_BYTES) };
        if let Err(error) = unmapped {
            tracing::warn!(%error, "Picture memory could not be unmapped");
        }
    }
}

/// The agent's side.
#[derive(Debug)]
pub struct Ring {
    file: OwnedFd,
    mapping: Mapping,
}

impl Ring {
    /// # Errors
    /// The system is out of memory or descriptors.
    pub fn create() -> anyhow::Result<Self> {
        let file = memfd_create(c"removid-pictures", MFdFlags::MFD_CLOEXEC)
            .context("picture memory cannot be made")?;
        nix::unistd::ftruncate(&file, i64::try_from(RING_BYTES)?)
            .context("picture memory cannot be sized")?;
        let mapping = Mapping::new(&file, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE)?;
        Ok(Self { file, mapping })
    }

    /// A descriptor for the worker.
    ///
    /// # Errors
    /// The system is out of descriptors.
    pub fn share(&self) -> std::io::Result<OwnedFd> {
        self.file.try_clone()
    }

    /// The first `len` bytes of a slot, to be written. The worker must not hold it.
    pub fn slot_mut(&mut self, slot: usize, len: usize) -> &mut [u8] {
        assert!(
            slot < SLOTS && len <= SLOT_BYTES,
            "slot and length are checked where pictures are sized"
        );
        let start = self
            .mapping
            .0
            .as_ptr()
            .cast::<u8>()
            .wrapping_add(slot * SLOT_BYTES);
        #[expect(unsafe_code, reason = "a slot is a part of the mapping")]
        // SAFETY: in bounds by the assertion; `&mut self` makes it the only slice in this process, and
        // the worker reads a slot only between being told of it and giving it back.
        unsafe {
            std::slice::from_raw_parts_mut(start, len)
        }
    }
}

/// The worker's side: it reads.
#[derive(Clone, Debug)]
pub struct Reader(Arc<Mapping>);

/// A picture that the agent lent us; `done` runs when the encoder no longer needs it.
pub struct Lent {
    mapping: Arc<Mapping>,
    slot: usize,
    len: usize,
    done: Option<Box<dyn FnOnce(usize) + Send>>,
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lent")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// # Errors
    /// The descriptor is not the ring.
    pub fn open(fd: impl AsFd) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Mapping::new(fd, ProtFlags::PROT_READ)?)))
    }

    /// # Errors
    /// There is no such slot, or it is not that long.
    pub fn lend(
        &self,
        slot: usize,
        len: usize,
        done: impl FnOnce(usize) + Send + 'static,
    ) -> anyhow::Result<Lent> {
        anyhow::ensure!(slot < SLOTS && len <= SLOT_BYTES, "no such slot");
        Ok(Lent {
            mapping: Arc::clone(&self.0),
            slot,
            len,
            done: Some(Box::new(done)),
        })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        let start = self
            .mapping
            .0
            .as_ptr()
            .cast::<u8>()
            .wrapping_add(self.slot * SLOT_BYTES);
        #[expect(unsafe_code, reason = "a slot is a part of the mapping")]
        // SAFETY: in bounds, checked in `lend`; the agent does not write a slot that it has lent.
        unsafe {
            std::slice::from_raw_parts(start, self.len)
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(self.slot);
        }
    }
}
