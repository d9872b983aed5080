//! What a program finds when it begins: exactly what was said, and nothing of the monitor's.

use std::collections::BTreeSet;
use std::fs;

use ncolony_core::State;
use serde_json::{Value, json};

use crate::colony::{Colony, shell, until};
use crate::processes::field;

/// Runs a program once, and gives what it printed.
fn printed(colony: &Colony, name: &str, mut file: Value) -> String {
    file["restart"] = json!("never");
    colony.program(name, file.to_string());
    let record = colony.until_state(name, State::Exited);
    assert_eq!(
        record.exit.unwrap().to_string(),
        "exited with code 0",
        "{record:?}"
    );
    let log = record.log.unwrap();
    until("its log is written", || fs::read_to_string(&log).ok())
}

fn script(text: &str) -> Value {
    json!({"args": ["/bin/sh", "-c", text]})
}

#[test]
fn the_environment_is_what_was_said_and_nothing_else() {
    let colony = Colony::running(&[]);
    let file = json!({
        "args": ["/usr/bin/env", "-0"],
        "env": {"A": "1", "EMPTY": "", "LINES": "two\nlines", "PATH": "/said", "NCOLONY_NAME": "x"},
        "env_inherit": ["PATH", "NO_SUCH_VARIABLE_ANYWHERE"],
    });
    let printed = printed(&colony, "web", file);
    let found: BTreeSet<&str> = printed.split_terminator('\0').collect();
    let run_id = found
        .iter()
        .find_map(|text| text.strip_prefix("NCOLONY_RUN_ID="))
        .unwrap();
    assert!(
        run_id.len() == 32 && run_id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{run_id}"
    );
    let said = fs::read_to_string(colony.path("config/web")).unwrap();
    let wanted = [
        "A=1".to_owned(),
        "EMPTY=".to_owned(),
        "LINES=two\nlines".to_owned(),
        format!("PATH={}", std::env::var("PATH").unwrap()),
        "NO_SUCH_VARIABLE_ANYWHERE=".to_owned(),
        "NCOLONY_NAME=web".to_owned(),
        format!("NCOLONY_CONFIG={said}"),
        format!("NCOLONY_RUN_ID={run_id}"),
    ];
    assert_eq!(found, wanted.iter().map(String::as_str).collect());
}

#[test]
fn every_start_has_a_run_id_of_its_own() {
    let colony = Colony::running(&["-m", "0.01"]);
    colony.program("web", shell("echo $NCOLONY_RUN_ID >> ids", json!({})));
    let ids = until("three starts", || {
        let ids = colony.lines("ids");
        (ids.len() >= 3).then_some(ids)
    });
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

#[test]
fn the_working_directory_and_the_mask_are_as_said() {
    let colony = Colony::running(&[]);
    let mut file = script("pwd; umask");
    file["cwd"] = json!("/usr");
    file["umask"] = json!("027");
    assert_eq!(printed(&colony, "said", file), "/usr\n0027\n");
    let own = colony.path(".").canonicalize().unwrap();
    assert_eq!(
        printed(&colony, "own", script("pwd -P")),
        format!("{}\n", own.display())
    );
}

#[test]
fn a_program_runs_as_the_user_that_was_said() {
    let colony = Colony::running(&[]);
    let with = |keys: Value| {
        let mut file = script("echo $(id -u) $(id -g) $(id -G)");
        file.as_object_mut()
            .unwrap()
            .extend(keys.as_object().unwrap().clone());
        file
    };
    if !nix::unistd::geteuid().is_root() {
        let file = with(json!({"uid": 0, "give_up_after": 1}));
        colony.program("web", file.to_string());
        let reason = colony.until_state("web", State::Fatal).reason.unwrap();
        assert!(reason.contains("EPERM"), "{reason}");
        return;
    }
    let daemon = nix::unistd::User::from_name("daemon").unwrap().unwrap();
    let (uid, gid) = (daemon.uid, daemon.gid);
    let whole = format!("{uid} {gid} {gid}\n");
    assert_eq!(
        printed(&colony, "by-name", with(json!({"user": "daemon"}))),
        whole
    );
    assert_eq!(
        printed(&colony, "by-uid", with(json!({"uid": uid.as_raw()}))),
        whole
    );
    let numbers = printed(
        &colony,
        "numbers",
        with(json!({"uid": 54321, "gid": 54322})),
    );
    assert_eq!(numbers, "54321 54322 54322\n");
    let group = printed(&colony, "with-group", with(json!({"user": "daemon:54322"})));
    assert!(group.starts_with(&format!("{uid} 54322 ")), "{group}");
}

#[test]
fn a_program_has_three_descriptors_and_a_session_of_its_own() {
    let colony = Colony::running(&[]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    let pid = colony.until_up("web");
    let entries = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let open: BTreeSet<String> = entries()
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(open, ["0", "1", "2"].map(str::to_owned).into());
    let own = Some(pid.to_string());
    assert_eq!(
        (field(pid, 5), field(pid, 6)),
        (own.clone(), own),
        "group and session"
    );
    assert_eq!(field(pid, 7).as_deref(), Some("0"), "it has no terminal");
}

#[test]
fn a_program_begins_with_all_signals_as_by_default_and_the_limits_that_we_had() {
    let colony = Colony::running(&[]);
    colony.program("web", r#"{"args": ["sleep", "1000"]}"#);
    let pid = colony.until_up("web");
    let status = until("it is the program", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.starts_with("Name:\tsleep\n").then_some(status)
    });
    for line in ["SigBlk", "SigIgn", "SigCgt"] {
        let line = format!("{line}:\t0000000000000000\n");
        assert!(status.contains(&line), "{line}{status}");
    }
    let limit = |path: String| {
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find(|line| line.starts_with("Max open files"));
        line.unwrap().to_owned()
    };
    assert_eq!(
        limit(format!("/proc/{pid}/limits")),
        limit("/proc/self/limits".to_owned())
    );
}
