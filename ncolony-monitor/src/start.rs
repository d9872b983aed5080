//! From settings to a monitor that runs: everything that may fail before the first program.

mod ground;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use ncolony_core::{Defaults, Exit, Places, ProgramName};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::ground::Bearing;
use crate::announcer::WhenUp;
use crate::driver::Driver;
use crate::executor::{Executor, Parts};
use crate::guarantees;
use crate::inheritance::{self, LeftBehind};
use crate::invocation::Invocation;
use crate::logs::{LogPlaces, Logs, Report};
use crate::own_log::OwnLog;
use crate::pid_file::PidFile;
use crate::sources::children::Children;
use crate::sources::signals::Signals;
use crate::sources::strays::Strays;
use crate::sources::tree::Tree;
use crate::statusdir::StatusDir;
use crate::sys::spawn::launchers::Launchers;
use crate::sys::{errno, exec, limits};
use crate::upgrade;

/// How the monitor learns of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WatchMode {
    /// From the kernel where it tells them, and by looking every `frequency` in any case.
    Auto,
    /// By looking every `frequency` alone.
    Poll,
}

/// What holds all processes of a program together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CgroupMode {
    /// A control group for each, where the machine lets the monitor make them.
    Auto,
    /// Its process group, and its environment for what has left that.
    Never,
}

/// What a monitor is told when it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it works.
    pub places: Places,
    /// Where it writes NColony's pid files, if anywhere.
    pub pid_dir: Option<PathBuf>,
    /// How often it looks at both directories in full.
    pub frequency: Duration,
    /// What holds for programs that do not say it themselves.
    pub defaults: Defaults,
    /// How it learns of changes.
    pub watch: WatchMode,
    /// How this process was started, so that it can start its successor. `None`: the monitor is
    /// embedded in another program, and is not upgraded in place.
    pub invocation: Option<Invocation>,
    /// What holds all processes of a program together.
    pub cgroup: CgroupMode,
    /// The file that everything goes to that this process prints, if it is to be another than now.
    pub own_log: Option<PathBuf>,
    /// The file that says this process's number.
    pub pid_file: Option<PathBuf>,
    /// The program whose end is the end of all.
    pub exit_with: Option<ProgramName>,
}

impl Settings {
    /// The defaults, with all four places under one directory.
    #[must_use]
    pub fn at_root(root: impl AsRef<Path>) -> Self {
        let root = root.as_ref();
        Self {
            places: Places {
                config: root.join("config"),
                messages: root.join("messages"),
                status: root.join("status"),
                logs: Some(root.join("logs")),
            },
            pid_dir: None,
            frequency: Duration::from_secs(10),
            defaults: Defaults::default(),
            watch: WatchMode::Auto,
            invocation: None,
            cgroup: CgroupMode::Auto,
            own_log: None,
            pid_file: None,
            exit_with: None,
        }
    }
}

/// Why a monitor did not start, or could not go on.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<String> for StartError {
    fn from(sentence: String) -> Self {
        Self(sentence)
    }
}

/// A monitor that has taken its place and has not started anything yet.
#[derive(Debug)]
pub struct Monitor {
    driver: Driver,
    runtime: Runtime,
    pid_file: Option<PidFile>,
}

impl Monitor {
    /// Takes the monitor's place: makes its directories, makes sure that it is the only one, and
    /// takes up what a predecessor left that did not end in order.
    ///
    /// # Errors
    /// Another monitor is there (it is named, and nothing was touched), or a place cannot be used.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        // A monitor that is embedded is never replaced.
        let embedded = settings.invocation.is_none();
        let handed = if embedded {
            None
        } else {
            upgrade::handed_over()
        };
        limits::keep_descriptors_to_ourselves();
        let launchers = launchers()?;
        let places = settings.places.clone();
        let bearing = Bearing::of(handed.as_ref());
        ground::make_status_place(&places, bearing)?;
        let place = ground::take_place(&places, handed.as_ref())?;
        launchers.accompany(place.lock());
        // From here on a TERM is a word to us: it waits until everything else is ready.
        let (runtime, signals) = listen()?;
        let reached = runtime.enter();
        ground::make_other_places(&places, bearing)?;
        let own_log = settings.own_log.as_deref().map(OwnLog::of);
        if let Some(log) = &own_log {
            bearing.bear(log.open())?;
        }
        let open_files = limits::raise_open_files();
        let orphans_are_ours = limits::become_subreaper();
        let left = match handed {
            None => inheritance::look(&places),
            Some(_) => LeftBehind::default(),
        };
        let (run_ids, predecessor) = ground::identity(&places, handed.as_ref(), &left)?;
        let tree = Tree::open(settings.cgroup, run_ids.colony(), &mut launchers.first());
        let guarantees = guarantees::probe(tree.is_used(), orphans_are_ours);
        let inheritance = inheritance::take_up(
            handed,
            left.state,
            &run_ids,
            predecessor,
            &settings.defaults,
        )?;
        bearing.bear(inheritance.fits(open_files, places.logs.as_deref()))?;
        inheritance.tell();
        tree.remove_empty();
        let names = inheritance.names();
        let mut status = StatusDir::new(&places, settings.pid_dir.clone());
        bearing.bear(status.prepare())?;
        status.sweep(&names);
        let (logs, reports) = start_logs(&places)?;
        logs.clear_away(&names);
        let parts = Parts {
            launchers,
            children: Children::new(tree, Strays::new(orphans_are_ours)),
            logs,
            status,
            run_ids,
            places,
            open_files,
            place,
        };
        let mut executor = Executor::new(parts);
        executor.take_descriptors(&inheritance.handover);
        let pid_file = settings.pid_file.as_deref().map(PidFile::of);
        if let Some(file) = &pid_file {
            bearing.bear(file.write())?;
        }
        let driver = Driver::new(
            settings,
            executor,
            signals,
            reports,
            guarantees,
            inheritance,
            own_log,
        );
        drop(reached);
        Ok(Self {
            driver,
            runtime,
            pid_file,
        })
    }

    /// Has this be done, once, when the colony is up: both directories were looked at, all that
    /// follows was ordered, and the monitor's record was written, if it could be.
    #[must_use]
    pub fn when_up(mut self, act: impl FnOnce() + Send + 'static) -> Self {
        self.driver.announcer.when_up(WhenUp(Box::new(act)));
        self
    }

    /// Keeps the colony until it is told to end: by TERM or INT, or by a SHUTDOWN message. It
    /// gives how the program ended whose end is the end of all ([`Settings::exit_with`]), if it
    /// was that.
    ///
    /// A process that embeds a monitor gives it its children and its signals: every child that ends
    /// is taken by the monitor, TERM, INT, HUP and USR2 are words to it, and no descriptor of the
    /// process reaches a program.
    ///
    /// # Errors
    /// None at present; a monitor in operation goes on.
    pub fn run(self) -> Result<Option<Exit>, StartError> {
        let ended = self.runtime.block_on(self.driver.run());
        if let Some(file) = self.pid_file {
            file.remove();
        }
        Ok(ended)
    }
}

/// Prepares for starting programs.
fn launchers() -> Result<Launchers, String> {
    let prepared = Launchers::new();
    prepared.map_err(|error| {
        let why = errno::of(&error);
        format!("cannot prepare for starting programs: {why}")
    })
}

/// Starts the thread that moves what programs print, and gives the way on which it reports.
fn start_logs(places: &Places) -> Result<(Logs, UnboundedReceiver<Report>), String> {
    let (sender, reports) = unbounded_channel();
    let logs = Logs::start(LogPlaces::from(places), sender)
        .map_err(|error| format!("cannot start the logs' thread: {}", errno::of(&error)))?;
    Ok((logs, reports))
}

/// Prepares to wait, and listens to signals.
fn listen() -> Result<(Runtime, Signals), StartError> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| format!("cannot prepare to wait: {}", errno::of(&error)))?;
    let entered = runtime.enter();
    let signals = Signals::listen()
        .map_err(|error| format!("cannot listen to signals: {}", errno::of(&error)))?;
    // What came while one image took the place of another is heard now.
    exec::release_signals();
    drop(entered);
    Ok((runtime, signals))
}
