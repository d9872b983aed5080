//! What the kernel is to grant a program: `nice`, `oom_score_adj` and `rlimits`.

use std::fs;

use ncolony_core::State;
use serde_json::{Value, json};

use crate::colony::{Colony, shell};
use crate::processes::field;

/// The limit of a process, soft and hard, as the kernel shows it.
fn limit(pid: u32, title: &str) -> (String, String) {
    let all = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = all.lines().find(|line| line.starts_with(title)).unwrap();
    let mut words = line[title.len()..].split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

fn nice(pid: u32) -> String {
    field(pid, 19).unwrap()
}

fn oom_score_adj(pid: u32) -> String {
    let path = format!("/proc/{pid}/oom_score_adj");
    fs::read_to_string(path).unwrap().trim().to_owned()
}

/// Runs a program once that cannot be started, and gives the reason.
fn reason(colony: &Colony, name: &str, mut keys: Value) -> String {
    keys["give_up_after"] = json!(1);
    colony.program(name, shell("exec cat", keys));
    let record = colony.until_state(name, State::Fatal);
    assert_eq!((record.starts, record.pid), (0, None), "{record:?}");
    record.reason.unwrap()
}

/// Whether the tests may give more than they have. In a container root may not.
fn may_raise() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = u64::from_str_radix(effective.unwrap().trim(), 16).unwrap();
    const SYS_RESOURCE: u64 = 1 << 24;
    bits & SYS_RESOURCE != 0
}

#[test]
fn a_process_has_what_its_file_says_and_the_others_what_the_monitor_has() {
    let colony = Colony::running(&[]);
    let keys = json!({"nice": 7, "oom_score_adj": 900, "rlimits": {
        "nofile": [100, 200], "core": 0, "cpu": [1000, "unlimited"], "stack": 1_048_576}});
    colony.program("web", shell("exec cat", keys));
    colony.program("plain", shell("exec cat", json!({})));
    let (web, plain) = (colony.until_up("web"), colony.until_up("plain"));
    let pair = |soft: &str, hard: &str| (soft.to_owned(), hard.to_owned());
    assert_eq!(limit(web, "Max open files"), pair("100", "200"));
    assert_eq!(limit(web, "Max core file size"), pair("0", "0"));
    assert_eq!(limit(web, "Max stack size"), pair("1048576", "1048576"));
    assert_eq!(limit(web, "Max cpu time"), pair("1000", "unlimited"));
    assert_eq!((nice(web), oom_score_adj(web)), pair("7", "900"));
    let own = std::process::id();
    assert_eq!(limit(plain, "Max open files"), limit(own, "Max open files"));
    assert_eq!(
        limit(plain, "Max core file size"),
        limit(own, "Max core file size")
    );
    assert_eq!(nice(plain), nice(own));
    assert_eq!(oom_score_adj(plain), oom_score_adj(own));
    // And the monitor has none of it.
    assert_eq!(oom_score_adj(colony.pid()), oom_score_adj(own));
    assert_eq!(nice(colony.pid()), nice(own));
}

#[test]
fn a_change_starts_the_program_anew() {
    let colony = Colony::running(&[]);
    colony.program(
        "web",
        shell("exec cat", json!({"rlimits": {"nofile": 100}})),
    );
    let first = colony.until_up("web");
    colony.program(
        "web",
        shell("exec cat", json!({"rlimits": {"nofile": 101}})),
    );
    let second = colony.until_record("web", "it was started anew", |record| {
        record.pid.is_some_and(|pid| pid != first)
    });
    let (soft, _) = limit(second.pid.unwrap(), "Max open files");
    assert_eq!(soft, "101");
}

#[test]
fn root_sets_them_before_it_becomes_the_programs_user() {
    if !may_raise() || !nix::unistd::geteuid().is_root() {
        return;
    }
    let colony = Colony::running(&[]);
    let keys = json!({"uid": 54321, "gid": 54321, "nice": -5, "oom_score_adj": -100,
        "rlimits": {"memlock": "infinity", "rtprio": 5}});
    colony.program("web", shell("exec cat", keys));
    let web = colony.until_up("web");
    assert_eq!(
        (nice(web).as_str(), oom_score_adj(web).as_str()),
        ("-5", "-100")
    );
    let (soft, hard) = limit(web, "Max locked memory");
    assert_eq!((soft.as_str(), hard.as_str()), ("unlimited", "unlimited"));
    assert_eq!(limit(web, "Max realtime priority").1, "5");
    let ids = fs::read_to_string(format!("/proc/{web}/status")).unwrap();
    assert!(ids.contains("Uid:\t54321\t54321\t54321"), "{ids}");
}

#[test]
fn what_may_not_be_had_is_the_programs_failure_and_says_the_key() {
    let mut colony = Colony::new(&[]);
    colony.without_rights();
    // Of this one nobody has so much, and whoever is not root may not raise it.
    colony.wrap(&["/bin/sh", "-c", "ulimit -n 1000 && exec \"$@\"", "sh"]);
    colony.start();
    for (name, keys, wanted) in [
        (
            "files",
            json!({"rlimits": {"nofile": [5, 1001]}}),
            &["\"rlimits.nofile\" to 5 (hard 1001)", "EPERM", "nr_open"][..],
        ),
        (
            "nice",
            json!({"nice": -20}),
            &["\"nice\" to -20", "EACCES", "root"],
        ),
        (
            "score",
            json!({"oom_score_adj": -1000}),
            &["\"oom_score_adj\" to -1000", "EACCES", "root"],
        ),
    ] {
        let reason = reason(&colony, name, keys);
        for part in wanted {
            assert!(reason.contains(part), "{name}: no {part:?} in {reason:?}");
        }
    }
    // The others, and what lies below, are to be had.
    colony.program(
        "web",
        shell("exec cat", json!({"nice": 19, "rlimits": {"nofile": 999}})),
    );
    colony.until_up("web");
}

#[test]
fn a_program_that_leaves_itself_too_little_to_begin_is_to_blame() {
    let colony = Colony::running(&[]);
    let keys = json!({"rlimits": {"as": 4096}, "give_up_after": 1});
    colony.program("web", shell("exec cat", keys));
    // The kernel refuses to execute it, or kills it where it is too late to refuse.
    let record = colony.until_state("web", State::Fatal);
    let reason = record.reason.unwrap();
    assert!(
        record.exit.is_some() || reason.contains("\"rlimits.as\""),
        "{reason}"
    );
}

#[test]
fn a_bad_limit_is_an_error_in_the_file_that_names_the_inner_key() {
    let colony = Colony::running(&[]);
    colony.program(
        "web",
        shell("exec cat", json!({"rlimits": {"nofile": [9, 8]}})),
    );
    let record = colony.until_record("web", "its error", |record| record.config_error.is_some());
    let error = record.config_error.unwrap();
    assert_eq!(error.key.as_deref(), Some("rlimits.nofile"));
    assert!(error.message.contains("soft limit 9 is above"), "{error}");
}
