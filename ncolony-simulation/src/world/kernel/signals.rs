//! What signals do to processes, each by its temper.

use ncolony_core::{Exit, Mono, Signal};

use super::{Due, Kernel};
use crate::action::{Manner, Start};

impl Kernel {
    /// A signal reaches the group of this number, or its main process alone.
    pub(in crate::world) fn signal(
        &mut self,
        now: Mono,
        serial: u64,
        whole_group: bool,
        signal: Signal,
    ) {
        let Some(group) = self.group(serial) else {
            return;
        };
        let stop_signal = group.spec.policy.stop_signal;
        if signal == Signal::KILL {
            let (manner, exit) = (group.temper.killed, Exit::Signal(Signal::KILL));
            self.schedule_manner(now, manner, Due::LeaderEnds { serial, exit });
            if whole_group {
                self.schedule_manner(now, manner, Due::MembersEnd { serial });
            }
        } else if signal == Signal::CONT {
            group.frozen = false;
            if std::mem::take(&mut group.pending) {
                self.ask(now, serial);
            }
        } else if signal == stop_signal && whole_group {
            if group.frozen {
                group.pending = true;
            } else {
                self.ask(now, serial);
            }
        }
    }

    fn ask(&mut self, now: Mono, serial: u64) {
        let Some(group) = self.group(serial) else {
            return;
        };
        let temper = group.temper;
        let exit = Exit::Signal(Signal::TERM);
        self.schedule_manner(now, temper.asked, Due::LeaderEnds { serial, exit });
        if let Some(members) = temper.members {
            self.schedule_manner(now, members.asked, Due::MembersEnd { serial });
        }
    }

    /// From now on every process takes KILL, also those that are being started.
    pub(in crate::world) fn heal(&mut self) {
        for due in self.agenda.values_mut() {
            if let Due::Spawn {
                start: Start::Lives(temper),
                ..
            } = due
            {
                temper.killed = Manner::Ends(0);
            }
        }
        for group in &mut self.groups {
            group.temper.killed = Manner::Ends(0);
        }
    }
}
