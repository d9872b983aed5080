//! What `/proc` says of processes. Those that have ended and only wait to be taken notice of count
//! as gone: who takes notice is the matter of process 1.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::colony::until;

/// Whether a process runs.
pub(crate) fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|state| state != 'Z' && state != 'X')
}

/// The letter of a process's state: `S` sleeps, `T` is stopped.
pub(crate) fn state(pid: u32) -> Option<char> {
    field(pid, 3)?.chars().next()
}

/// A field of `/proc/PID/stat`, counted from 1 as in its manual; from the third on, since the name
/// in the second may hold anything.
pub(crate) fn field(pid: u32, number: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number - 3).map(str::to_owned)
}

/// The variables that a process was started with.
pub(crate) fn environment(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let variables = bytes
        .split(|byte| *byte == 0)
        .filter(|text| !text.is_empty());
    variables
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}

/// All processes that run.
pub(crate) fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|pid| is_alive(*pid)).collect()
}

/// All processes that run in a process group.
pub(crate) fn of_group(group: u32) -> Vec<u32> {
    let is_member = |pid: &u32| field(*pid, 5) == Some(group.to_string());
    all().into_iter().filter(is_member).collect()
}

/// Whether a process works in a directory or below it.
pub(crate) fn works_in(pid: u32, directory: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(directory))
}

/// Sends a signal; that there is nobody to take it is no fault.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    let _gone = kill(pid, signal);
}

/// Waits until a process is gone.
#[track_caller]
pub(crate) fn until_gone(pid: u32) {
    until(&format!("process {pid} is gone"), || {
        (!is_alive(pid)).then_some(())
    });
}

/// Whether this machine lets us make a world of our own for the monitor.
pub(crate) fn can_unshare() -> bool {
    let mut unshare = Command::new("unshare");
    let made = unshare.args(["-Ur", "true"]).output();
    made.is_ok_and(|output| output.status.success())
}
