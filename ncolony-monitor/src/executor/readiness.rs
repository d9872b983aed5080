//! Looking whether programs are ready, and listening to what they say of themselves.

use std::sync::Arc;

use ncolony_core::colony::{Blame, Generation, Observation, SpawnFailure};
use ncolony_core::descriptor::Condition;
use ncolony_core::time::Mono;
use ncolony_core::{ProgramName, ProgramSpec};

use super::Executor;
use crate::launch;
use crate::logs::{Ends, Source};
use crate::readiness::Subject;
use crate::sys::spawn::{Launch, Launched};
use crate::sys::{clock, errno};

/// The line that a program is to print before it counts as up.
fn awaited_line(spec: &ProgramSpec) -> Option<&str> {
    match &spec.policy.ready.as_ref()?.when {
        Condition::Log(pattern) => Some(pattern),
        Condition::Notify
        | Condition::Tcp(_)
        | Condition::Http(_)
        | Condition::Exec(_)
        | Condition::File(_) => None,
    }
}

impl Executor {
    /// Before a start: opens the socket that the program speaks to, and looks for the line that it
    /// is to print, so that nothing is missed however soon it comes.
    pub(super) fn prepare_to_listen(
        &mut self,
        spec: &ProgramSpec,
        generation: Generation,
        launch: &mut Launch<'_>,
        output: &Ends,
    ) -> Result<(), SpawnFailure> {
        let name = spec.name.clone();
        let source = Source { name, generation };
        self.logs.watch_ends(output, &source, awaited_line(spec));
        if !spec.is_heard() {
            return Ok(());
        }
        let prepared = self.notices.prepare(&spec.name, launch.credentials.uid);
        let address = prepared.map_err(|error| SpawnFailure {
            sentence: format!(
                "cannot open the socket for what it says of itself (NOTIFY_SOCKET): {}",
                errno::of(&error)
            ),
            blame: Blame::Machine,
        })?;
        launch::say_where_to_notify(launch, &address)
    }

    /// Looks from now on whether a program is ready.
    pub(super) fn probe(&mut self, spec: &Arc<ProgramSpec>, generation: Generation, started: Mono) {
        self.probes.begin(spec, generation, started);
        self.probes.commands.sweep(&mut self.children);
        match awaited_line(spec) {
            Some(pattern) => {
                let name = spec.name.clone();
                self.logs.watch(&Source { name, generation }, pattern);
            }
            None => self.logs.unwatch(&spec.name),
        }
    }

    /// Looks no more.
    pub(super) fn end_probe(&mut self, name: &ProgramName) {
        self.probes.end(name);
        self.probes.commands.sweep(&mut self.children);
        self.logs.unwatch(name);
    }

    /// A program has printed the line that was looked for.
    pub(crate) fn seen(&mut self, source: Source) {
        let Source { name, generation } = source;
        self.probes.found(&Subject { name, generation }, Ok(()));
    }

    /// What programs have said of themselves, and what looking at them has shown.
    pub(crate) fn take_readiness(&mut self) -> Vec<Observation> {
        let now = clock::mono();
        let mut facts = Vec::new();
        facts.extend(self.notices.take(now));
        let due = self.probes.commands.due().is_some_and(|due| due <= now);
        if due || self.children.has_expected_ended() {
            facts.extend(self.go_on_with_commands(now));
        }
        facts.extend(self.probes.take());
        facts
    }

    /// Ends the commands that look whether programs are ready; if this monitor goes on, they are run
    /// again.
    pub(crate) fn interrupt_commands(&mut self) {
        self.probes.commands.interrupt(&mut self.children);
    }

    fn go_on_with_commands(&mut self, now: Mono) -> Vec<Observation> {
        let Self {
            probes,
            children,
            launchers,
            null,
            open_files,
            ..
        } = self;
        let start = |spec: &ProgramSpec, args: &[String]| {
            let launch = launch::prepare_look(spec, args, *open_files, null);
            let launch = launch.map_err(|failure| failure.sentence)?;
            let launched = launchers.first().launch(&launch, None);
            let Launched { pid, joined: _ } = launched.map_err(|error| {
                let mut look = spec.clone();
                look.process.args = args.to_vec();
                launch::failure(&look, &launch, error).sentence
            })?;
            Ok(pid)
        };
        probes.commands.go_on(now, children, start)
    }
}
