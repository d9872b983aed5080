//! The Ansible tasks of the examples, played against a colony that our monitor keeps.

use std::path::Path;

use serde_json::{Value, json};

use crate::colony::{Colony, Monitor, python};
use crate::process::{eventually, is_alive};

/// Plays the book with these variables, and gives what it printed.
fn play(colony: &Colony, mut variables: Value) -> String {
    variables["ncolony_programs"] = json!(colony.path("config"));
    // What it finds first on this machine may be no Python that works.
    variables["ansible_python_interpreter"] = json!("{{ ansible_playbook_python }}");
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy/ansible.yml");
    let done = python()
        .args(["-m", "ansible", "playbook", "--inventory", "localhost,"])
        .args(["--extra-vars", &variables.to_string()])
        .arg(book)
        .env("ANSIBLE_HOME", colony.path("ansible"))
        .env("ANSIBLE_REMOTE_TEMP", colony.path("ansible"))
        .env("ANSIBLE_NOCOLOR", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{text}{said}");
    text
}

#[test]
fn a_play_starts_changes_and_removes_and_a_second_one_does_nothing() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Ours, &[]);
    let witness = colony.witness_word();
    let old = json!({"ncolony_present": {
        "web": {"args": [witness, "old"], "threshold": 0.25},
        "worker": {"args": [witness]},
    }});
    play(&colony, old.clone());
    let [web, worker] = ["web", "worker"].map(|name| colony.process(name, None));
    assert_eq!(colony.words("web"), ["old"]);

    let again = play(&colony, old);
    assert!(again.contains("changed=0"), "{again}");

    let new = json!({
        "ncolony_present": {"web": {"args": [witness, "new"], "threshold": 0.25}},
        "ncolony_absent": ["worker"],
    });
    play(&colony, new);
    let web = colony.process("web", Some(web));
    assert_eq!(colony.words("web"), ["new"]);
    eventually("the worker's end", || (!is_alive(worker)).then_some(()));
    eventually("the record of the second start, and of no other", || {
        colony
            .record("web")
            .filter(|record| record.pid == Some(web) && record.starts == 2)
    });
}

#[test]
fn its_own_programs_are_taken() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Ours, &[("PATH", b"/usr/bin:/bin")]);
    play(&colony, json!({}));
    for name in ["web", "ticker"] {
        let record = eventually("its record", || colony.record(name));
        assert_eq!(record.config_error, None, "{name}");
    }
}
