//! A program that cannot be executed says at which stage, with which path, and why.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ncolony_core::State;
use serde_json::{Value, json};

use crate::colony::Colony;

/// The reason that a program gives which cannot be started.
fn reason(colony: &Colony, name: &str, mut file: Value) -> String {
    file["give_up_after"] = json!(1);
    colony.program(name, file.to_string());
    let record = colony.until_state(name, State::Fatal);
    assert_eq!(
        (record.starts, record.pid, record.exit),
        (0, None, None),
        "{name}"
    );
    record.reason.unwrap()
}

#[test]
fn the_reason_names_stage_path_and_errno() {
    let colony = Colony::running(&[]);
    let write = |name: &str, text: &str, mode: u32| {
        let path = colony.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let closed = write("closed", "#!/bin/sh\n", 0o644);
    let lost = write("lost", "#!/nowhere/to/be/found\n", 0o755);
    let prose = write("prose", "these are words\n", 0o755);
    let directory = colony.path("logs").to_str().unwrap().to_owned();
    let missing = "/nowhere/to/be/found";
    let cases: [(&str, Value, &[&str]); 9] = [
        (
            "missing",
            json!({"args": [missing]}),
            &["execute", missing, "ENOENT"],
        ),
        (
            "not-in-path",
            json!({"args": ["no-such-program"], "env": {"PATH": "/a:/b"}}),
            &["no-such-program", "PATH=/a:/b", "ENOENT"],
        ),
        (
            "closed",
            json!({"args": [closed]}),
            &["execute", &closed, "EACCES"],
        ),
        (
            "directory",
            json!({"args": [directory]}),
            &["execute", &directory, "EACCES", "directory"],
        ),
        (
            "no-interpreter",
            json!({"args": [lost]}),
            &["execute", &lost, "ENOENT", "interpreter"],
        ),
        (
            "no-program",
            json!({"args": [prose]}),
            &["execute", &prose, "ENOEXEC"],
        ),
        (
            "no-cwd",
            json!({"args": ["cat"], "cwd": missing}),
            &["working directory", missing, "ENOENT"],
        ),
        (
            "bad-cwd",
            json!({"args": ["cat"], "cwd": prose}),
            &["working directory", &prose, "ENOTDIR"],
        ),
        (
            "no-user",
            json!({"args": ["cat"], "user": "no-such-user"}),
            &["\"user\"", "no-such-user"],
        ),
    ];
    for (name, file, wanted) in cases {
        let reason = reason(&colony, name, file);
        for part in wanted {
            assert!(
                reason.contains(part),
                "{name}: {part:?} is not in {reason:?}"
            );
        }
    }
    if nix::unistd::geteuid().is_root() {
        let reason = reason(&colony, "no-gid", json!({"args": ["cat"], "uid": 54321}));
        assert!(
            reason.contains("54321") && reason.contains("group"),
            "{reason}"
        );
    }
}

#[test]
fn it_is_an_instant_death_and_is_tried_again_after_the_wait() {
    let colony = Colony::running(&["-m", "0.05", "-M", "0.1"]);
    let program = colony.path("later");
    colony.program(
        "web",
        json!({"args": [program], "threshold": 0.01}).to_string(),
    );
    let record = colony.until_record("web", "it failed twice", |record| record.delay >= 0.1);
    assert_eq!((record.starts, record.state), (0, State::Backoff));
    assert!(record.next_start.is_some());
    // It is there whole, or not at all.
    let unfinished = colony.path("unfinished");
    fs::write(&unfinished, "#!/bin/sh\nexec cat\n").unwrap();
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(unfinished, program).unwrap();
    let record = colony.until_state("web", State::Running);
    assert_eq!(record.starts, 1);
}

#[test]
fn a_program_is_found_along_its_own_path() {
    let colony = Colony::running(&[]);
    let directory = colony.path("bin");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("mine"), "#!/bin/sh\nexec cat\n").unwrap();
    fs::set_permissions(directory.join("mine"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("/nowhere:{}:/usr/bin:/bin", directory.display());
    colony.program(
        "web",
        json!({"args": ["mine"], "env": {"PATH": path}}).to_string(),
    );
    colony.until_up("web");
}
