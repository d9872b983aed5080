//! A monitor inside another program. It takes that program's children and signals, so this test
//! has a process of its own.

#![cfg(test)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use ncolony_core::ctllib;
use ncolony_core::message::{MessageId, Reply};
use ncolony_core::{Message, Places, Request};
use ncolony_monitor::{Monitor, Settings};

/// The outcome of a message, which is waited for.
fn reply(places: &Places, id: &str) -> Reply {
    let path = places.replies().join(format!("{id}.json"));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(text) = fs::read(&path) {
            return serde_json::from_slice(&text).unwrap();
        }
        assert!(Instant::now() < deadline, "there is no reply");
        thread::yield_now();
    }
}

#[test]
fn one_that_is_embedded_is_not_replaced_in_place() {
    let root = tempfile::tempdir().unwrap();
    let settings = Settings::at_root(root.path());
    let places = settings.places.clone();
    let monitor = Monitor::start(settings).unwrap();
    let monitor = thread::spawn(move || monitor.run());
    let id = MessageId::new("upgrade").unwrap();
    ctllib::upgrade(&places, Some(id)).unwrap();
    let reply = reply(&places, "upgrade");
    assert!(!reply.ok);
    let why = reply.error.unwrap();
    assert!(why.contains("embedded in another program"), "{why}");
    ctllib::send(&places, &Message::new(Request::Shutdown)).unwrap();
    monitor.join().unwrap().unwrap();
}
