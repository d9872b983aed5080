//! What `ncolony-ctl` says of programs that need each other.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use ncolony_core::State;
use serde_json::json;

use crate::colony::{Colony, shell};

fn cat(colony: &Colony, name: &str, requires: &[&str]) {
    colony.program(name, shell("exec cat", json!({"requires": requires})));
}

/// Three in a chain, and one that is no part of it.
fn chain() -> Colony {
    let colony = Colony::running(&["-t", "0"]);
    cat(&colony, "db", &[]);
    cat(&colony, "api", &["db"]);
    cat(&colony, "web", &["api"]);
    cat(&colony, "other", &[]);
    for name in ["db", "api", "web", "other"] {
        colony.until_up(name);
    }
    colony
}

#[test]
fn a_stop_says_who_stops_with_it() {
    let colony = chain();
    let said = colony.ctl(&["stop", "other"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let said = colony.ctl(&["stop", "db"]);
    let wanted = "api requires db and stops with it; it is started again when db is RUNNING\n\
                  web requires api and stops with it; it is started again when api is RUNNING\n";
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), wanted));
    assert!(said.stdout.starts_with("db: STOPPED"), "{said:?}");
    // Who does not run does not stop.
    let said = colony.ctl(&["stop", "api"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert_eq!(colony.ctl(&["start", "db", "api"]).code, Some(0));
    colony.until_state("web", State::Running);
    // Those that are meant themselves are not named.
    let said = colony.ctl(&["stop", "db", "api"]);
    assert!(said.stderr.starts_with("web requires api"), "{said:?}");
    assert_eq!(colony.ctl(&["start", "all"]).code, Some(0));
    let said = colony.ctl(&["stop", "all"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_removal_says_who_stops_with_it() {
    let colony = chain();
    cat(&colony, "mail", &["db"]);
    colony.until_up("mail");
    let said = colony.ctl(&["remove", "db"]);
    let wanted = "api and mail require db and stop with it; \
                  they are started again when db is there again and RUNNING\n";
    assert!(said.stderr.starts_with(wanted), "{said:?}");
    assert_eq!(said.code, Some(0));
}

#[test]
fn one_instance_of_several_takes_nobody_with_it() {
    let colony = Colony::running(&["-t", "0"]);
    colony.program("db", shell("exec cat", json!({"instances": 3})));
    cat(&colony, "api", &["db"]);
    colony.until_up("api");
    let said = colony.ctl(&["stop", "db:0", "db:2"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let said = colony.ctl(&["stop", "db:1"]);
    assert!(
        said.stderr.starts_with("api requires db and stops"),
        "{said:?}"
    );
}

#[test]
fn a_start_says_what_it_waits_for_while_it_waits() {
    let colony = chain();
    assert_eq!(colony.ctl(&["stop", "db"]).code, Some(0));
    let mut command = colony.ctl_command(&["start", "api"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut started = command.spawn().unwrap();
    let mut said = String::new();
    let mut stderr = BufReader::new(started.stderr.take().unwrap());
    stderr.read_line(&mut said).unwrap();
    let wanted = "api is not started yet: it requires db, which was stopped by hand; \
                  it is started when db is RUNNING\n";
    assert_eq!(said, wanted);
    assert_eq!(colony.ctl(&["start", "db"]).code, Some(0));
    assert_eq!(started.wait().unwrap().code(), Some(0));
    // And once more when time is up.
    assert_eq!(colony.ctl(&["stop", "db"]).code, Some(0));
    let said = colony.ctl(&["--timeout", "2", "restart", "api"]);
    assert_eq!(said.code, Some(6));
    let wanted = "not there after 2 s: STOPPED: it requires db, which was stopped by hand";
    assert!(said.stderr.contains(wanted), "{said:?}");
}

#[test]
fn an_instance_that_is_not_there_is_told_with_those_that_are() {
    let colony = Colony::running(&["-t", "0"]);
    colony.program("hello", shell("exec cat", json!({"instances": 3})));
    colony.program("one", shell("exec cat", json!({})));
    colony.until_up("one");
    for (name, wanted) in [
        (
            "hello:9",
            "there is no instance hello:9: hello has 3 instances, hello:0 to hello:2\n",
        ),
        (
            "one:0",
            "there is no instance one:0: one has no instances, it is one program;",
        ),
        ("none:0", "there is no program none:0: no file"),
    ] {
        let said = colony.ctl(&["start", name]);
        assert_eq!(said.code, Some(4), "{said:?}");
        assert!(said.stderr.contains(wanted), "{said:?}");
    }
}
