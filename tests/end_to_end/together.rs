//! G1: programs that are started in one go are each started as if it were alone.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use ncolony_core::State;
use serde_json::json;

use crate::colony::{Colony, shell};
use crate::processes::{environment, works_in};

/// So many of each kind.
const EACH: usize = 12;

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn what_starts_together_has_its_own_and_fails_for_its_own_reason() {
    let mut colony = Colony::new(&[]);
    let greets = "echo I am $NCOLONY_NAME; exec cat";
    for number in 0..EACH {
        let directory = colony.path(format!("d{number}"));
        fs::create_dir(&directory).unwrap();
        let keys = json!({"cwd": directory, "env": {"NUMBER": number.to_string()}});
        colony.program(&format!("good{number}"), shell(greets, keys));
        let absent = json!({"args": [format!("/no/such/{number}")]});
        colony.program(&format!("absent{number}"), absent.to_string());
        let keys = json!({"cwd": format!("/no/place/{number}")});
        colony.program(&format!("homeless{number}"), shell(greets, keys));
    }
    let sockets = json!([{"name": "web", "listen": format!("tcp://127.0.0.1:{}", port())}]);
    colony.program("good-listener", shell(greets, json!({"sockets": sockets})));
    colony.start();
    for number in 0..EACH {
        let name = format!("good{number}");
        let pid = colony.until_up(&name);
        assert!(works_in(pid, &colony.path(format!("d{number}"))));
        let own = environment(pid);
        for variable in [format!("NCOLONY_NAME={name}"), format!("NUMBER={number}")] {
            assert!(own.contains(&variable), "{own:?}");
        }
        for (name, path) in [
            (format!("absent{number}"), format!("/no/such/{number}: ")),
            (format!("homeless{number}"), format!("/no/place/{number}: ")),
        ] {
            let said = |text: &str| text.contains(&path) && text.contains("ENOENT");
            colony.until_record(&name, "it says why it does not run", |record| {
                record.state != State::Running && record.reason.as_deref().is_some_and(said)
            });
        }
    }
    assert!(environment(colony.until_up("good-listener")).contains(&"LISTEN_FDS=1".to_owned()));
    for name in (0..EACH).map(|number| format!("good{number}")) {
        colony.until_record(&name, "its log says who it is", |record| {
            let log = fs::read_to_string(colony.path(format!("logs/{name}.log")));
            record.starts == 1 && log.is_ok_and(|log| log == format!("I am {name}\n"))
        });
    }
}
