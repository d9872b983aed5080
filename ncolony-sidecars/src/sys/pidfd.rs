//! A process held by a descriptor, by which its group can be reached for as long as it has members,
//! whoever has got the number of the process since.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use ncolony_core::Signal;

/// Linux 6.9: a signal to the whole group that the process leads or led.
const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 4;

/// The leader of a process group, alive or dead.
#[derive(Debug)]
pub(crate) struct GroupFd(OwnedFd);

impl GroupFd {
    /// Opens the process of this number, a child of ours that leads a group. `None`: this kernel
    /// knows no groups by descriptors, or does not let us have one.
    pub(crate) fn open(pid: u32) -> Option<Self> {
        let pid = libc::pid_t::try_from(pid).ok()?;
        // SAFETY: the call takes two numbers; what it returns is looked at below.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = RawFd::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the kernel has just given it to us, and nobody else has it.
        let opened = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        opened.send(0).is_ok().then_some(opened)
    }

    /// Sends a signal to the group.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        self.send(signal.number())
    }

    /// Whether the group has members, dead ones that nobody has taken notice of among them.
    pub(crate) fn has_members(&self) -> bool {
        // Any other error says that there are some, which may not be signalled.
        !matches!(self.send(0), Err(error) if error.raw_os_error() == Some(libc::ESRCH))
    }

    fn send(&self, signal: i32) -> io::Result<()> {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open while `self` lives, and a null pointer means that the
        // kernel fills the information in itself.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal,
                no_info,
                PIDFD_SIGNAL_PROCESS_GROUP,
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
