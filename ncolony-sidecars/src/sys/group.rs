//! Who is in a process group.

use std::fs;

/// Whether any process but a dead one is in this group. Where `/proc` cannot be read, none is seen.
pub(crate) fn has_living(group: u32) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else {
        return false;
    };
    processes.flatten().any(|process| {
        let is_process = process
            .file_name()
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok());
        // It may have ended since the directory was listed.
        is_process && fs::read(process.path().join("stat")).is_ok_and(|stat| lives_in(&stat, group))
    })
}

/// Whether `/proc/PID/stat` says so: `PID (NAME) STATE PARENT GROUP …`, where the name may contain
/// anything.
fn lives_in(stat: &[u8], group: u32) -> bool {
    let end_of_name = stat.iter().rposition(|byte| *byte == b')');
    let after = end_of_name.map(|end| String::from_utf8_lossy(&stat[end + 1..]));
    let Some(after) = after else { return false };
    let mut fields = after.split_ascii_whitespace();
    let is_dead = matches!(fields.next(), None | Some("Z" | "X"));
    !is_dead && fields.nth(1).and_then(|field| field.parse().ok()) == Some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_process_is_read_behind_its_name() {
        assert!(lives_in(b"12 (a) Z 1 7) S 1 34 34 0 -1", 34));
        assert!(!lives_in(b"12 (cat) S 1 35 34 0 -1", 34));
        assert!(!lives_in(b"12 (cat) Z 1 34 34 0 -1", 34));
        assert!(!lives_in(b"", 0));
    }

    #[test]
    fn our_own_group_lives() {
        let group = nix::unistd::getpgrp().as_raw();
        assert!(has_living(u32::try_from(group).unwrap()));
        assert!(!has_living(u32::MAX));
    }
}
