//! The commands of NColony beside ours, as the document for people who come from NColony has them:
//! each pair has the exit statuses that it promises, and leaves the same files.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::colony::python;
use crate::command_tables::{Promise, lines};
use crate::process::program;

/// Two directories of files.
struct Directories(TempDir);

impl Directories {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["config", "messages"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self(directory)
    }

    #[track_caller]
    fn keep(&self, promise: &Promise, mut control: Command) {
        for name in ["messages", "config"] {
            control
                .arg(format!("--{name}"))
                .arg(self.0.path().join(name));
        }
        let done = control.args(&promise.words).output().unwrap();
        assert_eq!(
            done.status.code(),
            Some(promise.exit),
            "{promise:?}: {done:?}"
        );
    }

    /// What the files of a directory hold. The names of messages say nothing.
    fn contents(&self, name: &str) -> Vec<(Option<String>, Value)> {
        let read = |path: &Path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let entries = fs::read_dir(self.0.path().join(name)).unwrap().flatten();
        let mut all: Vec<(Option<String>, Value)> = entries
            .map(|entry| {
                let file = entry.file_name().into_string().unwrap();
                ((name == "config").then_some(file), read(&entry.path()))
            })
            .collect();
        all.sort_by_key(|(file, value)| (file.clone(), value.to_string()));
        all
    }
}

#[test]
fn each_command_leaves_what_the_originals_leaves() {
    let (theirs, ours) = (Directories::new(), Directories::new());
    let all = lines("coming-from-ncolony.md", "ctl");
    for line in &all {
        let (Some(before), Some(now)) = (&line.before, &line.now) else {
            panic!("{line:?} lacks a command");
        };
        let mut original = python();
        original.args(["-m", "ncolony", "ctl"]);
        theirs.keep(before, original);
        ours.keep(now, program("ncolony-ctl"));
        for place in ["config", "messages"] {
            assert_eq!(theirs.contents(place), ours.contents(place), "{line:?}");
        }
    }
    assert!(theirs.contents("config").is_empty() && theirs.contents("messages").len() == 2);
}
