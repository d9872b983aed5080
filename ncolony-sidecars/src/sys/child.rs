//! A command in a session and group of its own.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};

use ncolony_core::{Exit, Signal};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};

use super::group::{self, Sight};
use super::pidfd::GroupFd;

/// The process that a command has become, and the group that it leads.
///
/// A signal to the group must reach nobody else, also when the process itself has ended and others
/// of its group have not. Where the kernel knows groups by a descriptor of their leader, that holds
/// by itself. Elsewhere the process stays unreaped until the group is empty: as long as it is, its
/// number is nobody else's.
#[derive(Debug)]
pub(crate) struct Leader {
    pid: u32,
    group: Option<GroupFd>,
    exit: Option<Exit>,
}

/// What a start brings.
#[derive(Debug)]
pub(crate) struct Started {
    /// The process.
    pub(crate) leader: Leader,
    /// The end of its standard output; reading does not wait.
    pub(crate) out: ChildStdout,
    /// The same of its standard error.
    pub(crate) err: ChildStderr,
}

/// Starts a command, which begins with these signals held back. If this process is killed, so is
/// that one: whoever takes our place starts no second one beside it.
pub(crate) fn start(words: &[OsString], held: SigSet) -> io::Result<Started> {
    let (name, arguments) = words
        .split_first()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let parent = nix::unistd::getpid();
    let prepare = move || {
        nix::unistd::setsid()?;
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        // The parent may have died before it was asked for.
        if nix::unistd::getppid() != parent {
            return Err(io::Error::from_raw_os_error(libc::ECHILD));
        }
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&held), None)?;
        Ok(())
    };
    // SAFETY: between fork and exec it makes four system calls, allocates nothing, and takes no
    // lock.
    unsafe { command.pre_exec(prepare) };
    let mut child = command.spawn()?;
    let leader = Leader::new(child.id());
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::from(io::ErrorKind::BrokenPipe));
    };
    for end in [out.as_fd(), err.as_fd()] {
        fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    Ok(Started { leader, out, err })
}

impl Leader {
    fn new(pid: u32) -> Self {
        Self {
            pid,
            group: GroupFd::open(pid),
            exit: None,
        }
    }

    /// How it has ended, if it has.
    pub(crate) fn exit(&mut self) -> Option<Exit> {
        if self.exit.is_none() {
            let keep = self.group.as_ref().map_or(libc::WNOWAIT, |_| 0);
            self.exit = wait(self.pid, keep);
        }
        self.exit
    }

    /// Whether others of its group live, once it has ended.
    pub(crate) fn leads_others(&self) -> bool {
        let Some(group) = &self.group else {
            return group::sight(self.pid) == Sight::Living;
        };
        if !group.has_members() {
            return false;
        }
        // It may be that all of them are dead, and whoever should take notice of that does not:
        // that must not make the run last for ever. Those that we are not shown count as living.
        match group::sight(self.pid) {
            Sight::Living | Sight::Nobody => true,
            Sight::Dead => false,
        }
    }

    /// Sends a signal to the whole group. The kernel does so in one step: what is just being
    /// started by a member gets it too.
    pub(crate) fn signal_group(&self, signal: Signal) {
        if let Some(group) = &self.group {
            // Where nobody is left, or nobody may be signalled, the next look shows it.
            return drop(group.signal(signal));
        }
        let Some(group) = libc::pid_t::try_from(self.pid).ok().filter(|pid| *pid > 1) else {
            return;
        };
        // SAFETY: the call takes two numbers and touches no memory of ours.
        unsafe { libc::kill(-group, signal.number()) };
    }

    /// Gives its number back, once nothing of its group is left.
    pub(crate) fn release(&self) {
        if self.group.is_none() {
            wait(self.pid, 0);
        }
    }
}

/// The end of a child, if it has come. The kernel's own call is used because nix loses children
/// that a real-time signal ended.
fn wait(pid: u32, more: libc::c_int) -> Option<Exit> {
    let options = libc::WEXITED | libc::WNOHANG | more;
    // SAFETY: a zeroed siginfo_t is a valid value of that plain structure.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is valid for writing for the time of the call.
    if unsafe { libc::waitid(libc::P_PID, pid, &raw mut info, options) } != 0 {
        return Some(Exit::Unknown);
    }
    // SAFETY: the call succeeded, so the kernel has filled in the part of a child's end, or left
    // zeros.
    let (ended, status) = unsafe { (info.si_pid(), info.si_status()) };
    if ended == 0 {
        return None;
    }
    Some(match info.si_code {
        libc::CLD_EXITED => u8::try_from(status & 0xff).map_or(Exit::Unknown, Exit::Code),
        _ => Signal::from_number(status.into()).map_or(Exit::Unknown, Exit::Signal),
    })
}

#[cfg(test)]
mod tests;
