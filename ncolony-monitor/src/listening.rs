//! What is listened on for programs. It stays open between a program's starts, so that connections
//! wait meanwhile, and is closed when the program is wanted no more. Instances share it.
//!
//! What is kept is not remembered but looked at: whether a socket that is open is the one that a
//! program's file asks for is asked of the kernel, so it makes no difference whether we have opened
//! it, found it in a process that outlived another monitor, or were handed it.
//!
//! When a file asks for other sockets than before, its instances go over to them one by one. What
//! those listen on that have not done so yet stays open, and is there if the file is put back.

mod open;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use ncolony_core::colony::SpawnFailure;
use ncolony_core::descriptor::SocketSpec;
use ncolony_core::{ProgramName, ProgramSpec};

use crate::sys::account::Credentials;
use crate::sys::errno;
use crate::sys::pidfd::Pidfd;
use crate::sys::socket::{self, Name};
use open::{Open, open_one, take_what_fits};

/// All that is listened on.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    /// By the name of the file that asks for it.
    families: BTreeMap<ProgramName, Family>,
}

/// What is listened on for one file.
#[derive(Debug, Default)]
struct Family {
    /// What the newest start was given, in order, and then what only others have.
    open: Vec<Open>,
    /// What the file asked for at the newest start; `None`: there was none yet.
    wanted: Option<Vec<SocketSpec>>,
    /// What each process was started with that runs.
    users: BTreeMap<ProgramName, Vec<SocketSpec>>,
}

/// Who has what is prepared for a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Users {
    /// Nobody else: what a predecessor has done to it is taken back.
    None,
    /// Other processes of the same file, which go on with it as it is.
    Others,
}

impl Listening {
    /// Opens what a program's file asks for and is not open yet, closes what nobody asks for any
    /// more, and gives what it asks for in the order of the file. `allows` says whether a descriptor
    /// of this number may be taken.
    ///
    /// # Errors
    /// Something cannot be listened on: which, and why. What could be opened stays open.
    pub(crate) fn prepare(
        &mut self,
        spec: &ProgramSpec,
        credentials: &Credentials,
        users: Users,
        allows: impl Fn(RawFd) -> Result<(), SpawnFailure>,
    ) -> Result<Vec<BorrowedFd<'_>>, SpawnFailure> {
        if !self.concerns(spec) {
            return Ok(Vec::new());
        }
        let name = spec.name.family();
        let wanted = &spec.process.sockets;
        let family = self.families.entry(name).or_default();
        family.users.insert(spec.name.clone(), wanted.clone());
        family.wanted = Some(wanted.clone());
        family.close_unneeded();
        let mut others = std::mem::take(&mut family.open);
        let kept: Vec<Option<Open>> = wanted
            .iter()
            .map(|socket| take_what_fits(&mut others, socket))
            .collect();
        let mut first_failure = None;
        for (wanted, kept) in wanted.iter().zip(kept) {
            match open_one(wanted, kept, (credentials, users), &allows) {
                Ok(new) => family.open.push(new),
                Err(failure) => first_failure = first_failure.or(Some(failure)),
            }
        }
        family.open.extend(others);
        let given = family.open.iter().take(wanted.len());
        match first_failure {
            None => Ok(given.map(|open| open.socket.as_fd()).collect()),
            Some(failure) => Err(failure),
        }
    }

    /// Whether a start of this program is given sockets, or has some closed.
    pub(crate) fn concerns(&self, spec: &ProgramSpec) -> bool {
        let family = self.families.get(spec.name.family_str());
        spec.listens() || family.is_some_and(|family| !family.open.is_empty())
    }

    /// How many sockets are open.
    pub(crate) fn count(&self) -> usize {
        self.families.values().map(|family| family.open.len()).sum()
    }

    /// Closes all that is listened on for the programs of a file.
    pub(crate) fn release(&mut self, name: &ProgramName) {
        let family = self.families.remove(name).unwrap_or_default();
        family.open.into_iter().for_each(Open::close);
    }

    /// Takes note that a process has ended: what only it had is closed.
    pub(crate) fn ended(&mut self, name: &ProgramName) {
        if let Some(family) = self.families.get_mut(name.family_str()) {
            family.users.remove(name);
            family.close_unneeded();
        }
    }

    /// Takes back from a process, which outlived the monitor that had started it, what that monitor
    /// listened on. Gives a sentence for each socket that could not be had; it is opened at the
    /// program's next start.
    pub(crate) fn adopt(&mut self, spec: &ProgramSpec, pid: u32) -> Vec<String> {
        if !spec.listens() {
            return Vec::new();
        }
        let sockets = &spec.process.sockets;
        let family = self.families.entry(spec.name.family()).or_default();
        family.users.insert(spec.name.clone(), sockets.clone());
        // It may have been handed over, or found in another instance.
        let is_open = |socket: &&SocketSpec| family.open.iter().any(|open| open.listens_at(socket));
        let mut missing: Vec<&SocketSpec> = sockets.iter().filter(|it| !is_open(it)).collect();
        if missing.is_empty() {
            return Vec::new();
        }
        let searched = search(pid, &mut missing, &mut family.open);
        let why = searched.err().map_or_else(
            || "it does not have it open any more".to_owned(),
            |error| errno::of(&error),
        );
        let sentence = |socket: &&SocketSpec| {
            format!(
                "cannot take the socket {:?} ({}) back from process {pid} of {}: {why}; \
                 it is opened anew when the program is started again, and nothing waits until then",
                socket.name, socket.address, spec.name
            )
        };
        missing.iter().map(sentence).collect()
    }

    /// Gives everything away without closing it: program, name of the socket, socket. For a monitor
    /// that takes it over.
    pub(crate) fn hand_over(&mut self) -> Vec<(ProgramName, String, OwnedFd)> {
        let of_program = |(program, family): (ProgramName, Family)| {
            let open = family.open.into_iter();
            open.map(move |open| (program.clone(), open.name, open.socket))
        };
        let all = std::mem::take(&mut self.families);
        all.into_iter().flat_map(of_program).collect()
    }

    /// Takes in what [`Listening::hand_over`] gave.
    pub(crate) fn take_over(&mut self, all: Vec<(ProgramName, String, OwnedFd)>) {
        for (program, name, socket) in all {
            let family = self.families.entry(program).or_default();
            family.open.push(Open::known(name, socket));
        }
    }
}

impl Family {
    /// Closes what neither the file asks for nor any process has that runs.
    fn close_unneeded(&mut self) {
        let Some(wanted) = &self.wanted else {
            return;
        };
        let users = &self.users;
        let is_needed = |open: &Open| {
            let mut asked = users.values().chain([wanted]).flatten();
            asked.any(|socket| open.fits(socket))
        };
        let all = std::mem::take(&mut self.open);
        let (needed, unneeded) = all.into_iter().partition(is_needed);
        self.open = needed;
        unneeded.into_iter().for_each(Open::close);
    }
}

/// Looks for sockets among the descriptors of a process, which may have moved them.
fn search(pid: u32, missing: &mut Vec<&SocketSpec>, found: &mut Vec<Open>) -> io::Result<()> {
    let process = Pidfd::open(pid)?;
    for number in socket::sockets_of(pid)? {
        let copy = match process.copy_descriptor(number) {
            Ok(copy) => copy,
            // It was closed meanwhile.
            Err(error) if errno::is_not_open(&error) => continue,
            Err(error) => return Err(error),
        };
        let fits =
            |socket: &&SocketSpec| socket::listens_at(copy.as_fd(), &Name::of(&socket.address));
        if let Some(at) = missing.iter().position(fits) {
            let socket = missing.remove(at);
            found.push(Open::known(socket.name.clone(), copy));
        }
        if missing.is_empty() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
