//! What programs print, from their FIFOs to where it is kept.
//!
//! Each stream of a program that comes through us has one FIFO, `status/output/NAME` (and
//! `NAME:err`), which serves all its processes one after the other and outlives us. A thread moves
//! what comes. No byte is at any time only in our memory, so that nothing is lost and nothing comes
//! twice when we are killed; what cannot be written stays in the FIFO, where its program then waits.
//!
//! The loop's side is small:
//!
//! - [`Logs::prepare`] gives the descriptors for a start, [`Logs::started`] says that it was one,
//!   [`Logs::finish`] that the process has ended, [`Logs::forget`] that the program is gone.
//! - [`Logs::rest`] lets go of a FIFO that [`Report::Left`] says is empty and left.
//! - [`Logs::adopt`] takes up what a process prints that an earlier monitor started;
//!   [`Logs::clear_away`] removes the FIFOs that nobody needs.
//! - [`Logs::watch`] looks for a line in what a process prints, which [`Report::Seen`] tells.
//! - [`Logs::hand_over`] stops everything and shows the open ends, to be kept over an `execve`. The
//!   new image gives them to [`Logs::take_over`] before it adopts; if there is none,
//!   [`Logs::resume`] goes on.

mod channel;
mod compress;
mod custody;
mod ends;
mod files;
mod inlet;
mod log_file;
mod pace;
mod pump;
mod rotate;
mod route;
mod step;
mod succession;
mod syslog;
mod tail;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use ncolony_core::colony::Generation;
use ncolony_core::{Places, ProgramName};
use tokio::sync::mpsc::UnboundedSender;

use crate::sys::fifo;
use crate::sys::poller::Poller;
use crate::sys::signal::with_signals_blocked;

use channel::Channel;

pub(crate) use ends::Ends;
use inlet::Inlet;
use pump::Pump;
use route::Destination;
pub(crate) use route::{Stream, streams_of};
use watch::Watch;

/// Where the machine's log listens.
pub(crate) const SYSLOG: &str = "/dev/log";

/// Whose last lines a report has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: ProgramName,
    pub(crate) generation: Generation,
}

/// What the thread tells the loop.
#[derive(Debug)]
pub(crate) enum Report {
    /// The last lines of a process that has ended.
    Printed { source: Source, lines: Vec<String> },
    /// Output cannot be handed over just now, and its program will have to wait. The path is that
    /// of the log; the monitor's own output has none.
    Trouble { path: PathBuf, why: String },
    /// It can be handed over again.
    Healed { path: PathBuf },
    /// A log grows beyond its size, since it cannot be rotated; without a reason, it was rotated
    /// again.
    Rotation { path: PathBuf, why: Option<String> },
    /// A process has printed the line that was looked for.
    Seen { source: Source },
    /// Nobody prints into it, and nothing is left in it; [`Logs::rest`] is to be told.
    Left { name: ProgramName, stream: Stream },
}

/// A process that has ended, and how much had been printed into its streams by then.
#[derive(Debug)]
struct Ended {
    source: Source,
    streams: Vec<(u64, Option<u64>)>,
}

/// Whether the thread is to go on later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    ForGood,
    ForNow,
}

#[derive(Debug)]
enum Command {
    Open(Box<Channel>),
    Redirect(u64, Destination),
    Started(u64, u32),
    Finish(Ended),
    Retire(u64),
    Reopen,
    Stop(Stop),
}

#[derive(Debug)]
struct Shared {
    poller: Poller,
    queue: Mutex<Queue>,
}

/// What the thread is to do.
#[derive(Debug, Default)]
struct Queue {
    commands: Vec<Command>,
    /// Whether it was woken for that.
    woken: bool,
}

impl Shared {
    fn send(&self, command: Command) {
        self.send_later(command);
        self.wake();
    }

    /// Has something done at the next [`Shared::wake`].
    fn send_later(&self, command: Command) {
        self.queue().commands.push(command);
    }

    /// Wakes the thread, if it has something to do and was not woken for it.
    fn wake(&self) {
        let mut queue = self.queue();
        let wakes = !queue.woken && !queue.commands.is_empty();
        queue.woken |= wakes;
        drop(queue);
        if wakes {
            self.poller.wake();
        }
    }

    fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.queue()).commands
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A panic elsewhere cannot leave a vector of commands half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A FIFO that is read for a program.
#[derive(Debug)]
struct Held {
    token: u64,
    inlet: Arc<Inlet>,
    destination: Destination,
    /// Whether a process of the program runs.
    in_use: bool,
}

/// Where the logs work.
#[derive(Clone, Debug)]
pub(crate) struct LogPlaces {
    /// The directory of the FIFOs.
    pub(crate) outputs: PathBuf,
    /// The directory of the log files, if there is one.
    pub(crate) logs: Option<PathBuf>,
    /// Where the machine's log listens.
    pub(crate) syslog: PathBuf,
}

impl From<&Places> for LogPlaces {
    fn from(places: &Places) -> Self {
        Self {
            outputs: places.outputs(),
            logs: places.logs.clone(),
            syslog: SYSLOG.into(),
        }
    }
}

/// The loop's end of the thread.
#[derive(Debug)]
pub(crate) struct Logs {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Pump>>,
    /// The thread's things, while it does not run.
    resting: Option<Pump>,
    places: LogPlaces,
    held: BTreeMap<(ProgramName, Stream), Held>,
    /// Ends that the image before us has left open.
    taken_over: BTreeMap<(ProgramName, Stream), File>,
    null: Arc<File>,
    opened: u64,
}

impl Logs {
    /// Starts the thread. What it has to tell comes out of `reports`' other end.
    pub(crate) fn start(places: LogPlaces, reports: UnboundedSender<Report>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            poller: Poller::new()?,
            queue: Mutex::default(),
        });
        let pump = Pump::new(Arc::clone(&shared), reports, &places.syslog)?;
        let mut logs = Self {
            shared,
            thread: None,
            resting: Some(pump),
            places,
            held: BTreeMap::new(),
            taken_over: BTreeMap::new(),
            null: Arc::new(File::options().read(true).write(true).open("/dev/null")?),
            opened: 0,
        };
        logs.resume()?;
        Ok(logs)
    }

    /// How many descriptors are in use for what is printed, or will be when the thread has seen all
    /// of it: a FIFO and a log for each stream.
    pub(crate) fn descriptors(&self) -> usize {
        2 * self.held.len()
    }

    /// Has the thread take in what was started and has ended since. To wake it for each of a thousand
    /// would cost as much as a start.
    pub(crate) fn take_in(&self) {
        self.shared.wake();
    }

    /// Says that the main process has ended: what is in its FIFOs by now is its last, and its last
    /// lines are reported. The FIFOs go on for others who hold them, and for the next process.
    pub(crate) fn finish(&mut self, source: Source) {
        let mut streams = Vec::new();
        for stream in [Stream::Out, Stream::Err] {
            if let Some(held) = self.held.get_mut(&(source.name.clone(), stream)) {
                held.in_use = false;
                streams.push((held.token, held.inlet.printed()));
            }
        }
        self.shared
            .send_later(Command::Finish(Ended { source, streams }));
    }

    /// Looks for a line in what a process prints from now on, unless it is looked for already.
    pub(crate) fn watch(&self, source: &Source, pattern: &str) {
        for inlet in self.inlets(&source.name) {
            if !inlet.watches(source, pattern) {
                inlet.watch(Watch::new(source.clone(), pattern, inlet.moved()));
            }
        }
    }

    /// Looks for nothing any more in what a program prints.
    pub(crate) fn unwatch(&self, name: &ProgramName) {
        self.inlets(name).for_each(|inlet| inlet.watch(None));
    }

    fn inlets(&self, name: &ProgramName) -> impl Iterator<Item = &Inlet> {
        let held = |stream| self.held.get(&(name.clone(), stream));
        let held = [held(Stream::Out), held(Stream::Err)];
        held.into_iter().flatten().map(|held| &*held.inlet)
    }

    /// Lets go of a FIFO that was reported as empty and left, unless a process has it again: a
    /// program that does not run costs no descriptor.
    pub(crate) fn rest(&mut self, name: ProgramName, stream: Stream) {
        let rests = |held: &Held| {
            let reader = held.inlet.reader();
            !held.in_use
                && fifo::is_abandoned(reader)
                && fifo::waiting(reader).is_ok_and(|n| n == 0)
        };
        let key = (name, stream);
        if self.held.get(&key).is_some_and(rests) {
            // The next process gets a new one: nobody may read this one twice.
            self.drop_stream(&key.0, stream);
        }
    }

    /// Says that the program is gone. Its FIFOs lose their names; what is in them is still moved.
    pub(crate) fn forget(&mut self, name: &ProgramName) {
        for stream in [Stream::Out, Stream::Err] {
            self.drop_stream(name, stream);
        }
    }

    /// Opens all files anew: somebody has moved them.
    pub(crate) fn reopen(&self) {
        self.shared.send(Command::Reopen);
    }

    /// Removes every FIFO in the directory that is not of one of these programs.
    pub(crate) fn clear_away(&self, keep: &BTreeSet<ProgramName>) {
        let Ok(entries) = std::fs::read_dir(&self.places.outputs) else {
            return;
        };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let name = file.to_str().and_then(ends::program_of);
            if !name.is_some_and(|name| keep.contains(&name)) {
                // Somebody else may have removed it; then all is well.
                let _gone = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Goes on after [`Logs::hand_over`]; at first, begins.
    ///
    /// # Errors
    /// No thread could be made. What programs print then waits in their FIFOs.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        let Some(pump) = self.resting.take() else {
            return Ok(());
        };
        // What it starts in its turn, which compresses, takes no signals either.
        let thread = with_signals_blocked(|| {
            let thread = std::thread::Builder::new().name("logs".to_owned());
            thread.spawn(|| pump.run())
        });
        self.thread = Some(thread?);
        Ok(())
    }

    fn stop(&mut self, stop: Stop) {
        self.shared.send(Command::Stop(stop));
        if let Some(thread) = self.thread.take() {
            // If it has panicked there is nothing left to go on with.
            self.resting = thread.join().ok();
        }
    }
}

/// Moves what is there, and ends the thread. FIFOs that nobody holds go.
impl Drop for Logs {
    fn drop(&mut self) {
        self.stop(Stop::ForGood);
        let left = |held: &Held| fifo::is_abandoned(held.inlet.reader());
        let keys = self.held.iter().filter(|(_, held)| !left(held));
        let keep = keys.map(|((name, _), _)| name.clone()).collect();
        self.clear_away(&keep);
    }
}

#[cfg(test)]
mod tests;
