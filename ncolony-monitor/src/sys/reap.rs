//! The one reaper. Nothing else in the monitor waits for a child.
//!
//! It looks before it takes: while the dead process has not been taken, its number and the number
//! of its group mean nothing else, and whoever needs a handle on them can still get one. The
//! kernel's own call is used because nix loses children that a real-time signal ended.

use ncolony_core::{Exit, Signal};

/// A child that has ended and has not been taken yet.
pub(crate) fn peek() -> Option<u32> {
    let info = wait(
        libc::P_ALL,
        0,
        libc::WEXITED | libc::WNOHANG | libc::WNOWAIT,
    )?;
    // SAFETY: the call succeeded, so the kernel has filled in the part of a child's end.
    u32::try_from(unsafe { info.si_pid() })
        .ok()
        .filter(|pid| *pid != 0)
}

/// Takes a child that has ended: its number is free from now on.
pub(crate) fn take(pid: u32) -> Exit {
    exit(wait(libc::P_PID, pid, libc::WEXITED | libc::WNOHANG))
}

/// Waits for the end of a child that is about to end, and takes it.
pub(crate) fn wait_for(pid: u32) -> Exit {
    exit(wait(libc::P_PID, pid, libc::WEXITED))
}

fn exit(info: Option<libc::siginfo_t>) -> Exit {
    let Some(info) = info else {
        return Exit::Unknown;
    };
    // SAFETY: the call succeeded, so the kernel has filled in the part of a child's end.
    let status = unsafe { info.si_status() };
    match info.si_code {
        libc::CLD_EXITED => u8::try_from(status & 0xff).map_or(Exit::Unknown, Exit::Code),
        _ => Signal::from_number(status.into()).map_or(Exit::Unknown, Exit::Signal),
    }
}

fn wait(kind: libc::idtype_t, id: u32, options: libc::c_int) -> Option<libc::siginfo_t> {
    loop {
        // SAFETY: a zeroed siginfo_t is a valid value of that plain structure.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is valid for writing for the time of the call.
        if unsafe { libc::waitid(kind, id, &raw mut info, options) } == 0 {
            return Some(info);
        }
        if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return None;
        }
    }
}

/// Whether a process is a child of ours that has not been taken.
pub(crate) fn is_child(pid: u32) -> bool {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    wait(libc::P_PID, pid, options).is_some()
}
