//! Leaving whoever has called us: a process of its own, without a terminal, whose caller waits for
//! one word.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, setsid};

use super::descriptors;

/// Says whose watchdog is meant: that of the process that was started.
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// Where a process finds itself after [`leave`].
#[derive(Debug)]
pub(crate) enum Side {
    /// In the process that was called. The pipe says how the other one fares, and ends with it.
    Caller(PipeReader),
    /// In the process that has left.
    Daemon(PipeWriter),
}

/// Makes a process that leads no session and has no terminal, nothing of its caller's open, and
/// `/dev/null` as all its standard streams. To be called before any thread was made and anything
/// was opened.
pub(crate) fn leave() -> io::Result<Side> {
    descriptors::close_all();
    let called = std::process::id();
    let (reader, writer) = io::pipe()?;
    // SAFETY: there is no other thread that could hold a lock.
    if let ForkResult::Parent { child } = unsafe { fork() }? {
        drop(writer);
        // It only makes the next one, and ends.
        let _ended = waitpid(child, None);
        return Ok(Side::Caller(reader));
    }
    drop(reader);
    setsid()?;
    // Whoever leads a session may be given a terminal; whoever does not lead one may not.
    // SAFETY: as above.
    if let ForkResult::Parent { .. } = unsafe { fork() }? {
        // SAFETY: leaves without running anything of the process that was called.
        unsafe { libc::_exit(0) };
    }
    let null = File::options().read(true).write(true).open("/dev/null")?;
    for stream in 0..3 {
        duplicate(&null, stream)?;
    }
    follow_watchdog(called);
    Ok(Side::Daemon(writer))
}

/// A watchdog that was meant for the process that was called is meant for this one.
fn follow_watchdog(called: u32) {
    if std::env::var(WATCHDOG_PID).is_ok_and(|pid| pid == called.to_string()) {
        // SAFETY: there is no other thread that could read the environment.
        unsafe { std::env::set_var(WATCHDOG_PID, std::process::id().to_string()) };
    }
}

/// Has everything that we print from now on go into a file: our log, what programs print where
/// there is no place for logs, and what those print that are started with our output as theirs.
pub(crate) fn print_to(file: &File) -> io::Result<()> {
    duplicate(file, libc::STDOUT_FILENO)?;
    duplicate(file, libc::STDERR_FILENO)
}

fn duplicate(file: &File, target: i32) -> io::Result<()> {
    // SAFETY: the call takes two numbers. The target is a standard stream, which nobody in this
    // process owns and everybody finds open under its number, before and after.
    let done = unsafe { libc::dup2(file.as_raw_fd(), target) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
