//! G5: what is around the monitor is the same after an upgrade, and may be missing during it.

use std::fs;
use std::os::unix::fs::symlink;

use ncolony_core::State;
use serde_json::json;

use crate::binaries::{binary, install};
use crate::colony::{Colony, shell, until};
use crate::processes::is_alive;

const CAT: &str = r#"{"args": ["cat"]}"#;

fn stop(colony: &Colony, name: &str) {
    assert!(colony.ask(json!({"type": "STOP", "name": name})).ok);
    colony.until_state(name, State::Stopped);
}

#[test]
fn what_cannot_be_read_is_not_removed_by_the_new_image_either() {
    let mut colony = Colony::new(&["--frequency", "0.1"]);
    colony.without_rights();
    colony.start();
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.set_mode("config", 0);
    colony.until_overview("its files cannot be read", |record| {
        record.config_state.contains("unknown: ")
    });
    colony.upgrade();
    colony.rescan();
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
    assert!(colony.overview().config_state.contains("unknown: "));
    colony.set_mode("config", 0o755);
    colony.until_overview("they can be read", |record| record.config_state == "ok");
    assert_eq!(colony.record("web").pid, Some(pid));
}

#[test]
fn the_new_image_bears_that_directories_are_gone() {
    let colony = Colony::running(&["--frequency", "0.1"]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    fs::rename(colony.path("config"), colony.path("away")).unwrap();
    // Nothing can be made where a file stands.
    fs::write(colony.path("config"), "").unwrap();
    colony.upgrade();
    assert_eq!(colony.record("web").pid, Some(pid));
    fs::remove_file(colony.path("config")).unwrap();
    fs::rename(colony.path("away"), colony.path("config")).unwrap();
    colony.until_overview("it is there again", |record| record.config_state == "ok");
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
}

#[test]
fn programs_have_the_limit_of_open_files_that_the_first_monitor_was_started_with() {
    let mut colony = Colony::new(&[]);
    let limited = "ulimit -S -n 200; exec \"$@\"";
    colony.wrap(&["sh", "-c", limited, "sh"]);
    colony.start();
    for round in 0..3 {
        let name = format!("limit-{round}");
        let script = format!("ulimit -S -n > {name}; ulimit -H -n >> {name}");
        colony.program(&name, shell(&script, json!({"restart": "never"})));
        colony.until_state(&name, State::Exited);
        assert_eq!(colony.lines(&name)[0], "200");
        assert_eq!(colony.lines(&name), colony.lines("limit-0"));
        colony.upgrade();
    }
}

#[test]
fn orphans_and_groups_of_programs_are_known_to_the_new_image() {
    for flags in [&[][..], &["--cgroup", "never"]] {
        let colony = Colony::running(flags);
        let daemon = "setsid sh -c 'echo $$ > daemon; exec sleep 1000' & exec cat";
        colony.program("tree", shell(daemon, json!({})));
        let pid = colony.until_up("tree");
        let daemon: u32 = until("there is a daemon", || {
            colony.lines("daemon").first()?.parse().ok()
        });
        let cgroup = || fs::read_to_string(format!("/proc/{daemon}/cgroup")).unwrap();
        let before = cgroup();
        colony.upgrade();
        assert_eq!((cgroup(), colony.record("tree").pid), (before, Some(pid)));
        stop(&colony, "tree");
        assert!(!is_alive(daemon) && !is_alive(pid), "{flags:?}");
        // An orphan of no program's comes to the same monitor as before.
        colony.program("other", shell("(sleep 0.2 &) & exec cat", json!({})));
        colony.until_up("other");
        colony.until_overview("an orphan was taken care of", |record| {
            record.counters["orphans"] > 0
        });
    }
}

#[test]
fn a_socket_stays_the_one_that_it_was() {
    let colony = Colony::running(&[]);
    let path = colony.path("web.socket");
    let listen = format!("unix://{}", path.display());
    let sockets = json!([{"name": "web", "listen": listen}]);
    let keys = json!({"sockets": sockets, "restart": "never"});
    colony.program(
        "web",
        shell("while [ ! -e end ]; do sleep 0.01; done", keys),
    );
    let pid = colony.until_up("web");
    let socket = |pid: u32| fs::read_link(format!("/proc/{pid}/fd/3")).unwrap();
    let before = socket(pid);
    colony.upgrade();
    // It is held while nothing runs, also by a third image.
    fs::write(colony.path("end"), "").unwrap();
    colony.until_state("web", State::Exited);
    let _waits = std::os::unix::net::UnixStream::connect(&path).unwrap();
    colony.upgrade();
    fs::remove_file(colony.path("end")).unwrap();
    assert!(colony.ask(json!({"type": "START", "name": "web"})).ok);
    let next = colony.until_up("web");
    assert_eq!(socket(next), before);
    assert_ne!(next, pid);
    stop(&colony, "web");
    assert!(!path.exists());
}

#[test]
fn the_binary_is_the_one_that_the_link_leads_to_now() {
    let mut colony = Colony::new(&[]);
    fs::create_dir(colony.path("v1")).unwrap();
    fs::create_dir(colony.path("v2")).unwrap();
    install(binary("ncolony-monitor"), colony.path("v1/monitor"));
    install(binary("ncolony-monitor"), colony.path("v2/monitor"));
    symlink("v1/monitor", colony.path("ncolony-monitor")).unwrap();
    colony.start();
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    let runs = || fs::read_link(format!("/proc/{}/exe", colony.pid())).unwrap();
    assert!(runs().ends_with("v1/monitor"));
    symlink("v2/monitor", colony.path("next")).unwrap();
    fs::rename(colony.path("next"), colony.path("ncolony-monitor")).unwrap();
    let said = colony.ctl(&["upgrade"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("1 program kept running"), "{said:?}");
    assert!(runs().ends_with("v2/monitor"));
    assert_eq!(colony.record("web").pid, Some(pid));
    assert!(is_alive(pid));
}

#[test]
fn a_full_disk_prevents_no_upgrade() {
    let mut colony = Colony::new(&["--frequency", "0.1"]);
    if !colony.own_mounts() {
        return;
    }
    colony.make_small("status", 256 * 1024);
    colony.start();
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.fill("status");
    colony.message("upgrade", &json!({"type": "UPGRADE", "id": "upgrade"}));
    until("the new image is up", || {
        (colony.log().matches("the monitor is up").count() == 2).then_some(())
    });
    assert!(is_alive(pid));
    colony.free("status");
    assert!(colony.reply("upgrade").ok);
    colony.until_overview("all is well again", |record| record.problems.is_empty());
    let record = colony.record("web");
    assert_eq!(
        (record.pid, record.starts, record.adopted),
        (Some(pid), 1, false)
    );
}

#[test]
fn last_words_that_wait_for_their_log_wait_on() {
    let colony = Colony::running(&[]);
    let file = colony.path("later/speaker.log");
    // Nothing can be made where a file stands.
    fs::write(colony.path("later"), "").unwrap();
    let keys = json!({"restart": "never", "stdout": {"file": file}});
    colony.program("speaker", shell("echo last words", keys));
    colony.until_state("speaker", State::Exited);
    colony.until_overview("its words wait", |record| !record.problems.is_empty());
    for _image in 0..2 {
        colony.upgrade();
    }
    fs::remove_file(colony.path("later")).unwrap();
    fs::create_dir(colony.path("later")).unwrap();
    until("they are there", || {
        (colony.lines("later/speaker.log") == ["last words"]).then_some(())
    });
    // What is empty and left is let go of.
    let fifo = colony.path("status/output/speaker");
    until("its FIFO is gone", || (!fifo.exists()).then_some(()));
}
