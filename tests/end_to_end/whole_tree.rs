//! G6: stopped means that all of it is gone, also what has left the process group.
//!
//! Each test is made twice: with control groups, as far as the machine lets the monitor make them,
//! and without. What holds in only one of the two, the monitor's own record says.

use std::fs;
use std::time::{Duration, Instant};

use ncolony_core::State;
use ncolony_core::status::TreeKill;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::cgroups::directory_of;
use crate::colony::{Colony, shell, until};
use crate::processes::{is_alive, signal, state, until_gone};

/// Notes it when another of the same program, or a part of another, still runs.
const ONE_AT_A_TIME: &str = "exec 9> lock; flock -n 9 || echo $$ >> overlaps\n";

/// A main process that obeys.
const MAIN: &str = "exec sleep 1000";

/// Makes a daemon of a script: in a session of its own, and with a parent that has ended.
fn daemon(script: &str) -> String {
    format!("setsid sh -c '({script}) & echo $! > daemon'\n")
}

/// The same, after which nothing in its environment says where it comes from.
fn nameless(script: &str) -> String {
    format!("env -i PATH=$PATH setsid sh -c '({script}) & echo $! > daemon'\n")
}

fn in_both_modes(flags: &[&str], test: impl Fn(&mut Colony)) {
    test(&mut Colony::running(flags));
    let never = [flags, &["--cgroup", "never"]].concat();
    let mut colony = Colony::running(&never);
    assert_eq!(reach(&colony), TreeKill::Subreaper);
    test(&mut colony);
}

fn reach(colony: &Colony) -> TreeKill {
    colony.overview().guarantees.tree_kill
}

fn until_daemon(colony: &Colony) -> u32 {
    until("the daemon runs", || {
        let pid = colony.lines("daemon").first()?.parse().ok()?;
        let _ = fs::remove_file(colony.path("daemon"));
        Some(pid)
    })
}

fn until_there(colony: &Colony, name: &str) {
    until(name, || colony.path(name).exists().then_some(()));
}

fn stop(colony: &Colony, name: &str) {
    assert!(colony.ask(json!({"type": "STOP", "name": name})).ok);
    colony.until_state(name, State::Stopped);
}

#[test]
fn a_daemon_is_told_has_its_killtime_and_is_gone() {
    in_both_modes(&["-k", "600"], |colony| {
        let obeys = "trap \"sleep 0.2; echo done >> done; exit 0\" TERM; touch ready;
            while :; do sleep 0.01; done";
        colony.program("web", shell(&(daemon(obeys) + MAIN), json!({})));
        until_there(colony, "ready");
        let pid = colony.until_up("web");
        let daemon = until_daemon(colony);
        stop(colony, "web");
        assert!(!is_alive(pid) && !is_alive(daemon));
        assert_eq!(colony.lines("done"), ["done"]);
    });
}

#[test]
fn a_daemon_that_ignores_the_stop_signal_is_killed_after_the_killtime_and_not_before() {
    const KILLTIME: Duration = Duration::from_millis(300);
    in_both_modes(&[], |colony| {
        let deaf = "trap \"\" TERM; touch ready; while :; do sleep 0.05; done";
        let keys = json!({"killtime": KILLTIME.as_secs_f64()});
        colony.program("web", shell(&(daemon(deaf) + MAIN), keys));
        until_there(colony, "ready");
        let daemon = until_daemon(colony);
        let told = Instant::now();
        stop(colony, "web");
        assert!(told.elapsed() >= KILLTIME);
        assert!(!is_alive(daemon));
    });
}

#[test]
fn a_daemon_that_stands_still_is_ended_too() {
    in_both_modes(&["-k", "600"], |colony| {
        colony.program("web", shell(&(daemon(MAIN) + MAIN), json!({})));
        colony.until_up("web");
        let daemon = until_daemon(colony);
        signal(daemon, Signal::SIGSTOP);
        until("it stands still", || {
            (state(daemon) == Some('T')).then_some(())
        });
        stop(colony, "web");
        assert!(!is_alive(daemon));
    });
}

#[test]
fn no_second_generation_runs_beside_a_daemon_of_the_first() {
    in_both_modes(&["-k", "0.1"], |colony| {
        let deaf = daemon("trap \"\" TERM; while :; do sleep 0.05; done");
        let script = format!("{ONE_AT_A_TIME}{deaf}{MAIN}");
        colony.program("web", shell(&script, json!({})));
        for starts in 1..=3 {
            colony.until_record("web", "it runs anew", |record| {
                record.starts == starts && record.pid.is_some()
            });
            let daemon = until_daemon(colony);
            assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
            colony.until_record("web", "it was started again", |record| {
                record.starts > starts
            });
            assert!(!is_alive(daemon));
        }
        assert_eq!(colony.lines("overlaps"), [""; 0]);
    });
}

#[test]
fn workers_in_sessions_of_their_own_are_ended_before_a_crashed_main_process_is_started_again() {
    in_both_modes(&["-t", "0", "-m", "0", "-k", "0.2"], |colony| {
        let worker =
            "setsid sh -c 'trap \"\" TERM; echo $$ >> workers; while :; do sleep 0.05; done' &\n";
        let script = format!("{ONE_AT_A_TIME}{worker}{worker}{worker}{MAIN}");
        colony.program("web", shell(&script, json!({})));
        for starts in 1..=3_usize {
            let record = colony.until_record("web", "it runs anew", |record| {
                record.starts == starts as u64 && record.pid.is_some()
            });
            let workers = until("all workers run", || {
                Some(colony.lines("workers")).filter(|all| all.len() == 3 * starts)
            });
            signal(record.pid.unwrap(), Signal::SIGKILL);
            colony.until_record("web", "it was started again", |record| {
                record.starts > starts as u64
            });
            let workers = workers.iter().map(|pid| pid.parse().unwrap());
            assert!(!workers.into_iter().any(is_alive));
        }
        assert_eq!(colony.lines("overlaps"), [""; 0]);
    });
}

#[test]
fn a_daemon_without_a_trace_of_its_start_is_gone_where_there_are_control_groups() {
    in_both_modes(&["-k", "0.2"], |colony| {
        colony.program("web", shell(&(nameless(MAIN) + MAIN), json!({})));
        let pid = colony.until_up("web");
        let daemon = until_daemon(colony);
        stop(colony, "web");
        assert!(!is_alive(pid));
        match reach(colony) {
            TreeKill::Cgroup => assert!(!is_alive(daemon)),
            // Nobody can tell whose it is, so nobody sends it a signal.
            TreeKill::Subreaper | TreeKill::Group => assert!(is_alive(daemon)),
        }
    });
}

#[test]
fn after_a_crash_of_the_monitor_nothing_starts_beside_what_is_left_in_a_control_group() {
    let mut colony = Colony::running(&["-k", "0.2"]);
    let script = format!("{ONE_AT_A_TIME}{}{MAIN}", nameless(MAIN));
    colony.program("web", shell(&script, json!({})));
    let pid = colony.until_up("web");
    let daemon = until_daemon(&colony);
    let reach = reach(&colony);
    colony.kill();
    signal(pid, Signal::SIGKILL);
    until_gone(pid);
    colony.start();
    colony.until_record("web", "it runs anew", |record| {
        record.pid.is_some_and(|new| new != pid)
    });
    until_daemon(&colony);
    assert_eq!(is_alive(daemon), reach != TreeKill::Cgroup);
    let overlaps = usize::from(reach != TreeKill::Cgroup);
    assert_eq!(colony.lines("overlaps").len(), overlaps);
}

/// 127 processes, each in a session of its own and deaf, of which the 64 youngest go on forking
/// for a minute at most.
const BOMB: &str = r#"trap '' TERM
i=0
if [ $1 -gt 0 ]; then
    setsid sh bomb.sh $(($1 - 1)) & setsid sh bomb.sh $(($1 - 1)) & wait
fi
echo $$ >> exploded
while [ $i -lt 300 ]; do sleep 0.2; i=$((i + 1)); done
"#;

#[test]
fn a_fork_bomb_is_ended_within_its_killtime_and_disturbs_no_other() {
    const KILLTIME: Duration = Duration::from_millis(500);
    in_both_modes(&[], |colony| {
        fs::write(colony.path("bomb.sh"), BOMB).unwrap();
        let keys = json!({"killtime": KILLTIME.as_secs_f64()});
        colony.program("bomb", shell("exec sh bomb.sh 6", keys));
        until("it has exploded", || {
            (colony.lines("exploded").len() >= 64).then_some(())
        });
        // Another is started and stopped meanwhile.
        colony.program("web", r#"{"args": ["cat"]}"#);
        colony.until_up("web");
        stop(colony, "web");
        let told = Instant::now();
        stop(colony, "bomb");
        assert!(told.elapsed() < KILLTIME + Duration::from_secs(2));
        let all = colony.processes();
        assert_eq!(all, [0; 0], "they live");
    });
}

#[test]
fn the_record_says_what_holds_a_program_together() {
    for flags in [&[][..], &["--cgroup", "never"]] {
        let mut colony = Colony::running(flags);
        colony.program("web", r#"{"args": ["cat"]}"#);
        let pid = colony.until_up("web");
        let mark = fs::read_to_string(colony.path("status/.colony")).unwrap();
        let half = mark.split_whitespace().next().unwrap();
        let of_colony = format!("ncolony-{half}");
        let group = directory_of(pid).filter(|group| group.ends_with(format!("{of_colony}/web")));
        assert_eq!(reach(&colony) == TreeKill::Cgroup, group.is_some());
        let Some(group) = group else {
            continue;
        };
        assert!(flags.is_empty());
        // It stays over a restart, and goes with the program, the colony's with the monitor.
        stop(&colony, "web");
        assert!(group.exists());
        colony.remove("web");
        colony.until_retracted("web");
        until("its group is removed", || (!group.exists()).then_some(()));
        colony.program("api", r#"{"args": ["cat"]}"#);
        colony.until_up("api");
        colony.stop();
        assert!(!group.parent().unwrap().exists());
    }
}

#[test]
fn where_control_groups_may_not_be_made_nobody_is_bothered() {
    let mut colony = Colony::new(&["-k", "600"]);
    colony.without_rights();
    colony.start();
    colony.program("web", shell(&(daemon(MAIN) + MAIN), json!({})));
    let pid = colony.until_up("web");
    let daemon = until_daemon(&colony);
    // A machine may have given these rights to everybody.
    let has_group = directory_of(pid).is_some_and(|group| group.ends_with("web"));
    assert_eq!(reach(&colony) == TreeKill::Cgroup, has_group);
    stop(&colony, "web");
    assert!(!is_alive(daemon));
    assert!(!colony.log().contains("WARN"));
}

#[test]
fn programs_whose_control_groups_somebody_has_killed_run_again() {
    let colony = Colony::running(&["-t", "0", "-m", "0"]);
    let names = ["web", "web1", "web2", "web3", "web4"];
    for name in names {
        colony.program(name, r#"{"args": ["cat"]}"#);
    }
    let pids = names.map(|name| colony.until_up(name));
    let reach = reach(&colony);
    colony.while_it_stands_still(|| pids.iter().for_each(|pid| kill_group(reach, *pid)));
    for (name, pid) in names.into_iter().zip(pids) {
        let again = colony.until_record(name, "it runs again", |record| {
            record.pid.is_some_and(|new| new != pid)
        });
        colony.rescan();
        assert_eq!(colony.record(name).pid, again.pid);
        assert_eq!(colony.record(name).starts, 2);
    }
    assert_eq!(colony.overview().counters["spawn_failures"], 0);
}

/// Has the kernel kill all that is in the control group of a process, where it has one of its own.
fn kill_group(reach: TreeKill, pid: u32) {
    let kill = directory_of(pid).map(|group| group.join("cgroup.kill"));
    match (reach, kill) {
        (TreeKill::Cgroup, Some(kill)) if kill.exists() => fs::write(kill, "1").unwrap(),
        (TreeKill::Cgroup | TreeKill::Subreaper | TreeKill::Group, _) => {
            signal(pid, Signal::SIGKILL);
        }
    }
}
