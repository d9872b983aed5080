use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::*;
use crate::commands::upgrade_check::verdict::Level;

fn places(dir: &Path) -> Places {
    Places {
        config: dir.join("config"),
        messages: dir.join("messages"),
        status: dir.join("status"),
        logs: Some(dir.join("logs")),
    }
}

/// Writes a new binary that is a shell script, and asks it.
fn answer_of(script: &str, limit: Duration) -> Result<Reading, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    ask(&path, &places(dir.path()), limit)
}

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_good_answer_is_understood_and_the_places_are_told() {
    let script = r#"test "$1 ${2##*/}" = "--read-state .journal" || exit 9
test "$9 ${10##*/}" = "--logs logs" || exit 9
echo '{"schema":1,"version":"9.9","programs":2,"files":[{"file":"web","error":"bad"}]}'"#;
    let reading = answer_of(script, PATIENCE).unwrap();
    assert_eq!((reading.version.as_str(), reading.programs), ("9.9", 2));
    assert_eq!(reading.files[0].error.as_deref(), Some("bad"));
}

#[test]
fn what_is_no_answer_is_said() {
    let cases = [
        (
            "echo 'the state is of tomorrow' >&2; exit 1",
            "the state is of tomorrow",
        ),
        ("exit 3", "does not say why"),
        ("echo usage: cat", "makes no sense"),
        (
            "echo '{\"schema\":2,\"version\":\"\",\"programs\":0,\"files\":[]}'",
            "shape 2",
        ),
    ];
    for (script, words) in cases {
        let error = answer_of(script, PATIENCE).unwrap_err();
        assert!(error.contains(words), "{script}: {error}");
    }
    let error = answer_of("sleep 1000", Duration::from_millis(100)).unwrap_err();
    assert!(error.contains("within 0.1 s"), "{error}");
}

#[test]
fn what_cannot_be_executed_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new");
    let asked = || ask(&path, &places(dir.path()), PATIENCE).unwrap_err();
    assert!(asked().contains("cannot be used"), "{}", asked());
    fs::write(&path, "no binary at all").unwrap();
    assert!(asked().contains("not executable"), "{}", asked());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(asked().contains("cannot be started"), "{}", asked());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(asked().contains("not a file"), "{}", asked());
}

#[test]
fn a_signal_is_no_answer() {
    let answer = Answer {
        status: ExitStatus::from_raw(11),
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    assert!(understand(&answer).unwrap_err().contains("signal: 11"));
}

fn reading(files: &[(&str, Option<&str>)]) -> Reading {
    let file = |(file, error): &(&str, Option<&str>)| FileReading {
        file: (*file).to_owned(),
        error: error.map(str::to_owned),
    };
    Reading {
        schema: SCHEMA,
        version: "9".to_owned(),
        programs: files.len(),
        files: files.iter().map(file).collect(),
    }
}

#[test]
fn a_file_that_becomes_bad_is_worse_than_one_that_is() {
    let known = BTreeSet::from([ProgramName::new("old").unwrap()]);
    let judged = |files| Verdict::of(judge(faults_of(&reading(files)), &known));
    assert_eq!(judged(&[("web", None)]).level, Level::Success);
    assert_eq!(judged(&[("old.json", Some("x"))]).level, Level::Warning);
    let both = judged(&[("old", Some("x")), ("web", Some("y")), ("other", None)]);
    assert_eq!(both.level, Level::Failure);
    assert_eq!(
        both.details.as_deref(),
        Some("web: y; old: x (as it is now)")
    );
}
