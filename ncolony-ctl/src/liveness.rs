//! Is a monitor alive? The kernel knows: a living one holds a lock on `status/.lock`, and a lock
//! goes with the process that took it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;

use ncolony_core::Places;
use ncolony_core::custody::Trust;
use ncolony_core::files::FileError;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::ending::Failure;

/// A monitor that is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Monitor {
    /// Its process, as it wrote it into the file that it holds.
    pub(crate) pid: Option<u32>,
}

impl Monitor {
    /// Its effective user, where that can be seen from here.
    fn user(self) -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        // Real, effective, saved, of the file system.
        line.split_whitespace().nth(1)?.parse().ok()
    }
}

/// What the monitor of these places obeys; where none is alive, one that we would start.
pub(crate) fn trust(places: &Places) -> Trust {
    let alive = monitor(places).ok().flatten();
    let user = alive.and_then(Monitor::user);
    Trust::of_user(user.unwrap_or_else(|| nix::unistd::geteuid().as_raw()))
}

/// Asks whether somebody holds the lock, without taking it.
///
/// # Errors
/// It cannot be said: that is never taken for "no monitor".
pub(crate) fn monitor(places: &Places) -> Result<Option<Monitor>, Failure> {
    let path = places.lock();
    let error = |source: io::Error| FileError {
        what: "tell whether a monitor is alive by",
        path: path.clone(),
        source,
    };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(error(source).into()),
    };
    if !is_held(&file).map_err(|errno| error(errno.into()))? {
        return Ok(None);
    }
    let mut text = String::new();
    // Who it is matters only to people, and the monitor may be writing it at this moment.
    let pid = match file.read_to_string(&mut text) {
        Ok(_) => text.trim().parse().ok(),
        Err(_) => None,
    };
    Ok(Some(Monitor { pid }))
}

fn is_held(file: &impl AsFd) -> nix::Result<bool> {
    let mut lock = libc::flock {
        l_type: lock_word(libc::F_WRLCK),
        l_whence: lock_word(libc::SEEK_SET),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(lock.l_type != lock_word(libc::F_UNLCK))
}

/// The kernel's words for locks are small numbers that its structure holds in sixteen bits.
const fn lock_word(word: libc::c_int) -> libc::c_short {
    word as libc::c_short
}
