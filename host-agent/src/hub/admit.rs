//! Who comes in: what a router asked for, against what this host permits.

use std::time::Instant;

use signaling_spec::claims::Consent;
use signaling_spec::limits::MAX_VIEWERS;
use signaling_spec::{EndReason, Refusal, Right, Signal, ViewerId};

use super::Hub;
use super::session::{Session, controls};
use crate::transport::PagePath;

impl Hub {
    /// `consented`: the person at the host has said yes.
    pub(super) fn admit(&mut self, request: Signal, consented: bool) {
        let again = request.clone();
        let Signal::SessionRequest {
            sid,
            subject,
            token,
            rights,
            viewer_fp,
            viewer_nonce,
            page,
            local,
            resume,
            // Checked where it came in, if it did.
            grant: _,
            ice_servers,
            relay_only,
            consent,
        } = request
        else {
            return;
        };
        let replaced = resume.and_then(|old| self.viewer_of(&old)).filter(|old| {
            // Only the holder of the same token may take a session over.
            self.sessions
                .get(old)
                .is_some_and(|session| session.token == token)
        });
        let rights = rights.both(&self.permitted);
        if rights.has(Right::View)
            && consent.max(self.consent) == Some(Consent::Ask)
            && !consented
            // Whoever only comes back was let in.
            && replaced.is_none()
        {
            return self.ask_person(again, subject, controls(&rights));
        }
        if consent.max(self.consent).is_some() {
            self.courtesy.sign().insist();
        }
        if let Some(old) = replaced {
            self.end(old, EndReason::Replaced);
        }
        if self.sessions.len() >= MAX_VIEWERS {
            router::audit!("RMV3003W", sid = %sid, "Session refused: the host is full");
            return self.say(Signal::SessionReject {
                sid,
                code: Refusal::Full,
            });
        }
        if !rights.has(Right::View) {
            return self.say(Signal::SessionReject {
                sid,
                code: Refusal::Forbidden,
            });
        }
        let viewer = ViewerId(self.next_viewer);
        self.next_viewer = self.next_viewer.wrapping_add(1);
        let path = PagePath {
            page,
            local,
            ice_servers: ice_servers.unwrap_or_default(),
            relay_only: relay_only == Some(true),
        };
        let session = Session::new(
            sid.clone(),
            subject,
            token,
            rights.clone(),
            viewer_fp,
            viewer_nonce,
            path,
            Instant::now(),
        );
        self.sessions.insert(viewer, session);
        let host_fp = self.transport.fingerprint().clone();
        self.say(Signal::SessionAccept { sid, host_fp, rights });
    }
}
