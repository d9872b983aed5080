//! Replacing the monitor's image while everything goes on.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use ncolony_core::colony::Observation;
use ncolony_core::colony::diff::Emptiness;
use ncolony_core::time::Mono;

use super::Driver;
use crate::handover::{Handover, Held};
use crate::sources::signals::Call;
use crate::state::{self, Settled, State};
use crate::sys::exec::HeldSignals;
use crate::sys::{clock, descriptors, errno};
use crate::upgrade::{self, Binary, Trial};

/// How far an upgrade has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// The new binary was asked whether it can go on from here.
    Asked(Trial),
    /// This one can.
    Answered(Binary),
}

impl Progress {
    /// When it is given up, if nothing comes.
    pub(super) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Asked(trial) => Some(trial.deadline),
            Self::Answered(_) => None,
        }
    }
}

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
        let mut launcher = self.executor.launchers.first();
        let trial = Trial::begin(&invocation, &text, self.colony.len(), &mut launcher);
        drop(launcher);
        match trial {
            Ok(trial) => {
                self.executor.children.expect(trial.pid);
                self.upgrade = Some(Progress::Asked(trial));
            }
            Err(why) => self.fail_upgrade(why),
        }
    }

    /// Goes on with an upgrade that has begun, when nothing else is to be done.
    pub(super) async fn go_on_with_upgrade(&mut self) {
        if !self.colony.is_upgrading() {
            return self.abandon_upgrade();
        }
        match self.upgrade.take() {
            None => {}
            Some(Progress::Asked(trial)) => self.look_at_trial(trial),
            Some(Progress::Answered(binary)) => self.replace_image(binary).await,
        }
    }

    fn look_at_trial(&mut self, trial: Trial) {
        let Some(invocation) = &self.invocation else {
            return;
        };
        if let Some(exit) = self.executor.children.take_expected(trial.pid) {
            match trial.conclude(invocation, exit) {
                Ok(binary) => self.upgrade = Some(Progress::Answered(binary)),
                Err(why) => self.fail_upgrade(why),
            }
        } else if clock::mono() >= trial.deadline {
            self.executor.children.end_expected(trial.pid);
            let seconds = upgrade::PATIENCE.as_secs();
            let path = invocation.path.display();
            self.fail_upgrade(format!(
                "the new binary {path} was asked to read the state and did not answer within {seconds} s; it was killed"
            ));
        } else {
            self.upgrade = Some(Progress::Asked(trial));
        }
    }

    /// Forgets an upgrade that was given up.
    pub(super) fn abandon_upgrade(&mut self) {
        match self.upgrade.take() {
            Some(Progress::Asked(trial)) => self.executor.children.end_expected(trial.pid),
            Some(Progress::Answered(_)) | None => {}
        }
    }

    fn fail_upgrade(&mut self, why: String) {
        tracing::error!("the upgrade is not done, and everything is as it was: {why}");
        self.colony
            .observe(clock::now(), Observation::UpgradeFailed { why });
        self.overview.touch();
    }

    /// Replaces the image, unless something was said meanwhile that this one has to act on first:
    /// signals are held back, and what had come before they were is heard.
    async fn replace_image(&mut self, binary: Binary) {
        let held = HeldSignals::hold();
        if self.has_more_to_do().await {
            self.upgrade = Some(Progress::Answered(binary));
            return;
        }
        self.executor.place.keep(&self.executor.run_ids);
        let why = match self.executor.place.problem() {
            Some(problem) => problem.to_owned(),
            None => self.hand_over(binary),
        };
        drop(held);
        self.fail_upgrade(why);
    }

    /// Whether signals have come, or a look at everything is due that somebody has asked for.
    async fn has_more_to_do(&mut self) -> bool {
        // When this comes back, the runtime has looked once more at what is open.
        tokio::task::yield_now().await;
        let mut heard = self.emptiness == Emptiness::Meant;
        while let Some(call) = self.signals.heard().await {
            heard |= call != Call::Child;
            self.answer_call(call);
        }
        heard
    }

    /// Hands everything over. Comes back only if that failed, and everything is as it was.
    fn hand_over(&mut self, binary: Binary) -> String {
        self.write_down();
        let outputs = self.executor.logs.hand_over();
        let outputs = held(
            outputs
                .iter()
                .map(|it| (&it.0, it.1.word().to_owned(), it.2)),
        );
        self.take_reports();
        self.executor.interrupt_commands();
        let sockets = self.executor.listening.hand_over();
        let processes = self.executor.children.adopted.hand_over();
        let notices = self.executor.notices.hand_over();
        let handover = Handover {
            lock: Some(self.executor.place.lock().as_fd().as_raw_fd()),
            outputs,
            processes: held(processes.map(|it| (it.0, "process".to_owned(), it.1))),
            notices: held(notices.map(|it| (it.0, "notify".to_owned(), it.1))),
            sockets: held(sockets.iter().map(|it| (&it.0, it.1.clone(), it.2.as_fd()))),
        };
        let kept = handover.numbers();
        let text = self.state_as_text(handover);
        let why = self.execute(&text, kept, binary);
        self.executor.listening.take_over(sockets);
        if let Err(error) = self.executor.logs.resume() {
            tracing::error!("cannot start the logs' thread again: {}", errno::of(&error));
        }
        why
    }

    /// Executes the new image; comes back with why it could not.
    fn execute(&self, text: &[u8], mut kept: Vec<RawFd>, binary: Binary) -> String {
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
        if let Err(why) = binary.check(&invocation.path) {
            return why;
        }
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
