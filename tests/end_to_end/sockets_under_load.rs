//! Restarts lose no connection: what the monitor listens on stays open, and who is not answered by
//! one process is answered by the next.

mod load;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use ncolony_core::State;
use serde_json::{Value, json};

use crate::colony::{Colony, until};
use crate::processes::environment;
use load::Load;

/// A web server as it has to be: told to end, it accepts nothing more, finishes what it has
/// accepted and ends.
const SERVER: &str = "
import os, select, signal, socket
server = socket.socket(fileno=3)
server.setblocking(False)
told, tell = os.pipe()
os.set_blocking(tell, False)
signal.set_wakeup_fd(tell)
signal.signal(signal.SIGTERM, lambda *_: None)
while told not in select.select([server, told], [], [])[0]:
    try:
        connection, _ = server.accept()
    except BlockingIOError:
        continue
    connection.setblocking(True)
    with connection:
        request = b''
        while not request.endswith(b'\\r\\n\\r\\n'):
            request += connection.recv(1000)
        path = request.split()[1]
        connection.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\n%s by %d' % (path, os.getpid()))
";

fn server(port: u16, keys: Value) -> String {
    let mut file = json!({
        "args": ["python3", "-c", SERVER], "threshold": 0.1,
        "sockets": [{"name": "http", "listen": format!("tcp://127.0.0.1:{port}")}],
    });
    if let (Value::Object(file), Value::Object(keys)) = (&mut file, keys) {
        file.extend(keys);
    }
    file.to_string()
}

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn fifty_restarts_under_load_lose_no_request() {
    let colony = Colony::running(&[]);
    let port = port();
    colony.program("web", server(port, json!({})));
    let mut pid = colony.until_up("web");
    let load = Load::on(port);
    for _restart in 0..50 {
        until("it has answered", || {
            load.was_answered_by(pid).then_some(())
        });
        assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
        let next = colony.until_record("web", "the next process is there", |record| {
            record.pid.is_some_and(|next| next != pid)
        });
        pid = next.pid.unwrap();
    }
    until("the last has answered", || {
        load.was_answered_by(pid).then_some(())
    });
    let answers = load.stop();
    assert!(answers.failures.is_empty(), "{:?}", answers.failures);
    assert_eq!(answers.processes, 51);
    assert!(
        answers.count > 500,
        "{} requests are no load",
        answers.count
    );
}

#[test]
fn four_instances_are_restarted_under_load_and_lose_no_request() {
    let colony = Colony::running(&[]);
    let port = port();
    let file = |version: u32| {
        let keys = json!({"instances": 4, "env": {"VERSION": version.to_string()}});
        server(port, keys)
    };
    colony.program("web", file(0));
    let running = |version: u64| {
        for number in 0..4 {
            colony.until_record(&format!("web:{number}"), "it is up to date", |record| {
                record.state == State::Running && record.starts == version + 1
            });
        }
    };
    running(0);
    let load = Load::on(port);
    colony.program("web", file(1));
    running(1);
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    running(2);
    colony.program("web", file(3));
    running(3);
    let answers = load.stop();
    assert!(answers.failures.is_empty(), "{:?}", answers.failures);
    assert!(answers.processes > 8, "{} have answered", answers.processes);
    assert!(
        answers.count > 500,
        "{} requests are no load",
        answers.count
    );
}

#[test]
fn an_upgrade_and_a_killed_monitor_during_restarts_lose_no_request() {
    let mut colony = Colony::new(&[]);
    colony.with_own_binary();
    let port = port();
    colony.program("web", server(port, json!({"instances": 2})));
    colony.start();
    for name in ["web:0", "web:1"] {
        colony.until_state(name, State::Running);
    }
    let load = Load::on(port);
    for _round in 0..2 {
        assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
        colony.upgrade();
        colony.kill();
        colony.start();
    }
    for name in ["web:0", "web:1"] {
        colony.until_record(name, "it is up to date", |record| {
            record.state == State::Running && record.starts >= 2 && record.turn.is_none()
        });
    }
    let answers = load.stop();
    assert!(answers.failures.is_empty(), "{:?}", answers.failures);
    assert!(
        answers.count > 100,
        "{} requests are no load",
        answers.count
    );
}

/// Whether what a process has under this number does not wait for connections.
fn does_not_wait(pid: u32, number: u32) -> bool {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = u32::from_str_radix(flags.unwrap().trim(), 8).unwrap();
    flags & 0o4000 != 0
}

#[test]
fn what_instances_share_is_left_as_it_is_while_one_of_them_runs() {
    let colony = Colony::running(&[]);
    let port = port();
    colony.program("web", server(port, json!({"instances": 2})));
    let first = colony.until_state("web:0", State::Running).pid.unwrap();
    colony.until_state("web:1", State::Running);
    until("it has the socket not wait", || {
        does_not_wait(first, 3).then_some(())
    });
    // Its successor shall not do that again: only what the monitor does is to be seen.
    let idle = json!({"instances": 2, "args": ["cat"]});
    colony.program("web", server(port, idle));
    colony.until_record("web:0", "it is another process", |record| {
        record.starts == 2 && record.pid.is_some()
    });
    let second = colony.until_up("web:1");
    assert!(environment(second).contains(&"NCOLONY_INSTANCE=1".to_owned()));
    assert!(
        does_not_wait(second, 3),
        "an instance that goes on would stand still"
    );
}
