//! G4: no line of a living program is lost when its monitor dies, nor is one printed twice; and
//! what is listened on for it stays open.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;

use ncolony_core::State;
use serde_json::{Value, json};

use crate::adoption::{succeed, until_adopted};
use crate::colony::{Colony, shell, until};
use crate::processes;

/// Counts on both streams until it is told to end, and says where it ended. The two do not print the
/// same, so that neither can stand in for the other.
const COUNTING: &str = "i=0
while ! test -e end; do i=$((i+1)); echo o$i; echo e$i >&2; done
echo $i > $NCOLONY_NAME.last";

/// How often the monitor is killed meanwhile.
const KILLS: usize = 6;

fn counting(keys: Value) -> String {
    let mut file: Value =
        serde_json::from_str(&shell(COUNTING, json!({"restart": "never"}))).unwrap();
    let (Some(file), Value::Object(keys)) = (file.as_object_mut(), keys) else {
        unreachable!("both are objects")
    };
    file.extend(keys);
    Value::from(file.clone()).to_string()
}

/// Has programs count over kills of the monitor, and gives how far each has come.
fn count_over_kills(colony: &mut Colony, names: &[&str], printed: fn(&Colony) -> u64) -> Vec<u64> {
    colony.start();
    let pids: Vec<u32> = names.iter().map(|name| colony.until_up(name)).collect();
    for _kill in 0..KILLS {
        let before = printed(colony);
        until("they print", || {
            (printed(colony) > before + 20_000).then_some(())
        });
        succeed(colony);
        for (name, pid) in names.iter().zip(&pids) {
            assert_eq!(until_adopted(colony, name).pid, Some(*pid), "{name}");
        }
    }
    fs::write(colony.path("end"), "").unwrap();
    let last = names.iter().map(|name| {
        let record = colony.until_state(name, State::Exited);
        assert_eq!(record.starts, 1, "{name}");
        colony.lines(&format!("{name}.last"))[0].parse().unwrap()
    });
    last.collect()
}

fn size(colony: &Colony, name: &str) -> u64 {
    fs::metadata(colony.path(name)).map_or(0, |metadata| metadata.len())
}

/// Every number of a stream once and in order.
#[track_caller]
fn is_counted(lines: &[String], stream: char, last: u64, what: &str) {
    let wrong = lines
        .iter()
        .zip(1_u64..)
        .find(|(line, number)| **line != format!("{stream}{number}"));
    assert_eq!(wrong, None, "{what}");
    assert_eq!(lines.len() as u64, last, "{what}");
}

#[test]
fn no_line_is_lost_or_doubled_over_kills_of_the_monitor() {
    let mut colony = Colony::new(&[]);
    colony.program("joined", counting(json!({})));
    let named = json!({"stderr": {"file": colony.path("apart.err")}});
    colony.program("named", counting(named));
    colony.program(
        "small",
        counting(json!({"stdout": {"max_bytes": 65536, "backups": 1000}, "stderr": "null"})),
    );
    colony.program(
        "apart",
        counting(json!({"stderr": {"file": colony.path("other.err")}})),
    );
    let names = ["joined", "apart", "named", "small"];
    let last = count_over_kills(&mut colony, &names, |colony| size(colony, "logs/named.log"));
    let settled = |file: &str, stream: char, last: u64| {
        let text = format!("{stream}{last}");
        until("the last line is there", || {
            (colony.lines(file).last() == Some(&text)).then_some(())
        });
    };
    settled("logs/joined.log", 'e', last[0]);
    let joined = colony.lines("logs/joined.log");
    for (at, stream) in [(0, 'o'), (1, 'e')] {
        let own: Vec<String> = joined.iter().skip(at).step_by(2).cloned().collect();
        is_counted(&own, stream, last[0], "joined");
    }
    for (file, stream, last) in [
        ("logs/apart.log", 'o', last[1]),
        ("other.err", 'e', last[1]),
        ("logs/named.log", 'o', last[2]),
        ("apart.err", 'e', last[2]),
    ] {
        settled(file, stream, last);
        is_counted(&colony.lines(file), stream, last, file);
    }
    settled("logs/small.log", 'o', last[3]);
    let backups = fs::read_dir(colony.path("logs")).unwrap().flatten();
    let backups = backups.filter(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with("small.log.")
    });
    let mut small: Vec<String> = Vec::new();
    for number in (1..=backups.count()).rev() {
        small.extend(colony.lines(&format!("logs/small.log.{number}")));
    }
    small.extend(colony.lines("logs/small.log"));
    is_counted(&small, 'o', last[3], "small");
}

/// What was written just before a kill, and not taken away from the program yet, comes once more.
fn without_repeats(lines: Vec<String>, what: &str) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    let mut repeats = 0;
    let mut next = lines.iter().peekable();
    while let Some(line) = next.next() {
        let number = |line: &str| line[1..].parse::<usize>().unwrap();
        // What goes back is what was there already, up to the same line again.
        if number(line) <= once.len() {
            repeats += 1;
            while number(next.peek().unwrap()) <= once.len() {
                next.next();
            }
            continue;
        }
        once.push(line.clone());
    }
    assert!(repeats <= KILLS, "{what}: {repeats} repeats");
    once
}

#[test]
fn no_line_is_lost_on_the_way_to_the_monitors_own_output() {
    let mut colony = Colony::new(&[]);
    colony.like_ncolony();
    let names = ["one", "two"];
    for name in names {
        colony.program(name, counting(json!({"stderr": "null"})));
    }
    let last = count_over_kills(&mut colony, &names, |colony| size(colony, "monitor.out"));
    for (name, last) in names.into_iter().zip(last) {
        let prefix = format!("[{name}] ");
        let of_program = || -> Vec<String> {
            let lines = colony.lines("monitor.out").into_iter();
            lines
                .filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
                .collect()
        };
        until("the last line is there", || {
            (of_program().last() == Some(&format!("o{last}"))).then_some(())
        });
        is_counted(&without_repeats(of_program(), name), 'o', last, name);
    }
}

/// Answers each connection with its number and the inode of what it listens on.
const SERVER: &str = "
import os, socket
server = socket.socket(fileno=3)
while True:
    connection, _ = server.accept()
    connection.recv(100)
    connection.sendall(b'%d %d' % (os.getpid(), os.fstat(3).st_ino))
    connection.close()
";

fn answer(mut connection: impl Read + Write) -> (u32, u64) {
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let (pid, inode) = text.split_once(' ').unwrap();
    (pid.parse().unwrap(), inode.parse().unwrap())
}

fn a_socket_stays_open<C: Read + Write>(
    mut colony: Colony,
    listen: &str,
    connect: impl Fn(&Colony) -> C,
) {
    let ask = |colony: &Colony| {
        let mut connection = connect(colony);
        connection.write_all(b"who are you?").unwrap();
        connection
    };
    let file = json!({
        "args": ["python3", "-c", SERVER], "threshold": 0,
        "sockets": [{"name": "web", "listen": listen}],
    });
    colony.program("web", file.to_string());
    colony.start();
    let pid = colony.until_up("web");
    let (who, inode) = answer(ask(&colony));
    assert_eq!(who, pid);
    colony.kill();
    assert_eq!(answer(ask(&colony)), (pid, inode), "no monitor is there");
    colony.start();
    until_adopted(&colony, "web");
    assert_eq!(answer(ask(&colony)), (pid, inode));
    // What comes while the program does not run waits for its next process.
    processes::signal(pid, nix::sys::signal::Signal::SIGSTOP);
    until("it stands still", || {
        (processes::state(pid) == Some('T')).then_some(())
    });
    let waiting = ask(&colony);
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    let (next, same) = answer(waiting);
    assert_ne!(next, pid);
    assert_eq!(same, inode, "it listens on another socket");
    let record = colony.until_up("web");
    assert_eq!(record, next);
    // And so over a second kill, with the socket that came from the first.
    succeed(&mut colony);
    until_adopted(&colony, "web");
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);
}

#[test]
fn a_port_stays_open_over_kills_of_the_monitor() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let connect = move |_: &Colony| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    a_socket_stays_open(
        Colony::new(&[]),
        &format!("tcp://127.0.0.1:{port}"),
        connect,
    );
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[test]
fn a_unix_socket_stays_open_over_kills_of_the_monitor() {
    let colony = Colony::new(&["--cgroup", "never"]);
    let path = colony.path("socket");
    let listen = format!("unix://{}", path.display());
    let before = fs::metadata(&path);
    assert!(before.is_err());
    a_socket_stays_open(colony, &listen, |colony| {
        UnixStream::connect(colony.path("socket")).unwrap()
    });
}

#[test]
fn a_fifo_is_the_same_for_the_next_monitor() {
    let mut colony = Colony::running(&[]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_up("web");
    let fifo = colony.path("status/output/web");
    let before = fs::metadata(&fifo).unwrap().ino();
    succeed(&mut colony);
    until_adopted(&colony, "web");
    assert_eq!(fs::metadata(&fifo).unwrap().ino(), before);
}
