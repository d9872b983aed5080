//! The colony that is started with one command.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ncolony_core::{Exit, State};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::process::{Running, eventually, is_alive, program, record};

/// A colony looks for a free port a moment before its web server takes it, so two that start
/// together can want the same one. There is one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Colony {
    // It ends before its directory goes, and that before the next one begins.
    running: Running,
    directory: TempDir,
    url: String,
    _alone: MutexGuard<'static, ()>,
}

impl Colony {
    fn start() -> Self {
        Self::start_after(|| ()).0
    }

    /// Starts one when `first` was done, and no other one is there to be disturbed by it.
    fn start_after<T>(first: impl FnOnce() -> T) -> (Self, T) {
        // A test that failed has left nothing behind that the next could mind.
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let done = first();
        let directory = tempfile::tempdir().unwrap();
        let mut command = program("examples/colony");
        command.arg("--root").arg(directory.path());
        let running = Running::start(command, &directory.path().join("output"));
        let url = eventually("the URL", || {
            let output = running.output();
            let (_, url) = output.split_once("http://")?;
            Some(url.split_once("/\n")?.0.to_owned())
        });
        let colony = Self {
            running,
            directory,
            url,
            _alone: alone,
        };
        (colony, done)
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    fn pid(&self, name: &str) -> Option<u32> {
        record(&self.root().join("status"), name)?.pid
    }

    fn log(&self, name: &str) -> String {
        let path = self.root().join(format!("logs/{name}.log"));
        fs::read_to_string(path).unwrap_or_default()
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut connection = TcpStream::connect(&self.url).ok()?;
        write!(connection, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

#[test]
fn the_web_server_answers_the_clock_ticks_and_the_crash_waits() {
    let colony = Colony::start();
    let answer = eventually("an answer that tells of the clock", || {
        colony
            .get("/")
            .filter(|answer| answer.contains(r#""name":"clock""#))
    });
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer = colony.get("/elsewhere").unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");

    eventually("two ticks", || {
        (colony.log("clock").matches(" UTC\n").count() >= 2).then_some(())
    });

    let status = colony.root().join("status");
    let record = eventually("the back-off after a second crash", || {
        record(&status, "crash")
            .filter(|record| record.state == State::Backoff && record.starts >= 2)
    });
    assert_eq!(record.exit, Some(Exit::Code(3)));
    assert!(colony.log("crash").starts_with("I crash"));
}

#[test]
fn the_control_program_shows_it() {
    let colony = Colony::start();
    eventually("two programs that run and one that does not", || {
        let done = program("ncolony-ctl")
            .arg("--root")
            .arg(colony.root())
            .arg("status")
            .output()
            .unwrap();
        let table = String::from_utf8(done.stdout).unwrap();
        let runs = |name: &str| {
            table
                .lines()
                .any(|line| line.starts_with(name) && line.contains("RUNNING"))
        };
        let waits = table
            .lines()
            .any(|line| line.starts_with("crash") && line.contains("BACKOFF"));
        (runs("web") && runs("clock") && waits && done.status.code() == Some(3)).then_some(())
    });
}

#[test]
fn ctrl_c_ends_all_of_it() {
    let mut colony = Colony::start();
    let pids = eventually("two programs that run", || {
        Some([colony.pid("web")?, colony.pid("clock")?])
    });
    let answer = eventually("an answer", || colony.get("/"));
    assert!(
        answer.contains(&format!("process {}.", pids[0])),
        "{answer}"
    );

    colony.running.signal(Signal::SIGINT);
    let done = colony.running.end();
    assert!(done.success(), "{done}");
    assert!(
        colony
            .running
            .output()
            .ends_with("Everything has stopped.\n")
    );
    assert_eq!(pids.map(is_alive), [false, false]);
    assert_eq!(colony.get("/"), None);
}

#[test]
fn a_port_that_is_taken_is_left_to_who_has_it() {
    // It is taken either way: by us, or by whom we failed against.
    let take = || TcpListener::bind((Ipv4Addr::LOCALHOST, 8080));
    let (colony, _taken) = Colony::start_after(take);
    assert_ne!(colony.url, "127.0.0.1:8080");
    eventually("an answer", || colony.get("/"));
}

#[test]
fn a_second_one_in_the_same_place_is_refused_and_disturbs_nothing() {
    let colony = Colony::start();
    let pid = eventually("a web server", || colony.pid("web"));
    let second = program("examples/colony")
        .arg("--root")
        .arg(colony.root())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another monitor"), "{said}");
    assert_eq!(colony.pid("web"), Some(pid));
}
