//! The desktop's sound to whoever listens, and one viewer's microphone to the desktop.

use signaling_spec::channel::control::{FromHost, SoundHealth};
use signaling_spec::{Refusal, Right, ViewerId};

use super::Hub;
use crate::sound::SoundEvent;

impl Hub {
    fn sound_state(&self) -> FromHost {
        let state = match &self.sound {
            Some(_) => self.sound_health,
            None => SoundHealth::Off,
        };
        FromHost::SoundState {
            state,
            microphone: self.sounds.microphone(),
        }
    }

    fn may_know_of_sound(&self, viewer: ViewerId) -> bool {
        self.sessions
            .get(&viewer)
            .is_some_and(|session| session.rights.has(Right::Sound) || session.rights.has(Right::Microphone))
    }

    pub(super) fn join_sound(&mut self, viewer: ViewerId) {
        if self.may_know_of_sound(viewer) {
            let state = self.sound_state();
            self.tell(viewer, state);
        }
    }

    pub(super) fn leave_sound(&mut self, viewer: ViewerId) {
        let had = self.sounds.microphone() == Some(viewer);
        self.sounds.leave(viewer);
        self.demand_sound();
        if had {
            router::audit!("RMV3013I", viewer = viewer.0, "Microphone off");
            self.announce_sound();
        }
    }

    pub(super) fn sound_listen(&mut self, viewer: ViewerId, on: bool) -> Result<(), Refusal> {
        if self.sound.is_none() {
            return if on { Err(Refusal::NotFound) } else { Ok(()) };
        }
        self.sounds.listen(viewer, on);
        self.demand_sound();
        Ok(())
    }

    pub(super) fn microphone_use(&mut self, viewer: ViewerId, on: bool) -> Result<(), Refusal> {
        if self.sound.is_none() {
            return if on { Err(Refusal::NotFound) } else { Ok(()) };
        }
        let before = self.sounds.microphone();
        self.sounds.use_microphone(viewer, on)?;
        if self.sounds.microphone() != before {
            if on {
                router::audit!("RMV3012I", viewer = viewer.0, "Microphone on");
            } else {
                router::audit!("RMV3013I", viewer = viewer.0, "Microphone off");
            }
            self.demand_sound();
            self.announce_sound();
        }
        Ok(())
    }

    /// A packet that came from a viewer: played only while its microphone is the host's.
    pub(super) fn microphone_packet(&mut self, viewer: ViewerId, data: &[u8]) {
        if self.sounds.microphone() == Some(viewer)
            && let Some(sound) = &self.sound
        {
            sound.packet(data);
        }
    }

    pub(super) fn handle_sound(&mut self, event: SoundEvent) {
        match event {
            SoundEvent::State(state) => {
                if self.sound_health != state {
                    self.sound_health = state;
                    self.announce_sound();
                }
            }
            SoundEvent::Packet(sound) => {
                for viewer in self.sounds.listeners() {
                    self.transport.send_sound(viewer, &sound);
                }
            }
        }
    }

    fn demand_sound(&mut self) {
        let demand = self.sounds.demand();
        if self.sound_demand != demand
            && let Some(sound) = &self.sound
        {
            self.sound_demand = demand;
            sound.demand(demand);
        }
    }

    fn announce_sound(&mut self) {
        let state = self.sound_state();
        let viewers: Vec<ViewerId> = self.sessions.keys().copied().collect();
        for viewer in viewers {
            if self.may_know_of_sound(viewer) {
                self.tell(viewer, state.clone());
            }
        }
    }
}
