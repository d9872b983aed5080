//! What is imported runs.

use std::fs;

use ncolony_core::State;

use crate::colony::Colony;

#[test]
fn a_monitor_starts_what_is_imported_and_lets_alone_what_has_not_changed() {
    let colony = Colony::running(&[]);
    let file = colony.path("supervisord.conf");
    let text = "[supervisord]\nnodaemon=true\n[program:web]\ncommand=cat\nstartsecs=0\npriority=5\n\
                [program:job]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n\
                [program:later]\ncommand=cat\nautostart=false\n";
    fs::write(&file, text).unwrap();
    let words = ["import", "supervisord", file.to_str().unwrap()];
    let outcome = colony.ctl(&words);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let web = colony.until_state("web", State::Running);
    let job = colony.until_state("job", State::Exited);
    assert_eq!(serde_json::json!(job.exit), serde_json::json!({"code": 3}));
    colony.until_state("later", State::Stopped);

    fs::write(&file, text.replace("priority=5", "stopwaitsecs=7")).unwrap();
    let outcome = colony.ctl(&[&words[..], &["--force"]].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    colony.rescan();
    assert_eq!(colony.record("web").pid, web.pid);
    assert_eq!(colony.record("job").starts, 1);
}
