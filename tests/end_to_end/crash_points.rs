//! G3, G4, G7: wherever the monitor is killed, the one after it goes on as if nothing had been.
//!
//! A short story is told again and again. Its monitor is killed where it leaves something behind:
//! for each such point when it comes there for the first time, then for the second, and so on until
//! it comes to the end of the story alive. Each time another monitor takes its place, the story goes
//! on, and it must end in the same way.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use ncolony_core::State;
use ncolony_core::status::ProgramStatus;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::architecture::sources;
use crate::colony::{Colony, assert_told_in_order, shell};
use crate::processes;

/// So many stories are told at a time.
const THREADS: usize = 4;

/// A story that reaches a point so often would never come to its end.
const TIMES_MAX: u64 = 1000;

/// So many lines are printed, over several rotations.
const LINES: usize = 1200;

/// How each program begins: a start that nobody wanted is found here.
const NOTED: &str = "echo $$ >> starts.$NCOLONY_NAME\n";

/// Lives until it is told to end, and hears signals meanwhile.
const LISTENS: &str = "while :; do read line; done";

/// The programs, by name: how often each was started at the end, and its state then.
const END: [(&str, usize, State); 7] = [
    ("changed", 2, State::Running),
    ("flaky", 2, State::Fatal),
    ("job", 1, State::Exited),
    ("numbered", 1, State::Running),
    ("restarted", 2, State::Running),
    ("signalled", 1, State::Running),
    ("stopped", 1, State::Stopped),
];

/// A point of the monitor's sources, and which time it is reached is next.
struct Point {
    what: String,
    next: AtomicU64,
    /// How often the monitor was killed there.
    crashes: AtomicU64,
    is_over: AtomicBool,
}

/// All that the monitor's sources call a crash point.
fn points() -> Vec<Point> {
    const CALL: &str = "crash_point::reach(\"";
    let all = sources("ncolony-monitor/src").into_iter();
    let named = all.flat_map(|(_, text)| {
        let calls = text.split(CALL).skip(1);
        let names = calls.map(|rest| rest.split('"').next().unwrap().to_owned());
        names.collect::<Vec<_>>()
    });
    let named: BTreeSet<String> = named.collect();
    let point = |what| Point {
        what,
        next: AtomicU64::new(1),
        crashes: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    named.into_iter().map(point).collect()
}

#[test]
fn wherever_the_monitor_is_killed_the_story_ends_in_the_same_way() {
    let points = points();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| points.iter().for_each(tell_all));
        }
    });
    for point in &points {
        let crashes = point.crashes.load(Ordering::SeqCst);
        println!("{crashes} crashes: {}", point.what);
        assert!(crashes > 0, "{}: the story does not come there", point.what);
    }
}

/// Tells the story with a crash at each time that a point is reached, together with other threads.
fn tell_all(point: &Point) {
    while !point.is_over.load(Ordering::SeqCst) {
        let number = point.next.fetch_add(1, Ordering::SeqCst);
        assert!(number < TIMES_MAX, "the story does not end");
        if Story::new(format!("{number} {}", point.what)).tell() {
            point.crashes.fetch_add(1, Ordering::SeqCst);
        } else {
            point.is_over.store(true, Ordering::SeqCst);
        }
    }
}

/// A story, and the crash that it has.
struct Story {
    colony: Colony,
    point: String,
    crashed: bool,
}

impl Story {
    fn new(point: String) -> Self {
        let colony = Colony::new(&["-m", "0.02", "-t", "0", "--log-level", "debug"]);
        let noted = |rest: &str, keys: Value| shell(&format!("{NOTED}{rest}"), keys);
        let idle = noted("exec cat", json!({}));
        for name in ["stopped", "restarted", "removed"] {
            colony.program(name, &idle);
        }
        let count =
            format!("i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); done; exec cat");
        let rotated = json!({"stdout": {"max_bytes": 4000, "backups": 20, "compress": true}});
        colony.program("numbered", noted(&count, rotated));
        let flaky = json!({"give_up_after": 2, "threshold": 60});
        colony.program("flaky", noted("exit 3", flaky));
        let hears = |act: &str, signal: &str, keys| {
            shell(&format!("trap '{act}' {signal}\n{NOTED}{LISTENS}"), keys)
        };
        colony.program("signalled", hears("echo >> signals", "USR1", json!({})));
        let job = hears("exit 0", "TERM", json!({"restart": "never"}));
        colony.program("job", job);
        let story = Self {
            colony,
            point,
            crashed: false,
        };
        story.write_changed(1);
        story
    }

    fn write_changed(&self, version: u32) {
        let script = format!("{NOTED}echo $VERSION > version; exec cat");
        let keys = json!({"env": {"VERSION": version.to_string()}});
        self.colony.program("changed", shell(&script, keys));
    }

    /// Tells it, and says whether the monitor was killed on the way.
    fn tell(mut self) -> bool {
        self.colony.start_crashing(&self.point);
        self.begin();
        self.is_granted("1-stop", json!({"type": "STOP", "name": "stopped"}));
        self.until_state("stopped", State::Stopped);
        self.is_granted("2-restart", json!({"type": "RESTART", "name": "restarted"}));
        self.until_starts("restarted", 2);
        let signal = json!({"type": "SIGNAL", "name": "signalled", "signal": "USR1"});
        // Of a signal nobody can see afterwards whether it was sent: then its sender is told so.
        let reply = self.ask("3-signal", signal);
        assert!(reply["ok"] == json!(true) || self.crashed, "{reply}");
        self.colony.message("4-nonsense", &json!("nonsense"));
        let reason = "status/rejected/4-nonsense.reason";
        self.until("nonsense is put aside", |colony| {
            colony.path(reason).exists().then_some(())
        });
        self.write_changed(2);
        self.until_starts("changed", 2);
        self.colony.remove("removed");
        self.until("what was removed is gone", |colony| {
            colony.try_record("removed").is_none().then_some(())
        });
        let job = self.colony.lines("starts.job")[0].parse().unwrap();
        processes::signal(job, Signal::SIGTERM);
        self.check();
        // It may have died at its very last deed.
        self.crashed |= self.colony.has_crashed();
        self.crashed
    }

    /// All programs have come so far that something can be asked of them.
    fn begin(&mut self) {
        for (name, _, _) in END {
            let state = if name == "flaky" {
                State::Fatal
            } else {
                State::Running
            };
            self.until_state(name, state);
            self.until_starts(name, 1);
        }
        self.until_starts("removed", 1);
    }

    fn is_granted(&mut self, id: &str, message: Value) {
        let reply = self.ask(id, message);
        assert_eq!(reply["ok"], json!(true), "{reply}");
    }

    /// Sends a message and waits for what comes of it.
    fn ask(&mut self, id: &str, mut message: Value) -> Value {
        message["id"] = json!(id);
        self.colony.message(id, &message);
        let reply = format!("status/replies/{id}.json");
        self.until(&format!("there is a reply to {id}"), |colony| {
            serde_json::from_slice(&fs::read(colony.path(&reply)).ok()?).ok()
        })
    }

    fn until<T>(&mut self, what: &str, condition: impl FnMut(&Colony) -> Option<T>) -> T {
        let what = format!("{what}, at crash point {}", self.point);
        let Self {
            colony, crashed, ..
        } = self;
        colony.until_in_the_end(&what, crashed, condition)
    }

    fn until_state(&mut self, name: &str, state: State) -> ProgramStatus {
        self.until(&format!("{name} is {state}"), |colony| {
            colony.try_record(name).filter(|it| it.state == state)
        })
    }

    fn until_starts(&mut self, name: &str, count: usize) {
        self.until(&format!("{name} was started {count} times"), |colony| {
            let starts = colony.lines(&format!("starts.{name}")).len();
            (starts >= count).then_some(())
        });
    }

    // ----- how it must end -------------------------------------------------------------------

    fn check(&mut self) {
        for (name, _, state) in END {
            self.until_state(name, state);
        }
        self.until("all messages are gone", |colony| {
            let left = fs::read_dir(colony.path("messages")).unwrap();
            (left.count() == 0).then_some(())
        });
        self.check_programs();
        self.check_messages();
        self.check_output();
        self.check_events();
    }

    /// Nothing was started that nobody wanted, and what runs is what the records say.
    fn check_programs(&mut self) {
        self.until("what runs is what is said to run", |colony| {
            let records = END
                .iter()
                .filter_map(|(name, _, _)| colony.try_record(name));
            let said: BTreeSet<u32> = records.filter_map(|record| record.pid).collect();
            let running: BTreeSet<u32> = colony.processes().into_iter().collect();
            (said == running).then_some(())
        });
        for (name, wanted, _) in END {
            let starts = self.colony.lines(&format!("starts.{name}")).len();
            let record = self.colony.record(name);
            // A process that has come and gone before anybody could write it down, and whose
            // monitor died in that moment, has left nothing that tells of it.
            let unseen = usize::from(self.crashed && name == "flaky");
            let allowed = wanted..=wanted + unseen;
            let point = &self.point;
            assert!(allowed.contains(&starts), "{point}: {name}: {starts}");
            let counted = usize::try_from(record.starts).unwrap();
            assert!(
                (wanted..=starts).contains(&counted),
                "{point}: {record:?} after {starts} starts"
            );
        }
        let version = self.colony.lines("version");
        assert_eq!(version, ["2"], "{}", self.point);
        let names = fs::read_dir(self.colony.path("status/programs")).unwrap();
        assert_eq!(names.count(), END.len(), "{}", self.point);
    }

    /// Each message was acted on once; a signal, which cannot be asked for afterwards, at most once.
    fn check_messages(&self) {
        let signals = self.colony.lines("signals").len();
        let least = usize::from(!self.crashed);
        let allowed = least..=1;
        assert!(allowed.contains(&signals), "{}: {signals}", self.point);
        let rejected = fs::read_dir(self.colony.path("status/rejected")).unwrap();
        assert_eq!(rejected.count(), 2, "{}: one and its reason", self.point);
    }

    /// What was told ends with what is so, and no change is missing.
    fn check_events(&mut self) {
        for (name, _, state) in END {
            self.until(&format!("it is told that {name} is {state}"), |colony| {
                let told = colony.events_of(name);
                (told.last()?.to == state).then_some(())
            });
        }
        assert_told_in_order(&self.colony.events(), &self.point);
    }

    /// No line is missing and none came twice, over all rotations.
    fn check_output(&mut self) {
        let all = (0..LINES).map(|number| format!("line {number}\n"));
        let all: String = all.collect();
        self.until("every line is there once", |colony| {
            let shown = colony.ctl(&["logs", "numbered", "-n", "100000"]).stdout;
            (shown == all).then_some(())
        });
    }
}
