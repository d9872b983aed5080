//! Control groups as tests see them.

use std::fs;
use std::path::{Path, PathBuf};

/// The directory of the control group that a process is in, where there are any.
pub(crate) fn directory_of(pid: u32) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let whole = |line: &&str| line.contains(" - cgroup2 ") && line.split(' ').nth(3) == Some("/");
    let mount = mounts.lines().find(whole)?.split(' ').nth(4)?;
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(mount).join(group))
}

/// The directory that a colony has its groups in, if it has one, by the first half of its run ids.
pub(crate) fn directory_of_colony(half: &str) -> Option<PathBuf> {
    let own = directory_of(std::process::id())?;
    Some(own.join(format!("ncolony-{half}")))
}

/// Removes what a monitor that was killed has left.
pub(crate) fn remove(colony: &Path) {
    for entry in fs::read_dir(colony).into_iter().flatten().flatten() {
        let _file = fs::remove_dir(entry.path());
    }
    let _occupied = fs::remove_dir(colony);
}
