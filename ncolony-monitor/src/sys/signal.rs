//! Sending signals.

use std::io;

use ncolony_core::Signal;

/// Sends a signal to a process that has not been reaped, so that its number is still its own.
pub(crate) fn to_process(pid: u32, signal: Signal) -> io::Result<()> {
    send(i32::try_from(pid).map_err(io::Error::other)?, signal)
}

/// Sends a signal to the group that a process leads which has not been reaped.
pub(crate) fn to_group(leader: u32, signal: Signal) -> io::Result<()> {
    send(-i32::try_from(leader).map_err(io::Error::other)?, signal)
}

fn send(target: i32, signal: Signal) -> io::Result<()> {
    // 0, -1 and 1 would mean our own group, everybody, and init.
    if (-1..=1).contains(&target) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: the call takes two numbers and touches no memory of ours.
    match unsafe { libc::kill(target, signal.number()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The group that a process is in.
pub(crate) fn group_of(pid: u32) -> Option<u32> {
    let pid = libc::pid_t::try_from(pid).ok()?;
    // SAFETY: the call takes a number and touches no memory of ours.
    u32::try_from(unsafe { libc::getpgid(pid) }).ok()
}

/// Whether there is a group of this number.
pub(crate) fn group_exists(group: u32) -> bool {
    let Ok(group) = i32::try_from(group) else {
        return false;
    };
    if group <= 1 {
        return false;
    }
    // SAFETY: the call takes two numbers and touches no memory of ours; signal 0 is never sent.
    let result = unsafe { libc::kill(-group, 0) };
    result == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// Runs `act` with every signal blocked. A child that it makes, and that shares our memory for a
/// while, runs no handler of ours meanwhile. A thread that it makes takes no signals, ever: the
/// loop's thread takes them all, and so it alone can hold them back.
pub(crate) fn with_signals_blocked<T>(act: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are plain values that the calls fill in; an empty one is valid.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let result = act();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        result
    }
}
