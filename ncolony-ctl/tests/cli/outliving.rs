//! `upgrade` and `shutdown --keep-programs`: the programs outlive the monitor's image.

use serde_json::json;

use crate::colony::{Colony, until};
use crate::played_monitor::PlayedMonitor;

#[test]
fn an_upgrade_says_what_it_has_replaced_and_what_kept_running() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({"version": "0.1.0"}));
    monitor.publish("web", json!({}));
    monitor.publish("db", json!({"pid": null, "state": "STOPPED"}));
    let command = colony.start(&["upgrade"]);
    monitor.obey_before("UPGRADE", &["db", "web"], || {
        monitor.describe(json!({"version": "0.2.0", "started": "2026-02-01T00:00:00Z"}));
    });
    let ran = command.finish();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(
        ran.stdout,
        "the monitor was upgraded: version 0.1.0 → 0.2.0, process 4000000; 1 program kept running\n"
    );
}

#[test]
fn the_record_of_a_new_monitor_may_come_after_its_answer() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({}));
    let command = colony.start(&["upgrade", "--json"]);
    monitor.obey("UPGRADE", &[]);
    monitor.describe(json!({"version": "0.2.0", "started": "2026-02-01T00:00:00Z"}));
    let ran = command.finish();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let wanted = json!({"schema": 1, "ok": true, "error": null, "programs": []});
    assert_eq!(ran.json(), wanted);
}

#[test]
fn a_refused_upgrade_fails_and_nothing_was_changed() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({}));
    let command = colony.start(&["upgrade"]);
    monitor.refuse("UPGRADE", "it cannot read this state");
    let ran = command.finish();
    assert_eq!(ran.status, Some(1), "{ran:?}");
    for words in [
        "it cannot read this state",
        "the old monitor goes on, nothing was changed",
    ] {
        assert!(ran.stderr.contains(words), "{ran:?}");
    }
}

#[test]
fn an_upgrade_needs_a_monitor_and_an_answer() {
    let colony = Colony::new();
    colony.ends(5, &["upgrade"]);
    colony.ends(5, &["shutdown", "--keep-programs"]);
    assert!(colony.messages().is_empty());
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({}));
    let ran = colony.ends(6, &["upgrade", "--timeout", "0.05"]);
    assert!(ran.stderr.contains("not answered"), "{ran:?}");
    assert_eq!(monitor.take_message()["type"], "UPGRADE");
    colony.ends(0, &["upgrade", "--no-wait"]);
    assert_eq!(monitor.take_message(), json!({"type": "UPGRADE"}));
    colony.ends(0, &["shutdown", "--keep-programs", "--no-wait"]);
    assert_eq!(monitor.take_message(), json!({"type": "DETACH"}));
}

#[test]
fn a_shutdown_that_keeps_programs_ends_with_the_monitor_and_counts_them() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    monitor.publish("api", json!({}));
    monitor.publish("db", json!({"pid": null, "state": "STOPPED"}));
    let command = colony.start(&["shutdown", "--keep-programs"]);
    monitor.obey("DETACH", &["api", "db", "web"]);
    drop(monitor);
    let ran = command.finish();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(
        ran.stdout,
        "the monitor has ended; 2 programs go on running\n"
    );
}

#[test]
fn a_monitor_that_may_not_leave_its_programs_says_so() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    let command = colony.start(&["shutdown", "--keep-programs"]);
    monitor.refuse("DETACH", "it is process 1");
    let ran = command.finish();
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("it is process 1"), "{ran:?}");
}

#[test]
fn a_moment_without_a_lock_is_not_the_end_while_the_process_is_there() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({}));
    let own = std::process::id();
    monitor.take_hold(own);
    let command = colony.start(&["upgrade"]);
    monitor.obey_before("UPGRADE", &[], || {
        let looks = monitor.looks_at_file("status/.lock");
        monitor.let_go();
        // The first look may have begun before the lock was let go.
        for _ in 0..2 {
            until("a look at the lock", || looks.read_events().ok());
        }
        monitor.take_hold(own);
        monitor.describe(json!({"version": "0.2.0", "started": "2026-02-01T00:00:00Z"}));
    });
    let ran = command.finish();
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

#[test]
fn a_monitor_that_ends_over_its_upgrade_has_ended() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({}));
    let command = colony.start(&["upgrade"]);
    assert_eq!(monitor.take_message()["type"], "UPGRADE");
    drop(monitor);
    let ran = command.finish();
    assert_eq!(ran.status, Some(5), "{ran:?}");
}
