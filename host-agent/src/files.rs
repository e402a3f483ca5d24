//! The shared folder: what viewers put there and take from it, on a thread of its own.
//!
//! All of it is done with the rights of the desktop's user, whoever the agent runs as. A file that is not whole lies
//! beside its place under a name of its own (`files/incoming.rs`), and goes on from there when its viewer comes back.

mod incoming;
mod outgoing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use session_core::filenames::safe_path;
use signaling_spec::channel::bulk::Abort;
use signaling_spec::channel::files::FileEntry;

use self::incoming::Incoming;
use self::outgoing::Outgoing;
use crate::clipboard::RequestId;

/// Asks that may wait; a chunk that does not fit is missed by the checksum.
const WAITING: usize = 4_096;

/// What the hub wants.
#[derive(Debug)]
pub enum FileAsk {
    /// A file is to come; the answer is [`FileEvent::Ready`] or [`FileEvent::Failed`].
    Put {
        request: RequestId,
        path: String,
        size: u64,
        modified: u64,
    },
    Write {
        request: RequestId,
        data: Vec<u8>,
    },
    /// All of it was written; this is its checksum.
    Finish {
        request: RequestId,
        sum: String,
    },
    /// A folder, with those that it is in.
    MakeFolder {
        request: RequestId,
        path: String,
    },
    /// Its viewer is gone, or changed its mind: what came is kept.
    Leave {
        request: RequestId,
    },
    Get {
        request: RequestId,
        path: String,
        from: u64,
    },
    /// So many bytes of it were passed on.
    Taken {
        request: RequestId,
        len: usize,
    },
    List {
        request: RequestId,
        path: String,
        after: Option<String>,
    },
}

/// What came of it.
#[derive(Debug)]
pub enum FileEvent {
    Ready {
        request: RequestId,
        from: u64,
    },
    Passed {
        request: RequestId,
        len: usize,
    },
    Stored {
        request: RequestId,
        path: String,
    },
    Begin {
        request: RequestId,
        size: u64,
        modified: u64,
    },
    Data {
        request: RequestId,
        data: Vec<u8>,
    },
    End {
        request: RequestId,
        sum: String,
    },
    Listed {
        request: RequestId,
        path: String,
        entries: Vec<FileEntry>,
        more: bool,
    },
    Failed {
        request: RequestId,
        code: Abort,
    },
}

/// Where events go; called on the folder's own thread, and may wait for the hub.
pub type Tell = Box<dyn Fn(FileEvent) + Send>;

/// Which folder is shared, and with whose rights.
#[derive(Clone, Debug)]
pub struct Shared {
    pub folder: PathBuf,
    /// For an agent that runs as root beside another user's desktop.
    pub user: Option<(Uid, Gid)>,
}

/// The handle; the thread ends with it.
#[derive(Clone, Debug)]
pub struct Folder {
    asks: mpsc::SyncSender<FileAsk>,
}

impl Folder {
    /// # Errors
    /// The system gives no thread.
    pub fn start(shared: Shared, tell: Tell) -> anyhow::Result<Self> {
        let (asks, asked) = mpsc::sync_channel(WAITING);
        std::thread::Builder::new()
            .name("files".to_owned())
            .spawn(move || run(&shared, &tell, &asked))?;
        Ok(Self { asks })
    }

    /// Returns at once.
    pub fn ask(&self, ask: FileAsk) {
        if self.asks.try_send(ask).is_err() {
            tracing::warn!("The shared folder does not keep up: its disk may be hanging");
        }
    }
}

fn run(shared: &Shared, tell: &Tell, asked: &mpsc::Receiver<FileAsk>) {
    if let Some((uid, gid)) = shared.user {
        // For this thread alone; without the right to do so they change nothing, and so nothing is opened.
        setfsgid(gid);
        setfsuid(uid);
        if setfsuid(uid) != uid {
            tracing::error!("Files are off: this thread cannot take the desktop user's rights");
            return;
        }
    }
    incoming::sweep(&shared.folder);
    let mut work = Work {
        folder: &shared.folder,
        incoming: BTreeMap::new(),
        outgoing: BTreeMap::new(),
        tell,
    };
    loop {
        let busy = work.read_on();
        let next = if busy {
            asked
                .try_recv()
                .map_err(|error| error == mpsc::TryRecvError::Empty)
        } else {
            asked.recv().map_err(|_| false)
        };
        match next {
            Ok(ask) => work.handle(ask),
            Err(true) => {}
            Err(false) => return,
        }
    }
}

struct Work<'a> {
    folder: &'a Path,
    incoming: BTreeMap<RequestId, Incoming>,
    outgoing: BTreeMap<RequestId, Outgoing>,
    tell: &'a Tell,
}

impl Work<'_> {
    fn handle(&mut self, ask: FileAsk) {
        match ask {
            FileAsk::Put {
                request,
                path,
                size,
                modified,
            } => {
                let made = safe_path(&path)
                    .ok_or(Abort::Failed)
                    .and_then(|parts| Incoming::open(self.folder, &parts, size, modified));
                match made {
                    Ok(incoming) => {
                        let from = incoming.len();
                        self.incoming.insert(request, incoming);
                        (self.tell)(FileEvent::Ready { request, from });
                    }
                    Err(code) => self.fail(request, code),
                }
            }
            FileAsk::Write { request, data } => {
                let Some(incoming) = self.incoming.get_mut(&request) else {
                    return;
                };
                match incoming.write(&data) {
                    Ok(()) => (self.tell)(FileEvent::Passed {
                        request,
                        len: data.len(),
                    }),
                    Err(code) => {
                        self.incoming.remove(&request);
                        self.fail(request, code);
                    }
                }
            }
            FileAsk::Finish { request, sum } => {
                let Some(incoming) = self.incoming.remove(&request) else {
                    return;
                };
                match incoming.finish(&sum) {
                    Ok(path) => (self.tell)(FileEvent::Stored { request, path }),
                    Err(code) => self.fail(request, code),
                }
            }
            FileAsk::MakeFolder { request, path } => {
                let made = safe_path(&path)
                    .ok_or(Abort::Failed)
                    .and_then(|parts| incoming::make_folders(self.folder, &parts).map(|_| parts.join("/")));
                match made {
                    Ok(path) => (self.tell)(FileEvent::Stored { request, path }),
                    Err(code) => self.fail(request, code),
                }
            }
            FileAsk::Leave { request } => {
                self.incoming.remove(&request);
                self.outgoing.remove(&request);
            }
            FileAsk::Get { request, path, from } => match Outgoing::open(self.folder, &path, from) {
                Ok(outgoing) => {
                    let (size, modified) = (outgoing.size(), outgoing.modified());
                    (self.tell)(FileEvent::Begin {
                        request,
                        size,
                        modified,
                    });
                    self.outgoing.insert(request, outgoing);
                }
                Err(code) => self.fail(request, code),
            },
            FileAsk::Taken { request, len } => {
                if let Some(outgoing) = self.outgoing.get_mut(&request) {
                    outgoing.taken(len);
                }
            }
            FileAsk::List { request, path, after } => {
                match outgoing::list(self.folder, &path, after.as_deref()) {
                    Ok((entries, more)) => (self.tell)(FileEvent::Listed {
                        request,
                        path,
                        entries,
                        more,
                    }),
                    Err(code) => self.fail(request, code),
                }
            }
        }
    }

    /// Reads a piece of each file whose viewer keeps up. Returns whether there was one.
    fn read_on(&mut self) -> bool {
        let mut busy = false;
        let mut ended = Vec::new();
        for (request, outgoing) in &mut self.outgoing {
            let request = *request;
            match outgoing.next() {
                Ok(outgoing::Next::Wait) => {}
                Ok(outgoing::Next::Data(data)) => {
                    busy = true;
                    (self.tell)(FileEvent::Data { request, data });
                }
                Ok(outgoing::Next::End(sum)) => {
                    ended.push(request);
                    (self.tell)(FileEvent::End { request, sum });
                }
                Err(code) => {
                    ended.push(request);
                    (self.tell)(FileEvent::Failed { request, code });
                }
            }
        }
        for request in ended {
            self.outgoing.remove(&request);
        }
        busy
    }

    fn fail(&self, request: RequestId, code: Abort) {
        (self.tell)(FileEvent::Failed { request, code });
    }
}

/// SHA-256 of the SHA-256 digests of a file's blocks: it can be made while bytes come, and begun anew at any block.
struct Sum {
    block: aws_lc_rs::digest::Context,
    filled: usize,
    digests: Vec<u8>,
}

impl Sum {
    fn new() -> Self {
        Self {
            block: aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256),
            filled: 0,
            digests: Vec::new(),
        }
    }

    fn update(&mut self, mut data: &[u8]) {
        use signaling_spec::limits::HASH_BLOCK_BYTES;
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(HASH_BLOCK_BYTES - self.filled));
            self.block.update(now);
            self.filled += now.len();
            data = later;
            if self.filled == HASH_BLOCK_BYTES {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let fresh = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        let done = std::mem::replace(&mut self.block, fresh).finish();
        self.digests.extend(done.as_ref());
        self.filled = 0;
    }

    fn hex(mut self) -> String {
        use std::fmt::Write as _;
        if self.filled > 0 {
            self.close();
        }
        let all = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.digests);
        all.as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Why the system would not, in the words of the wire.
fn code_of(error: &std::io::Error) -> Abort {
    use std::io::ErrorKind;
    let kind = error.kind();
    if matches!(
        kind,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    ) {
        Abort::Full
    } else if kind == ErrorKind::NotFound {
        Abort::Gone
    } else {
        tracing::info!(%error, "A file of the shared folder could not be used");
        Abort::Failed
    }
}
