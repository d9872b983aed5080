//! G9: steps of the wall clock change nothing.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use ncolony_core::State;
use serde_json::json;

use crate::colony::{Colony, shell, until};

/// Shifts the wall clock, for a process that this is loaded into, by what a file says; the other
/// clocks stay the kernel's.
const SHIFT: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void) {
    char text[32] = {0};
    const char *path = getenv("SHIFT_FILE");
    int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    return atol(text);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift();
    return result;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"#;

const YEAR: i64 = 365 * 24 * 3600;

/// A colony whose monitor reads a wall clock that we can step.
fn with_a_clock_of_its_own(flags: &[&str]) -> Colony {
    let mut colony = Colony::new(flags);
    fs::write(colony.path("shift.c"), SHIFT).unwrap();
    let library = colony.path("shift.so");
    // Whoever has linked this test has a C compiler.
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &colony.path("shift.c")])
        .status();
    assert!(compiled.unwrap().success());
    step(&colony, 0);
    colony.variable("LD_PRELOAD", library.to_str().unwrap());
    colony.variable("SHIFT_FILE", colony.path("shift").to_str().unwrap());
    colony.start();
    colony
}

/// Sets how far its clock is off.
fn step(colony: &Colony, seconds: i64) {
    fs::write(colony.path("shift.new"), seconds.to_string()).unwrap();
    fs::rename(colony.path("shift.new"), colony.path("shift")).unwrap();
}

const DEAF: &str = "trap '' TERM; echo $$ >> deaf; while :; do read line; done";

#[test]
fn no_step_of_the_wall_clock_starts_stops_or_delays_anything() {
    let flags = ["-m", "0.2", "-M", "0.2", "-t", "0.1", "--frequency", "0.1"];
    let colony = with_a_clock_of_its_own(&flags);
    let begun = colony.overview().started.as_millis();
    colony.program("steady", r#"{"args": ["cat"]}"#);
    colony.program("crashing", shell("exit 1", json!({})));
    colony.program(
        "patient",
        shell(
            "exit 1",
            json!({"minrestartdelay": 600, "maxrestartdelay": 600}),
        ),
    );
    colony.program("stubborn", shell(DEAF, json!({"killtime": 0.2})));
    let steady = colony.until_state("steady", State::Running).pid;
    let patient = colony.until_state("patient", State::Backoff);
    for (round, years) in (1..).zip([-1, 1, -40, 30, 0]) {
        let stepped = Instant::now();
        step(&colony, years * YEAR);
        // The step has reached the monitor: it dates what happens now by it.
        colony.program(
            "dated",
            json!({"args": ["cat"], "env": {"ROUND": round.to_string()}}).to_string(),
        );
        let dated = colony.until_record("dated", "it was started", |record| record.starts == round);
        let off = dated.since.as_millis() - begun - years * YEAR * 1000;
        assert!((0..600_000).contains(&off), "{years} years: {off} ms");

        // Waits are as long as before, no shorter and no longer.
        let starts = colony.record("crashing").starts;
        colony.until_record("crashing", "its delays go on", |record| {
            record.starts >= starts + 4
        });
        assert!(stepped.elapsed() >= Duration::from_millis(400));
        until("it is deaf", || {
            (colony.lines("deaf").len() as u64 >= round).then_some(())
        });
        assert!(
            colony
                .ask(json!({"type": "RESTART", "name": "stubborn"}))
                .ok
        );
        colony.until_record("stubborn", "it was killed in time", |record| {
            record.starts == round + 1
        });

        // And nothing else has happened.
        colony.rescan();
        let record = colony.record("steady");
        assert_eq!((record.pid, record.starts), (steady, 1), "{years} years");
        let record = colony.record("patient");
        assert_eq!(
            (record.state, record.starts),
            (State::Backoff, 1),
            "{years} years"
        );
        assert_eq!(record.next_start, patient.next_start);
    }
}

#[test]
fn a_file_is_read_whatever_its_date() {
    let colony = with_a_clock_of_its_own(&["--watch", "poll", "--frequency", "0.05"]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_up("web");
    for (starts, years) in (2..).zip([-1, 1, 0]) {
        step(&colony, years * YEAR);
        colony.program(
            "web",
            json!({"args": ["cat"], "env": {"N": starts.to_string()}}).to_string(),
        );
        colony.until_record("web", "the change was seen", |record| {
            record.starts == starts
        });
        let file = fs::File::options()
            .write(true)
            .open(colony.path("config/web"))
            .unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        colony.rescan();
        assert_eq!(
            colony.record("web").starts,
            starts,
            "it was dated, not changed"
        );
    }
}
