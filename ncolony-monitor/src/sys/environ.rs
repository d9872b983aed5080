//! What `/proc` tells of processes that may not be our children.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use ncolony_core::Exit;
use ncolony_core::status::ProcessIdentity;
use ncolony_core::time::{Mono, Now, Wall};

use super::pidfd::{Pidfd, exit_of_wait_status};

/// What proves later that a number still means this process.
pub(crate) fn identity(pid: u32, boot_id: &str) -> Option<ProcessIdentity> {
    let pidfd_inode = Pidfd::open(pid).ok().and_then(|process| process.inode());
    // To read when it was started costs more than all the rest, and says less.
    let start_time = match pidfd_inode {
        Some(_) => None,
        None => Some(start_time(pid)?),
    };
    Some(ProcessIdentity {
        start_time,
        boot_id: boot_id.to_owned(),
        pidfd_inode,
    })
}

/// Opens the process that this identity is of, if it is still there. The descriptor is opened
/// before it is looked at: what is then found is what it holds, whatever becomes of the number.
pub(crate) fn open_if_same(pid: u32, recorded: &ProcessIdentity) -> Option<Pidfd> {
    let process = Pidfd::open(pid).ok()?;
    if recorded.boot_id != boot_id() {
        return None;
    }
    let same_process = match (recorded.pidfd_inode, process.inode()) {
        (Some(recorded), Some(found)) => Some(recorded == found),
        (Some(_), None) | (None, Some(_)) | (None, None) => None,
    };
    let same_start = recorded
        .start_time
        .map(|recorded| start_time(pid) == Some(recorded));
    // What proves nothing is nobody's.
    let proofs = [same_process, same_start];
    let same = proofs != [None, None] && !proofs.contains(&Some(false));
    (same && process.keeps_number()).then_some(process)
}

/// The boot that we are in.
pub(crate) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// When a process was started, in clock ticks since boot.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    stat_field(pid, 22)?.parse().ok()
}

/// A field of `/proc/PID/stat`, by the number that the manual page gives it.
fn stat_field(pid: u32, number: usize) -> Option<String> {
    let mut text = [0; 1024];
    let mut file = fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    // The kernel gives it whole, and it is never half as long.
    let length = file.read(&mut text).ok()?;
    let stat = String::from_utf8_lossy(text.get(..length)?);
    // The name in the second field may hold anything, so we count from its closing bracket: what
    // follows it begins with field 3.
    let rest = stat.rsplit_once(')')?.1;
    let field = rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?;
    Some(field.to_owned())
}

/// Whether a process has ended and only waits for its parent to take notice.
pub(crate) fn is_zombie(pid: u32) -> bool {
    stat_field(pid, 3).as_deref() == Some("Z")
}

/// Whether a process leads a session, as the main process of every program does.
pub(crate) fn leads_session(pid: u32) -> bool {
    stat_field(pid, 6) == Some(pid.to_string())
}

/// The group that a process is in.
pub(crate) fn group_of(pid: u32) -> Option<u32> {
    stat_field(pid, 5)?.parse().ok()
}

/// The group that a process is in, unless it has ended.
pub(crate) fn living_group_of(pid: u32) -> Option<u32> {
    group_of(pid).filter(|_| !is_zombie(pid))
}

/// How a process ended that only waits for its parent to take notice. To others than root and its
/// own user the kernel shows a zero, which is told apart from nothing.
pub(crate) fn exit_of_zombie(pid: u32) -> Option<Exit> {
    if !is_zombie(pid) {
        return None;
    }
    let status: i32 = stat_field(pid, 52)?.parse().ok()?;
    (status != 0 || super::limits::is_root() || is_open_to_us(pid))
        .then(|| exit_of_wait_status(status))
        .flatten()
}

/// Whether the kernel shows us of a process what only its owner may see: its accounts are kept by
/// the same rule as its exit.
fn is_open_to_us(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/io")).is_ok()
}

/// The user that a process runs as.
pub(crate) fn user_of(pid: u32) -> Option<u32> {
    let metadata = fs::metadata(format!("/proc/{pid}")).ok()?;
    Some(metadata.uid())
}

/// The namespace that our process numbers are of.
pub(crate) fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}

/// When a process was started, on our clocks, to a hundredth of a second.
pub(crate) fn started(pid: u32, now: Now) -> Option<(Mono, Wall)> {
    let ticks = start_time(pid)?;
    let since_boot = Duration::from_millis(ticks.saturating_mul(1000) / super::clock::ticks());
    let age = super::clock::since_boot().saturating_sub(since_boot);
    let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let nanos = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
    Some((
        Mono::from_nanos(now.mono.as_nanos().saturating_sub(nanos)),
        Wall::from_millis(now.wall.as_millis().saturating_sub(millis)),
    ))
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
    fn how_a_process_ended_is_seen_before_anybody_has_taken_notice() {
        for (code, exit) in [("0", Exit::Code(0)), ("3", Exit::Code(3))] {
            let mut child = std::process::Command::new("sh");
            let mut child = child.args(["-c", "exit $1", "sh", code]).spawn().unwrap();
            assert!(Pidfd::open(child.id()).unwrap().has_ended(60_000));
            assert_eq!(exit_of_zombie(child.id()), Some(exit));
            child.wait().unwrap();
            assert_eq!(exit_of_zombie(child.id()), None);
        }
    }

    #[test]
    fn we_find_ourselves() {
        let me = std::process::id();
        assert!(all_processes().contains(&me));
        let first = identity(me, &boot_id()).unwrap();
        assert_eq!(identity(me, &boot_id()), Some(first));
        assert!(!boot_id().is_empty() && !is_zombie(me));
        let path = std::env::var("PATH").unwrap();
        assert_eq!(variable(me, "PATH"), Some(path));
        assert_eq!(variable(me, "NCOLONY_NO_SUCH_VARIABLE"), None);
    }
}
