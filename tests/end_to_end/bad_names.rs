//! G1: a name that cannot be a program's harms nobody.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::colony::Colony;

const CAT: &str = r#"{"args": ["cat"]}"#;

#[test]
fn names_that_are_passed_over_are_listed_with_the_reason() {
    let colony = Colony::running(&[]);
    let unusual = [
        "#web",
        "web~",
        "web#",
        "web.new",
        "web.bak",
        "web.backup",
        "web.old",
        "web.orig",
        "web.save",
        "web.swp",
        "web.tmp",
        "web.rej",
        "web.disabled",
        "web.dpkg-dist",
        "web.ucf-old",
        "web.rpmnew",
        "web.rpmsave",
        "web.rpmorig",
        "all",
        "all.json",
        "two words",
        "-web",
        "web:1",
        "w\u{e9}b",
        "web.json.json",
        &"x".repeat(200),
    ];
    for name in unusual {
        fs::write(colony.path("config").join(name), CAT).unwrap();
    }
    fs::write(
        colony
            .path("config")
            .join(OsStr::from_bytes(b"not\xfftext")),
        CAT,
    )
    .unwrap();
    for name in [".hidden", ".web.swp", "web.json"] {
        fs::write(colony.path("config").join(name), CAT).unwrap();
    }
    colony.until_up("web");
    let overview = colony.until_overview("all are listed", |record| {
        record.ignored.len() > unusual.len() && record.programs == 1
    });
    for name in unusual {
        let entry = overview.ignored.iter().find(|entry| entry.file == name);
        assert!(
            entry.is_some_and(|entry| !entry.reason.is_empty()),
            "{name}"
        );
    }
    assert_eq!(
        (overview.ignored.len(), overview.programs),
        (unusual.len() + 1, 1)
    );
    assert_eq!(
        fs::read_dir(colony.path("status/programs"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn what_is_passed_over_is_listed_when_nothing_else_has_changed() {
    for watch in ["auto", "poll"] {
        let frequency = if watch == "auto" { "86400" } else { "0.05" };
        let colony = Colony::running(&["--watch", watch, "--frequency", frequency]);
        fs::write(colony.path("config/web~"), CAT).unwrap();
        colony.until_overview("it is listed", |record| record.ignored.len() == 1);
        fs::remove_file(colony.path("config/web~")).unwrap();
        colony.until_overview("what is gone is not listed", |record| {
            record.ignored.is_empty()
        });
    }
}

#[test]
fn the_control_program_takes_no_bad_name_and_writes_nothing() {
    let colony = Colony::new(&[]);
    let names = [
        "../web",
        "a/b",
        "..",
        ".",
        "/web",
        "",
        "all",
        "web.new",
        "web.json",
        &"x".repeat(300),
    ];
    for name in names {
        for words in [vec!["add", name], vec!["add", "--name", name]] {
            let words = [&words[..], &["--cmd", "cat", "--no-wait"]].concat();
            let outcome = colony.ctl(&words);
            assert_eq!(outcome.code, Some(2), "{words:?}: {outcome:?}");
            assert!(
                outcome.stdout.is_empty() && !outcome.stderr.is_empty(),
                "{words:?}"
            );
        }
    }
    let bad = [
        vec!["--env", "NOTHING"],
        vec!["--extras", "[]"],
        vec!["--extras", "/nowhere/to/be/found"],
    ];
    for words in bad {
        let words = [&["add", "web", "--cmd", "cat", "--no-wait"], &words[..]].concat();
        assert_eq!(colony.ctl(&words).code, Some(2), "{words:?}");
    }
    assert_eq!(fs::read_dir(colony.path("config")).unwrap().count(), 0);
    assert!(!colony.path("web").exists());
}
