//! Processes and groups held by a descriptor, which cannot come to mean another process.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use ncolony_core::{Exit, Signal};
use nix::poll::{PollFd, PollFlags, PollTimeout};

/// Linux 6.9: a signal to the whole group that the process leads or led.
const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 4;

/// The file system of pidfds, where they have one of their own: `PID1` backwards.
const PIDFS_MAGIC: libc::__fsword_t = 0x5049_4446;

/// Asks for how a process ended.
const EXIT_WANTED: u64 = libc::PIDFD_INFO_EXIT as u64;

/// A process, alive or dead.
#[derive(Debug)]
pub(crate) struct Pidfd(OwnedFd);

/// Whether a group has members, as far as the kernel can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Members {
    /// It has.
    Some,
    /// It has none.
    None,
    /// This kernel cannot be asked.
    Unknown,
}

/// It is ready to be read when the process has ended.
impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Pidfd {
    /// What is open already, and holds a process.
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl Pidfd {
    /// Opens the process that has this number now.
    pub(crate) fn open(pid: u32) -> io::Result<Self> {
        // SAFETY: the call takes two numbers; what it returns is checked below.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_pidfd_open,
                libc::pid_t::try_from(pid).map_err(io::Error::other)?,
                0,
            )
        };
        // SAFETY: the kernel has just given it to us.
        unsafe { owned(fd) }.map(Self)
    }

    /// A copy of a descriptor of the process, as ours; it needs the right to trace the process.
    pub(crate) fn copy_descriptor(&self, number: RawFd) -> io::Result<OwnedFd> {
        // SAFETY: the call takes three numbers; what it returns is checked below.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, self.0.as_raw_fd(), number, 0) };
        // SAFETY: the kernel has just given it to us.
        unsafe { owned(fd) }
    }

    /// The number that the kernel gives to this process and to no other of this boot. `None` where
    /// all of them have the same one (before Linux 6.9).
    pub(crate) fn inode(&self) -> Option<u64> {
        static OWN_FILE_SYSTEM: OnceLock<bool> = OnceLock::new();
        let is_own = || {
            let system = nix::sys::statfs::fstatfs(&self.0);
            system.is_ok_and(|system| system.filesystem_type().0 == PIDFS_MAGIC)
        };
        let metadata = nix::sys::stat::fstat(&self.0).ok()?;
        OWN_FILE_SYSTEM
            .get_or_init(is_own)
            .then_some(metadata.st_ino)
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        self.send(signal.number(), 0)
    }

    /// Sends a signal to the group that the process leads or led.
    pub(crate) fn signal_group(&self, signal: Signal) -> io::Result<()> {
        self.send(signal.number(), PIDFD_SIGNAL_PROCESS_GROUP)
    }

    /// Whether the group that the process leads or led has members.
    pub(crate) fn group_members(&self) -> Members {
        match self.send(0, PIDFD_SIGNAL_PROCESS_GROUP) {
            Ok(()) => Members::Some,
            Err(error) => match error.raw_os_error() {
                Some(libc::ESRCH) => Members::None,
                // There are members, all of another user.
                Some(libc::EPERM) => Members::Some,
                Some(_) | None => Members::Unknown,
            },
        }
    }

    /// Whether the process has ended, within this many milliseconds.
    pub(crate) fn has_ended(&self, wait_ms: u16) -> bool {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        matches!(nix::poll::poll(&mut fds, PollTimeout::from(wait_ms)), Ok(1))
    }

    /// How the process ended, from the kernel, which knows it of any process from the moment on in
    /// which its parent has taken notice (Linux 6.15). `None`: it has not, or cannot be asked.
    pub(crate) fn exit(&self) -> Option<Exit> {
        // SAFETY: a zeroed structure is a valid value of that plain type.
        let mut info: libc::pidfd_info = unsafe { std::mem::zeroed() };
        info.mask = EXIT_WANTED;
        // SAFETY: the descriptor is open while `self` lives, and the structure is as large as the
        // number of the call says.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::PIDFD_GET_INFO, &raw mut info) };
        (result == 0 && info.mask & EXIT_WANTED != 0)
            .then(|| exit_of_wait_status(info.exit_code))
            .flatten()
    }

    /// Whether the number of the process is still its own: it lives, or nobody has taken notice of
    /// its end.
    pub(crate) fn keeps_number(&self) -> bool {
        match self.send(0, 0) {
            Ok(()) => true,
            Err(error) => error.raw_os_error() == Some(libc::EPERM),
        }
    }

    fn send(&self, signal: i32, flags: libc::c_uint) -> io::Result<()> {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open while `self` lives, and a null pointer means that the
        // kernel fills the information in itself.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal,
                no_info,
                flags,
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// What a call has returned that gives a descriptor.
///
/// # Safety
/// If it is a descriptor, the kernel has just given it, and nobody else has it.
unsafe fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    let fd = RawFd::try_from(fd)
        .ok()
        .filter(|fd| *fd >= 0)
        .ok_or_else(io::Error::last_os_error)?;
    // SAFETY: as the caller says.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// What `wait` would have said, read.
pub(crate) fn exit_of_wait_status(status: i32) -> Option<Exit> {
    if libc::WIFEXITED(status) {
        let code = u8::try_from(libc::WEXITSTATUS(status)).ok()?;
        Some(Exit::Code(code))
    } else if libc::WIFSIGNALED(status) {
        Signal::from_number(libc::WTERMSIG(status).into()).map(Exit::Signal)
    } else {
        None
    }
}
