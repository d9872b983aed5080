//! Replacing the monitor's image while everything goes on.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use ncolony_core::colony::Observation;

use super::Driver;
use crate::handover::{Handover, Held};
use crate::state::{self, Settled, State};
use crate::sys::{clock, descriptors, errno};
use crate::upgrade::{self, Trial};

impl Driver {
    /// Begins to replace the image: the new binary is asked whether it can go on from here.
    pub(super) fn begin_upgrade(&mut self) {
        let Some(invocation) = self.invocation.clone() else {
            return self.fail_upgrade(
                "this monitor is embedded in another program, which alone can replace it"
                    .to_owned(),
            );
        };
        let text = self.state_as_text(Handover::default());
        match Trial::begin(&invocation, &text, &mut self.executor.launcher) {
            Ok(trial) => {
                self.executor.children.expect(trial.pid);
                self.trial = Some(trial);
            }
            Err(why) => self.fail_upgrade(why),
        }
    }

    /// Goes on with an upgrade that has begun, when nothing else is to be done.
    pub(super) fn go_on_with_upgrade(&mut self) {
        let Some(trial) = self.trial.take() else {
            return;
        };
        if let Some(exit) = self.executor.children.take_expected(trial.pid) {
            let Some(invocation) = self.invocation.clone() else {
                return;
            };
            let replaced = trial
                .conclude(&invocation, exit)
                .and_then(|()| self.replace_image());
            if let Err(why) = replaced {
                self.fail_upgrade(why);
            }
        } else if clock::mono() >= trial.deadline {
            self.executor.children.end_expected(trial.pid);
            let seconds = upgrade::PATIENCE.as_secs();
            self.fail_upgrade(format!(
                "the new binary was asked to read the state and did not answer within {seconds} s; it was killed"
            ));
        } else {
            self.trial = Some(trial);
        }
    }

    fn fail_upgrade(&mut self, why: String) {
        tracing::error!("the upgrade is not done, and everything is as it was: {why}");
        self.colony
            .observe(clock::now(), Observation::UpgradeFailed { why });
        self.overview.touch();
    }

    /// Hands everything over. Comes back only if that failed, and everything is as it was.
    fn replace_image(&mut self) -> Result<(), String> {
        if self.colony.is_closing() {
            return Err("the monitor was told to end meanwhile".to_owned());
        }
        self.write_down();
        let outputs = self.executor.logs.hand_over();
        let outputs = held(
            outputs
                .iter()
                .map(|it| (&it.0, it.1.word().to_owned(), it.2)),
        );
        self.take_reports();
        let sockets = self.executor.listening.hand_over();
        let handover = Handover {
            lock: Some(self.executor.place.lock().as_fd().as_raw_fd()),
            outputs,
            sockets: held(sockets.iter().map(|it| (&it.0, it.1.clone(), it.2.as_fd()))),
        };
        let kept = handover.numbers();
        let text = self.state_as_text(handover);
        let why = self.execute(&text, kept);
        self.executor.listening.take_over(sockets);
        if let Err(error) = self.executor.logs.resume() {
            tracing::error!("cannot start the logs' thread again: {}", errno::of(&error));
        }
        Err(why)
    }

    /// Executes the new image; comes back with why it could not.
    fn execute(&self, text: &[u8], mut kept: Vec<RawFd>) -> String {
        let Some(invocation) = &self.invocation else {
            return "it is not known how this monitor was started".to_owned();
        };
        let path = invocation.path.display();
        let failed =
            |error: std::io::Error| format!("cannot execute {path}: {}", errno::of(&error));
        let lock = self.executor.place.lock().as_fd();
        let prepared = descriptors::memory_of(text).and_then(|memory| {
            let successor = upgrade::successor(invocation, &memory, lock.as_raw_fd())?;
            Ok((memory, successor))
        });
        let (memory, successor) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return failed(error),
        };
        kept.push(memory.as_raw_fd());
        tracing::info!(binary = %path, "the new image takes over");
        kept.iter()
            .for_each(|number| descriptors::keep_over_exec(*number, true));
        let error = successor.take_our_place(self.executor.open_files);
        kept.iter()
            .for_each(|number| descriptors::keep_over_exec(*number, false));
        failed(error)
    }

    /// All that is known, for another image.
    fn state_as_text(&self, handover: Handover) -> Vec<u8> {
        let settled = self.executor.mailbox.settled();
        let state = State {
            snapshot: self.colony.snapshot(),
            settled: settled
                .map(|(file, mark)| {
                    let settled = Settled {
                        mark,
                        reply: None,
                        rejected: None,
                    };
                    (file.clone(), settled)
                })
                .collect(),
            config: self.journal.config(),
            handover: Some(handover),
            ..State::empty(self.journal.header().clone())
        };
        let mut text = state::line(self.journal.header());
        text.extend(state::line(&state.into_entry()));
        text
    }
}

fn held<'a>(
    all: impl Iterator<Item = (&'a ncolony_core::ProgramName, String, BorrowedFd<'a>)>,
) -> Vec<Held> {
    let one = |(program, what, fd): (&ncolony_core::ProgramName, String, BorrowedFd<'_>)| Held {
        program: program.clone(),
        what,
        fd: fd.as_raw_fd(),
    };
    all.map(one).collect()
}
