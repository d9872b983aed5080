//! One order of the executor: a program is started, if there is room for it.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use ncolony_core::ProgramSpec;
use ncolony_core::colony::{Blame, Generation, Observation, SpawnFailure};
use ncolony_core::descriptor::Stdin;

use super::Executor;
use crate::launch::{self, Additions, Streams};
use crate::readiness::Speaker;
use crate::sources::children::Child;
use crate::sources::leftover::Hold;
use crate::sources::tree::Occupied;
use crate::sys::limits::Limit;
use crate::sys::spawn::Launched;
use crate::sys::{clock, environ, errno, pipe};

impl Executor {
    /// Starts a program, and says what came of it.
    pub(super) fn spawn(&mut self, spec: &Arc<ProgramSpec>, generation: Generation) -> Observation {
        let name = spec.name.clone();
        // A process may have begun a while before we hear of it, and has lived since.
        let begun = clock::mono();
        match self.try_spawn(spec, generation) {
            Ok(pid) => {
                self.counters.spawns += 1;
                self.status.write_pid(&name, pid);
                tracing::info!(program = %name, pid, "started");
                let identity = environ::identity(pid, &self.boot_id);
                Observation::Spawned {
                    name,
                    generation,
                    pid,
                    identity,
                    at: begun,
                }
            }
            Err(failure) => {
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
        }
    }

    fn try_spawn(
        &mut self,
        spec: &ProgramSpec,
        generation: Generation,
    ) -> Result<u32, SpawnFailure> {
        let run_id = self.run_ids.of(&spec.name, generation);
        let stdin = self.standard_input(spec)?;
        let output = self.logs.prepare(spec).map_err(no_descriptors)?;
        self.leave_room()?;
        // Whoever comes after us is not their parent, and needs one more for each.
        let more = self.children.count();
        let open_files = self.open_files;
        let allows = |number| keep_reserve(open_files, number, more);
        allows(output.stdout().as_raw_fd())?;
        let streams = Streams {
            stdin: stdin.as_fd(),
            stdout: output.stdout(),
            stderr: output.stderr(),
        };
        let additions = Additions {
            run_id: &run_id,
            open_files: self.open_files,
        };
        let mut launch = launch::prepare(spec, additions, streams)?;
        self.prepare_to_listen(spec, generation, &mut launch, &output)?;
        let users = self.children.users_of_sockets(&spec.name);
        let credentials = &launch.credentials;
        launch.sockets = self.listening.prepare(spec, credentials, users, allows)?;
        output.give_to(launch.credentials.uid);
        let cgroup = self.children.tree.prepare(&spec.name).map_err(occupied)?;
        let entrance = cgroup.as_ref().and_then(|cgroup| cgroup.open().ok());
        let entrance = entrance.as_ref().map(AsFd::as_fd);
        let launched = self.launcher.launch(&launch, entrance);
        let Launched { pid, joined } =
            launched.map_err(|error| launch::failure(spec, &launch, error))?;
        self.notices.started(
            &spec.name,
            Speaker {
                generation,
                pid,
                run_id: run_id.clone(),
            },
        );
        self.logs.started(&spec.name, output, pid);
        self.children.add(
            pid,
            Child {
                name: spec.name.clone(),
                generation,
                hold: Hold::new(run_id, cgroup.filter(|_| joined)),
            },
        );
        Ok(pid)
    }

    /// Refuses a start for which there would be no room, counting what is held: numbers do not tell
    /// while the logs' thread takes some of them.
    fn leave_room(&self) -> Result<(), SpawnFailure> {
        let held = self.logs.descriptors()
            + self.listening.count()
            + self.notices.count()
            + self.probes.descriptors()
            + self.children.count();
        let of_this_start = 4;
        keep_reserve(self.open_files, self.own_descriptors, held + of_this_start)
    }

    fn standard_input(&self, spec: &ProgramSpec) -> Result<OwnedFd, SpawnFailure> {
        let stdin = match spec.process.stdin {
            Stdin::Open => pipe::for_endless_input(),
            Stdin::Null => self.launcher.null().try_clone().map(OwnedFd::from),
        };
        stdin.map_err(no_descriptors)
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
