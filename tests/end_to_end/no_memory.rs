//! G8: a kernel that has no memory for another process. Nothing short of using all of it up makes
//! the real one say so, so a library that the monitor is loaded with says it in its place.

use std::fs;
use std::process::Command;

use ncolony_core::State;
use serde_json::json;

use crate::colony::Colony;
use crate::processes::is_alive;

/// Has no memory for a process while a file is there.
const SCARCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>
typedef int (*make)(int (*)(void *), void *, int, void *);
int clone(int (*begin)(void *), void *stack, int flags, void *argument, ...) {
    const char *path = getenv("SCARCE_FILE");
    if (path && access(path, F_OK) == 0) {
        errno = ENOMEM;
        return -1;
    }
    return ((make)dlsym(RTLD_NEXT, "clone"))(begin, stack, flags, argument);
}
"#;

/// A colony whose machine lacks memory while `scarce` is there.
fn on_a_small_machine() -> Colony {
    // Into control groups processes are made by a call that no library stands before.
    let mut colony = Colony::new(&["--cgroup", "never"]);
    fs::write(colony.path("scarce.c"), SCARCE).unwrap();
    let library = colony.path("scarce.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &colony.path("scarce.c")])
        .arg("-ldl")
        .status();
    assert!(compiled.unwrap().success());
    colony.variable("LD_PRELOAD", library.to_str().unwrap());
    colony.variable("SCARCE_FILE", colony.path("scarce").to_str().unwrap());
    colony.start();
    colony
}

#[test]
fn where_there_is_no_memory_programs_wait_and_what_runs_goes_on() {
    let colony = on_a_small_machine();
    colony.program("witness", r#"{"args": ["cat"]}"#);
    let witness = colony.until_up("witness");
    fs::write(colony.path("scarce"), "").unwrap();
    // A single death would make it FATAL.
    colony.program("web", r#"{"args": ["cat"], "give_up_after": 1}"#);
    let record = colony.until_record("web", "it waits", |record| {
        record.state == State::Backoff && record.reason.is_some()
    });
    let reason = record.reason.unwrap();
    assert!(
        reason.contains("ENOMEM") && reason.contains("does not count against the program"),
        "{reason}"
    );
    assert!(is_alive(witness));
    assert!(colony.ask(json!({"type": "STOP", "name": "witness"})).ok);
    colony.until_state("witness", State::Stopped);
    fs::remove_file(colony.path("scarce")).unwrap();
    colony.until_up("web");
    assert_eq!(colony.record("web").starts, 1);
}
