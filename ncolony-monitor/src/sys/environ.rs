//! What `/proc` tells of processes that may not be our children.

use std::fs;

use ncolony_core::status::ProcessIdentity;

use super::pidfd::Pidfd;

/// What proves later that a number still means this process.
pub(crate) fn identity(pid: u32, boot_id: &str) -> Option<ProcessIdentity> {
    Some(ProcessIdentity {
        start_time: start_time(pid)?,
        boot_id: boot_id.to_owned(),
        pidfd_inode: Pidfd::open(pid).ok().and_then(|process| process.inode()),
    })
}

/// The boot that we are in.
pub(crate) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in the second field may hold anything, so we count from its closing bracket: the
    // start time is field 22, and what follows the bracket begins with field 3.
    stat.rsplit_once(')')?
        .1
        .split_ascii_whitespace()
        .nth(19)?
        .parse()
        .ok()
}

/// Whether a process has ended and only waits for its parent to take notice.
pub(crate) fn is_zombie(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_ascii_whitespace().next());
    state == Some("Z")
}

/// The numbers of all processes there are.
pub(crate) fn all_processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Whether a variable in a process's first environment begins with `value`. `false` where we may
/// not look.
pub(crate) fn has_variable(pid: u32, name: &str, value: &str) -> bool {
    variable(pid, name).is_some_and(|text| text.starts_with(value))
}

/// A variable in a process's first environment; `None` too where we may not look.
pub(crate) fn variable(pid: u32, name: &str) -> Option<String> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = environ.split(|byte| *byte == 0).find_map(|variable| {
        let value = variable.strip_prefix(name.as_bytes())?;
        value.strip_prefix(b"=")
    });
    value.map(|value| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_find_ourselves() {
        let me = std::process::id();
        assert!(all_processes().contains(&me));
        let first = identity(me, &boot_id()).unwrap();
        assert_eq!(identity(me, &boot_id()), Some(first));
        assert!(!boot_id().is_empty() && !is_zombie(me));
        let path = std::env::var("PATH").unwrap();
        assert!(has_variable(me, "PATH", &path[..3]));
        assert!(!has_variable(me, "NCOLONY_NO_SUCH_VARIABLE", ""));
    }
}
