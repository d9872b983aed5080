//! What holds on this machine.

use ncolony_core::status::{ExitCodes, Guarantees, TreeKill};

use crate::sys::{limits, pidfd::Pidfd};

/// The first kernel that tells anybody how a process ended.
const TELLS_EXITS: (u32, u32) = (6, 15);

/// Finds out what holds, where control groups can be made or not, and orphans come to us or not.
pub(crate) fn probe(cgroups: bool, orphans_are_ours: bool) -> Guarantees {
    let own = std::process::id();
    let exact = limits::kernel().is_some_and(|version| version >= TELLS_EXITS);
    Guarantees {
        // When the first process of a container ends, the kernel ends all others.
        adoption: own != 1 && Pidfd::open(own).is_ok(),
        exit_codes: if exact {
            ExitCodes::Exact
        } else {
            ExitCodes::Unknown
        },
        tree_kill: match (cgroups, orphans_are_ours) {
            (true, _) => TreeKill::Cgroup,
            (false, true) => TreeKill::Subreaper,
            (false, false) => TreeKill::Group,
        },
    }
}
