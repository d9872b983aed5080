//! G1: a bad file harms only its own program.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use ncolony_core::status::{ProgramStatus, WantWord};
use ncolony_core::{ConfigError, State};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::colony::Colony;

const CAT: &str = r#"{"args": ["cat"]}"#;

/// A content that is no program file, and what its error says: a part of the message, line and
/// column, key.
struct Bad {
    what: &'static str,
    content: Vec<u8>,
    message: &'static str,
    position: Option<(usize, usize)>,
    key: Option<&'static str>,
}

fn bad(
    what: &'static str,
    content: impl Into<Vec<u8>>,
    message: &'static str,
    position: Option<(usize, usize)>,
    key: Option<&'static str>,
) -> Bad {
    let content = content.into();
    Bad {
        what,
        content,
        message,
        position,
        key,
    }
}

fn all_bad() -> Vec<Bad> {
    let deep = [&b"{\"args\": [\"cat\"], \"x\": "[..], &[b'['; 100_000]].concat();
    let large = [CAT.as_bytes(), &vec![b' '; 2 << 20]].concat();
    let not_text = [&b"{\"args\":\n [\"c"[..], b"\xff\"]}"].concat();
    vec![
        bad("an empty file", "", "empty", None, None),
        bad("white space alone", " \n\t\n", "empty", None, None),
        bad(
            "half a file",
            "{\"args\": [\"cat\"],\n \"env",
            "EOF",
            Some((2, 5)),
            None,
        ),
        bad("an array", "[]", "object", Some((1, 1)), None),
        bad(
            "two objects",
            "{\"args\": [\"cat\"]} {}",
            "trailing",
            Some((1, 19)),
            None,
        ),
        bad("no args", "{}", "missing", None, Some("args")),
        bad(
            "args without elements",
            "{\"args\": []}",
            "at least one",
            Some((1, 10)),
            Some("args"),
        ),
        bad(
            "args as a string",
            "{\"args\": \"cat\"}",
            "not a string",
            Some((1, 10)),
            Some("args"),
        ),
        bad(
            "a number for a string",
            "{\"args\": [\"cat\",\n 1]}",
            "a string, not a number",
            Some((2, 2)),
            Some("args[1]"),
        ),
        bad(
            "a number in env",
            "{\"args\": [\"cat\"], \"env\": {\"A\": 1}}",
            "a string, not a number",
            Some((1, 32)),
            Some("env.A"),
        ),
        bad(
            "a key twice",
            "{\"args\": [\"cat\"],\n \"args\": [\"cat\"]}",
            "duplicate key",
            Some((2, 7)),
            Some("args"),
        ),
        bad(
            "a key twice deep down",
            "{\"args\": [\"cat\"], \"x\": {\"y\": [{\"z\": 1, \"z\": 2}]}}",
            "duplicate key",
            None,
            Some("x.y"),
        ),
        bad("100 000 brackets", deep, "recursion", None, None),
        bad("2 MiB", large, "131000 bytes", None, None),
        bad(
            "a NUL byte",
            "{\"args\": [\"c\0at\"]}",
            "control character",
            Some((1, 13)),
            None,
        ),
        bad(
            "an escaped NUL",
            "{\"args\": [\"c\\u0000at\"]}",
            "NUL",
            Some((1, 11)),
            Some("args[0]"),
        ),
        bad(
            "bytes that are not text",
            not_text,
            "UTF-8",
            Some((2, 5)),
            None,
        ),
        bad(
            "a lone surrogate",
            "{\"args\": [\"\\ud800\"]}",
            "hex escape",
            Some((1, 18)),
            None,
        ),
        bad(
            "a byte order mark",
            "\u{feff}{\"args\": [\"cat\"]}",
            "byte order mark",
            Some((1, 1)),
            None,
        ),
        bad(
            "a wrong type of a key of ours",
            "{\"args\": [\"cat\"], \"killtime\": \"5\"}",
            "number of seconds",
            Some((1, 31)),
            Some("killtime"),
        ),
    ]
}

impl Bad {
    fn check(&self, error: &ConfigError) {
        let what = self.what;
        assert!(error.message.contains(self.message), "{what}: {error:?}");
        if let Some((line, column)) = self.position {
            assert_eq!(
                (error.line, error.column),
                (Some(line), Some(column)),
                "{what}: {error:?}"
            );
        }
        if let Some(key) = self.key {
            assert!(
                error
                    .key
                    .as_ref()
                    .is_some_and(|named| named.starts_with(key)),
                "{what}: {error:?}"
            );
        }
    }
}

fn until_error(colony: &Colony, name: &str, what: &str) -> ProgramStatus {
    colony.until_record(name, &format!("the error of {what}"), |record| {
        record.config_error.is_some()
    })
}

/// Nothing but the error has happened to a program that runs.
fn check_unharmed(colony: &Colony, pid: u32, name: &str) -> ProgramStatus {
    let record = colony.record(name);
    assert_eq!(
        (record.pid, record.starts, record.want),
        (Some(pid), 1, WantWord::Up),
        "{name}"
    );
    record
}

#[test]
fn every_bad_text_is_an_error_with_its_place_and_disturbs_nothing() {
    let colony = Colony::running(&[]);
    for name in ["running", "witness"] {
        colony.program(name, CAT);
    }
    let (running, witness) = (colony.until_up("running"), colony.until_up("witness"));
    for bad in all_bad() {
        colony.program("fresh", &bad.content);
        let record = until_error(&colony, "fresh", bad.what);
        bad.check(&record.config_error.unwrap());
        let found = (record.state, record.pid, record.want, record.starts);
        assert_eq!(
            found,
            (State::Stopped, None, WantWord::Down, 0),
            "{}",
            bad.what
        );

        colony.program("running", &bad.content);
        bad.check(
            &until_error(&colony, "running", bad.what)
                .config_error
                .unwrap(),
        );
        check_unharmed(&colony, running, "running");

        // The good text is good again, and is what runs already.
        colony.program("running", CAT);
        colony.until_record("running", "it has no error", |record| {
            record.config_error.is_none()
        });
        check_unharmed(&colony, running, "running");
        colony.remove("fresh");
        colony.until_retracted("fresh");
    }
    let record = check_unharmed(&colony, witness, "witness");
    assert_eq!(record.config_error, None);
    assert_eq!(colony.overview().counters["spawns"], 2);
}

/// Puts something in the place of what stands there, in one step.
fn exchange(new: &Path, path: &Path) {
    if path.symlink_metadata().is_err() {
        return fs::rename(new, path).unwrap();
    }
    let both = RenameFlags::RENAME_EXCHANGE;
    renameat2(AT_FDCWD, new, AT_FDCWD, path, both).unwrap();
    let _removed = fs::remove_file(new).or_else(|_| fs::remove_dir_all(new));
}

#[test]
fn what_is_not_a_regular_file_is_an_error_and_is_never_waited_for() {
    let colony = Colony::running(&[]);
    for name in ["running", "witness"] {
        colony.program(name, CAT);
    }
    let (running, witness) = (colony.until_up("running"), colony.until_up("witness"));
    let new = colony.path("new");
    let things: [(&str, &dyn Fn()); 5] = [
        ("a FIFO", &|| mkfifo(&new, Mode::S_IRWXU).unwrap()),
        ("a directory", &|| fs::create_dir(&new).unwrap()),
        ("leads nowhere", &|| symlink("nowhere", &new).unwrap()),
        ("leads to itself", &|| {}),
        ("a socket", &|| drop(UnixListener::bind(&new).unwrap())),
    ];
    for name in ["fresh", "running"] {
        let path = colony.path("config").join(name);
        for (wanted, make) in &things {
            make();
            if *wanted == "leads to itself" {
                symlink(name, &new).unwrap();
            }
            exchange(&new, &path);
            colony.until_record(name, &format!("its error says {wanted}"), |record| {
                let error = record.config_error.as_ref();
                error.is_some_and(|error| error.message.contains(wanted))
            });
        }
        fs::write(&new, CAT).unwrap();
        exchange(&new, &path);
        colony.until_record(name, "it is good again", |record| {
            record.config_error.is_none()
        });
    }
    check_unharmed(&colony, running, "running");
    check_unharmed(&colony, witness, "witness");
    colony.until_up("fresh");
}

#[test]
fn a_file_that_may_not_be_read_is_an_error_until_it_may() {
    let mut colony = Colony::new(&[]);
    colony.without_rights();
    colony.program("running", CAT);
    colony.start();
    let running = colony.until_up("running");
    colony.set_mode("config/running", 0);
    fs::write(colony.path("config/.fresh.new"), CAT).unwrap();
    colony.give_away("config/.fresh.new");
    colony.set_mode("config/.fresh.new", 0);
    fs::rename(
        colony.path("config/.fresh.new"),
        colony.path("config/fresh"),
    )
    .unwrap();
    for name in ["running", "fresh"] {
        let error = until_error(&colony, name, "a closed file")
            .config_error
            .unwrap();
        assert!(error.message.contains("EACCES"), "{error:?}");
    }
    check_unharmed(&colony, running, "running");
    for name in ["running", "fresh"] {
        colony.set_mode(&format!("config/{name}"), 0o644);
        colony.until_record(name, "it has no error", |record| {
            record.config_error.is_none()
        });
    }
    check_unharmed(&colony, running, "running");
    colony.until_up("fresh");
}

#[test]
fn two_files_of_one_program_are_an_error_and_what_runs_goes_on() {
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.program("web.json", r#"{"args": ["sleep", "1000"]}"#);
    let error = until_error(&colony, "web", "two files")
        .config_error
        .unwrap();
    assert!(error.message.contains("web and web.json"), "{error:?}");
    check_unharmed(&colony, pid, "web");
    colony.remove("web.json");
    colony.until_record("web", "it has no error", |record| {
        record.config_error.is_none()
    });
    check_unharmed(&colony, pid, "web");
}
