//! G10: as root, a log in a directory of somebody else gives him no hold on what is root's.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;

use ncolony_core::status::ProgramStatus;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::colony::{Colony, shell, until};
use crate::processes::{can_unshare, signal};

/// The program's user, who has no account.
const THEM: u32 = 54321;

/// Prints what is written to its door, line by line.
const SAYS: &str = "while :; do cat $HOME/door; done";

/// A colony of root's with a directory of somebody else's, whose program prints into a log there,
/// and with a secret of root's.
struct Ground {
    colony: Colony,
}

impl Ground {
    fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let colony = Colony::new(&[]);
        colony.set_mode(".", 0o755);
        for directory in ["theirs", "theirs/logs", "roots"] {
            fs::create_dir(colony.path(directory)).unwrap();
        }
        fs::write(colony.path("roots/out.log"), "root's\n").unwrap();
        fs::set_permissions(colony.path("roots/out.log"), Permissions::from_mode(0o600)).unwrap();
        let ground = Self { colony };
        for directory in ["theirs", "theirs/logs"] {
            ground.give(directory);
        }
        let door = ground.colony.path("theirs/door");
        nix::unistd::mkfifo(&door, nix::sys::stat::Mode::S_IRWXU).unwrap();
        ground.give("theirs/door");
        Some(ground)
    }

    /// With a monitor, and a program whose log has these properties.
    fn running(keys: Value) -> Option<Self> {
        let mut ground = Self::new()?;
        ground.colony.start();
        ground.program(keys);
        Some(ground)
    }

    fn program(&self, keys: Value) {
        let mut log = json!({"file": self.colony.path("theirs/logs/out.log")});
        let home = json!({"HOME": self.colony.path("theirs")});
        if let (Value::Object(log), Value::Object(keys)) = (&mut log, keys) {
            log.extend(keys);
        }
        let user = format!("{THEM}:{THEM}");
        let keys = json!({"user": user, "env": home, "stdout": log});
        let starts = |record: ProgramStatus| record.starts;
        let before = self.colony.try_record("web").map_or(0, starts);
        self.colony.program("web", shell(SAYS, keys));
        self.colony
            .until_record("web", "it is started", |record| record.starts > before);
    }

    fn give(&self, name: &str) {
        lchown(self.colony.path(name), Some(THEM), Some(THEM)).unwrap();
    }

    /// Has the program print, whether or not its log can be written.
    fn say(&self, text: &str) {
        fs::write(self.colony.path("theirs/door"), text).unwrap();
    }

    fn until_written(&self, log: &str, text: &str) {
        until(&format!("{text:?} stands in {log}"), || {
            let found = fs::read_to_string(self.colony.path(log)).unwrap_or_default();
            (found == text).then_some(())
        });
    }

    /// What the monitor says is wrong with the log, once it is `part`.
    fn until_trouble(&self, part: &str) -> String {
        let is_said = |problem: &&String| problem.contains(part);
        let overview = self.colony.until_overview(part, |overview| {
            overview.problems.iter().any(|problem| is_said(&problem))
        });
        self.assert_unharmed();
        overview.problems.iter().find(is_said).unwrap().clone()
    }

    fn until_well(&self) {
        self.colony
            .until_overview("no problem is left", |overview| {
                overview.problems.is_empty()
            });
        self.assert_unharmed();
    }

    fn assert_unharmed(&self) {
        let roots = self.colony.path("roots");
        let names = fs::read_dir(&roots).unwrap();
        assert_eq!(names.count(), 1);
        assert_eq!(fs::read(roots.join("out.log")).unwrap(), b"root's\n");
    }

    fn link(&self, to: impl AsRef<Path>, name: &str) {
        symlink(to, self.colony.path(name)).unwrap();
        self.give(name);
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.colony.path(name)).unwrap();
    }
}

#[test]
fn a_log_in_the_programs_own_directory_is_written_rotated_and_taken_up_again() {
    let Some(mut ground) = Ground::running(json!({"max_bytes": 8, "compress": true})) else {
        return;
    };
    ground.say("one\n");
    ground.until_written("theirs/logs/out.log", "one\n");
    let found = fs::metadata(ground.colony.path("theirs/logs/out.log")).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o777), (THEM, 0o640));
    ground.colony.kill();
    ground.colony.start();
    ground.say("two, more\n");
    ground.until_written("theirs/logs/out.log", "two, more\n");
    ground.colony.upgrade();
    ground.say("three\n");
    ground.until_written("theirs/logs/out.log", "three\n");
    let older = ground.colony.path("theirs/logs/out.log.2.gz");
    until("what was rotated is compressed", || {
        fs::metadata(&older)
            .ok()
            .filter(|found| found.uid() == THEM)
    });
    ground.until_well();
}

#[test]
fn no_link_is_followed_and_what_waits_is_written_when_it_is_gone() {
    let Some(ground) = Ground::new() else { return };
    let Ground { mut colony } = ground;
    colony.start();
    let ground = Ground { colony };
    let secret = ground.colony.path("roots/out.log");
    ground.link(&secret, "theirs/logs/out.log");
    ground.program(json!({}));
    ground.say("one\n");
    let said = ground.until_trouble("theirs/logs/out.log is a link");
    assert!(
        said.starts_with("cannot write the log") && said.ends_with("its program waits"),
        "{said}"
    );
    ground.remove("theirs/logs/out.log");
    ground.until_written("theirs/logs/out.log", "one\n");
    ground.until_well();
    // A second name of it.
    ground.remove("theirs/logs/out.log");
    fs::hard_link(&secret, ground.colony.path("theirs/logs/out.log")).unwrap();
    ground.say("two\n");
    ground.until_trouble("it has a second name elsewhere");
    ground.remove("theirs/logs/out.log");
    ground.until_written("theirs/logs/out.log", "two\n");
    ground.until_well();
}

#[test]
fn a_directory_that_becomes_a_link_leads_nowhere() {
    let Some(ground) = Ground::running(json!({"max_bytes": 8, "backups": 2})) else {
        return;
    };
    ground.say("one\n");
    ground.until_written("theirs/logs/out.log", "one\n");
    fs::rename(
        ground.colony.path("theirs/logs"),
        ground.colony.path("theirs/before"),
    )
    .unwrap();
    ground.link("../roots", "theirs/logs");
    // Too much for the file that is open, and its successor cannot be begun.
    ground.say("two, more\n");
    ground.until_trouble("theirs/logs is a link");
    ground.colony.signal(Signal::SIGUSR2);
    ground.say("three\n");
    ground.until_trouble("cannot write the log");
    ground.remove("theirs/logs");
    fs::rename(
        ground.colony.path("theirs/before"),
        ground.colony.path("theirs/logs"),
    )
    .unwrap();
    until("all of it is written", || {
        let log = fs::read_to_string(ground.colony.path("theirs/logs/out.log")).ok()?;
        log.ends_with("three\n").then_some(())
    });
    ground.assert_unharmed();
}

#[test]
fn rotation_and_compression_reach_nothing_behind_a_link() {
    let keys = json!({"max_bytes": 8, "backups": 3, "compress": true});
    let Some(ground) = Ground::running(keys) else {
        return;
    };
    let secret = ground.colony.path("roots/out.log");
    ground.link(&secret, "theirs/logs/out.log.1");
    fs::hard_link(&secret, ground.colony.path("theirs/logs/out.log.2")).unwrap();
    ground.link(&secret, "theirs/logs/out.log.gz.new");
    for text in ["one\n", "two, more\n", "three, more\n", "four, more\n"] {
        ground.say(text);
        ground.until_written("theirs/logs/out.log", text);
    }
    // Nor are they read for the last lines of a process.
    let pid = ground.colony.record("web").pid.unwrap();
    signal(pid, Signal::SIGKILL);
    let record = ground
        .colony
        .until_record("web", "it is started again", |record| record.starts == 2);
    let output = record.output.unwrap_or_default();
    assert!(!output.contains(&"root's".to_owned()), "{output:?}");
    ground.assert_unharmed();
    for entry in fs::read_dir(ground.colony.path("theirs/logs")).unwrap() {
        let found = entry.unwrap().metadata().unwrap();
        assert!(found.is_symlink() || found.uid() == THEM, "{found:?}");
    }
}

#[test]
fn what_root_has_made_there_goes_on_working() {
    let Some(ground) = Ground::new() else { return };
    let Ground { mut colony } = ground;
    colony.start();
    let ground = Ground { colony };
    // A log from before, which may be any file of root's.
    fs::write(ground.colony.path("theirs/logs/out.log"), "before\n").unwrap();
    ground.program(json!({}));
    ground.say("one\n");
    ground.until_written("theirs/logs/out.log", "one\n");
    ground.until_written("theirs/logs/out.log.1", "before\n");
    // A directory of root's in theirs, and one that a group of theirs can write.
    for mode in [0o755, 0o775] {
        ground.colony.set_mode("theirs/logs", mode);
        chown(ground.colony.path("theirs/logs"), Some(0), Some(THEM)).unwrap();
        ground.colony.signal(Signal::SIGUSR2);
        fs::remove_file(ground.colony.path("theirs/logs/out.log")).unwrap();
        ground.say("two\n");
        ground.until_written("theirs/logs/out.log", "two\n");
        let found = fs::metadata(ground.colony.path("theirs/logs/out.log")).unwrap();
        assert_eq!(found.uid(), 0);
    }
    // A link of root's that leads there.
    symlink("theirs/logs", ground.colony.path("logs.theirs")).unwrap();
    let log = ground.colony.path("logs.theirs/linked.log");
    ground.program(json!({"file": log}));
    ground.say("three\n");
    ground.until_written("theirs/logs/linked.log", "three\n");
    ground.until_well();
}

#[test]
fn devices_are_no_business_of_this() {
    let Some(ground) = Ground::running(json!({"file": "/dev/stdout"})) else {
        return;
    };
    ground.say("one\n");
    ground.until_written("monitor.out", "one\n");
    ground.program(json!({"file": "/dev/null"}));
    ground.say("two\n");
    ground.until_well();
}

/// There the owner of a directory may be somebody whom nothing can be given to.
#[test]
fn a_user_namespace_has_owners_without_a_number() {
    if !can_unshare() || !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut colony = Colony::new(&[]);
    fs::create_dir(colony.path("theirs")).unwrap();
    colony.set_mode("theirs", 0o777);
    chown(colony.path("theirs"), Some(THEM), Some(THEM)).unwrap();
    colony.wrap(&["unshare", "-Ur"]);
    colony.start();
    let log = colony.path("theirs/out.log");
    let keys = json!({"stdout": {"file": log, "max_bytes": 4, "backups": 1}});
    colony.program("web", shell("echo one; echo two; exec cat", keys));
    until("the log is written and rotated", || {
        let read = |name: &str| fs::read_to_string(colony.path(name)).ok();
        let wanted = ("two\n".to_owned(), "one\n".to_owned());
        let found = (read("theirs/out.log")?, read("theirs/out.log.1")?);
        (found == wanted).then_some(())
    });
    colony.signal(Signal::SIGUSR2);
    assert!(!colony.path("theirs/out.log.2").exists());
    assert_eq!(colony.overview().problems, [""; 0]);
}
