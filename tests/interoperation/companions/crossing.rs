//! The companions of the one under the monitor of the other: they do what the table says there
//! too, as far as it can happen there.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::row::{File, Meanwhile, Outcome, Row, Then};
use super::runs::SCHEDULER;
use super::scheduler::Command;
use super::table::{BEATCHECK, BEATCHECK_WITNESS, HTTPCHECK, HTTPCHECK_WITNESS};
use super::watch::{Check, Make, Watch};
use crate::colony::{Colony, Monitor, python};
use crate::process::{Running, built, eventually};

/// A program whose heart is the original's.
const HEART: &str = "
from twisted.internet import reactor
from ncolony.client import heart
heart.makeService().startService()
reactor.run()
";

/// Whether a row can be tried under either monitor: it says something of a program that runs
/// there, and what restarts it is the check alone.
fn is_for_monitors(row: &Row, make: Make) -> bool {
    let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let is_good = matches!(row.file, File::Extra(_) | File::NoExtra) && is_plain(row.name);
    let changes_file = matches!(
        row.meanwhile,
        Meanwhile::FileIsTouched
            | Meanwhile::FileIsRewritten
            | Meanwhile::FileIsRemoved
            | Meanwhile::FileIsMended
    );
    is_good && !changes_file && make.of(row) != Outcome::Blind
}

/// A check that a monitor runs, in the colony that it looks at.
struct World {
    // It ends before its colony's directory does.
    _monitor: Running,
    make: Make,
    watch: Watch,
    witness: &'static Row,
}

impl World {
    fn new(check: Check, make: Make, monitor: Monitor) -> Self {
        let (table, witness) = match check {
            Check::Beat => (BEATCHECK, &BEATCHECK_WITNESS),
            Check::Http => (HTTPCHECK, &HTTPCHECK_WITNESS),
        };
        let rows = table.iter().filter(|row| is_for_monitors(row, make));
        let watch = Watch::new(check, rows.chain([witness]));
        let colony = &watch.colony;
        let words = check.words(make, colony);
        write(colony, "check", &json!({"args": words}));
        if check == Check::Beat {
            add_hearts(colony);
        }
        Self {
            _monitor: colony.start(monitor, &[]),
            make,
            watch,
            witness,
        }
    }

    /// Does what is to happen, and says whether all had time enough.
    fn go_on(&mut self) -> bool {
        self.watch.live();
        self.watch.see();
        self.watch.has_restarted(self.witness.name)
    }
}

fn write(colony: &Colony, name: &str, file: &Value) {
    fs::write(colony.path("config").join(name), file.to_string()).unwrap();
}

/// The programs that beat hearts of the original's and of ours, as long as they are let.
const HEARTS: [&str; 2] = ["their-heart", "our-heart"];

fn add_hearts(colony: &Colony) {
    let scheduler = built().join("ncolony-scheduler");
    let python = python().get_program().to_owned();
    let idle = [
        "--frequency=1000",
        "--timeout=1",
        "--grace=1",
        "--arg=/bin/true",
    ];
    let theirs = json!([python.to_str().unwrap(), "-c", HEART]);
    let ours = json!([scheduler, idle[0], idle[1], idle[2], idle[3]]);
    for (name, words) in HEARTS.into_iter().zip([theirs, ours]) {
        let told = colony.path("witnesses").join(name);
        let script = format!("echo $$ > '{}'; exec \"$@\"", told.display());
        let mut args = vec![json!("/bin/sh"), json!("-c"), json!(script), json!("sh")];
        args.extend(words.as_array().unwrap().iter().cloned());
        let watched = json!({"period": 3, "grace": 1, "status": colony.path("hearts")});
        write(
            colony,
            name,
            &json!({"args": args, "ncolony.beatcheck": watched}),
        );
    }
}

/// Hearts that have beaten all the time are let be, and one that stands still is not.
fn hearts_are_heard(colony: &Colony, first: [u32; 2]) {
    for (name, first) in HEARTS.into_iter().zip(first) {
        assert_eq!(colony.told(name), Some(first), "{name} was restarted");
        let pid = Pid::from_raw(first.try_into().unwrap());
        kill(pid, Signal::SIGSTOP).unwrap();
    }
    for (name, first) in HEARTS.into_iter().zip(first) {
        colony.process(name, Some(first));
    }
}

/// Lets these checks look at their rows until the witness of each has been restarted, and
/// compares.
fn as_the_table_says(mut worlds: Vec<World>) {
    let beats = worlds
        .iter()
        .position(|world| world.witness.name == BEATCHECK_WITNESS.name);
    let hearts =
        beats.map(|beats| HEARTS.map(|name| worlds[beats].watch.colony.process(name, None)));
    eventually("the witnesses are restarted", || {
        let over: Vec<bool> = worlds.iter_mut().map(World::go_on).collect();
        over.iter().all(|over| *over).then_some(())
    });
    let wrong: Vec<String> = worlds
        .iter()
        .flat_map(|world| world.watch.differences(world.make))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    if let (Some(beats), Some(hearts)) = (beats, hearts) {
        hearts_are_heard(&worlds[beats].watch.colony, hearts);
    }
}

/// Schedulers that a monitor runs. Their lines are the monitor's.
fn schedulers(make: Make, monitor: Monitor) {
    let colony = Colony::new();
    let rows = SCHEDULER.iter().filter(|run| run.why.is_empty());
    let rows: Vec<Command> = rows.map(|run| Command::new(&colony, run)).collect();
    for row in &rows {
        assert_eq!(row.run.then, Then::Nothing);
        write(&colony, row.run.name, &json!({"args": row.words(make)}));
    }
    let monitor = colony.start(monitor, &[]);
    for row in &rows {
        let what = format!("{} of {make:?}", row.run.name);
        eventually(&what, || row.is_seen(make, &monitor.output()).then_some(()));
    }
}

#[test]
fn their_checks_under_our_monitor() {
    let world = |check| World::new(check, Make::Theirs, Monitor::Ours);
    as_the_table_says(vec![world(Check::Beat), world(Check::Http)]);
}

#[test]
fn our_checks_beside_their_monitor() {
    let world = |check| World::new(check, Make::Ours, Monitor::Theirs);
    as_the_table_says(vec![world(Check::Beat), world(Check::Http)]);
}

#[test]
fn our_checks_under_our_monitor() {
    let world = |check| World::new(check, Make::Ours, Monitor::Ours);
    as_the_table_says(vec![world(Check::Beat), world(Check::Http)]);
}

#[test]
fn their_scheduler_under_our_monitor() {
    schedulers(Make::Theirs, Monitor::Ours);
}

#[test]
fn our_scheduler_under_their_monitor() {
    schedulers(Make::Ours, Monitor::Theirs);
}
