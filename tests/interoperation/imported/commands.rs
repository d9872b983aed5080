//! The commands of supervisorctl beside ours, as the document for people who come from Supervisor
//! has them: each pair has the exit statuses that it promises, and leads to the same states.

use std::process::Output;

use super::Run;
use crate::command_tables::{Promise, lines};
use crate::process::eventually;

#[track_caller]
fn keeps(promise: &Promise, run: impl Fn(&[&str]) -> Output) {
    let words: Vec<&str> = promise.words.iter().map(String::as_str).collect();
    let done = run(&words);
    assert_eq!(
        done.status.code(),
        Some(promise.exit),
        "{words:?}: {done:?}"
    );
}

#[test]
fn each_command_has_its_like() {
    let mut run = Run::start("commands");
    run.tells = false;
    run.settle("both run");
    let mut is_over = false;
    for line in lines("coming-from-supervisor.md", "supervisorctl") {
        assert!(!is_over, "{line:?} comes after the end");
        let before = line.before.expect("a command of supervisorctl");
        keeps(&before, |words| run.theirs.supervisorctl(words));
        if before.words == ["reload"] {
            // It answers before it begins.
            eventually("supervisord reloads", || {
                let states = run.theirs.states_of_theirs();
                (states.get("web").map(String::as_str) == Some("RUNNING")).then_some(())
            });
        }
        if let Some(now) = &line.now {
            keeps(now, |words| run.ours.ctl(words));
        }
        is_over = before.words == ["shutdown"];
        if !is_over {
            run.settle(&format!("the same after {before:?} and {:?}", line.now));
        }
    }
    assert!(is_over, "the last command is shutdown");
    assert!(run.supervisord.end().success() && run.monitor.end().success());
}
