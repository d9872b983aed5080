//! Many starts on several processors: the kernel keeps a thread that starts a program waiting until
//! that was executed, so several threads do it, while the next starts are prepared.
//!
//! The threads live for one round of starts. No end of a process is taken in during a round: it
//! could be that of one which is not known yet.

use std::iter;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};

use ncolony_core::ProgramSpec;
use ncolony_core::colony::{Generation, Observation};

use super::Executor;
use super::starting::{Beginning, Made, Prepared};
use crate::crash_point;
use crate::sys::signal::with_signals_blocked;
use crate::sys::spawn::launchers::SharedLauncher;

/// So many programs are started in a round, at most: meanwhile nothing else is done.
const ROUND: usize = 16;

/// So many are prepared, at most, before the kernel gets to them.
const AHEAD: usize = 2;

/// A program that is to be started.
pub(crate) type Start = (Arc<ProgramSpec>, Generation);

/// A start, and what the kernel made of it.
type Begun = (Beginning, Made);

impl Executor {
    /// Starts a program, and with it others that are to be started now; says what came of each.
    pub(super) fn start_together(
        &mut self,
        first: Start,
        more: impl FnMut() -> Option<Start>,
    ) -> Vec<Observation> {
        let others = iter::from_fn(more).take(ROUND - 1);
        let starts: Vec<Start> = iter::once(first).chain(others).collect();
        match &starts[..] {
            // To wake a second processor takes longer than to start it.
            [(spec, generation)] => vec![self.spawn(spec, *generation)],
            starts => self.spawn_round(starts),
        }
    }

    fn spawn_round(&mut self, starts: &[Start]) -> Vec<Observation> {
        let (to_kernel, waiting) = sync_channel(AHEAD);
        let (tell, made) = channel();
        let waiting = Mutex::new(waiting);
        thread::scope(|scope| {
            let all = self.launchers.all();
            let made_threads = all.filter(|launcher| {
                let worker = Worker {
                    launcher: launcher.clone(),
                    waiting: &waiting,
                    tell: tell.clone(),
                };
                worker.begin(scope)
            });
            let workers = made_threads.count();
            drop(tell);
            if workers == 0 {
                // Where there can be no thread, one comes after the other.
                starts.iter().map(|start| self.spawn_alone(start)).collect()
            } else {
                self.feed(starts, to_kernel, &made)
            }
        })
    }

    /// Prepares one after the other, and takes in what came of those before.
    fn feed(
        &mut self,
        starts: &[Start],
        to_kernel: SyncSender<Prepared>,
        made: &Receiver<Begun>,
    ) -> Vec<Observation> {
        let mut observations = Vec::with_capacity(starts.len());
        for start in starts {
            let (spec, generation) = start;
            // Sockets stay with us.
            if self.listening.concerns(spec) {
                observations.push(self.spawn_alone(start));
                continue;
            }
            crash_point::reach("before an order");
            match self.prepare(spec, *generation) {
                Ok(prepared) => {
                    self.underway += 1;
                    // The thread takes as long as we send.
                    let _taken = to_kernel.send(prepared);
                }
                Err(failure) => observations.push(self.not_started(spec, *generation, failure)),
            }
            observations.extend(made.try_iter().map(|made| self.take_made(made)));
        }
        drop(to_kernel);
        observations.extend(made.iter().map(|made| self.take_made(made)));
        observations
    }

    fn take_made(&mut self, (beginning, made): Begun) -> Observation {
        self.underway -= 1;
        crash_point::reach("after an order, before what came of it is known");
        self.conclude(beginning, made)
    }

    fn spawn_alone(&mut self, (spec, generation): &Start) -> Observation {
        crash_point::reach("before an order");
        let observation = self.spawn(spec, *generation);
        crash_point::reach("after an order, before what came of it is known");
        observation
    }
}

/// What a thread has.
struct Worker<'a> {
    launcher: SharedLauncher,
    waiting: &'a Mutex<Receiver<Prepared>>,
    tell: Sender<Begun>,
}

impl<'a> Worker<'a> {
    /// Goes to work on a thread of its own; whether there can be one.
    fn begin<'scope>(self, scope: &'scope Scope<'scope, 'a>) -> bool {
        let thread = thread::Builder::new().name("launcher".to_owned());
        with_signals_blocked(|| thread.spawn_scoped(scope, || self.launch_all())).is_ok()
    }

    /// Has the kernel make what is waiting, until there will be no more.
    fn launch_all(self) {
        while let Some(prepared) = self.next() {
            let Prepared {
                launch,
                entrance,
                beginning,
            } = prepared;
            let entrance = entrance.as_ref().map(AsFd::as_fd);
            let made = beginning.make(&mut self.launcher.take(), &launch, entrance);
            // Its ends of what it prints into are the program's alone.
            drop(launch);
            // Whoever sends also listens.
            let _heard = self.tell.send((beginning, made));
        }
    }

    fn next(&self) -> Option<Prepared> {
        // Nobody panics with it in hand, and nothing would be wrong with it.
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.recv().ok()
    }
}
