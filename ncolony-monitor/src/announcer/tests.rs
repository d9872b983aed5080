use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::*;

/// Somebody who listens, and the announcer that tells him.
struct Listener {
    socket: UnixDatagram,
    announcer: Announcer,
    _directory: TempDir,
}

impl Listener {
    fn new(watchdog: Option<Duration>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut notifier = Notifier::to(&path).unwrap();
        notifier.watchdog = watchdog;
        Self {
            socket,
            announcer: Announcer::new(Some(notifier)),
            _directory: directory,
        }
    }

    fn heard(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut read = [0; 256];
        while let Ok(count) = self.socket.recv(&mut read) {
            all.push(String::from_utf8(read[..count].to_vec()).unwrap());
        }
        all
    }
}

fn at(millis: u64) -> Mono {
    Mono::from_nanos(millis * 1_000_000)
}

#[test]
fn it_says_once_that_it_is_up_and_again_after_a_look_that_was_asked_for() {
    let mut him = Listener::new(None);
    him.announcer.up(1);
    him.announcer.up(2);
    let pid = std::process::id();
    let ready = |count| format!("READY=1\nMAINPID={pid}\nSTATUS={count}");
    assert_eq!(him.heard(), [ready("1 program")]);
    him.announcer.looking_anew(at(5));
    him.announcer.looking_anew(at(6));
    him.announcer.up(2);
    assert_eq!(
        him.heard(),
        [
            "RELOADING=1\nMONOTONIC_USEC=5000".to_owned(),
            ready("2 programs")
        ]
    );
    assert!(him.announcer.stopping("it ends"));
    assert!(!him.announcer.stopping("it ends"));
    him.announcer.looking_anew(at(7));
    him.announcer.up(2);
    assert_eq!(him.heard(), ["STOPPING=1\nSTATUS=it ends"]);
}

#[test]
fn what_is_to_be_done_once_is_done_once() {
    let count = Arc::new(AtomicU32::new(0));
    let mut announcer = Announcer::new(None);
    let counted = Arc::clone(&count);
    announcer.when_up(WhenUp(Box::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    })));
    announcer.up(0);
    announcer.up(0);
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert_eq!(announcer.due(), None, "nobody waits for a sign of life");
}

#[test]
fn a_sign_of_life_comes_twice_in_the_time_that_is_given() {
    let mut him = Listener::new(Some(Duration::from_secs(2)));
    him.announcer.beat(at(0));
    assert_eq!(him.announcer.due(), Some(at(1000)));
    him.announcer.beat(at(999));
    assert_eq!(him.heard(), ["WATCHDOG=1"]);
    him.announcer.beat(at(1000));
    assert_eq!(him.heard(), ["WATCHDOG=1"]);
    assert_eq!(him.announcer.due(), Some(at(2000)));
}

#[test]
fn one_who_does_not_listen_is_told_later_and_is_never_waited_for() {
    let mut him = Listener::new(None);
    // As many as the kernel keeps for him, and then some more.
    let mut count = 0;
    while him.announcer.due().is_none() {
        him.announcer.tell(format!("X={count}"));
        count += 1;
    }
    let last = format!("X={}", count - 1);
    him.announcer.beat(at(10));
    assert_eq!(him.announcer.due(), Some(at(110)));
    assert!(!him.heard().contains(&last));
    him.announcer.beat(at(110));
    assert_eq!(him.heard(), [last]);
    assert_eq!(him.announcer.due(), None);
}
