//! What is listened on for programs. It stays open between a program's starts, so that connections
//! wait meanwhile, and is closed when the program is wanted no more.
//!
//! What is kept is not remembered but looked at: whether a socket that is open is the one that a
//! program's file asks for is asked of the kernel, so it makes no difference whether we have opened
//! it, found it in a process that outlived another monitor, or were handed it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use ncolony_core::colony::{Blame, SpawnFailure};
use ncolony_core::descriptor::{Address, SocketSpec};
use ncolony_core::{ProgramName, ProgramSpec};

use crate::sys::account::Credentials;
use crate::sys::errno;
use crate::sys::pidfd::Pidfd;
use crate::sys::socket::{self, FileId, Name};

/// All that is listened on.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    /// By the name of the file that asks for it: instances share it.
    open: BTreeMap<ProgramName, Vec<Open>>,
}

/// Who has what is prepared for a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Users {
    /// Nobody else: what a predecessor has done to it is taken back.
    None,
    /// Other processes of the same file, which go on with it as it is.
    Others,
}

/// A socket that is listened on.
#[derive(Debug)]
struct Open {
    /// What the program knows it by.
    name: String,
    socket: OwnedFd,
    /// The file of a Unix socket, while it is there.
    file: Option<(PathBuf, FileId)>,
}

impl Listening {
    /// Opens what a program's file asks for and is not open yet, closes what it does not ask for
    /// any more, and gives all of it in the order of the file. `allows` says whether a descriptor of
    /// this number may be taken.
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
        if !spec.listens() {
            self.release(&spec.name.family());
            return Ok(Vec::new());
        }
        let family = spec.name.family();
        let mut before = self.open.remove(&family).unwrap_or_default();
        let wanted = &spec.process.sockets;
        let kept: Vec<Option<Open>> = wanted
            .iter()
            .map(|socket| take_what_fits(&mut before, socket))
            .collect();
        before.into_iter().for_each(Open::close);
        let open = self.open.entry(family).or_default();
        let mut first_failure = None;
        for (wanted, kept) in wanted.iter().zip(kept) {
            match open_one(wanted, kept, (credentials, users), &allows) {
                Ok(new) => open.push(new),
                Err(failure) => first_failure = first_failure.or(Some(failure)),
            }
        }
        match first_failure {
            None => Ok(open.iter().map(|open| open.socket.as_fd()).collect()),
            Some(failure) => Err(failure),
        }
    }

    /// How many sockets are open.
    pub(crate) fn count(&self) -> usize {
        self.open.values().map(Vec::len).sum()
    }

    /// Closes all that is listened on for the programs of a file.
    pub(crate) fn release(&mut self, name: &ProgramName) {
        let open = self.open.remove(name).unwrap_or_default();
        open.into_iter().for_each(Open::close);
    }

    /// Takes back from a process, which outlived the monitor that had started it, what that monitor
    /// listened on. Gives a sentence for each socket that could not be had; it is opened at the
    /// program's next start.
    pub(crate) fn adopt(&mut self, spec: &ProgramSpec, pid: u32) -> Vec<String> {
        let family = spec.name.family();
        // It may have been handed over, or found in another instance.
        let is_open = |socket: &SocketSpec| {
            let open = self.open.get(&family).into_iter().flatten();
            open.into_iter().any(|open| open.listens_at(socket))
        };
        let sockets = spec.process.sockets.iter();
        let mut missing: Vec<&SocketSpec> = sockets.filter(|socket| !is_open(socket)).collect();
        if missing.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        let searched = search(pid, &mut missing, &mut found);
        self.open.entry(family).or_default().extend(found);
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
        let of_program = |(program, open): (ProgramName, Vec<Open>)| {
            open.into_iter()
                .map(move |open| (program.clone(), open.name, open.socket))
        };
        let all = std::mem::take(&mut self.open);
        all.into_iter().flat_map(of_program).collect()
    }

    /// Takes in what [`Listening::hand_over`] gave.
    pub(crate) fn take_over(&mut self, all: Vec<(ProgramName, String, OwnedFd)>) {
        for (program, name, socket) in all {
            let open = self.open.entry(program).or_default();
            open.push(Open::known(name, socket));
        }
    }
}

impl Open {
    /// A socket that somebody else has opened.
    fn known(name: String, socket: OwnedFd) -> Self {
        let path = socket::path_of(socket.as_fd());
        let file = path.and_then(|path| {
            let id = FileId::at(&path)?;
            Some((path, id))
        });
        Self { name, socket, file }
    }

    /// Whether it is what is wanted. A Unix socket whose file is gone can be reached by nobody.
    fn fits(&self, wanted: &SocketSpec) -> bool {
        let reachable = match (&wanted.address, &self.file) {
            (Address::Tcp { .. }, _) => true,
            (Address::Unix { .. }, Some((path, id))) => FileId::at(path) == Some(*id),
            (Address::Unix { .. }, None) => false,
        };
        reachable && self.listens_at(wanted)
    }

    /// Whether it listens where this is to listen.
    fn listens_at(&self, wanted: &SocketSpec) -> bool {
        socket::listens_at(self.socket.as_fd(), &Name::of(&wanted.address))
    }

    /// Closes it, and removes its file if it is still the same.
    fn close(self) {
        if let Some((path, id)) = self.file
            && FileId::at(&path) == Some(id)
            && let Err(error) = fs::remove_file(&path)
        {
            let why = errno::of(&error);
            tracing::warn!("cannot remove the socket {}: {why}", path.display());
        }
    }
}

fn take_what_fits(before: &mut Vec<Open>, wanted: &SocketSpec) -> Option<Open> {
    let at = before.iter().position(|open| open.fits(wanted))?;
    let mut open = before.swap_remove(at);
    open.name.clone_from(&wanted.name);
    Some(open)
}

fn open_one(
    wanted: &SocketSpec,
    kept: Option<Open>,
    (credentials, users): (&Credentials, Users),
    allows: &impl Fn(RawFd) -> Result<(), SpawnFailure>,
) -> Result<Open, SpawnFailure> {
    if let Some(open) = kept {
        return renew(open, wanted, credentials, users).map_err(|error| failure(wanted, &error));
    }
    let open = bind(wanted, credentials).map_err(|error| failure(wanted, &error))?;
    match allows(open.socket.as_raw_fd()) {
        Ok(()) => Ok(open),
        Err(failure) => {
            open.close();
            Err(failure)
        }
    }
}

/// Makes a socket that was kept as good as new.
fn renew(
    mut open: Open,
    wanted: &SocketSpec,
    credentials: &Credentials,
    users: Users,
) -> io::Result<Open> {
    // Whether it waits is the same for all who have it: one that must not wait would stand still.
    if users == Users::None {
        socket::make_waiting(&open.socket)?;
    }
    if let Address::Unix { path, mode } = &wanted.address {
        let id = give(path, *mode, credentials)?;
        open.file = Some((path.clone(), id));
    }
    Ok(open)
}

fn bind(wanted: &SocketSpec, credentials: &Credentials) -> io::Result<Open> {
    let name = Name::of(&wanted.address);
    let (socket, file) = match &wanted.address {
        Address::Tcp { .. } => (socket::bind(&name)?, None),
        Address::Unix { path, mode } => {
            let socket = bind_path(path, &name)?;
            let id = give(path, *mode, credentials).inspect_err(|_| {
                // The error is what matters; a file that stays is replaced the next time.
                let _stays = fs::remove_file(path);
            })?;
            (socket, Some((path.clone(), id)))
        }
    };
    let name = wanted.name.clone();
    let open = Open { name, socket, file };
    match socket::listen(&open.socket) {
        Ok(()) => Ok(open),
        Err(error) => {
            open.close();
            Err(error)
        }
    }
}

/// A file that an earlier socket has left, and that nobody listens on, is replaced.
fn bind_path(path: &Path, name: &Name) -> io::Result<OwnedFd> {
    match socket::bind(name) {
        Err(error) if socket::is_taken(&error) => {
            if FileId::at(path).is_none() {
                return Err(socket::not_a_socket());
            }
            if socket::is_answered(name)? {
                return Err(error);
            }
            fs::remove_file(path)?;
            socket::bind(name)
        }
        bound => bound,
    }
}

fn give(path: &Path, mode: u32, credentials: &Credentials) -> io::Result<FileId> {
    socket::give_file(path, mode, (credentials.uid, credentials.gid))
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

fn failure(wanted: &SocketSpec, error: &io::Error) -> SpawnFailure {
    let shortage = error.raw_os_error().is_some_and(errno::is_shortage);
    SpawnFailure {
        sentence: format!(
            "cannot listen on {} (its socket {:?}): {}{}",
            wanted.address,
            wanted.name,
            errno::of(error),
            socket::hint(&wanted.address, error)
        ),
        blame: if shortage {
            Blame::Machine
        } else {
            Blame::Program
        },
    }
}

#[cfg(test)]
mod tests;
