//! Files: what viewers put into the shared folder and take from it, and the words about it on `ctl`.

use std::time::{Duration, Instant};

use session_core::transfer::{Reader, Writer};
use signaling_spec::channel::bulk::{Abort, Bulk};
use signaling_spec::channel::control::FromHost;
use signaling_spec::limits::{MAX_PATH_BYTES, MAX_TRANSFERS};
use signaling_spec::{Refusal, ViewerId};

use super::Hub;
use super::bulk::{Key, Place};
use crate::clipboard::RequestId;
use crate::files::{FileAsk, FileEvent};

/// How long either end of a file may do nothing: disks and backgrounds of browsers take their time.
const QUIET: Duration = Duration::from_secs(30);

/// What one request to the folder is for.
pub(super) struct Job {
    key: Key,
    what: What,
}

enum What {
    Put {
        size: u64,
        /// All bytes came; the checksum came. The two travel apart.
        ended: bool,
        sum: Option<String>,
    },
    Get {
        from: u64,
    },
    Folder,
    List,
}

impl Hub {
    pub(super) fn file_put(
        &mut self,
        key: Key,
        path: String,
        size: u64,
        modified: u64,
    ) -> Result<(), Refusal> {
        self.may_begin(key.0, key.1)?;
        let what = What::Put {
            size,
            ended: false,
            sum: None,
        };
        let request = self.begin_job(key, &path, what)?;
        self.ask_folder(FileAsk::Put {
            request,
            path,
            size,
            modified,
        });
        Ok(())
    }

    pub(super) fn file_done(&mut self, key: Key, sum: String) -> Result<(), Refusal> {
        let found = self.jobs.iter_mut().find(|(_, job)| job.key == key);
        let Some((
            request,
            Job {
                what: What::Put { sum: told, .. },
                ..
            },
        )) = found
        else {
            // It ended here meanwhile, and the viewer hears of that.
            return Ok(());
        };
        let request = *request;
        *told = Some(sum);
        self.finish_if_whole(request);
        Ok(())
    }

    pub(super) fn file_folder(&mut self, key: Key, path: String) -> Result<(), Refusal> {
        self.may_begin(key.0, key.1)?;
        let request = self.begin_job(key, &path, What::Folder)?;
        self.ask_folder(FileAsk::MakeFolder { request, path });
        Ok(())
    }

    pub(super) fn file_get(&mut self, key: Key, path: String, from: u64) -> Result<(), Refusal> {
        self.may_begin(key.0, key.1)?;
        let request = self.begin_job(key, &path, What::Get { from })?;
        self.ask_folder(FileAsk::Get { request, path, from });
        Ok(())
    }

    pub(super) fn file_browse(
        &mut self,
        viewer: ViewerId,
        path: String,
        after: Option<String>,
    ) -> Result<(), Refusal> {
        let request = self.begin_job((viewer, 0), &path, What::List)?;
        self.ask_folder(FileAsk::List { request, path, after });
        Ok(())
    }

    fn begin_job(&mut self, key: Key, path: &str, what: What) -> Result<RequestId, Refusal> {
        if self.folder.is_none() {
            return Err(Refusal::NotFound);
        }
        if path.len() > MAX_PATH_BYTES {
            return Err(Refusal::TooLarge);
        }
        if self.jobs.values().filter(|job| job.key.0 == key.0).count() >= MAX_TRANSFERS {
            return Err(Refusal::TooMany);
        }
        self.reads = self.reads.wrapping_add(1);
        let request = RequestId(self.reads);
        self.jobs.insert(request, Job { key, what });
        Ok(request)
    }

    pub(super) fn ask_folder(&self, ask: FileAsk) {
        if let Some(folder) = &self.folder {
            folder.ask(ask);
        }
    }

    /// All bytes of a file came.
    pub(super) fn file_ended(&mut self, request: RequestId) {
        if let Some(Job {
            what: What::Put { ended, .. },
            ..
        }) = self.jobs.get_mut(&request)
        {
            *ended = true;
        }
        self.finish_if_whole(request);
    }

    fn finish_if_whole(&mut self, request: RequestId) {
        let Some(Job {
            what: What::Put { ended: true, sum, .. },
            ..
        }) = self.jobs.get_mut(&request)
        else {
            return;
        };
        if let Some(sum) = sum.take() {
            self.ask_folder(FileAsk::Finish { request, sum });
        }
    }

    pub(super) fn leave_file(&mut self, request: RequestId) {
        self.jobs.remove(&request);
        self.ask_folder(FileAsk::Leave { request });
    }

    pub(super) fn leave_files(&mut self, viewer: ViewerId) {
        let gone = self.jobs.iter().filter(|(_, job)| job.key.0 == viewer);
        let gone: Vec<RequestId> = gone.map(|(request, _)| *request).collect();
        gone.into_iter().for_each(|request| self.leave_file(request));
    }

    pub(super) fn handle_file(&mut self, event: FileEvent) {
        let now = Instant::now();
        match event {
            FileEvent::Ready { request, from } => {
                let Some(Job {
                    key,
                    what: What::Put { size, .. },
                }) = self.jobs.get(&request)
                else {
                    return self.leave_file(request);
                };
                let (key, reader) = (*key, Reader::new(from, *size, QUIET, now));
                self.receive(key, Place::File(request), reader);
                let (viewer, transfer) = key;
                self.tell(viewer, FromHost::FileReady { transfer, from });
            }
            FileEvent::Passed { request, len } => self.took(Place::File(request), len),
            FileEvent::Stored { request, path } => {
                let Some(job) = self.jobs.remove(&request) else {
                    return;
                };
                let (viewer, transfer) = job.key;
                if let What::Put { size, .. } = job.what {
                    router::audit!("RMV3010I", viewer = viewer.0, size, "File stored");
                }
                self.tell(viewer, FromHost::FileStored { transfer, path });
            }
            FileEvent::Begin {
                request,
                size,
                modified,
            } => {
                let Some(Job {
                    key,
                    what: What::Get { from },
                }) = self.jobs.get(&request)
                else {
                    return self.leave_file(request);
                };
                let (key, writer) = (*key, Writer::new(*from, QUIET, now));
                self.transmit(key, Place::File(request), writer);
                let (viewer, transfer) = key;
                router::audit!("RMV3011I", viewer = viewer.0, size, "File read");
                self.tell(
                    viewer,
                    FromHost::FileBegin {
                        transfer,
                        size,
                        modified,
                    },
                );
            }
            FileEvent::Data { request, data } => self.pass(Place::File(request), data),
            FileEvent::End { request, sum } => {
                let Some(job) = self.jobs.remove(&request) else {
                    return;
                };
                let (viewer, transfer) = job.key;
                self.tell(viewer, FromHost::FileSum { transfer, sum });
                self.pass_end(Place::File(request));
            }
            FileEvent::Listed {
                request,
                path,
                entries,
                more,
            } => {
                let Some(job) = self.jobs.remove(&request) else {
                    return;
                };
                self.tell(job.key.0, FromHost::FileList { path, entries, more });
            }
            FileEvent::Failed { request, code } => self.file_failed(request, code),
        }
    }

    fn file_failed(&mut self, request: RequestId, code: Abort) {
        let Some(job) = self.jobs.remove(&request) else {
            return;
        };
        let (viewer, transfer) = job.key;
        match job.what {
            What::List => self.refuse(viewer, Refusal::NotFound, "file.browse"),
            What::Put { .. } | What::Get { .. } | What::Folder => {
                self.forget(Place::File(request));
                self.say_bulk(viewer, &Bulk::Abort { transfer, code });
            }
        }
    }
}
