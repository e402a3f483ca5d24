//! The channel `bulk`: the bytes of clips and files between viewers and what reads or writes them here.
//!
//! How much may be on its way is `session_core::transfer`'s affair; this file carries pieces to and fro, and ends both
//! ends of a transfer when one of them ends.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use session_core::transfer::{Reader, Writer};
use signaling_spec::channel::Channel;
use signaling_spec::channel::bulk::{Abort, Bulk};
use signaling_spec::limits::MAX_TRANSFERS;
use signaling_spec::{Refusal, ViewerId};

use super::Hub;
use crate::clipboard::{Ask, RequestId};
use crate::files::FileAsk;
use crate::transport::Sent;

/// When a channel that was full is tried again.
const AGAIN: Duration = Duration::from_millis(4);

/// What reads or writes the bytes on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Clip(RequestId),
    File(RequestId),
}

/// A viewer, and the number of a transfer between it and this host.
pub(super) type Key = (ViewerId, u32);

struct Transfer {
    place: Place,
    way: Way,
}

enum Way {
    ToHost(Reader),
    ToViewer {
        writer: Writer,
        queue: VecDeque<Vec<u8>>,
        ended: bool,
    },
}

/// All transfers of this host.
#[derive(Default)]
pub(super) struct Transfers {
    all: BTreeMap<Key, Transfer>,
    begun: u32,
    /// A channel was full.
    again: Option<Instant>,
}

impl Transfers {
    /// A number for a transfer that the host begins.
    pub(super) fn number(&mut self) -> u32 {
        self.begun = self.begun.wrapping_add(2);
        self.begun
    }

    fn of(&self, viewer: ViewerId) -> usize {
        self.all.range((viewer, 0)..=(viewer, u32::MAX)).count()
    }

    fn key(&self, place: Place) -> Option<Key> {
        let found = self.all.iter().find(|(_, transfer)| transfer.place == place);
        found.map(|(key, _)| *key)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let silences = self.all.values().filter_map(|transfer| match &transfer.way {
            Way::ToHost(reader) => reader.poll_timeout(),
            Way::ToViewer { writer, queue, .. } => writer.poll_timeout().filter(|_| !queue.is_empty()),
        });
        silences.chain(self.again).min()
    }
}

impl Hub {
    /// A viewer begins a transfer.
    ///
    /// # Errors
    /// Its number is in use or is not one of the viewer's, or it has too many.
    pub(super) fn may_begin(&self, viewer: ViewerId, transfer: u32) -> Result<(), Refusal> {
        if transfer.is_multiple_of(2) || self.transfers.all.contains_key(&(viewer, transfer)) {
            return Err(Refusal::Malformed);
        }
        if self.transfers.of(viewer) >= MAX_TRANSFERS {
            return Err(Refusal::TooMany);
        }
        Ok(())
    }

    /// Whether one more may be begun with that viewer.
    pub(super) fn has_room(&self, viewer: ViewerId) -> bool {
        self.transfers.of(viewer) < MAX_TRANSFERS
    }

    pub(super) fn receive(&mut self, key: Key, place: Place, reader: Reader) {
        let way = Way::ToHost(reader);
        self.transfers.all.insert(key, Transfer { place, way });
    }

    pub(super) fn transmit(&mut self, key: Key, place: Place, writer: Writer) {
        let way = Way::ToViewer {
            writer,
            queue: VecDeque::new(),
            ended: false,
        };
        self.transfers.all.insert(key, Transfer { place, way });
    }

    pub(super) fn bulk(&mut self, viewer: ViewerId, data: &[u8]) {
        let Ok(message) = Bulk::decode(data) else {
            return self.refuse(viewer, Refusal::Malformed, "bulk");
        };
        let now = Instant::now();
        let key = (viewer, message.transfer());
        // One that has ended here already, whose last bytes were on their way.
        let Some(transfer) = self.transfers.all.get_mut(&key) else {
            return;
        };
        let place = transfer.place;
        match (&mut transfer.way, message) {
            (Way::ToHost(reader), Bulk::Chunk { data, .. }) => match reader.handle_chunk(data.len(), now) {
                Ok(()) => self.write_on(place, data),
                Err(code) => self.break_off(key, code),
            },
            (Way::ToHost(_), Bulk::End { .. }) => {
                self.transfers.all.remove(&key);
                self.write_end(place);
            }
            (Way::ToViewer { writer, .. }, Bulk::Credit { until, .. }) => {
                writer.handle_credit(until, now);
                self.pump(key);
            }
            (_, Bulk::Abort { .. }) => {
                self.transfers.all.remove(&key);
                self.drop_place(place);
            }
            (Way::ToHost(_), Bulk::Credit { .. })
            | (Way::ToViewer { .. }, Bulk::Chunk { .. } | Bulk::End { .. }) => {
                self.refuse(viewer, Refusal::OutOfTurn, "bulk");
            }
        }
    }

    /// Bytes that a viewer asked for.
    pub(super) fn pass(&mut self, place: Place, data: Vec<u8>) {
        let Some(key) = self.transfers.key(place) else {
            return self.drop_place(place);
        };
        if let Some(Transfer {
            way: Way::ToViewer { queue, .. },
            ..
        }) = self.transfers.all.get_mut(&key)
        {
            queue.push_back(data);
        }
        self.pump(key);
    }

    /// That was all that the viewer asked for.
    pub(super) fn pass_end(&mut self, place: Place) {
        let Some(key) = self.transfers.key(place) else {
            return;
        };
        if let Some(Transfer {
            way: Way::ToViewer { ended, .. },
            ..
        }) = self.transfers.all.get_mut(&key)
        {
            *ended = true;
        }
        self.pump(key);
    }

    /// What is here was taken: the viewer may send more.
    pub(super) fn took(&mut self, place: Place, len: usize) {
        let Some(key) = self.transfers.key(place) else {
            return;
        };
        let Some(Transfer {
            way: Way::ToHost(reader),
            ..
        }) = self.transfers.all.get_mut(&key)
        else {
            return;
        };
        if let Some(until) = reader.handle_taken(len, Instant::now()) {
            let (viewer, transfer) = key;
            self.say_bulk(viewer, &Bulk::Credit { transfer, until });
        }
    }

    /// What is here ended it: the viewer hears why.
    pub(super) fn fail(&mut self, place: Place, code: Abort) {
        let Some(key) = self.transfers.key(place) else {
            return;
        };
        self.transfers.all.remove(&key);
        let (viewer, transfer) = key;
        self.say_bulk(viewer, &Bulk::Abort { transfer, code });
    }

    /// What is here has ended it already.
    pub(super) fn forget(&mut self, place: Place) {
        if let Some(key) = self.transfers.key(place) {
            self.transfers.all.remove(&key);
        }
    }

    /// Both ends hear of it.
    fn break_off(&mut self, key: Key, code: Abort) {
        let Some(transfer) = self.transfers.all.remove(&key) else {
            return;
        };
        self.drop_place(transfer.place);
        let (viewer, transfer) = key;
        self.say_bulk(viewer, &Bulk::Abort { transfer, code });
    }

    pub(super) fn end_transfers(&mut self, viewer: ViewerId) {
        let range = (viewer, 0)..=(viewer, u32::MAX);
        let keys: Vec<Key> = self.transfers.all.range(range).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(transfer) = self.transfers.all.remove(&key) {
                self.drop_place(transfer.place);
            }
        }
    }

    pub(super) fn handle_transfers(&mut self, now: Instant) {
        if self.transfers.again.is_some_and(|at| at <= now) {
            self.transfers.again = None;
            let keys: Vec<Key> = self.transfers.all.keys().copied().collect();
            keys.into_iter().for_each(|key| self.pump(key));
        }
        let silent = |transfer: &Transfer| match &transfer.way {
            Way::ToHost(reader) => reader.is_silent(now),
            Way::ToViewer { writer, queue, .. } => !queue.is_empty() && writer.is_silent(now),
        };
        let ended: Vec<Key> = self
            .transfers
            .all
            .iter()
            .filter(|(_, transfer)| silent(transfer))
            .map(|(key, _)| *key)
            .collect();
        for key in ended {
            self.break_off(key, Abort::Silent);
        }
    }

    /// Sends as much as reader, path and channel take.
    fn pump(&mut self, key: Key) {
        let (viewer, number) = key;
        let Some(transfer) = self.transfers.all.get_mut(&key) else {
            return;
        };
        let place = transfer.place;
        let Way::ToViewer { writer, queue, ended } = &mut transfer.way else {
            return;
        };
        let mut taken = 0;
        while let Some(front) = queue.front_mut() {
            let len = writer.room().min(front.len());
            if len == 0 {
                break;
            }
            let rest = front.split_off(len);
            let data = std::mem::replace(front, rest);
            let message = Bulk::Chunk {
                transfer: number,
                data,
            };
            match self
                .transport
                .send(viewer, Channel::Bulk, true, &message.encode())
            {
                Sent::Taken => {
                    writer.handle_sent(len, Instant::now());
                    taken += len;
                    if front.is_empty() {
                        queue.pop_front();
                    }
                }
                Sent::Full | Sent::Closed => {
                    if let Bulk::Chunk { mut data, .. } = message {
                        data.append(front);
                        *front = data;
                    }
                    self.transfers.again = Some(Instant::now() + AGAIN);
                    break;
                }
            }
        }
        let done = *ended && queue.is_empty();
        if taken > 0 {
            self.read_on(place, taken);
        }
        if done {
            let end = Bulk::End { transfer: number }.encode();
            if self.transport.send(viewer, Channel::Bulk, true, &end) == Sent::Taken {
                self.transfers.all.remove(&key);
            } else {
                self.transfers.again = Some(Instant::now() + AGAIN);
            }
        }
    }

    /// A word of few bytes. One that finds the channel full is lost, and the other end's patience ends the transfer.
    pub(super) fn say_bulk(&mut self, viewer: ViewerId, message: &Bulk) {
        if self
            .transport
            .send(viewer, Channel::Bulk, true, &message.encode())
            != Sent::Taken
        {
            tracing::debug!(viewer = viewer.0, ?message, "A word on bulk was lost");
        }
    }

    fn write_on(&mut self, place: Place, data: Vec<u8>) {
        match place {
            Place::Clip(request) => self.clipboard.ask(Ask::Supply { request, data }),
            Place::File(request) => self.ask_folder(FileAsk::Write { request, data }),
        }
    }

    fn write_end(&mut self, place: Place) {
        match place {
            Place::Clip(request) => self.clipboard.ask(Ask::SupplyEnd { request }),
            Place::File(request) => self.file_ended(request),
        }
    }

    fn read_on(&mut self, place: Place, len: usize) {
        match place {
            Place::Clip(request) => self.clipboard.ask(Ask::Taken { request, len }),
            Place::File(request) => self.ask_folder(FileAsk::Taken { request, len }),
        }
    }

    /// The other end is gone.
    fn drop_place(&mut self, place: Place) {
        match place {
            Place::Clip(request) => {
                // It is one or the other; the clipboard knows no such request otherwise.
                self.clipboard.ask(Ask::SupplyFailed { request });
                self.clipboard.ask(Ask::Cancel { request });
            }
            Place::File(request) => self.leave_file(request),
        }
    }
}
