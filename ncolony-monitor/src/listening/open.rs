//! One socket that is listened on: opened, kept over starts, closed.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use ncolony_core::colony::{Blame, SpawnFailure};
use ncolony_core::descriptor::{Address, SocketSpec};

use super::Users;
use crate::sys::account::Credentials;
use crate::sys::errno;
use crate::sys::socket::{self, FileId, Name, Whose};
use crate::way::Way;

/// A socket that is listened on.
#[derive(Debug)]
pub(super) struct Open {
    /// What the program knows it by.
    pub(super) name: String,
    pub(super) socket: OwnedFd,
    /// The file of a Unix socket, while it is there.
    file: Option<(PathBuf, FileId)>,
}

impl Open {
    /// A socket that somebody else has opened.
    pub(super) fn known(name: String, socket: OwnedFd) -> Self {
        let path = socket::path_of(socket.as_fd());
        let file = path.and_then(|path| {
            let id = FileId::at(&path)?;
            Some((path, id))
        });
        Self { name, socket, file }
    }

    /// Whether it is what is wanted. A Unix socket whose file is gone can be reached by nobody.
    pub(super) fn fits(&self, wanted: &SocketSpec) -> bool {
        let reachable = match (&wanted.address, &self.file) {
            (Address::Tcp { .. }, _) => true,
            (Address::Unix { .. }, Some((path, id))) => FileId::at(path) == Some(*id),
            (Address::Unix { .. }, None) => false,
        };
        reachable && self.listens_at(wanted)
    }

    /// Whether it listens where this is to listen.
    pub(super) fn listens_at(&self, wanted: &SocketSpec) -> bool {
        socket::listens_at(self.socket.as_fd(), &Name::of(&wanted.address))
    }

    /// Closes it, and removes its file if it is still the same.
    pub(super) fn close(self) {
        let Some((path, id)) = self.file else {
            return;
        };
        let removed = Way::to_name(&path).and_then(|way| {
            if FileId::at(way.path()) == Some(id) {
                fs::remove_file(way.path())?;
            }
            Ok(())
        });
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let why = errno::of(&error);
                tracing::warn!("cannot remove the socket {}: {why}", path.display());
            }
            Ok(()) | Err(_) => {}
        }
    }
}

pub(super) fn take_what_fits(before: &mut Vec<Open>, wanted: &SocketSpec) -> Option<Open> {
    let at = before.iter().position(|open| open.fits(wanted))?;
    let mut open = before.swap_remove(at);
    open.name.clone_from(&wanted.name);
    Some(open)
}

pub(super) fn open_one(
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
        let known = open.file.as_ref().map(|(_, id)| *id);
        let id = give(path, *mode, credentials, known)?;
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
            let id = give(path, *mode, credentials, None).inspect_err(|_| {
                // The error is what matters; a file that stays is replaced the next time.
                let _stays = Way::to_name(path).and_then(|way| fs::remove_file(way.path()));
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
    let way = Way::to_name(path)?;
    // The kernel is told the path itself: by that the socket is known again.
    match socket::bind(name) {
        Err(error) if socket::is_taken(&error) => {
            if FileId::at(way.path()).is_none() {
                return Err(socket::not_a_socket());
            }
            if socket::is_answered(name)? {
                return Err(error);
            }
            fs::remove_file(way.path())?;
            socket::bind(name)
        }
        bound => bound,
    }
}

fn give(
    path: &Path,
    mode: u32,
    credentials: &Credentials,
    known: Option<FileId>,
) -> io::Result<FileId> {
    let way = Way::to_name(path)?;
    let whose = match (way.shared(), known) {
        (None, _) => Whose::Anybodys,
        (Some(_), None) => Whose::Roots,
        (Some(_), Some(id)) => Whose::Known(id),
    };
    socket::give_file(way.path(), mode, (credentials.uid, credentials.gid), whose)
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
