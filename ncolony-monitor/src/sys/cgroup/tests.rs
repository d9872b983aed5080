use std::os::fd::AsFd;

use super::super::spawn::Launcher;
use super::*;

const MOUNTS: &str = "\
23 1 0:2 / / rw - rootfs rootfs rw
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
41 31 0:38 /a /mnt/part rw,relatime shared:9 master:1 - cgroup2 cgroup2 rw
42 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
";

#[test]
fn a_group_is_found_below_the_mount_that_shows_it() {
    let found = |group: &str| directory_among(MOUNTS, Path::new(group));
    assert_eq!(found("/a/b"), Some("/mnt/part/b".into()));
    assert_eq!(
        found("/user.slice"),
        Some("/sys/fs/cgroup/unified/user.slice".into())
    );
    assert_eq!(found("/../of/others"), None);
    assert_eq!(directory_among("", Path::new("/a")), None);
}

/// A directory with the files of a group.
fn played(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

#[test]
fn a_group_that_holds_us_may_be_none_to_make_groups_in() {
    let fit = [
        ("cgroup.type", "domain\n"),
        ("cgroup.subtree_control", "\n"),
    ];
    assert_eq!(unfit(played(&fit).path()), None);
    let root = [("cgroup.subtree_control", "cpu memory\n")];
    assert_eq!(unfit(played(&root).path()), None);
    for (file, content, word) in [
        ("cgroup.type", "threaded\n", "threads"),
        ("cgroup.subtree_control", "memory\n", "resources"),
    ] {
        let group = played(&fit);
        fs::write(group.path().join(file), content).unwrap();
        assert!(unfit(group.path()).unwrap().contains(word));
    }
    let group = played(&[]);
    for unit in ["web.service", "session-1.scope"] {
        let unit = group.path().join(unit);
        fs::create_dir(&unit).unwrap();
        assert!(unfit(&unit).unwrap().contains("Delegate"));
    }
}

#[test]
fn nobody_is_in_a_group_whose_members_have_all_ended() {
    let populated = |events: &str, members: &str| {
        let group = played(&[("cgroup.events", events), ("cgroup.procs", members)]);
        Cgroup::at(group.path().to_owned()).is_populated()
    };
    assert!(populated("populated 1\nfrozen 0\n", "17\n"));
    assert!(!populated("populated 0\nfrozen 0\n", ""));
    // The kernel counts later than it lists.
    assert!(!populated("populated 1\nfrozen 0\n", ""));
    assert!(!Cgroup::at("/no/such/group".into()).is_populated());
}

#[test]
fn members_below_are_members() {
    let group = played(&[
        ("cgroup.procs", "17\n0\n"),
        ("cgroup.events", "populated 1\n"),
    ]);
    let below = group.path().join("below");
    fs::create_dir(&below).unwrap();
    let whole = Cgroup::at(group.path().to_owned());
    // What is below is not known by this file alone.
    fs::write(group.path().join("cgroup.procs"), "").unwrap();
    assert!(whole.is_populated());
    fs::write(group.path().join("cgroup.procs"), "17\n0\n").unwrap();
    fs::write(below.join("cgroup.procs"), "18\n").unwrap();
    assert_eq!(whole.members(), HashSet::from([17, 18]));
    fs::remove_file(below.join("cgroup.procs")).unwrap();
    for file in ["cgroup.procs", "cgroup.events"] {
        fs::remove_file(group.path().join(file)).unwrap();
    }
    whole.remove().unwrap();
    assert!(!group.path().exists());
}

/// Where the machine has no groups for us, there is nothing to be tried.
fn own_group(name: &str) -> Option<Cgroup> {
    let place = directory_of(std::process::id())?;
    if unfit(&place).is_some() {
        return None;
    }
    let path = place.join(format!("ncolony-test-{}-{name}", std::process::id()));
    let group = Cgroup::at(path);
    group.make().ok()?;
    Some(group)
}

#[test]
fn a_process_begins_in_the_group_and_no_other_is_signalled_by_it() {
    let mut launcher = Launcher::new().unwrap();
    let nothing = File::open("/dev/null").unwrap();
    assert!(!launcher.can_enter(nothing.as_fd()));
    let Some(group) = own_group("begin") else {
        return;
    };
    let entered = launcher.can_enter(group.open().unwrap().as_fd());
    assert_eq!(entered, cfg!(target_arch = "x86_64"));
    let mut outside = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .unwrap();
    group.signal(outside.id(), Signal::KILL);
    assert_eq!(outside.try_wait().unwrap(), None);
    outside.kill().unwrap();
    outside.wait().unwrap();
    assert!(!group.holds(std::process::id()) && !group.is_populated());
    group.remove().unwrap();
    group.remove().unwrap();
}
