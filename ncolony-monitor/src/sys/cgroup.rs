//! Control groups, version 2: where we are among them, and one directory of them.
//!
//! A process cannot leave its control group by forking or by making a session of its own, so a
//! group for each program holds the whole of its tree. Nothing here decides when that is used.

use std::collections::HashSet;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ncolony_core::Signal;

use super::pidfd::Pidfd;

/// The directory of the group that this process is in; `None` where there is none that we can see.
pub(crate) fn directory_of(pid: u32) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    directory_among(&mounts, &path_of(pid)?)
}

/// The path of a process's group as the kernel names it, from the root of the hierarchy that we
/// see.
fn path_of(pid: u32) -> Option<PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(PathBuf::from(path))
}

/// Where a group is found, by the mounts of `/proc/self/mountinfo`. A mount may show a part of the
/// hierarchy alone.
fn directory_among(mounts: &str, group: &Path) -> Option<PathBuf> {
    let mut found = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        if kind.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let below = group.strip_prefix(root).ok()?;
        // What lies outside of our own namespace is named by way of "..".
        let is_outside = below.components().any(|part| part.as_os_str() == "..");
        (!is_outside).then(|| Path::new(point).join(below))
    });
    found.next()
}

/// Why groups may not be made below this one, in which we are ourselves; `None`: they may.
pub(crate) fn unfit(place: &Path) -> Option<&'static str> {
    let kind = fs::read_to_string(place.join("cgroup.type"));
    // The root of all groups alone is without a type, and the following rule does not hold for it.
    if let Ok(kind) = &kind {
        if kind.trim() != "domain" {
            return Some("it is a group of threads");
        }
        let controllers = fs::read_to_string(place.join("cgroup.subtree_control"));
        if !controllers.is_ok_and(|all| all.trim().is_empty()) {
            return Some("it gives resources to groups below it, and may hold no process then");
        }
    }
    let name = place.file_name().unwrap_or_default().as_bytes();
    let is_a_unit = name.ends_with(b".service") || name.ends_with(b".scope");
    if is_a_unit && !is_delegated(place) {
        return Some("it belongs to systemd, whose unit does not say Delegate=yes");
    }
    None
}

/// Whether systemd leaves everything below this group to its processes.
fn is_delegated(place: &Path) -> bool {
    let Ok(path) = CString::new(place.as_os_str().as_bytes()) else {
        return false;
    };
    [c"trusted.delegate", c"user.delegate"].iter().any(|name| {
        let mut value = [0_u8; 1];
        // SAFETY: both texts end in a null byte, and the value is as long as is said.
        let length = unsafe {
            libc::getxattr(
                path.as_ptr(),
                name.as_ptr(),
                value.as_mut_ptr().cast(),
                value.len(),
            )
        };
        length == 1 && value == *b"1"
    })
}

/// Whether a directory was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// It was not: nobody is in it.
    Now,
    /// It was.
    Before,
}

/// A control group, by its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cgroup(Box<Path>);

impl Cgroup {
    /// The group of this directory, whether or not it is there.
    pub(crate) fn at(directory: PathBuf) -> Self {
        Self(directory.into_boxed_path())
    }

    /// The directory that it lies in.
    pub(crate) fn parent(&self) -> Option<PathBuf> {
        self.0.parent().map(Path::to_owned)
    }

    /// Makes the group, if it is not there.
    pub(crate) fn make(&self) -> io::Result<Made> {
        match fs::create_dir(&self.0) {
            Ok(()) => Ok(Made::Now),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Made::Before),
            Err(error) => Err(error),
        }
    }

    /// What a process is started into it by.
    pub(crate) fn open(&self) -> io::Result<File> {
        File::open(&self.0)
    }

    /// Whether a process lives in it or below it.
    pub(crate) fn is_populated(&self) -> bool {
        match self.says_empty() {
            Ok(true) => return false,
            Ok(false) => {}
            Err(error) => return !is_gone(&error),
        }
        // The kernel may take note of the last end a moment after its parent has.
        let is_empty = self.own_members().is_ok_and(|all| all.is_empty());
        !is_empty || !self.below().is_empty()
    }

    /// The processes in it and below it.
    /// Whether the kernel says of it that nobody is in it, nor in a group below.
    fn says_empty(&self) -> io::Result<bool> {
        let mut events = [0; 256];
        // The kernel gives its few words whole at the first read.
        let length = File::open(self.0.join("cgroup.events"))?.read(&mut events)?;
        let mut lines = events[..length].split(|byte| *byte == b'\n');
        Ok(lines.any(|line| line == b"populated 0"))
    }

    /// The numbers of all processes in it and in the groups below; none of what cannot be read.
    pub(crate) fn members(&self) -> HashSet<u32> {
        let own = self.own_members().unwrap_or_default();
        let below = self.below();
        let further = below.iter().flat_map(Self::members);
        own.into_iter().chain(further).collect()
    }

    fn own_members(&self) -> io::Result<Vec<u32>> {
        let members = fs::read_to_string(self.0.join("cgroup.procs"))?;
        // 0 is somebody whom our own namespace has no number for.
        let numbers = members.lines().filter_map(|line| line.parse().ok());
        Ok(numbers.filter(|pid| *pid != 0).collect())
    }

    /// The groups that somebody has made in it.
    pub(crate) fn below(&self) -> Vec<Self> {
        // A group has a link from its name, one from itself, and one from each directory in it.
        if fs::metadata(&self.0).is_ok_and(|data| data.nlink() == 2) {
            return Vec::new();
        }
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| Self::at(entry.path()))
            .collect()
    }

    /// Whether this process is in it or below it.
    pub(crate) fn holds(&self, pid: u32) -> bool {
        directory_of(pid).is_some_and(|directory| directory.starts_with(&self.0))
    }

    /// Sends a signal to one of its processes, and to nobody else who may have that number now.
    pub(crate) fn signal(&self, pid: u32, signal: Signal) {
        // What is found to be in the group after the descriptor was opened is what it holds.
        if let Ok(process) = Pidfd::open(pid)
            && self.holds(pid)
        {
            let _ended_meanwhile = process.signal(signal);
        }
    }

    /// Kills all processes in it and below it, those too that are being forked.
    pub(crate) fn kill(&self) {
        let kill = File::options().write(true).open(self.0.join("cgroup.kill"));
        if kill.and_then(|mut file| file.write_all(b"1")).is_ok() {
            return;
        }
        // Before Linux 5.14 each has to be killed; who was forked meanwhile is killed next time.
        for pid in self.members() {
            self.signal(pid, Signal::KILL);
        }
    }

    /// Removes it, and what somebody has made in it, if no process is there.
    pub(crate) fn remove(&self) -> io::Result<()> {
        if self.remove_itself().is_ok() {
            return Ok(());
        }
        for below in self.below() {
            below.remove()?;
        }
        self.remove_itself()
    }

    fn remove_itself(&self) -> io::Result<()> {
        match fs::remove_dir(&self.0) {
            Err(error) if !is_gone(&error) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Whether this says that a group was removed, which is possible only when nobody is in it.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::ENODEV | libc::ENOTDIR)
    )
}

#[cfg(test)]
mod tests;
