//! What agent and encoder worker say to each other: a length, a kind, and fields, over a socket pair.
//!
//! Both ends are the same binary, so there are no versions. A worker may be broken, though: everything
//! that it says is checked.

use std::io::{self, Read, Write};

/// An encoded picture longer than this is nonsense.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Agent → worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToWorker {
    /// Build the pipeline for pictures of this size, anew if there is one.
    Start {
        width: u32,
        height: u32,
        bps: u64,
        /// Half as many pixels a side come out.
        half: bool,
        /// The bitrate need not be held.
        unbound: bool,
    },
    /// Encode what lies in that slot.
    Frame {
        slot: u8,
        id: u64,
        key: bool,
    },
    Bitrate {
        bps: u64,
    },
}

/// Worker → agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromWorker {
    Ready,
    /// The slot may be written again.
    Free {
        slot: u8,
    },
    /// The encoded picture of that frame.
    Unit {
        id: u64,
        key: bool,
        data: Vec<u8>,
    },
    /// It cannot go on; the process ends.
    Failed {
        why: String,
    },
}

/// Sends one message.
///
/// # Errors
/// The other end is gone.
pub fn write(mut to: impl Write, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
    let len: usize = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut head = Vec::with_capacity(len.min(64 * 1024) + 4);
    head.extend_from_slice(&u32::try_from(len).map_err(io::Error::other)?.to_le_bytes());
    head.push(kind);
    parts.iter().for_each(|part| head.extend_from_slice(part));
    to.write_all(&head)
}

/// Receives one message: its kind and its fields.
///
/// # Errors
/// The other end is gone, or speaks nonsense.
pub fn read(mut from: impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = usize::try_from(u32::from_le_bytes(len)).map_err(io::Error::other)?;
    if len == 0 || len > MAX_BYTES {
        return Err(bad());
    }
    let mut body = vec![0; len];
    from.read_exact(&mut body)?;
    let kind = body.remove(0);
    Ok((kind, body))
}

fn bad() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "message between agent and encoder is malformed",
    )
}

fn fields<const N: usize>(body: &[u8]) -> io::Result<[u64; N]> {
    if body.len() != N * 8 {
        return Err(bad());
    }
    let mut all = [0; N];
    for (field, bytes) in all.iter_mut().zip(body.chunks_exact(8)) {
        *field = u64::from_le_bytes(bytes.try_into().map_err(|_| bad())?);
    }
    Ok(all)
}

fn narrow<T: TryFrom<u64>>(n: u64) -> io::Result<T> {
    T::try_from(n).map_err(|_| bad())
}

impl ToWorker {
    /// # Errors
    /// The worker is gone.
    pub fn send(&self, to: impl Write) -> io::Result<()> {
        let le = |n: u64| n.to_le_bytes();
        match *self {
            Self::Start {
                width,
                height,
                bps,
                half,
                unbound,
            } => {
                let (width, height) = (le(width.into()), le(height.into()));
                let parts = [width, height, le(bps), le(half.into()), le(unbound.into())];
                write(to, 1, &parts.each_ref().map(|part| &part[..]))
            }
            Self::Frame { slot, id, key } => write(to, 2, &[&le(slot.into()), &le(id), &le(key.into())]),
            Self::Bitrate { bps } => write(to, 3, &[&le(bps)]),
        }
    }

    /// # Errors
    /// The agent is gone, or spoke nonsense.
    pub fn receive(from: impl Read) -> io::Result<Self> {
        let (kind, body) = read(from)?;
        match kind {
            1 => {
                let [width, height, bps, half, unbound] = fields(&body)?;
                Ok(Self::Start {
                    width: narrow(width)?,
                    height: narrow(height)?,
                    bps,
                    half: half != 0,
                    unbound: unbound != 0,
                })
            }
            2 => {
                let [slot, id, key] = fields(&body)?;
                Ok(Self::Frame {
                    slot: narrow(slot)?,
                    id,
                    key: key != 0,
                })
            }
            3 => {
                let [bps] = fields(&body)?;
                Ok(Self::Bitrate { bps })
            }
            _ => Err(bad()),
        }
    }
}

impl FromWorker {
    /// # Errors
    /// The agent is gone.
    pub fn send(&self, to: impl Write) -> io::Result<()> {
        let le = |n: u64| n.to_le_bytes();
        match self {
            Self::Ready => write(to, 1, &[]),
            Self::Free { slot } => write(to, 2, &[&le((*slot).into())]),
            Self::Unit { id, key, data } => write(to, 3, &[&le(*id), &le((*key).into()), data]),
            Self::Failed { why } => write(to, 4, &[why.as_bytes()]),
        }
    }

    /// # Errors
    /// The worker is gone, or spoke nonsense.
    pub fn receive(from: impl Read) -> io::Result<Self> {
        let (kind, mut body) = read(from)?;
        match kind {
            1 if body.is_empty() => Ok(Self::Ready),
            2 => {
                let [slot] = fields(&body)?;
                Ok(Self::Free { slot: narrow(slot)? })
            }
            3 if body.len() > 16 => {
                let data = body.split_off(16);
                let [id, key] = fields(&body)?;
                Ok(Self::Unit {
                    id,
                    key: key != 0,
                    data,
                })
            }
            4 => Ok(Self::Failed {
                why: String::from_utf8_lossy(&body).into_owned(),
            }),
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_received() {
        for message in [
            FromWorker::Ready,
            FromWorker::Free { slot: 1 },
            FromWorker::Unit {
                id: 7,
                key: true,
                data: vec![1, 2, 3],
            },
            FromWorker::Failed { why: "no".to_owned() },
        ] {
            let mut bytes = Vec::new();
            message.send(&mut bytes).unwrap();
            assert_eq!(FromWorker::receive(&bytes[..]).unwrap(), message);
        }
        for message in [
            ToWorker::Start {
                width: 64,
                height: 66,
                bps: 1,
                half: true,
                unbound: false,
            },
            ToWorker::Frame {
                slot: 1,
                id: 9,
                key: false,
            },
            ToWorker::Bitrate { bps: 5 },
        ] {
            let mut bytes = Vec::new();
            message.send(&mut bytes).unwrap();
            assert_eq!(ToWorker::receive(&bytes[..]).unwrap(), message);
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [
            &b""[..],
            b"\0\0\0\0",
            b"\x01\0\0\0\x09",
            b"\xff\xff\xff\xff\x01",
            b"\x02\0\0\0\x02\x01",
            b"\x05\0\0\0\x03abcd",
        ] {
            assert!(FromWorker::receive(bytes).is_err(), "{bytes:?}");
            assert!(ToWorker::receive(bytes).is_err(), "{bytes:?}");
        }
    }
}
