//! What a service manager is told that has started the monitor, by `sd_notify(3)`.

use std::cell::RefCell;
use std::os::unix::net::UnixDatagram;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::{environment, signal, until_gone};

/// A service manager that has been told something.
struct Manager {
    socket: UnixDatagram,
    heard: RefCell<Vec<String>>,
}

impl Manager {
    /// One that listens, and that the monitor of this colony will be started by.
    fn of(colony: &mut Colony) -> Self {
        let path = colony.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        colony.variable("NOTIFY_SOCKET", path.to_str().unwrap());
        Self {
            socket,
            heard: RefCell::default(),
        }
    }

    fn listen(&self) {
        let mut read = [0; 512];
        while let Ok(count) = self.socket.recv(&mut read) {
            let text = String::from_utf8(read[..count].to_vec()).unwrap();
            self.heard.borrow_mut().push(text);
        }
    }

    /// Waits for a message that has this line, and forgets all up to it.
    #[track_caller]
    fn until(&self, line: &str) -> String {
        until(&format!("{line} is said"), || {
            self.listen();
            let mut heard = self.heard.borrow_mut();
            let place = heard
                .iter()
                .position(|it| it.lines().any(|it| it == line))?;
            heard.drain(..=place).next_back()
        })
    }
}

#[test]
fn it_says_when_it_is_up_looks_anew_and_ends() {
    let mut colony = Colony::new(&[]);
    let manager = Manager::of(&mut colony);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.begin();
    let ready = manager.until("READY=1");
    assert!(
        ready.contains(&format!("MAINPID={}", colony.pid())),
        "{ready}"
    );
    assert!(ready.contains("STATUS=1 program"), "{ready}");
    assert_eq!(colony.overview().programs, 1);
    colony.program("other", r#"{"args": ["cat"]}"#);
    colony.signal(Signal::SIGHUP);
    let reloading = manager.until("RELOADING=1");
    assert!(reloading.contains("\nMONOTONIC_USEC="), "{reloading}");
    let ready = manager.until("READY=1");
    assert!(ready.contains("STATUS=2 programs"), "{ready}");
    colony.signal(Signal::SIGTERM);
    manager.until("STOPPING=1");
    assert!(colony.ended().success());
}

#[test]
fn it_gives_signs_of_life_as_often_as_is_asked_also_after_an_upgrade() {
    let mut colony = Colony::new(&[]);
    let manager = Manager::of(&mut colony);
    colony.variable("WATCHDOG_USEC", "100000");
    colony.with_own_binary();
    colony.begin();
    manager.until("READY=1");
    for _ in 0..3 {
        manager.until("WATCHDOG=1");
    }
    colony.upgrade();
    let ready = manager.until("READY=1");
    assert!(
        ready.contains(&format!("MAINPID={}", colony.pid())),
        "{ready}"
    );
    for _ in 0..3 {
        manager.until("WATCHDOG=1");
    }
}

#[test]
fn no_sign_of_life_is_given_for_somebody_else() {
    let mut colony = Colony::new(&[]);
    let manager = Manager::of(&mut colony);
    colony.variable("WATCHDOG_USEC", "10000");
    colony.variable("WATCHDOG_PID", "1");
    colony.start();
    assert!(colony.stop().success());
    manager.listen();
    let heard = manager.heard.borrow();
    assert!(!heard.iter().any(|it| it.contains("WATCHDOG")), "{heard:?}");
    assert!(
        heard.iter().any(|it| it.contains("STOPPING=1")),
        "{heard:?}"
    );
}

#[test]
fn a_monitor_that_leaves_its_caller_says_who_it_is() {
    let mut colony = Colony::new(&["--daemonize"]);
    let manager = Manager::of(&mut colony);
    colony.variable("WATCHDOG_USEC", "100000");
    // The number of the process that is called, as a service manager would say it.
    colony.wrap(&["/bin/sh", "-c", "WATCHDOG_PID=$$ exec \"$@\"", "sh"]);
    assert!(colony.command().status().unwrap().success());
    let pid = colony.overview().pid;
    let ready = manager.until("READY=1");
    assert!(ready.contains(&format!("MAINPID={pid}\n")), "{ready}");
    manager.until("WATCHDOG=1");
    signal(pid, Signal::SIGTERM);
    manager.until("STOPPING=1");
    until_gone(pid);
}

#[test]
fn what_is_meant_for_the_monitor_reaches_no_program() {
    let mut colony = Colony::new(&[]);
    let _manager = Manager::of(&mut colony);
    colony.variable("LISTEN_FDS", "1");
    let keys = json!({"env_inherit": ["NOTIFY_SOCKET", "LISTEN_FDS"]});
    colony.program("curious", shell("exec cat", keys));
    colony.program("plain", shell("exec cat", json!({})));
    colony.start();
    let [curious, plain] = ["curious", "plain"].map(|name| environment(colony.until_up(name)));
    assert!(
        curious.contains(&"NOTIFY_SOCKET=".to_owned()),
        "{curious:?}"
    );
    assert!(curious.contains(&"LISTEN_FDS=".to_owned()), "{curious:?}");
    assert!(
        !plain.iter().any(|it| it.starts_with("NOTIFY_SOCKET")),
        "{plain:?}"
    );
}

#[test]
fn a_service_manager_that_is_gone_changes_nothing() {
    let mut colony = Colony::new(&[]);
    drop(Manager::of(&mut colony));
    colony.variable("WATCHDOG_USEC", "1000");
    colony.start();
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_up("web");
    assert!(colony.stop().success());
}
