//! Changes: every one is seen, each costs what it is, and what did not change is left alone.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;

use ncolony_core::State;
use ncolony_core::status::{MonitorStatus, ProgramStatus, Watch, content_digest};
use serde_json::json;

use crate::colony::{Colony, until};
use crate::processes::can_unshare;

fn sleeper(seconds: u32) -> String {
    json!({"args": ["sleep", seconds.to_string()]}).to_string()
}

fn until_seen(colony: &Colony, name: &str, content: &[u8]) -> ProgramStatus {
    let digest = Some(content_digest(content));
    colony.until_record(name, "its content was seen", |record| {
        record.config_digest == digest
    })
}

#[test]
fn the_swap_of_a_config_map_is_applied_once_and_leaves_the_rest_alone() {
    let colony = Colony::running(&["--frequency", "86400"]);
    let config = colony.path("config");
    let swap = |version: u32| {
        let data = config.join(format!("..version-{version}"));
        fs::create_dir(&data).unwrap();
        fs::write(data.join("changing"), sleeper(1000 + version)).unwrap();
        fs::write(data.join("same"), sleeper(1000)).unwrap();
        symlink(&data, config.join("..data_tmp")).unwrap();
        fs::rename(config.join("..data_tmp"), config.join("..data")).unwrap();
    };
    swap(0);
    for name in ["changing", "same"] {
        symlink(format!("..data/{name}"), config.join(name)).unwrap();
    }
    let same = colony.until_up("same");
    colony.until_up("changing");
    for version in 1..=10 {
        swap(version);
        let record = until_seen(&colony, "changing", sleeper(1000 + version).as_bytes());
        assert_eq!(record.config_error, None);
        colony.until_record("changing", "it was restarted", |record| {
            record.starts == u64::from(version) + 1 && record.pid.is_some()
        });
    }
    colony.rescan();
    assert_eq!(colony.record("changing").starts, 11);
    let record = colony.record("same");
    assert_eq!((record.pid, record.starts), (Some(same), 1));
    let overview = colony.overview();
    assert_eq!(
        (overview.programs, overview.config_state.as_str()),
        (2, "ok")
    );
}

#[test]
fn a_slow_writer_causes_one_restart_when_it_is_done() {
    let colony = Colony::running(&["--frequency", "86400"]);
    colony.program("web", sleeper(1000));
    let pid = colony.until_up("web");
    let whole = sleeper(2000);
    let mut file = File::create(colony.path("config/web")).unwrap();
    until_seen(&colony, "web", b"");
    for end in 1..whole.len() {
        file.write_all(&whole.as_bytes()[end - 1..end]).unwrap();
        let record = until_seen(&colony, "web", &whole.as_bytes()[..end]);
        assert_eq!((record.pid, record.starts), (Some(pid), 1));
        assert!(record.config_error.is_some());
    }
    file.write_all(&whole.as_bytes()[whole.len() - 1..])
        .unwrap();
    until_seen(&colony, "web", whole.as_bytes());
    colony.until_record("web", "it was restarted", |record| {
        record.starts == 2 && record.pid.is_some()
    });
    colony.rescan();
    assert_eq!(colony.record("web").starts, 2);
}

#[test]
fn the_cost_of_a_change_is_the_cost_of_that_change() {
    const COUNT: u64 = 200;
    let mut colony = Colony::new(&["-t", "0", "--frequency", "86400"]);
    for number in 0..COUNT {
        colony.program(&format!("p{number:03}"), sleeper(1000));
    }
    colony.start();
    for number in 0..COUNT {
        colony.until_state(&format!("p{number:03}"), State::Running);
    }
    // Its own record is written anew when it has heard something.
    assert!(colony.ask(json!({"type": "START", "name": "p000"})).ok);
    let heard = |record: &MonitorStatus| record.counters["messages"] == 1;
    let before = colony.until_overview("it has heard", heard);
    colony.program("p100", sleeper(2000));
    colony.until_record("p100", "it was restarted", |record| {
        record.starts == 2 && record.state == State::Running
    });
    let after = colony.until_overview("it is told", |record| record.counters["spawns"] > COUNT);
    let spent = |name: &str| after.counters[name] - before.counters[name];
    assert_eq!(
        (spent("spawns"), spent("exits"), spent("full_looks")),
        (1, 1, 0)
    );
    // One rename may be told in two hints, and each is followed.
    assert!((1..=2).contains(&spent("files_read")), "{after:?}");
    let records = fs::read_dir(colony.path("status/programs"))
        .unwrap()
        .count();
    assert!(
        spent("records_written") <= 20 && records == 200,
        "{after:?}"
    );
}

#[test]
fn polling_sees_what_the_kernel_does_not_tell() {
    let colony = Colony::running(&["--watch", "poll", "--frequency", "0.05"]);
    assert_eq!(colony.overview().watch, Watch::Poll);
    colony.program("web", sleeper(1000));
    colony.until_up("web");
    // Of the same size, in place, faster than file systems' clocks may tell apart.
    for number in 1001..1020 {
        fs::write(colony.path("config/web"), sleeper(number)).unwrap();
    }
    until_seen(&colony, "web", sleeper(1019).as_bytes());
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);
    colony.remove("web");
    colony.until_retracted("web");
}

#[test]
fn where_watches_are_exhausted_it_polls_and_says_so() {
    if !can_unshare() {
        println!("user namespaces are closed to us: limits of our own cannot be set");
        return;
    }
    for limit in ["max_inotify_instances", "max_inotify_watches"] {
        let mut colony = Colony::new(&["--frequency", "0.05"]);
        let script = format!("echo 0 > /proc/sys/user/{limit} && exec \"$0\" \"$@\"");
        colony.wrap(&["unshare", "-Ur", "/bin/sh", "-c", &script]);
        colony.start();
        let overview = colony.overview();
        assert_eq!(overview.watch, Watch::Poll, "{limit}");
        for (place, problem) in ["config", "messages"].iter().zip(&overview.problems) {
            let path = colony.path(place).display().to_string();
            let wanted = ["cannot watch", &path, "limit", "fs.inotify.max_user"];
            let all = wanted.iter().all(|part| problem.contains(part));
            assert!(all, "{limit}: {problem}");
        }
        assert_eq!(overview.problems.len(), 2);
        colony.program("web", sleeper(1000));
        let pid = colony.until_up("web");
        colony.program("web", sleeper(2000));
        colony.until_record("web", "it was restarted", |record| record.starts == 2);
        assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
        let record = colony.until_record("web", "it was restarted", |record| record.starts == 3);
        assert_ne!(record.pid, Some(pid));
    }
}

#[test]
fn a_flood_of_changes_that_overflows_the_kernels_queue_loses_none() {
    let colony = Colony::running(&["--frequency", "86400"]);
    let disabled = |number: u32| json!({"args": ["x"], "n": number, "enabled": false}).to_string();
    colony.program("witness", sleeper(1000));
    let witness = colony.until_up("witness");
    let name = |number: u32| format!("p{number:03}");
    for number in 0..300 {
        colony.program(&name(number), disabled(number));
    }
    (0..300).for_each(|number| drop(colony.until_state(&name(number), State::Stopped)));
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    colony.while_it_stands_still(|| {
        // Two names in turn, since the kernel folds events that are the same.
        let noise = [".noise", ".hiss"].map(|name| colony.path("config").join(name));
        for number in 0..limit / 2 {
            File::create(&noise[number % 2]).unwrap();
        }
        for number in 0..100 {
            colony.remove(&name(number));
            colony.program(&name(number + 100), disabled(number + 1000));
            colony.program(&name(number + 300), disabled(number + 300));
        }
    });
    for number in 0..100 {
        colony.until_retracted(&name(number));
        until_seen(
            &colony,
            &name(number + 100),
            disabled(number + 1000).as_bytes(),
        );
        until_seen(
            &colony,
            &name(number + 300),
            disabled(number + 300).as_bytes(),
        );
    }
    until("the count is right", || {
        (colony.overview().programs == 301).then_some(())
    });
    assert_eq!(colony.record("witness").pid, Some(witness));
}
