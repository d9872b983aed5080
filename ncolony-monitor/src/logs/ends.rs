//! The descriptors that a program prints into: made for a start, or found again.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use ncolony_core::{ProgramName, ProgramSpec};

use super::channel::Channel;
use super::inlet::Inlet;
use super::route::{Destination, Route, Stream, routes};
use super::watch::Watch;
use super::{Command, Held, Logs, Source};
use crate::sys::{errno, fifo};

/// What a program is given as 1 and 2. It changes nothing until the start has been made.
#[derive(Debug)]
pub(crate) struct Ends {
    out: End,
    err: Option<End>,
}

#[derive(Debug)]
struct End {
    file: Arc<File>,
    change: Change,
}

/// What a start will change in what we read.
#[derive(Debug)]
enum Change {
    /// The stream does not come through us any more.
    Dropped,
    /// Nothing.
    Kept,
    /// It goes elsewhere from now on.
    Redirected(Destination),
    /// It has a FIFO that is new to us.
    New(Inlet, Destination),
}

impl End {
    /// Whether it is a FIFO of the program's own.
    fn is_own(&self) -> bool {
        match self.change {
            Change::Dropped => false,
            Change::Kept | Change::Redirected(_) | Change::New(..) => true,
        }
    }

    fn is_new(&self) -> bool {
        match self.change {
            Change::New(..) => true,
            Change::Dropped | Change::Kept | Change::Redirected(_) => false,
        }
    }
}

impl Ends {
    /// Standard output.
    pub(crate) fn stdout(&self) -> Arc<File> {
        Arc::clone(&self.out.file)
    }

    /// Standard error.
    pub(crate) fn stderr(&self) -> Arc<File> {
        Arc::clone(&self.err.as_ref().unwrap_or(&self.out).file)
    }

    /// Gives the FIFOs to the user that the program runs as, so that it can open `/dev/stdout`.
    pub(crate) fn give_to(&self, uid: Option<u32>) {
        let ends = std::iter::once(&self.out).chain(&self.err);
        // What was made just now is ours.
        let changes_hands = |end: &&End| end.is_own() && !(uid.is_none() && end.is_new());
        let uid = uid.unwrap_or_else(fifo::own_uid);
        for end in ends.filter(changes_hands) {
            if let Err(error) = fifo::give_to(&end.file, uid) {
                // What it is given is open already; only opening it once more will not work.
                let why = errno::of(&error);
                tracing::debug!(uid, "cannot give a FIFO to its program's user: {why}");
            }
        }
    }
}

/// What the name of a FIFO ends in that is for standard error.
const ERROR_ENDING: &str = ":err";

/// The program that a FIFO of this name is of.
pub(super) fn program_of(fifo: &str) -> Option<ProgramName> {
    ProgramName::parse(fifo.strip_suffix(ERROR_ENDING).unwrap_or(fifo)).ok()
}

impl Logs {
    /// Prepares what a program prints into, before a start of it.
    ///
    /// # Errors
    /// Too many descriptors are open.
    pub(crate) fn prepare(&self, spec: &ProgramSpec) -> io::Result<Ends> {
        let (out, err) = routes(spec, self.places.logs.as_deref());
        let err = err.map(|err| self.end(&spec.name, Stream::Err, err));
        Ok(Ends {
            out: self.end(&spec.name, Stream::Out, out)?,
            err: err.transpose()?,
        })
    }

    fn end(&self, name: &ProgramName, stream: Stream, route: Route) -> io::Result<End> {
        let shared = |file: Arc<File>| End {
            file,
            change: Change::Dropped,
        };
        let foreign = |file: OwnedFd| shared(Arc::new(file.into()));
        match (route, stream) {
            (Route::Through(destination), _) => self.own_end(name, stream, destination),
            (Route::Null, _) => Ok(shared(Arc::clone(&self.null))),
            (Route::Inherit, Stream::Out) => {
                Ok(foreign(io::stdout().as_fd().try_clone_to_owned()?))
            }
            (Route::Inherit, Stream::Err) => {
                Ok(foreign(io::stderr().as_fd().try_clone_to_owned()?))
            }
        }
    }

    /// Before the start: looks for a line in what will come from it, or for nothing any more.
    pub(crate) fn watch_ends(&self, ends: &Ends, source: &Source, pattern: Option<&str>) {
        let streams = [
            (Stream::Out, Some(&ends.out)),
            (Stream::Err, ends.err.as_ref()),
        ];
        for (stream, end) in streams {
            let key = (source.name.clone(), stream);
            let inlet = match end.map(|end| &end.change) {
                None | Some(Change::Dropped) => continue,
                Some(Change::New(inlet, _)) => inlet,
                Some(Change::Kept | Change::Redirected(_)) => match self.held.get(&key) {
                    Some(held) => &held.inlet,
                    None => continue,
                },
            };
            // What is in it by now was printed by others.
            let from = inlet.printed().unwrap_or_else(|| inlet.moved());
            inlet.watch(pattern.and_then(|text| Watch::new(source.clone(), text, from)));
        }
    }

    fn own_end(
        &self,
        name: &ProgramName,
        stream: Stream,
        destination: Destination,
    ) -> io::Result<End> {
        let held = self.held.get(&(name.clone(), stream));
        if let Some(held) = held
            && let Some(file) = held.inlet.reopen()
        {
            let change = if held.destination == destination {
                Change::Kept
            } else {
                Change::Redirected(destination)
            };
            return Ok(End {
                file: Arc::new(file),
                change,
            });
        }
        let (inlet, file) = Inlet::make(&self.fifo(name, stream))?;
        let change = Change::New(inlet, destination);
        Ok(End {
            file: Arc::new(file),
            change,
        })
    }

    /// Says that a process was started with these ends. The thread hears of it by
    /// [`Logs::take_in`].
    pub(crate) fn started(&mut self, name: &ProgramName, ends: Ends, pid: u32) {
        self.change(name, Stream::Out, ends.out.change);
        let err = ends.err.map_or(Change::Dropped, |err| err.change);
        self.change(name, Stream::Err, err);
        self.is_alive(name, pid);
    }

    /// Says that this process prints now.
    pub(super) fn is_alive(&mut self, name: &ProgramName, pid: u32) {
        for stream in [Stream::Out, Stream::Err] {
            let Some(held) = self.held.get_mut(&(name.clone(), stream)) else {
                continue;
            };
            held.in_use = true;
            // Only the machine's log is told the process's number.
            if held.destination == Destination::Syslog {
                self.shared.send(Command::Started(held.token, pid));
            }
        }
    }

    fn change(&mut self, name: &ProgramName, stream: Stream, change: Change) {
        let key = (name.clone(), stream);
        match change {
            Change::Kept => {}
            Change::Dropped if self.held.contains_key(&key) => self.drop_stream(name, stream),
            Change::Dropped => {}
            Change::Redirected(destination) => {
                if let Some(held) = self.held.get_mut(&key) {
                    held.destination = destination.clone();
                    self.shared.send(Command::Redirect(held.token, destination));
                }
            }
            Change::New(inlet, destination) => {
                // Its name is the new one's by now.
                self.let_go(&key);
                let channel = self.hold(key, inlet, destination);
                self.shared.send_later(Command::Open(Box::new(channel)));
            }
        }
    }

    /// A stream does not come through us, or no longer.
    pub(super) fn drop_stream(&mut self, name: &ProgramName, stream: Stream) {
        let key = (name.clone(), stream);
        // Somebody else may have removed it, or there was none.
        let _gone = std::fs::remove_file(self.fifo(name, stream));
        self.let_go(&key);
    }

    /// Has the thread read to the end what is left in a FIFO.
    pub(super) fn let_go(&mut self, key: &(ProgramName, Stream)) {
        if let Some(held) = self.held.remove(key) {
            self.shared.send_later(Command::Retire(held.token));
        }
    }

    /// Where the FIFO of a stream stands. What follows a colon in a name is a number.
    pub(super) fn fifo(&self, name: &ProgramName, stream: Stream) -> PathBuf {
        self.places.outputs.join(match stream {
            Stream::Out => name.as_str().to_owned(),
            Stream::Err => format!("{name}{ERROR_ENDING}"),
        })
    }

    pub(super) fn hold(
        &mut self,
        key: (ProgramName, Stream),
        inlet: Inlet,
        destination: Destination,
    ) -> Channel {
        self.opened += 1;
        let (name, stream) = key.clone();
        let held = Held {
            token: self.opened,
            inlet: Arc::new(inlet),
            destination,
            in_use: false,
        };
        let inlet = Arc::clone(&held.inlet);
        let channel = Channel::new(held.token, name, stream, inlet, held.destination.clone());
        self.held.insert(key, held);
        channel
    }
}
