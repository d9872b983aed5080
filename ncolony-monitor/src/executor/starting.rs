//! One order of the executor: a program is started, if there is room for it.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use ncolony_core::ProgramSpec;
use ncolony_core::colony::{Blame, Generation, Observation, SpawnFailure};
use ncolony_core::descriptor::Stdin;
use ncolony_core::time::Mono;

use super::Executor;
use crate::launch::{self, Additions};
use crate::logs::Ends;
use crate::readiness::Speaker;
use crate::sources::children::Child;
use crate::sources::leftover::Hold;
use crate::sources::tree::Occupied;
use crate::sys::cgroup::Cgroup;
use crate::sys::limits::Limit;
use crate::sys::spawn::{Launch, Launched, Launcher, Stage, Streams};
use crate::sys::{clock, environ, errno, pipe};

/// What becomes of a start that the kernel has made.
#[derive(Debug)]
pub(super) struct Beginning {
    spec: Arc<ProgramSpec>,
    generation: Generation,
    /// A process may have begun a while before we hear of it, and has lived since.
    begun: Mono,
    run_id: String,
    output: Ends,
    cgroup: Option<Cgroup>,
    /// Whether it was tried once before, in a control group that kills all that begins there.
    is_second: bool,
}

/// What the kernel made of a start: a process, or a failure at some stage.
pub(super) type Made = Result<Launched, (Stage, SpawnFailure)>;

/// A start that is ready for the kernel: what that is told, the control group to start in, and what
/// becomes of it then.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) launch: Launch<'static>,
    pub(super) entrance: Option<File>,
    pub(super) beginning: Beginning,
}

impl Beginning {
    /// Has the kernel make the process.
    pub(super) fn make(
        &self,
        launcher: &mut Launcher,
        launch: &Launch<'_>,
        entrance: Option<BorrowedFd<'_>>,
    ) -> Made {
        let made = launcher.launch(launch, entrance);
        made.map_err(|error| (error.stage, launch::failure(&self.spec, launch, error)))
    }
}

impl Executor {
    /// Starts a program, and says what came of it.
    pub(super) fn spawn(&mut self, spec: &Arc<ProgramSpec>, generation: Generation) -> Observation {
        match self.prepare(spec, generation) {
            Ok(prepared) => self.start(prepared),
            Err(failure) => self.not_started(spec, generation, failure),
        }
    }

    /// Starts a program that is ready.
    pub(super) fn start(&mut self, prepared: Prepared) -> Observation {
        let Prepared {
            launch,
            entrance,
            beginning,
        } = prepared;
        let spec = &beginning.spec;
        let (open_files, more) = (self.open_files, self.children.count());
        let users = self.children.users_of_sockets(&spec.name);
        let mut launch: Launch<'_> = launch;
        let sockets = self
            .listening
            .prepare(spec, &launch.credentials, users, |number| {
                keep_reserve(open_files, number, more)
            });
        let made = sockets.map(|sockets| {
            launch.sockets = sockets;
            let entrance = entrance.as_ref().map(AsFd::as_fd);
            beginning.make(&mut self.launchers.first(), &launch, entrance)
        });
        match made {
            Ok(made) => self.conclude(beginning, made),
            Err(failure) => self.not_started(&beginning.spec, beginning.generation, failure),
        }
    }

    /// Takes note of what came of a start.
    pub(super) fn conclude(&mut self, beginning: Beginning, made: Made) -> Observation {
        match made {
            Ok(launched) => self.started(beginning, launched),
            Err((Stage::Birth, _)) if !beginning.is_second => self.start_again(beginning),
            Err((_, failure)) => self.not_started(&beginning.spec, beginning.generation, failure),
        }
    }

    /// Starts a program in a new control group; whoever begins in the one that it had is killed.
    fn start_again(&mut self, beginning: Beginning) -> Observation {
        let Beginning {
            spec,
            generation,
            cgroup,
            ..
        } = beginning;
        if let Some(cgroup) = cgroup {
            self.children.tree.remove(cgroup);
        }
        match self.prepare(&spec, generation) {
            Ok(mut prepared) => {
                prepared.beginning.is_second = true;
                self.start(prepared)
            }
            Err(failure) => self.not_started(&spec, generation, failure),
        }
    }

    fn started(&mut self, beginning: Beginning, launched: Launched) -> Observation {
        let Launched { pid, joined } = launched;
        let generation = beginning.generation;
        let name = beginning.spec.name.clone();
        let speaker = Speaker {
            generation,
            pid,
            run_id: beginning.run_id.clone(),
        };
        self.notices.started(&name, speaker);
        self.logs.started(&name, beginning.output, pid);
        let cgroup = beginning.cgroup.filter(|_| joined);
        self.children.add(
            pid,
            Child {
                name: name.clone(),
                generation,
                hold: Hold::new(beginning.run_id, cgroup),
            },
        );
        self.counters.spawns += 1;
        self.status.write_pid(&name, pid);
        tracing::info!(program = %name, pid, "started");
        let identity = environ::identity(pid, &self.boot_id);
        Observation::Spawned {
            name,
            generation,
            pid,
            identity,
            at: beginning.begun,
        }
    }

    pub(super) fn not_started(
        &mut self,
        spec: &ProgramSpec,
        generation: Generation,
        failure: SpawnFailure,
    ) -> Observation {
        let name = spec.name.clone();
        self.counters.spawn_failures += 1;
        self.notices.close(&name);
        tracing::warn!(program = %name, "not started: {}", failure.sentence);
        Observation::SpawnFailed {
            name,
            generation,
            failure,
            at: clock::mono(),
        }
    }

    /// Makes everything that a start needs but its sockets.
    pub(super) fn prepare(
        &mut self,
        spec: &Arc<ProgramSpec>,
        generation: Generation,
    ) -> Result<Prepared, SpawnFailure> {
        let begun = clock::mono();
        let run_id = self.run_ids.of(&spec.name, generation);
        let stdin = self.standard_input(spec)?;
        let output = self.logs.prepare(spec).map_err(no_descriptors)?;
        self.leave_room()?;
        let stdout = output.stdout();
        // Whoever comes after us is not their parent, and needs one more for each.
        let more = self.children.count() + self.underway;
        keep_reserve(self.open_files, stdout.as_raw_fd(), more)?;
        let streams = Streams {
            stdin,
            stdout,
            stderr: output.stderr(),
        };
        let additions = Additions {
            run_id: &run_id,
            open_files: self.open_files,
        };
        let mut launch = launch::prepare(spec, additions, streams)?;
        self.prepare_to_listen(spec, generation, &mut launch, &output)?;
        output.give_to(launch.credentials.uid);
        let cgroup = self.children.tree.prepare(&spec.name).map_err(occupied)?;
        let entrance = cgroup.as_ref().and_then(|cgroup| cgroup.open().ok());
        Ok(Prepared {
            launch,
            entrance,
            beginning: Beginning {
                spec: Arc::clone(spec),
                generation,
                begun,
                run_id,
                output,
                cgroup,
                is_second: false,
            },
        })
    }

    /// Refuses a start for which there would be no room, counting what is held: numbers do not tell
    /// while the logs' thread takes some of them.
    fn leave_room(&self) -> Result<(), SpawnFailure> {
        let held = self.logs.descriptors()
            + self.listening.count()
            + self.notices.count()
            + self.probes.descriptors()
            + self.children.count();
        let of_starts = 4 * (1 + self.underway);
        keep_reserve(self.open_files, self.own_descriptors, held + of_starts)
    }

    fn standard_input(&self, spec: &ProgramSpec) -> Result<Arc<File>, SpawnFailure> {
        match spec.process.stdin {
            Stdin::Open => pipe::for_endless_input()
                .map(Arc::new)
                .map_err(no_descriptors),
            Stdin::Null => Ok(Arc::clone(&self.null)),
        }
    }
}

/// Refuses a start that would take the last descriptors, now or for a successor, which needs so
/// many more.
fn keep_reserve(open_files: Option<Limit>, newest: RawFd, more: usize) -> Result<(), SpawnFailure> {
    let Some(limit) = open_files else {
        return Ok(());
    };
    if limit.allows(newest, more) {
        return Ok(());
    }
    Err(SpawnFailure {
        sentence: format!(
            "the monitor needs nearly all of its {} open files for what runs; raise its limit (ulimit -n)",
            limit.hard
        ),
        blame: Blame::Machine,
    })
}

/// It is for a moment: the kernel has been told to end them.
fn occupied(_: Occupied) -> SpawnFailure {
    SpawnFailure {
        sentence: "processes of an earlier start are still in its control group; they were killed"
            .to_owned(),
        blame: Blame::Machine,
    }
}

fn no_descriptors(error: std::io::Error) -> SpawnFailure {
    let shortage = error.raw_os_error().is_some_and(errno::is_shortage);
    SpawnFailure {
        sentence: format!("cannot make its standard streams: {}", errno::of(&error)),
        blame: if shortage {
            Blame::Machine
        } else {
            Blame::Program
        },
    }
}
