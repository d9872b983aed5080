//! A monitor as a command sees one: a lock that is held, records, and answers to messages.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use serde_json::{Value, json};

use crate::colony::{Colony, until};

/// The process that the lock file names.
pub(crate) const PID: u32 = 4_000_000;

pub(crate) struct PlayedMonitor<'c> {
    colony: &'c Colony,
    /// How many messages it has taken.
    heard: Cell<u64>,
    lock: RefCell<Option<File>>,
}

/// Holds the lock as a process of this number.
fn lock(colony: &Colony, pid: u32) -> File {
    let path = colony.path("status/.lock");
    let mut options = File::options();
    let mut lock = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .unwrap();
    let word = |word| libc::c_short::try_from(word).unwrap();
    let whole = libc::flock {
        l_type: word(libc::F_WRLCK),
        l_whence: word(libc::SEEK_SET),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    // A child that another test forks at this moment holds an earlier one until it is executed.
    until("the lock is free", || {
        fcntl(&lock, FcntlArg::F_OFD_SETLK(&whole)).ok()
    });
    lock.set_len(0).unwrap();
    write!(lock, "{pid}").unwrap();
    lock
}

/// A record; what a test does not name is as in a program that has been running for long.
pub(crate) fn record(name: &str, differences: Value) -> Value {
    let mut record = json!({
        "schema": 1, "name": name, "state": "RUNNING", "want": "up", "pid": 100,
        "since": "2026-01-01T00:00:00Z", "starts": 1, "exit": null, "output": null,
        "delay": 1.0, "next_start": null, "ready": true, "note": null, "reason": null,
        "config_error": null, "groups": [], "log": null, "adopted": false,
        "config_digest": null, "process": null, "started": "2026-01-01T00:00:00Z",
        "generation": 1, "ended": 0, "heard": 0
    });
    let Value::Object(differences) = differences else {
        panic!("differences are an object");
    };
    for (key, value) in differences {
        record[key] = value;
    }
    record
}

impl<'c> PlayedMonitor<'c> {
    pub(crate) fn of(colony: &'c Colony) -> Self {
        for place in ["config", "messages", "status/programs", "status/replies"] {
            fs::create_dir_all(colony.path(place)).unwrap();
        }
        Self {
            colony,
            heard: Cell::new(0),
            lock: RefCell::new(Some(lock(colony, PID))),
        }
    }

    /// Lets the lock go, and stays.
    pub(crate) fn let_go(&self) {
        drop(self.lock.take());
    }

    /// Takes the lock anew, as a process of this number.
    pub(crate) fn take_hold(&self, pid: u32) {
        self.let_go();
        self.lock.replace(Some(lock(self.colony, pid)));
    }

    /// Writes a record as a monitor does: whole, and after all messages that it has taken. Gives
    /// what was written.
    pub(crate) fn publish(&self, name: &str, differences: Value) -> Value {
        self.publish_of(self.heard.get(), name, differences)
    }

    /// Writes a record as it was when so many messages had been heard.
    fn publish_of(&self, heard: u64, name: &str, differences: Value) -> Value {
        let mut record = record(name, differences);
        record["heard"] = json!(heard);
        let text = record.to_string();
        self.write(&format!("status/programs/{name}.json"), &text);
        record
    }

    pub(crate) fn retract(&self, name: &str) {
        fs::remove_file(self.colony.path(&format!("status/programs/{name}.json"))).unwrap();
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.colony.path(below);
        let half = path.with_extension("half");
        fs::write(&half, text).unwrap();
        fs::rename(half, path).unwrap();
    }

    /// The next message; it is gone then.
    pub(crate) fn take_message(&self) -> Value {
        let messages = self.colony.path("messages");
        until("a message", || {
            let names = self.colony.names("messages");
            let name = names.iter().find(|name| !name.starts_with('.'))?;
            let message = fs::read(messages.join(name)).unwrap();
            fs::remove_file(messages.join(name)).unwrap();
            self.heard.set(self.heard.get() + 1);
            Some(serde_json::from_slice(&message).unwrap())
        })
    }

    /// Waits for a message of this type, says that it was acted on, and gives it.
    pub(crate) fn obey(&self, kind: &str, programs: &[&str]) -> Value {
        self.obey_before(kind, programs, || {})
    }

    /// The same, and does something before it answers.
    pub(crate) fn obey_before(&self, kind: &str, programs: &[&str], act: impl FnOnce()) -> Value {
        let message = self.take_message();
        assert_eq!(message["type"], kind);
        act();
        self.reply(
            &message,
            json!({"ok": true, "error": null, "programs": programs}),
        );
        message
    }

    /// The same for a RESTART or START, with the generations that it promises.
    pub(crate) fn promise(&self, kind: &str, generations: &[(&str, u64)]) -> Value {
        let message = self.take_message();
        assert_eq!(message["type"], kind);
        self.reply_with(&message, generations);
        message
    }

    /// Takes a message about `web`, promises a generation, and does not go on before its sender
    /// has looked at a record from before it.
    pub(crate) fn promise_late(&self, kind: &str, generation: u64, stale: Value) {
        let message = self.take_message();
        assert_eq!(message["type"], kind);
        self.publish_of(self.heard.get() - 1, "web", stale);
        let looks = self.looks_at("web");
        self.reply_with(&message, &[("web", generation)]);
        until("a look at the stale record", || looks.read_events().ok());
    }

    /// Tells when a record has been read.
    pub(crate) fn looks_at(&self, name: &str) -> Inotify {
        self.looks_at_file(&format!("status/programs/{name}.json"))
    }

    /// Tells when a file has been read.
    pub(crate) fn looks_at_file(&self, below: &str) -> Inotify {
        let looks = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).unwrap();
        let path = self.colony.path(below);
        looks
            .add_watch(&path, AddWatchFlags::IN_CLOSE_NOWRITE)
            .unwrap();
        looks
    }

    fn reply_with(&self, message: &Value, generations: &[(&str, u64)]) {
        let generations: BTreeMap<_, _> = generations.iter().copied().collect();
        let programs: Vec<_> = generations.keys().collect();
        let reply = json!({
            "ok": true, "error": null, "programs": programs, "generations": generations
        });
        self.reply(message, reply);
    }

    /// Waits for a message of this type and says why it was not acted on.
    pub(crate) fn refuse(&self, kind: &str, error: &str) {
        let message = self.take_message();
        assert_eq!(message["type"], kind);
        self.reply(
            &message,
            json!({"ok": false, "error": error, "programs": []}),
        );
    }

    fn reply(&self, message: &Value, mut reply: Value) {
        let id = message["id"]
            .as_str()
            .expect("it waits for an answer")
            .to_owned();
        reply["id"] = json!(id);
        reply["heard"] = json!(self.heard.get());
        self.write(&format!("status/replies/{id}.json"), &reply.to_string());
    }

    pub(crate) fn describe(&self, differences: Value) {
        let places = |place: &str| self.colony.path(place);
        let mut record = json!({
            "schema": 1, "pid": PID, "version": "0.1.0", "started": "2026-01-01T00:00:00Z",
            "places": {"config": places("config"), "messages": places("messages"),
                "status": places("status"), "logs": places("logs")},
            "watch": "inotify", "frequency": 10.0,
            "defaults": {"threshold": 1.0, "killtime": 7.0, "minrestartdelay": 1.0,
                "maxrestartdelay": 3600.0},
            "programs": 1, "ignored": [], "config_state": "ok",
            "guarantees": {"adoption": true, "exit_codes": "exact", "tree_kill": "group"},
            "problems": [], "counters": {}
        });
        for (key, value) in differences.as_object().expect("an object") {
            record[key] = value.clone();
        }
        self.write("status/monitor.json", &record.to_string());
    }
}
