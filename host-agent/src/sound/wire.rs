//! What agent and sound worker say to each other, over a socket pair; as for encoders, see `media::wire`.

use std::io::{self, Read, Write};

use session_core::sound::Demand;

use crate::media::wire::{read, write};

/// Agent → worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToSound {
    Demand(Demand),
    /// A packet of Opus from a microphone.
    Packet(Vec<u8>),
}

/// Worker → agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromSound {
    /// The sound server is there and gives sound.
    Live,
    /// A packet of Opus and its time in 1/48000 s.
    Packet { time: u64, data: Vec<u8> },
    /// It cannot go on; the process ends.
    Failed { why: String },
}

fn bad() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "message between agent and sound worker is malformed",
    )
}

impl ToSound {
    /// # Errors
    /// The worker is gone.
    pub fn send(&self, to: impl Write) -> io::Result<()> {
        match self {
            Self::Demand(demand) => write(to, 1, &[&[demand.listen.into(), demand.microphone.into()]]),
            Self::Packet(data) => write(to, 2, &[data]),
        }
    }

    /// # Errors
    /// The agent is gone, or spoke nonsense.
    pub fn receive(from: impl Read) -> io::Result<Self> {
        match read(from)? {
            (1, body) => match body[..] {
                [listen, microphone] => Ok(Self::Demand(Demand {
                    listen: listen != 0,
                    microphone: microphone != 0,
                })),
                _ => Err(bad()),
            },
            (2, body) => Ok(Self::Packet(body)),
            _ => Err(bad()),
        }
    }
}

impl FromSound {
    /// # Errors
    /// The agent is gone.
    pub fn send(&self, to: impl Write) -> io::Result<()> {
        match self {
            Self::Live => write(to, 1, &[]),
            Self::Packet { time, data } => write(to, 2, &[&time.to_le_bytes(), data]),
            Self::Failed { why } => write(to, 3, &[why.as_bytes()]),
        }
    }

    /// # Errors
    /// The worker is gone, or spoke nonsense.
    pub fn receive(from: impl Read) -> io::Result<Self> {
        match read(from)? {
            (1, body) if body.is_empty() => Ok(Self::Live),
            (2, body) => {
                let (time, data) = body.split_first_chunk().ok_or_else(bad)?;
                Ok(Self::Packet {
                    time: u64::from_le_bytes(*time),
                    data: data.to_vec(),
                })
            }
            (3, body) => Ok(Self::Failed {
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
    fn what_is_sent_is_received_and_nonsense_is_an_error() {
        let demand = Demand {
            listen: true,
            microphone: false,
        };
        for message in [ToSound::Demand(demand), ToSound::Packet(vec![1, 2, 3])] {
            let mut bytes = Vec::new();
            message.send(&mut bytes).unwrap();
            assert_eq!(ToSound::receive(&bytes[..]).unwrap(), message);
        }
        let packet = FromSound::Packet {
            time: 7,
            data: vec![9],
        };
        let failed = FromSound::Failed { why: "no".to_owned() };
        for message in [FromSound::Live, packet, failed] {
            let mut bytes = Vec::new();
            message.send(&mut bytes).unwrap();
            assert_eq!(FromSound::receive(&bytes[..]).unwrap(), message);
        }
        for bytes in [
            &b""[..],
            b"\x02\0\0\0\x01\x01",
            b"\x03\0\0\0\x02\x01\x01",
            b"\x01\0\0\0\x09",
        ] {
            assert!(FromSound::receive(bytes).is_err(), "{bytes:?}");
        }
        assert!(ToSound::receive(&b"\x02\0\0\0\x01\x01"[..]).is_err());
    }
}
