//! Who is in a process group.

use std::fs;

/// Who is seen in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// Nobody: there is nobody, or who is there is hidden, or `/proc` cannot be read.
    Nobody,
    /// Only dead processes of which nobody has taken notice yet.
    Dead,
    /// One that lives, at least.
    Living,
}

/// Who is in this group, as `/proc` shows it.
pub(crate) fn sight(group: u32) -> Sight {
    // A process that starts another and ends, both while the list is read, can hide the other one
    // from that reading; not from the next, unless that one goes on in the same way.
    read(group).max(read(group))
}

fn read(group: u32) -> Sight {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Sight::Nobody;
    };
    let mut all = Sight::Nobody;
    for process in processes.flatten() {
        let name = process.file_name();
        let is_process = name
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok());
        if !is_process {
            continue;
        }
        // It may have ended since the directory was listed.
        let stat = fs::read(process.path().join("stat")).unwrap_or_default();
        all = all.max(sight_of(&stat, group));
        if all == Sight::Living {
            return all;
        }
    }
    all
}

/// What `/proc/PID/stat` says: `PID (NAME) STATE PARENT GROUP …`, where the name may contain
/// anything.
fn sight_of(stat: &[u8], group: u32) -> Sight {
    let end_of_name = stat.iter().rposition(|byte| *byte == b')');
    let after = end_of_name.map(|end| String::from_utf8_lossy(&stat[end + 1..]));
    let Some(after) = after else {
        return Sight::Nobody;
    };
    let mut fields = after.split_ascii_whitespace();
    let is_dead = matches!(fields.next(), None | Some("Z" | "X"));
    let is_in_it = fields.nth(1).and_then(|field| field.parse().ok()) == Some(group);
    match (is_in_it, is_dead) {
        (false, _) => Sight::Nobody,
        (true, true) => Sight::Dead,
        (true, false) => Sight::Living,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_process_is_read_behind_its_name() {
        assert_eq!(sight_of(b"12 (a) Z 1 7) S 1 34 34 0 -1", 34), Sight::Living);
        assert_eq!(sight_of(b"12 (cat) S 1 35 34 0 -1", 34), Sight::Nobody);
        assert_eq!(sight_of(b"12 (cat) Z 1 34 34 0 -1", 34), Sight::Dead);
        assert_eq!(sight_of(b"", 0), Sight::Nobody);
    }

    #[test]
    fn our_own_group_lives() {
        let group = nix::unistd::getpgrp().as_raw();
        assert_eq!(sight(u32::try_from(group).unwrap()), Sight::Living);
        assert_eq!(sight(u32::MAX), Sight::Nobody);
    }
}
