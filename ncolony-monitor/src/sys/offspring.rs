//! Who our children are, beyond those whom we have started.

use std::fs;

use super::{environ, reap};

/// The children of ours, living or dead, that are not known.
pub(crate) fn further(is_known: impl Fn(u32) -> bool) -> Vec<u32> {
    if let Some(listed) = listed() {
        return listed.into_iter().filter(|pid| !is_known(*pid)).collect();
    }
    // The kernel is asked for each number whether it is a child of ours.
    let all = environ::all_processes().into_iter();
    all.filter(|pid| !is_known(*pid) && reap::is_child(*pid))
        .collect()
}

/// Our children as the kernel lists them, by thread; `None`: it was built without such lists.
fn listed() -> Option<Vec<u32>> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task").ok()?.flatten() {
        let list = fs::read_to_string(thread.path().join("children")).ok()?;
        children.extend(
            list.split_ascii_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    Some(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_found_unless_it_is_known() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        assert!(further(|_| false).contains(&pid));
        assert!(!further(|other| other == pid).contains(&pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!further(|_| false).contains(&pid));
        assert!(!further(|_| false).contains(&std::process::id()));
    }
}
