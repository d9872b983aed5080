//! What the monitor listens on for a program: it is open while the program is wanted, whatever
//! becomes of its processes, and the program finds it as `sd_listen_fds(3)` says.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use ncolony_core::State;
use serde_json::{Value, json};

use crate::colony::{Colony, until};
use crate::processes;

/// Answers each connection with its number and what was said, one after the other. It ends between
/// two connections, when it was told "end" or to stop.
const SERVER: &str = "
import os, select, signal, socket
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
server = socket.socket(fileno=3)
said = b''
while said != b'end' and not signal.sigtimedwait([signal.SIGTERM], 0):
    if select.select([server], [], [], 0.02)[0]:
        connection, _ = server.accept()
        said = connection.recv(100)
        connection.sendall(b'%d %s' % (os.getpid(), said))
        connection.close()
";

fn tcp(port: u16) -> Value {
    json!([{"name": "web", "listen": format!("tcp://127.0.0.1:{port}")}])
}

fn unix(path: &Path) -> Value {
    json!([{"name": "web", "listen": format!("unix://{}", path.display())}])
}

fn server(sockets: Value) -> String {
    let file = json!({
        "args": ["python3", "-c", SERVER], "sockets": sockets,
        "minrestartdelay": 0.01, "maxrestartdelay": 0.01,
    });
    file.to_string()
}

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Who answers, and what was said to it.
fn answer(mut connection: impl Read) -> (u32, String) {
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let (pid, said) = text.split_once(' ').unwrap();
    (pid.parse().unwrap(), said.to_owned())
}

fn ask(port: u16, word: &str) -> TcpStream {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    connection.write_all(word.as_bytes()).unwrap();
    connection
}

fn is_open(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[test]
fn a_connection_that_is_made_while_nothing_runs_is_answered_by_the_next_process() {
    let colony = Colony::running(&[]);
    let port = port();
    colony.program("web", server(tcp(port)));
    let first = colony.until_up("web");
    assert_eq!(answer(ask(port, "hello")), (first, "hello".to_owned()));
    // It ends by itself; what comes after the end waits for its successor.
    let last = ask(port, "end");
    let waits = ask(port, "after");
    assert_eq!(answer(last).0, first);
    let (second, said) = answer(waits);
    assert_eq!(said, "after");
    assert_ne!(second, first);

    // The same when a RESTART is under way, and none is refused meanwhile.
    colony.message("m", &json!({"type": "RESTART", "name": "web"}));
    until("the third process answers", || {
        let (pid, said) = answer(ask(port, "during"));
        assert_eq!(said, "during");
        (pid != second).then_some(())
    });
}

#[test]
fn it_is_open_while_the_program_is_wanted_and_no_longer() {
    let colony = Colony::running(&[]);
    let (port, path) = (port(), colony.path("s"));
    let sockets = json!([
        {"name": "web", "listen": format!("tcp://127.0.0.1:{port}")},
        {"name": "unix", "listen": format!("unix://{}", path.display())},
    ]);
    let open = |what: &str| until(what, || (is_open(port) && path.exists()).then_some(()));
    let closed = |what: &str| until(what, || (!is_open(port) && !path.exists()).then_some(()));
    let file = |enabled: bool, sockets: &Value| {
        json!({"args": ["cat"], "sockets": sockets, "enabled": enabled}).to_string()
    };
    colony.program("web", file(true, &sockets));
    open("it is started");
    colony.message("m1", &json!({"type": "STOP", "name": "web"}));
    closed("it is stopped by hand");
    colony.message("m2", &json!({"type": "START", "name": "web"}));
    open("it is started by hand");
    colony.program("web", file(false, &sockets));
    closed("it is disabled");
    colony.program("web", file(true, &sockets));
    open("it is enabled");
    colony.program("web", file(true, &json!([])));
    closed("the key is gone");
    colony.program("web", file(true, &sockets));
    open("the key is back");
    colony.remove("web");
    colony.until_retracted("web");
    closed("it is removed");
}

#[test]
fn when_the_monitor_ends_in_order_nothing_stays() {
    let mut colony = Colony::running(&[]);
    let path = colony.path("s");
    colony.program(
        "web",
        json!({"args": ["cat"], "sockets": unix(&path)}).to_string(),
    );
    colony.until_up("web");
    assert!(path.exists());
    colony.stop();
    assert!(!path.exists());
}

#[test]
fn it_is_kept_while_a_program_waits_or_rests() {
    let colony = Colony::running(&[]);
    let port = port();
    let file = |restart: &str| {
        let args = ["false"];
        json!({"args": args, "sockets": tcp(port), "restart": restart, "minrestartdelay": 600})
    };
    colony.program("web", file("always").to_string());
    colony.until_state("web", State::Backoff);
    assert!(is_open(port));
    colony.program("web", file("never").to_string());
    colony.message("m", &json!({"type": "RESTART", "name": "web"}));
    colony.until_state("web", State::Exited);
    assert!(is_open(port));
}

#[test]
fn a_program_finds_its_sockets_in_order_and_what_it_is_told_is_exact() {
    let colony = Colony::running(&[]);
    let path = colony.path("s");
    let file = json!({
        "args": ["/bin/sleep", "1000"],
        "env": {"LISTEN_PID": "1", "LISTEN_FDS": "7", "A": "1"},
        "sockets": [
            {"name": "main", "listen": format!("tcp://localhost:{}", port())},
            {"name": "ctl 2", "listen": format!("unix://{}", path.display())},
            {"name": "all", "listen": format!("tcp://*:{}", port())},
        ],
    });
    colony.program("web", file.to_string());
    let pid = colony.until_up("web");
    let names = |variables: &[String]| -> BTreeSet<String> {
        let name = |text: &String| text.split_once('=').unwrap().0.to_owned();
        variables.iter().map(name).collect()
    };
    let variables = processes::environment(pid);
    let wanted = [
        "A",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NCOLONY_CONFIG",
        "NCOLONY_NAME",
        "NCOLONY_RUN_ID",
    ];
    assert_eq!(names(&variables), wanted.map(str::to_owned).into());
    assert_eq!(variables.len(), wanted.len(), "{variables:?}");
    for variable in [
        "LISTEN_FDNAMES=main:ctl 2:all".to_owned(),
        "LISTEN_FDS=3".to_owned(),
        format!("LISTEN_PID={pid}"),
    ] {
        assert!(variables.contains(&variable), "{variable}: {variables:?}");
    }
    assert_eq!(descriptors(pid), [0, 1, 2, 3, 4, 5].into());
    let target = |number: u32| fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap();
    let unix = fs::read_to_string("/proc/net/unix").unwrap();
    let line = unix
        .lines()
        .find(|line| line.ends_with(path.to_str().unwrap()));
    let inode = line.unwrap().split_whitespace().nth(6).unwrap();
    assert_eq!(target(4).to_str().unwrap(), format!("socket:[{inode}]"));

    // What is open for one program is nothing to another.
    colony.program("other", r#"{"args": ["/bin/sleep", "1000"]}"#);
    let other = colony.until_up("other");
    assert_eq!(descriptors(other), [0, 1, 2].into());
    let variables = processes::environment(other);
    assert!(!variables.iter().any(|text| text.starts_with("LISTEN_")));
}

fn descriptors(pid: u32) -> BTreeSet<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let number = |entry: fs::DirEntry| entry.file_name().to_str().unwrap().parse().unwrap();
    entries.map(number).collect()
}

#[test]
fn a_unix_socket_belongs_to_its_programs_user_and_has_its_mode() {
    let colony = Colony::running(&[]);
    let (path, plain) = (colony.path("s"), colony.path("t"));
    let mut sockets = unix(&path);
    sockets[0]["mode"] = json!("0666");
    let mut file = json!({"args": ["/bin/sleep", "1000"], "sockets": sockets});
    let root = nix::unistd::geteuid().is_root();
    if root {
        file["uid"] = json!(54321);
        file["gid"] = json!(54322);
    }
    colony.program("web", file.to_string());
    colony.program("plain", server(unix(&plain)));
    colony.until_up("web");
    colony.until_up("plain");
    let found = fs::metadata(&path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.mode() & 0o777, 0o666);
    if root {
        assert_eq!((found.uid(), found.gid()), (54321, 54322));
    }
    assert_eq!(fs::metadata(&plain).unwrap().mode() & 0o777, 0o600);
    let mut connection = UnixStream::connect(&plain).unwrap();
    connection.write_all(b"hello").unwrap();
    assert_eq!(answer(connection).1, "hello");
}

#[test]
fn a_file_that_a_killed_monitor_left_is_replaced() {
    let mut colony = Colony::new(&[]);
    let path = colony.path("s");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists() && UnixStream::connect(&path).is_err());
    colony.program("web", server(unix(&path)));
    colony.start();
    colony.until_up("web");
    UnixStream::connect(&path).unwrap();
}

#[test]
fn what_cannot_be_listened_on_is_a_failed_start_that_says_where_and_why() {
    let colony = Colony::running(&["-m", "0.05", "-M", "0.05"]);
    let theirs = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = theirs.local_addr().unwrap().port();
    colony.program("taken", server(tcp(taken)));
    let nowhere = colony.path("no/such/directory/s");
    colony.program("nowhere", server(unix(&nowhere)));
    let words = colony.path("words");
    fs::write(&words, "words").unwrap();
    colony.program("words", server(unix(&words)));
    let cases = [
        (
            "taken",
            format!("cannot listen on tcp://127.0.0.1:{taken}"),
            "Address already in use (EADDRINUSE)",
        ),
        (
            "nowhere",
            format!("cannot listen on unix://{}", nowhere.display()),
            "(ENOENT)",
        ),
        (
            "words",
            format!("cannot listen on unix://{}", words.display()),
            "is no socket",
        ),
    ];
    for (name, place, why) in cases {
        let record = colony.until_state(name, State::Backoff);
        let reason = record.reason.unwrap();
        assert!(reason.contains(&place) && reason.contains(why), "{reason}");
        assert_eq!((record.starts, record.pid), (0, None));
    }
    // It is tried again after the wait.
    drop(theirs);
    colony.until_up("taken");
    assert_eq!(answer(ask(taken, "hello")).1, "hello");
    assert_eq!(fs::read_to_string(&words).unwrap(), "words");
}

#[test]
fn a_bad_address_is_an_error_of_the_file() {
    let colony = Colony::running(&[]);
    let sockets = json!([{"name": "web", "listen": "tcp://example.org:80"}]);
    colony.program("web", server(sockets));
    let record = colony.until_record("web", "it has an error", |record| {
        record.config_error.is_some()
    });
    let error = record.config_error.unwrap();
    assert_eq!(error.key.as_deref(), Some("sockets[0].listen"));
    assert!(error.line.is_some() && error.message.contains("example.org"));
}
