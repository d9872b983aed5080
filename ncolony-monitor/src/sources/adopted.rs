//! Processes that an earlier monitor started and that outlived it. They are nobody's children that
//! we know, so they are held by descriptors, which also tell when they end.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use ncolony_core::colony::Generation;
use ncolony_core::time::Mono;
use ncolony_core::{Exit, ProgramName, Signal};

use super::children::Child;
use crate::sys::pidfd::Pidfd;
use crate::sys::poller::News;
use crate::sys::{clock, environ};

/// Whoever inherited an adopted process may take notice of its end late, and until then the kernel
/// may not say how it ended. That is waited for so long.
const NOTICE_PATIENCE: Duration = Duration::from_secs(5);

/// One of them.
#[derive(Debug)]
struct Held {
    child: Child,
    pid: u32,
    process: Pidfd,
    token: u64,
}

/// One that has ended.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) child: Child,
    pub(crate) pid: u32,
    pub(crate) process: Pidfd,
    pub(crate) exit: Exit,
    pub(crate) at: Mono,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Adopted {
    news: News,
    by_name: BTreeMap<ProgramName, Held>,
    names: HashMap<u64, ProgramName>,
    tokens: u64,
    /// Those that have ended, when that was noticed, and whose exit is still to be told.
    unexplained: BTreeMap<ProgramName, Mono>,
}

impl Adopted {
    /// Takes one in. To be called where the loop's runtime can be reached.
    ///
    /// # Errors
    /// The kernel has no room to watch it. It is held all the same, and can be told to stop.
    pub(crate) fn add(&mut self, pid: u32, child: Child, process: Pidfd) -> io::Result<()> {
        self.tokens += 1;
        let token = self.tokens;
        let watched = self.news.add(&process, token);
        let name = child.name.clone();
        self.names.insert(token, name.clone());
        if watched.is_err() {
            // Then it is asked again and again, as one is that has ended.
            self.unexplained.insert(name.clone(), clock::mono());
        }
        self.by_name.insert(
            name,
            Held {
                child,
                pid,
                process,
                token,
            },
        );
        watched
    }

    /// Whether one of them is of this file: the program, or one of its instances.
    pub(crate) fn runs_one_of(&self, family: &ProgramName) -> bool {
        self.by_name.contains_key(family) || family.instances_in(&self.by_name).next().is_some()
    }

    /// What holds each of them, to be handed on.
    pub(crate) fn hand_over(&self) -> impl Iterator<Item = (&ProgramName, BorrowedFd<'_>)> {
        let all = self.by_name.iter();
        all.map(|(name, held)| (name, held.process.as_fd()))
    }

    /// Waits until one of them may have ended.
    pub(crate) async fn changed(&self) {
        self.news.changed().await;
    }

    /// Whether one has ended of which it is not known how; it has to be asked again.
    pub(crate) fn has_unexplained(&self) -> bool {
        !self.unexplained.is_empty()
    }

    /// Takes those that have ended.
    pub(crate) fn take_gone(&mut self) -> Vec<Gone> {
        self.notice();
        let now = clock::mono();
        let mut gone = Vec::new();
        for name in self.unexplained.keys().cloned().collect::<Vec<_>>() {
            if let Some(exit) = self.explain(&name, now) {
                self.unexplained.remove(&name);
                gone.extend(self.release(&name, exit, now));
            }
        }
        gone
    }

    /// Takes note of those that have ended since.
    fn notice(&mut self) {
        let now = clock::mono();
        loop {
            let ready = self.news.take();
            let before = self.unexplained.len();
            for name in ready.iter().filter_map(|token| self.names.get(token)) {
                self.unexplained.entry(name.clone()).or_insert(now);
            }
            // Who has ended is told of again and again, in turns, until it is let go of.
            if self.unexplained.len() == before {
                return;
            }
        }
    }

    /// How a process ended, if it has and that is known by now, or will never be.
    fn explain(&self, name: &ProgramName, now: Mono) -> Option<Exit> {
        let held = self.by_name.get(name)?;
        if !held.process.has_ended(0) {
            return None;
        }
        if let Some(exit) = held.process.exit() {
            return Some(exit);
        }
        let shown = environ::exit_of_zombie(held.pid);
        // What was shown is this process's only if the number was its own all the while.
        if !held.process.keeps_number() {
            return Some(held.process.exit().unwrap_or(Exit::Unknown));
        }
        let since = self.unexplained.get(name).copied().unwrap_or(now);
        let late = now.since(since) >= NOTICE_PATIENCE;
        shown.or(late.then_some(Exit::Unknown))
    }

    fn release(&mut self, name: &ProgramName, exit: Exit, at: Mono) -> Option<Gone> {
        let held = self.by_name.remove(name)?;
        self.names.remove(&held.token);
        Some(Gone {
            child: held.child,
            pid: held.pid,
            process: held.process,
            exit,
            at,
        })
    }

    /// Sends a signal to one of them, or to its group. `None`: this start is none of them.
    pub(crate) fn signal(
        &mut self,
        name: &ProgramName,
        generation: Generation,
        to_group: bool,
        signal: Signal,
    ) -> Option<io::Result<()>> {
        let held = self.by_name.get_mut(name)?;
        if held.child.generation != generation {
            return None;
        }
        if !to_group {
            return Some(held.process.signal(signal));
        }
        held.child.hold.tell(signal);
        Some(held.tell_group(signal))
    }
}

impl Held {
    fn tell_group(&self, signal: Signal) -> io::Result<()> {
        let told = self.process.signal_group(signal);
        let cannot_be_told = told
            .as_ref()
            .is_err_and(crate::sys::errno::is_not_supported);
        // Before Linux 6.9 the group is told by its number, which means nothing else while its
        // leader lives.
        if cannot_be_told && !self.process.has_ended(0) {
            return crate::sys::signal::to_group(self.pid, signal);
        }
        told
    }
}
