//! Hearts that beat, stop, vanish, or cannot be looked at.

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::playing::{Field, until};

const KEY: &str = "ncolony.beatcheck";

/// Beats until it is dropped.
struct Beating {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Beating {
    fn new(file: &Path) -> Self {
        let file = file.to_owned();
        let (end, ended) = channel();
        let thread = thread::spawn(move || {
            while ended.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Timeout) {
                // Its directory may just not be there.
                drop(touch(&file));
            }
        });
        Self {
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Beating {
    fn drop(&mut self) {
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

fn touch(file: &Path) -> std::io::Result<()> {
    let mut options = File::options();
    let file = options.create(true).append(true).open(file)?;
    file.set_modified(SystemTime::now())
}

/// A field with a directory of hearts, in which there is a program whose heart never beats.
fn field() -> Field {
    let field = Field::new();
    fs::create_dir(field.path("hearts")).unwrap();
    heart(&field, "witness", 0.3, &field.path("hearts"));
    field
}

fn heart(field: &Field, name: &str, period: f64, status: &Path) {
    let asked = json!({"period": period, "grace": 1, "status": status});
    field.program(name, KEY, &asked);
}

#[test]
fn a_restart_does_not_wait_for_the_next_look_at_program_files() {
    let field = field();
    let _check = field.beatcheck_that_looks_once();
    field.until_requested("witness", 2);
}

#[test]
fn a_check_that_stood_still_restarts_nobody_who_was_well_meanwhile() {
    let field = field();
    heart(&field, "well", 2.0, &field.path("hearts"));
    let beating = Beating::new(&field.path("hearts/well"));
    let check = field.beatcheck();
    field.until_requested("witness", 2);
    check.stands_still(Duration::from_secs(5), || ());
    let restarted = field.until_requested("witness", 3);
    assert!(!restarted.contains("well"));
    drop(beating);
    field.until_requested("well", 1);
}

#[test]
fn a_heart_in_a_directory_and_one_in_a_file_are_told_with_their_paths() {
    let field = field();
    heart(&field, "file", 0.3, &field.path("hearts/of-file"));
    touch(&field.path("hearts/of-file")).unwrap();
    let _check = field.beatcheck();
    let mut reasons = Vec::new();
    until("both are restarted", || {
        reasons.extend(field.requests());
        let has = |wanted: &str| reasons.iter().any(|(name, _)| name == wanted);
        (has("file") && has("witness")).then_some(())
    });
    let said = |wanted: &str| {
        let found = reasons.iter().find(|(name, _)| name == wanted);
        found.unwrap().1.clone()
    };
    let path = field.path("hearts/of-file").display().to_string();
    assert!(said("file").contains(&format!("{path} has not been touched for")));
    let path = field.path("hearts/witness").display().to_string();
    assert!(said("witness").contains(&format!("there is no {path}")));
}

#[test]
fn a_heart_whose_file_is_removed_lives_if_it_beats_on() {
    let field = field();
    for name in ["lives", "dies"] {
        heart(&field, name, 2.0, &field.path("hearts"));
    }
    let _beating = Beating::new(&field.path("hearts/lives"));
    touch(&field.path("hearts/dies")).unwrap();
    let _check = field.beatcheck();
    field.until_requested("witness", 2);
    for name in ["lives", "dies"] {
        fs::remove_file(field.path("hearts").join(name)).unwrap();
    }
    let restarted = field.until_requested("dies", 1);
    assert!(!restarted.contains("lives"));
    let told = field.said_of("dies is to be restarted");
    assert!(told[0].contains("there is no"), "{told:?}");
}

#[test]
fn where_the_directory_of_hearts_has_gone_nobody_is_restarted() {
    let field = field();
    // Where the witness beats no heart is not where the other one beats none.
    let shared = field.path("shared");
    fs::create_dir(&shared).unwrap();
    heart(&field, "well", 1.0, &shared);
    let beating = Beating::new(&shared.join("well"));
    let _check = field.beatcheck();
    field.until_requested("witness", 2);
    until("it is removed", || fs::remove_dir_all(&shared).ok());
    let is_said = |words: &str| {
        let line = format!("the hearts at {}: {words}", shared.display());
        field.said().contains(&line).then_some(())
    };
    until("it is said", || {
        is_said("it was a directory of hearts, and is gone")
    });
    let begun = SystemTime::now();
    let mut restarted = field.until_requested("witness", 2);
    until("it would be due several times over", || {
        (begun.elapsed().unwrap() > Duration::from_secs(4)).then_some(())
    });
    restarted.extend(field.until_requested("witness", 2));
    assert_eq!(restarted.len(), 1, "{restarted:?}");

    fs::create_dir(&shared).unwrap();
    until("it is well again", || is_said("all is well"));
    drop(beating);
    field.until_requested("well", 1);
}

#[test]
fn a_program_file_that_cannot_be_read_any_more_is_said_and_restarts_nobody() {
    let field = field();
    let _check = field.beatcheck();
    heart(&field, "torn", 5.0, &field.path("hearts"));
    heart(&field, "hidden", 5.0, &field.path("hearts"));
    field.until_requested("witness", 1);
    fs::write(field.path("config/torn"), "{").unwrap();
    fs::remove_file(field.path("config/hidden")).unwrap();
    fs::create_dir(field.path("config/hidden")).unwrap();
    until("it is said", || {
        field
            .said()
            .contains("config/torn: it is no JSON object")
            .then_some(())
    });
    let begun = SystemTime::now();
    until("they would be due", || {
        (begun.elapsed().unwrap() > Duration::from_secs(11)).then_some(())
    });
    let restarted = field.until_requested("witness", 2);
    assert_eq!(restarted.len(), 1, "{restarted:?}");
}

#[test]
fn who_was_restarted_has_its_grace_again() {
    let field = Field::new();
    fs::create_dir(field.path("hearts")).unwrap();
    let asked = json!({"period": 0.2, "grace": 10, "status": field.path("hearts")});
    field.program("silent", KEY, &asked);
    let _check = field.beatcheck();
    let mut asked_at = Vec::new();
    until("it is to be restarted twice", || {
        asked_at.extend(field.requests().iter().map(|_| SystemTime::now()));
        (asked_at.len() >= 2).then_some(())
    });
    let between = asked_at[1].duration_since(asked_at[0]).unwrap();
    assert!(between > Duration::from_secs(1), "{between:?}");
}
