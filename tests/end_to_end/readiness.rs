//! When a program counts as up: each of the six conditions holds or does not, and whatever is
//! looked at hangs or lies, the monitor goes on.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ncolony_core::State;
use ncolony_core::status::ProgramStatus;
use serde_json::{Value, json};

use crate::colony::{Colony, shell, until};
use crate::processes::{is_alive, until_gone};

/// Waits for a file and then does what it was told to, but only once in its life.
fn when(file: &Path, script: &str) -> String {
    format!(
        "while [ ! -e {} ]; do read -t 0.01 line; done; {script}; exec sleep 1000",
        file.display()
    )
}

fn bash(script: &str, ready: Value) -> String {
    let file = json!({"args": ["bash", "-c", script], "ready": ready, "killtime": 1});
    file.to_string()
}

#[track_caller]
fn until_waits(colony: &Colony, name: &str, words: &str) -> ProgramStatus {
    colony.until_record(name, words, |record| {
        let reason = record.reason.as_deref().unwrap_or_default();
        record.state == State::Starting && reason.contains(words)
    })
}

/// The program waits, is told to go on, and counts as up then, with the same process.
fn holds_when_it_is_made_to(name: &str, script: &str, ready: Value, words: &str) {
    let colony = Colony::running(&[]);
    let go = colony.path("go");
    let directory = colony.path("").display().to_string();
    let fill = |text: String| text.replace("DIR", &directory);
    let ready: Value = serde_json::from_str(&fill(ready.to_string())).unwrap();
    colony.program(name, bash(&fill(when(&go, script)), ready));
    let before = until_waits(&colony, name, words);
    assert!(!before.ready);
    fs::write(&go, "").unwrap();
    let after = colony.until_state(name, State::Running);
    assert!(after.ready && after.reason.is_none(), "{after:?}");
    assert_eq!(after.pid, before.pid);
}

const SERVER: &str = "python3 -c '
import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == \"/well\" else 503)
        self.end_headers()
server = http.server.HTTPServer((\"127.0.0.1\", PORT), Page)
server.serve_forever()' & true";

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_port_that_answers() {
    let port = port();
    let script = SERVER.replace("PORT", &port.to_string());
    let ready = json!({"tcp": format!("127.0.0.1:{port}")});
    holds_when_it_is_made_to("web", &script, ready, "answers (Connection refused");
}

#[test]
fn a_page_that_answers_well() {
    let port = port();
    let script = SERVER.replace("PORT", &port.to_string());
    let ready = json!({"http": format!("http://localhost:{port}/well")});
    holds_when_it_is_made_to("web", &script, ready, "answers well (Connection refused");
}

#[test]
fn a_page_that_answers_badly_is_not_ready() {
    let colony = Colony::running(&[]);
    let port = port();
    let script = SERVER.replace("PORT", &port.to_string());
    let ready = json!({"http": format!("http://localhost:{port}/ill")});
    let script = format!("{script}; exec sleep 1000");
    colony.program("web", bash(&script, ready));
    until_waits(&colony, "web", "(status 503)");
}

#[test]
fn a_command_that_succeeds() {
    let ready = json!({"exec": ["/bin/sh", "-c", "test -e DIR/up"]});
    holds_when_it_is_made_to(
        "job",
        "touch DIR/up",
        ready,
        "succeeds (it exited with code 1",
    );
}

#[test]
fn a_file_that_is_written() {
    let ready = json!({"file": "DIR/up"});
    holds_when_it_is_made_to("job", "touch DIR/up", ready, "is written (");
}

#[test]
fn a_line_that_is_printed() {
    let ready = json!({"log": "^up with [0-9]+$"});
    let script = "echo down; echo up with; echo up with 12";
    holds_when_it_is_made_to("job", script, ready, "prints a line that matches");
}

#[test]
fn its_own_word() {
    let say = "import os, socket; \
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b\"READY=1\", os.environ[\"NOTIFY_SOCKET\"])";
    let ready = json!({"notify": true});
    holds_when_it_is_made_to(
        "job",
        &format!("python3 -c '{say}'"),
        ready,
        "it says READY=1",
    );
}

#[test]
fn a_file_of_an_earlier_start_is_too_old() {
    let mut colony = Colony::new(&[]);
    fs::write(colony.path("up"), "").unwrap();
    let old = std::time::SystemTime::now() - Duration::from_secs(60);
    // Only a new file has an old stamp of both kinds: this one is put there a while before.
    let file = fs::File::options()
        .append(true)
        .open(colony.path("up"))
        .unwrap();
    file.set_modified(old).unwrap();
    until_stamps_are_newer(&colony.path("up"));
    colony.start();
    let ready = json!({"file": colony.path("up")});
    colony.program("job", bash("exec sleep 1000", ready));
    until_waits(&colony, "job", "it is older than this start");
    fs::write(colony.path("up"), "again").unwrap();
    colony.until_state("job", State::Running);
}

/// Waits until the clock by which files are stamped has gone on.
fn until_stamps_are_newer(path: &Path) {
    let stamp = || {
        let probe = path.with_extension("stamp");
        fs::write(&probe, "").unwrap();
        fs::metadata(probe).unwrap().modified().unwrap()
    };
    let first = stamp();
    until("the clock of files goes on", || {
        let passed = stamp().duration_since(first).unwrap_or_default();
        (passed > Duration::from_millis(50)).then_some(())
    });
}

#[test]
fn what_the_process_before_it_printed_does_not_count() {
    let colony = Colony::running(&[]);
    let script = "echo ready; while [ ! -e stop ]; do read -t 0.01 line; done";
    colony.program(
        "job",
        json!({"args": ["bash", "-c", script], "ready": {"log": "ready"}, "restart": "never"})
            .to_string(),
    );
    colony.until_state("job", State::Running);
    fs::write(colony.path("stop"), "").unwrap();
    colony.until_state("job", State::Exited);
    colony.program("job", bash("exec sleep 1000", json!({"log": "ready"})));
    until_waits(&colony, "job", "prints a line");
    let log = fs::read_to_string(colony.path("logs/job.log")).unwrap();
    assert_eq!(log, "ready\n");
}

#[test]
fn readiness_that_never_comes_is_an_instant_death() {
    let colony = Colony::running(&[]);
    let file = json!({
        "args": ["sleep", "1000"], "ready": {"file": colony.path("up"), "timeout": 0.3},
        "minrestartdelay": 0.01, "maxrestartdelay": 0.02, "give_up_after": 3,
    });
    colony.program("job", file.to_string());
    let record = colony.until_state("job", State::Fatal);
    assert_eq!(record.starts, 3);
    let reason = record.reason.unwrap();
    for words in ["within 0.3 s, waiting until", "3 times in a row"] {
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(record.pid, None);
}

#[test]
fn a_command_that_hangs_is_killed_with_its_group_and_asked_again() {
    let colony = Colony::running(&[]);
    let script = "echo $$ >> looks; [ $(wc -l < looks) -gt 1 ] && exit 0; sleep 1000 & sleep 1000";
    colony.program(
        "job",
        bash(
            "exec sleep 1000",
            json!({"exec": ["/bin/sh", "-c", script]}),
        ),
    );
    until("the first look has begun", || {
        (colony.lines("looks").len() == 1).then_some(())
    });
    let asked = Instant::now();
    assert!(colony.ask(json!({"type": "RESCAN"})).ok);
    assert!(asked.elapsed() < Duration::from_secs(4), "the loop waits");
    let waiting = colony.record("job");
    colony.until_state("job", State::Running);
    let looks = colony.lines("looks");
    assert_eq!(looks.len(), 2, "{looks:?}");
    until("what the first look has started is gone", || {
        let left = colony.processes();
        (left == [waiting.pid.unwrap()]).then_some(())
    });
    assert_eq!(colony.record("job").pid, waiting.pid);
}

#[test]
fn a_look_leaves_nothing_of_its_group_behind() {
    let colony = Colony::running(&[]);
    let script = "sleep 1000 & echo $! >> left; [ $(wc -l < left) -gt 3 ]";
    let look = json!({"exec": ["/bin/sh", "-c", script], "interval": 0.02});
    colony.program("job", bash("exec sleep 1000", look));
    colony.until_state("job", State::Running);
    for left in colony.lines("left") {
        until_gone(left.parse().unwrap());
    }
}

#[test]
fn a_look_ends_with_what_it_looks_at() {
    let colony = Colony::running(&[]);
    let look = json!({"exec": ["/bin/sh", "-c", "echo $$ > look; exec sleep 1000"]});
    colony.program("job", bash("exec sleep 1000", look));
    let pid: u32 = until("it is looked at", || {
        colony.lines("look").first()?.parse().ok()
    });
    assert!(is_alive(pid));
    assert!(colony.ask(json!({"type": "STOP", "name": "job"})).ok);
    colony.until_state("job", State::Stopped);
    until_gone(pid);
}

#[test]
fn a_look_is_what_the_program_is_and_is_not_taken_for_it() {
    let colony = Colony::running(&[]);
    let script = "pwd > seen; env | sort >> seen; id -u >> seen";
    let file = json!({
        "args": ["sleep", "1000"], "ready": {"exec": ["/bin/sh", "-c", script]},
        "env": {"PATH": "/usr/bin:/bin", "A": "1"}, "cwd": colony.path("logs"),
    });
    colony.program("job", file.to_string());
    colony.until_state("job", State::Running);
    let seen = colony.lines("logs/seen");
    assert_eq!(seen[0], colony.path("logs").display().to_string());
    assert!(seen.contains(&"A=1".to_owned()) && seen.contains(&"NCOLONY_NAME=job".to_owned()));
    assert!(
        !seen.iter().any(|line| line.starts_with("NCOLONY_RUN_ID")),
        "{seen:?}"
    );
}

/// A server that takes in connections and never says a word.
fn deaf_server() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(listener.as_raw_fd() > 0);
    (listener, port)
}

#[test]
fn a_server_that_says_nothing_or_too_much_holds_nobody_up() {
    let colony = Colony::running(&[]);
    let (_deaf, silent) = deaf_server();
    let chatty = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endless = chatty.local_addr().unwrap().port();
    let talk = thread::spawn(move || {
        let (mut connection, _) = chatty.accept().unwrap();
        let _request = connection.read(&mut [0; 100]);
        while connection.write_all(&[b'x'; 4096]).is_ok() {}
    });
    for (name, port) in [("silent", silent), ("endless", endless)] {
        let ready = json!({"http": format!("http://127.0.0.1:{port}/")});
        colony.program(name, bash("exec sleep 1000", ready));
    }
    until_waits(&colony, "endless", "the answer is no HTTP");
    talk.join().unwrap();
    let asked = Instant::now();
    colony.program("other", shell("exec sleep 1000", json!({"threshold": 0})));
    colony.until_state("other", State::Running);
    assert!(asked.elapsed() < Duration::from_secs(4), "the loop waits");
    until_waits(&colony, "silent", "no answer within 5 s");
}

#[test]
fn another_condition_holds_for_the_process_that_is_there() {
    let colony = Colony::running(&[]);
    let never = json!({"file": colony.path("never")});
    colony.program("job", bash("exec sleep 1000", never));
    let before = until_waits(&colony, "job", "never is written");
    let look = json!({"exec": ["true"]});
    colony.program("job", bash("exec sleep 1000", look));
    let after = colony.until_state("job", State::Running);
    assert_eq!((after.pid, after.starts), (before.pid, 1));
}

#[test]
fn once_it_is_up_nothing_looks_at_it_any_more() {
    let colony = Colony::running(&["--frequency", "1000"]);
    let look = json!({"exec": ["/bin/sh", "-c", "echo x >> looks"], "interval": 0.01});
    colony.program("job", bash("exec sleep 1000", look));
    colony.until_state("job", State::Running);
    let looks = colony.lines("looks").len();
    // Other programs come up meanwhile, which takes longer than an interval.
    for name in ["a", "b", "c"] {
        colony.program(name, shell("exec sleep 1000", json!({"threshold": 0.1})));
        colony.until_state(name, State::Running);
    }
    assert_eq!(colony.lines("looks").len(), looks);
}
