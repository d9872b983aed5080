//! G10: as root, what others can change is not obeyed.

use std::fs;
use std::os::unix::fs::{chown, symlink};

use ncolony_core::State;
use ncolony_core::custody::Trust;
use ncolony_core::status::ProgramStatus;
use serde_json::json;

use crate::colony::{Colony, until};

const CAT: &str = r#"{"args": ["cat"]}"#;
const TAC: &str = r#"{"args": ["cat", "-u"]}"#;

/// Somebody else.
const OTHER: u32 = 54321;

/// Only root has anything to fear, and only root can give a file away.
fn is_root() -> bool {
    let trust = Trust::of_user(nix::unistd::geteuid().as_raw());
    trust == Trust::RootsAlone
}

fn refusal(record: &ProgramStatus) -> String {
    let error = record.config_error.as_ref().unwrap();
    error.message.clone()
}

fn until_refused(colony: &Colony, name: &str) -> String {
    let record = colony.until_record(name, "its file is refused", |record| {
        let error = record.config_error.as_ref();
        error.is_some_and(|error| error.message.contains("cannot trust"))
    });
    refusal(&record)
}

fn until_obeyed(colony: &Colony, name: &str) -> ProgramStatus {
    colony.until_record(name, "its file is obeyed", |record| {
        record.config_error.is_none()
    })
}

fn give_to(colony: &Colony, name: &str, user: u32) {
    chown(colony.path(name), Some(user), None).unwrap();
}

#[test]
fn a_program_file_that_others_can_change_is_refused_and_what_runs_goes_on() {
    if !is_root() {
        return;
    }
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    let path = colony.path("config/web").display().to_string();
    for (mode, owner, said) in [
        (
            0o664,
            0,
            format!(
                "(owner 0, mode 0664), and a monitor that is root obeys only what root alone can write; `chmod go-w {path}`"
            ),
        ),
        (
            0o646,
            0,
            format!(
                "(owner 0, mode 0646), and a monitor that is root obeys only what root alone can write; `chmod go-w {path}`"
            ),
        ),
        (
            0o600,
            OTHER,
            format!(
                "(owner 54321, mode 0600), and a monitor that is root obeys only what root alone can write; `chown root {path}`"
            ),
        ),
    ] {
        // Nothing but who may write it has changed, and that alone is noticed.
        colony.set_mode("config/web", mode);
        give_to(&colony, "config/web", owner);
        let why = until(&format!("{said} is said"), || {
            let record = colony.record("web");
            let error = record.config_error?;
            error.message.contains(&said).then_some(error.message)
        });
        assert!(why.starts_with(&format!("cannot trust {path}")), "{why}");
        // Whoever can write it, writes it.
        fs::write(colony.path("config/web"), TAC).unwrap();
        colony.ask(json!({"type": "RESCAN"}));
        assert_eq!(until_refused(&colony, "web"), why);
        assert_eq!(colony.record("web").pid, Some(pid));
        fs::write(colony.path("config/web"), CAT).unwrap();
        give_to(&colony, "config/web", 0);
        colony.set_mode("config/web", 0o644);
        assert_eq!(until_obeyed(&colony, "web").pid, Some(pid));
    }
}

#[test]
fn one_that_was_never_safe_does_not_run_until_it_is() {
    if !is_root() {
        return;
    }
    let colony = Colony::running(&[]);
    fs::write(colony.path("web"), CAT).unwrap();
    give_to(&colony, "web", OTHER);
    fs::rename(colony.path("web"), colony.path("config/web")).unwrap();
    until_refused(&colony, "web");
    let record = colony.record("web");
    assert_eq!((record.state, record.starts), (State::Stopped, 0));
    give_to(&colony, "config/web", 0);
    colony.until_up("web");
}

#[test]
fn nothing_is_obeyed_that_stands_in_a_directory_that_others_can_change() {
    if !is_root() {
        return;
    }
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    colony.program("other", CAT);
    let pids = [colony.until_up("web"), colony.until_up("other")];
    let path = colony.path("config").display().to_string();
    // Also where nobody may remove what is another's.
    for mode in [0o1777, 0o775] {
        colony.set_mode("config", mode);
        for name in ["web", "other"] {
            let why = until_refused(&colony, name);
            assert!(
                why.contains(&format!("the directory {path} can be")),
                "{why}"
            );
            assert!(why.contains(&format!("`chmod go-w {path}`")), "{why}");
        }
        colony.program("new", CAT);
        until_refused(&colony, "new");
        colony.until_overview("it says so once", |record| {
            let said = |problem: &&String| problem.contains("every program file is refused");
            record.problems.iter().filter(said).count() == 1
        });
        colony.set_mode("config", 0o755);
        for (name, pid) in ["web", "other"].into_iter().zip(pids) {
            assert_eq!(until_obeyed(&colony, name).pid, Some(pid));
        }
        colony.until_up("new");
        colony.remove("new");
        colony.until_retracted("new");
        colony.until_overview("all is well", |record| record.problems.is_empty());
    }
    give_to(&colony, "config", OTHER);
    let why = until_refused(&colony, "web");
    assert!(why.contains(&format!("`chown root {path}`")), "{why}");
}

#[test]
fn a_link_is_as_safe_as_what_it_leads_to_and_where_that_stands() {
    if !is_root() {
        return;
    }
    // Nobody hints at what happens elsewhere.
    let colony = Colony::running(&["--frequency", "0.1"]);
    fs::create_dir(colony.path("else")).unwrap();
    fs::write(colony.path("else/web"), CAT).unwrap();
    symlink("../else/web", colony.path("config/web")).unwrap();
    let pid = colony.until_up("web");
    for (at, open, closed) in [
        ("else/web", 0o666, 0o644),
        ("else", 0o1777, 0o755),
        ("config", 0o775, 0o755),
    ] {
        colony.set_mode(at, open);
        let why = until_refused(&colony, "web");
        let command = format!(
            "`chmod go-w {}",
            colony.path("config").join("..").join(at).display()
        );
        let short = format!("`chmod go-w {}", colony.path(at).display());
        assert!(
            why.contains(&command) || why.contains(&short),
            "{at}: {why}"
        );
        colony.set_mode(at, closed);
        assert_eq!(until_obeyed(&colony, "web").pid, Some(pid));
    }
    // A second link on the way, in a directory of somebody else.
    fs::create_dir(colony.path("theirs")).unwrap();
    symlink("../else/web", colony.path("theirs/web")).unwrap();
    give_to(&colony, "theirs", OTHER);
    symlink("../theirs/web", colony.path("config/.web.new")).unwrap();
    fs::rename(colony.path("config/.web.new"), colony.path("config/web")).unwrap();
    assert!(until_refused(&colony, "web").contains("theirs"));
}

#[test]
fn an_unsafe_message_is_put_aside_and_the_next_is_acted_on() {
    if !is_root() {
        return;
    }
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    let text = json!({"type": "STOP", "name": "web"}).to_string();
    for (name, mode, owner, command) in [
        ("owned", 0o644, OTHER, "`chown root "),
        ("open", 0o666, 0, "`chmod go-w "),
    ] {
        fs::write(colony.path(name), &text).unwrap();
        colony.set_mode(name, mode);
        give_to(&colony, name, owner);
        fs::rename(colony.path(name), colony.path("messages").join(name)).unwrap();
        let why = colony.until_rejected(name);
        assert!(
            why.contains("cannot be trusted") && why.contains(command),
            "{why}"
        );
        assert!(colony.path("status/rejected").join(name).exists());
    }
    assert!(colony.ask(json!({"type": "START", "name": "web"})).ok);
    colony.set_mode("messages", 0o1777);
    colony.message("by-root", &json!({"type": "STOP", "name": "web"}));
    let why = colony.until_rejected("by-root");
    assert!(why.contains("the directory"), "{why}");
    let refused = |problem: &String| problem.contains("every message is refused");
    colony.until_overview("it says so", |record| record.problems.iter().any(refused));
    let ran = colony.ctl(&["--timeout=0.5", "restart", "web"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("every message is refused"), "{ran:?}");
    colony.set_mode("messages", 0o700);
    assert!(colony.ask(json!({"type": "START", "name": "web"})).ok);
    colony.until_overview("all is well", |record| record.problems.is_empty());
    assert_eq!(colony.record("web").pid, Some(pid));
}

#[test]
fn what_runs_goes_on_under_a_new_monitor_too() {
    if !is_root() {
        return;
    }
    let mut colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.kill();
    colony.set_mode("config", 0o777);
    colony.start();
    until_refused(&colony, "web");
    assert_eq!(colony.record("web").pid, Some(pid));
    colony.set_mode("config", 0o755);
    assert_eq!(until_obeyed(&colony, "web").pid, Some(pid));
}

#[test]
fn nobody_writes_through_a_mount_that_takes_no_writing() {
    let mut colony = Colony::new(&[]);
    if !colony.own_mounts() {
        return;
    }
    fs::write(colony.path("config/web"), CAT).unwrap();
    colony.set_mode("config", 0o777);
    colony.set_mode("config/web", 0o666);
    colony.make_read_only("config");
    colony.start();
    colony.until_up("web");
    assert_eq!(colony.overview().problems, [""; 0]);
    // The same through a mount that does.
    colony.make_writable("config");
    fs::write(colony.path("config/more"), CAT).unwrap();
    colony.ask(json!({"type": "RESCAN"}));
    until_refused(&colony, "more");
}

#[test]
fn a_monitor_that_is_not_root_obeys_whatever_it_can_read() {
    let mut colony = Colony::new(&[]);
    colony.without_rights();
    colony.set_mode("config", 0o777);
    colony.set_mode("messages", 0o777);
    colony.start();
    fs::write(colony.path("web"), CAT).unwrap();
    colony.set_mode("web", 0o666);
    fs::rename(colony.path("web"), colony.path("config/web")).unwrap();
    colony.until_up("web");
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    assert_eq!(colony.overview().problems, [""; 0]);
    let check = colony.ctl(&["check"]);
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn the_control_program_says_it_before_the_monitor_does() {
    if !is_root() {
        return;
    }
    let mut colony = Colony::new(&[]);
    colony.program("web", CAT);
    colony.set_mode("config/web", 0o664);
    let file = colony.path("config/web").display().to_string();
    let command = format!("`chmod go-w {file}`");
    for args in [&["check"][..], &["check", &file]] {
        let said = colony.ctl(args);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stdout.contains(&command), "{said:?}");
    }
    // A file that is yet to be put there may stand anywhere.
    fs::write(colony.path("draft"), CAT).unwrap();
    colony.set_mode("draft", 0o666);
    let draft = colony.path("draft").display().to_string();
    assert_eq!(colony.ctl(&["check", &draft]).code, Some(0));
    colony.start();
    until_refused(&colony, "web");
    let said = colony.ctl(&["--json", "upgrade", "check"]);
    assert!(said.stdout.contains("chmod go-w"), "{said:?}");
    let said = colony.ctl(&["status"]);
    assert!(said.stdout.contains("cannot trust"), "{said:?}");
}

#[test]
fn a_status_place_that_others_can_write_is_not_taken_up() {
    if !is_root() {
        return;
    }
    let mut colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    // A monitor that is there goes on, also by an upgrade.
    colony.set_mode("status", 0o777);
    colony.upgrade();
    assert_eq!(colony.record("web").pid, Some(pid));
    colony.kill();
    colony.begin();
    assert_eq!(colony.ended().code(), Some(1));
    let said = colony.log();
    let path = colony.path("status").display().to_string();
    assert!(said.contains(&format!("`chmod go-w {path}`")), "{said}");
    colony.set_mode("status", 0o755);
    colony.start();
    assert_eq!(colony.record("web").pid, Some(pid));
}
