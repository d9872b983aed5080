//! What an earlier monitor, or the image before this one, leaves to the executor: processes, what
//! they print into and listen on.

use ncolony_core::colony::{Colony, Generation};
use ncolony_core::{ProgramName, ProgramSpec};

use super::Executor;
use crate::adopt::{Left, Living};
use crate::handover::{Handover, Held};
use crate::logs::Stream;
use crate::readiness::Speaker;
use crate::sources::children::Child;
use crate::sources::leftover::{Hold, Leftover};
use crate::sys::{descriptors, errno};

impl Executor {
    /// Takes in what the image before this one had open. Before the processes are taken up.
    pub(crate) fn take_descriptors(&mut self, handover: &Handover) {
        let open = |held: &Held| {
            let fd = descriptors::adopt(held.fd)?;
            Some((held.program.clone(), held.what.clone(), fd))
        };
        let outputs = handover.outputs.iter().filter_map(open);
        let outputs =
            outputs.filter_map(|(name, what, fd)| Some((name, Stream::of_word(&what)?, fd)));
        self.logs.take_over(outputs.collect());
        let notices = handover.notices.iter().filter_map(open);
        let notices = notices.map(|(name, _, fd)| (name, fd));
        self.notices.take_over(notices.collect());
        let sockets = handover.sockets.iter().filter_map(open);
        self.listening.take_over(sockets.collect());
    }

    /// Takes up the processes of an earlier monitor.
    pub(crate) fn take_up(&mut self, colony: &Colony, living: Vec<Living>, left: Vec<Left>) {
        for living in living {
            self.take_up_living(colony, living);
        }
        self.notices.clear_away();
        self.logs.go_on_with_the_rest(|name| {
            let spec = colony.started_with(name).or_else(|| colony.described(name));
            spec.map(AsRef::as_ref)
        });
        for left in left {
            let run_id = self.run_ids.of(&left.name, left.generation);
            let mut members = left.members.iter();
            let cgroup = members.find_map(|member| self.children.tree.group_of(member.pid));
            let hold = Hold::new(run_id, cgroup);
            let leftover = Leftover::found(left.generation, hold, left.members);
            self.children.add_leftover(left.name, leftover);
        }
    }

    fn take_up_living(&mut self, colony: &Colony, living: Living) {
        let Living {
            name,
            generation,
            pid,
            held,
        } = living;
        if let Some(spec) = colony.started_with(&name) {
            if let Err(error) = self.logs.adopt(spec, pid) {
                let why = errno::of(&error);
                tracing::warn!(program = %name, "what it prints cannot be read: {why}");
            }
            if spec.is_heard() {
                self.take_up_notices(spec, generation, pid);
            }
            for problem in self.listening.adopt(spec, pid) {
                tracing::warn!("{problem}");
            }
        }
        self.status.write_pid(&name, pid);
        let run_id = self.run_ids.of(&name, generation);
        let cgroup = self.children.tree.group_of(pid);
        let child = Child {
            name: name.clone(),
            generation,
            hold: Hold::new(run_id, cgroup),
        };
        match held {
            None => self.children.add(pid, child),
            Some(process) => {
                if let Err(error) = self.children.adopted.add(pid, child, process) {
                    let why = errno::of(&error);
                    tracing::warn!(program = %name, "its end is noticed late: {why}");
                }
            }
        }
    }

    fn take_up_notices(&mut self, spec: &ProgramSpec, generation: Generation, pid: u32) {
        let speaker = Speaker {
            generation,
            pid,
            run_id: self.run_ids.of(&spec.name, generation),
        };
        if let Err(error) = self.notices.adopt(spec, speaker) {
            let why = errno::of(&error);
            tracing::warn!(program = %spec.name, "what it says of itself cannot be heard: {why}");
        }
    }

    /// Takes note of a process that ended while no monitor was there.
    pub(crate) fn ended_unseen(&mut self, name: &ProgramName, generation: Generation) {
        self.counters.exits += 1;
        tracing::info!(program = %name, generation = generation.number(), "it ended unseen");
        self.status.remove_pid(name);
    }
}
