//! Binary messages on the channel `bulk`, both ways: the bytes of clips and files. Numbers are big-endian.
//!
//! ```text
//! 20 chunk   transfer:u32 data                    1…MAX_CHUNK_BYTES bytes that follow those before
//! 21 end     transfer:u32                         that was all
//! 22 abort   transfer:u32 code:u8                 from either end: nothing more comes, or is wanted
//! 23 credit  transfer:u32 until:u64               the reader takes bytes up to here, counted from the first
//! ```
//! What a transfer is for is agreed on `ctl`, with its number: those that the viewer begins are odd, those that the
//! host begins even. A writer may send `BULK_WINDOW` bytes before the first credit, and never more than it was granted:
//! so a reader that is slow, or has stopped, holds back that transfer alone.

use crate::limits::MAX_CHUNK_BYTES;

/// Why a transfer ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abort {
    /// Somebody changed their mind.
    Cancelled,
    /// Reading or writing failed.
    Failed,
    /// More than the reader takes.
    TooLarge,
    /// What was asked for is not there any more.
    Gone,
    /// Nothing came for too long.
    Silent,
    /// There is no room for it.
    Full,
    /// What arrived is not what was sent.
    Checksum,
}

impl Abort {
    pub const ALL: [Self; 7] = [
        Self::Cancelled,
        Self::Failed,
        Self::TooLarge,
        Self::Gone,
        Self::Silent,
        Self::Full,
        Self::Checksum,
    ];

    /// The number on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::Cancelled => 1,
            Self::Failed => 2,
            Self::TooLarge => 3,
            Self::Gone => 4,
            Self::Silent => 5,
            Self::Full => 6,
            Self::Checksum => 7,
        }
    }
}

/// One message.
#[derive(Clone, PartialEq, Eq)]
pub enum Bulk {
    Chunk { transfer: u32, data: Vec<u8> },
    End { transfer: u32 },
    Abort { transfer: u32, code: Abort },
    Credit { transfer: u32, until: u64 },
}

impl std::fmt::Debug for Bulk {
    /// What people copy never reaches a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chunk { transfer, data } => write!(f, "Chunk({transfer}, {} bytes)", data.len()),
            Self::End { transfer } => write!(f, "End({transfer})"),
            Self::Abort { transfer, code } => write!(f, "Abort({transfer}, {code:?})"),
            Self::Credit { transfer, until } => write!(f, "Credit({transfer}, {until})"),
        }
    }
}

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBulk;

impl std::fmt::Display for NoBulk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a message of the channel bulk")
    }
}

impl std::error::Error for NoBulk {}

impl Bulk {
    pub fn transfer(&self) -> u32 {
        match self {
            Self::Chunk { transfer, .. }
            | Self::End { transfer }
            | Self::Abort { transfer, .. }
            | Self::Credit { transfer, .. } => *transfer,
        }
    }

    /// # Errors
    /// Cut short, too long, of an unknown kind, or with an unknown code.
    pub fn decode(bytes: &[u8]) -> Result<Self, NoBulk> {
        let (kind, rest) = bytes.split_first().ok_or(NoBulk)?;
        let (transfer, rest) = rest.split_first_chunk::<4>().ok_or(NoBulk)?;
        let transfer = u32::from_be_bytes(*transfer);
        match (kind, rest) {
            (0x20, data) if (1..=MAX_CHUNK_BYTES).contains(&data.len()) => Ok(Self::Chunk {
                transfer,
                data: data.to_vec(),
            }),
            (0x21, []) => Ok(Self::End { transfer }),
            (0x22, [code]) => {
                let known = Abort::ALL.into_iter().find(|abort| abort.code() == *code);
                known.map(|code| Self::Abort { transfer, code }).ok_or(NoBulk)
            }
            (0x23, until) => {
                let until = <[u8; 8]>::try_from(until).map_err(|_| NoBulk)?;
                Ok(Self::Credit {
                    transfer,
                    until: u64::from_be_bytes(until),
                })
            }
            _ => Err(NoBulk),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let (kind, body): (u8, &[u8]) = match self {
            Self::Chunk { data, .. } => (0x20, data),
            Self::End { .. } => (0x21, &[]),
            Self::Abort { code, .. } => (0x22, &[code.code()]),
            Self::Credit { until, .. } => (0x23, &until.to_be_bytes()),
        };
        let mut bytes = Vec::with_capacity(5 + body.len());
        bytes.push(kind);
        bytes.extend(self.transfer().to_be_bytes());
        bytes.extend(body);
        bytes
    }
}
