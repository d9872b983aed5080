//! One directory of program files, run by the one monitor and then by the other, with the same
//! command line: the programs must not be able to tell the difference.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use serde_json::json;

use crate::colony::{Colony, Monitor};
use crate::process::{eventually, is_alive};

/// What the monitors have in their own environment. Programs inherit some of it.
const VARIABLES: [(&str, &[u8]); 6] = [
    ("HOME", b"/home/of-the-monitor"),
    ("PATH", b"/usr/bin:/bin"),
    ("LANG", b"C.UTF-8"),
    ("EMPTY", b""),
    ("RAW", b"\xff\xfe=\x80"),
    ("LINES", b"one\ntwo"),
];

/// What a program finds itself with.
#[derive(Debug, PartialEq, Eq)]
struct Given {
    /// `/proc/PID/cmdline`, byte for byte, with the unprintable ones escaped.
    words: String,
    /// The entries of `/proc/PID/environ` likewise, without `NCOLONY_RUN_ID`. Their order means
    /// nothing.
    environment: Vec<String>,
    directory: PathBuf,
    /// The numbers of its open descriptors that it did not open itself.
    descriptors: Vec<u32>,
    /// Lines of `/proc/PID/status`: who it is, its umask, and what becomes of signals.
    identity: Vec<String>,
    /// The limits that programs notice.
    limits: String,
}

const IDENTITY: [&str; 6] = [
    "Umask:",
    "Uid:",
    "Gid:",
    "SigBlk:",
    "SigIgn:",
    "NoNewPrivs:",
];

fn given(colony: &Colony, name: &str) -> Given {
    let pid = colony.process(name, None);
    let of = |file: &str| PathBuf::from(format!("/proc/{pid}/{file}"));
    let environ = fs::read(of("environ")).unwrap();
    let mut environment: Vec<String> = environ
        .split_inclusive(|byte| *byte == 0)
        .filter(|entry| !entry.starts_with(b"NCOLONY_RUN_ID="))
        .map(|entry| entry.escape_ascii().to_string())
        .collect();
    environment.sort();
    let status = fs::read_to_string(of("status")).unwrap();
    let identity = status
        .lines()
        .filter(|line| IDENTITY.iter().any(|key| line.starts_with(key)))
        .map(without_signals_of_the_c_library);
    Given {
        words: fs::read(of("cmdline")).unwrap().escape_ascii().to_string(),
        environment,
        directory: fs::read_link(of("cwd")).unwrap(),
        descriptors: descriptors(&of("fd")),
        identity: identity.collect(),
        limits: fs::read_to_string(of("limits")).unwrap(),
    }
}

/// The C library keeps 32 and 33 for itself, and nobody's program sees them; `posix_spawn`, which
/// the original's runtime uses, leaves them ignored.
fn without_signals_of_the_c_library(line: &str) -> String {
    let Some(mask) = line.strip_prefix("SigIgn:\t") else {
        return line.to_owned();
    };
    let mask = u64::from_str_radix(mask, 16).unwrap();
    format!("SigIgn: {:x}", mask & !(0b11 << 31))
}

/// The shell keeps the script that it reads under a number of its own, above nine.
fn descriptors(directory: &Path) -> Vec<u32> {
    let numbers = fs::read_dir(directory).unwrap().map(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    });
    let mut numbers: Vec<u32> = numbers.filter(|number| *number < 10).collect();
    numbers.sort_unstable();
    numbers
}

/// Program files as people and programs write them: the bytes matter, since a program gets them.
/// WITNESS and ROOT stand for paths.
const FILES: [(&str, &str); 14] = [
    ("plain", r#"{"args": ["WITNESS"]}"#),
    ("9", r#"{"args": ["WITNESS"]}"#),
    ("a.b_c@d+e-1", r#"{"args": ["WITNESS"]}"#),
    (
        "words",
        r#"{"args": ["WITNESS", "", " ", "a\nb\t", "-c", "--", "$HOME", "\"'\\", "\u0001", "é", "\u00e9",
            "\ud83d\ude00", "*"]}"#,
    ),
    (
        "environment",
        r#"{"env": {"B": "2", "A": "1", "EMPTY": "", "EQUALS": "a=b=", "\u00c9": "\u00fc\n", "dotted.name": "x",
            "HOME": "own"}, "args": ["WITNESS"]}"#,
    ),
    (
        "inherits",
        r#"{"args": ["WITNESS"], "env": {"HOME": "lost", "A": "1"},
            "env_inherit": ["HOME", "NOT_THERE", "RAW", "EMPTY", "LINES", "HOME"]}"#,
    ),
    (
        "reserved",
        r#"{"args": ["WITNESS"], "env": {"NCOLONY_NAME": "x", "NCOLONY_CONFIG": "y"},
            "env_inherit": ["NCOLONY_NAME"]}"#,
    ),
    (
        "extras",
        "\n {\t\"args\" : [ \"WITNESS\" ] ,\r\n \"\\u0065xtra\": \"\\u00e9\",\n\
         \"ncolony.beatcheck\": {\"period\": 1.50, \"list\": [null, true, -1e3]}}  \n\n",
    ),
    ("groups", r#"{"args": ["WITNESS"], "group": ["g", "h"]}"#),
    (
        "inherited-path",
        r#"{"args": ["sh", "WITNESS"], "env": {"PATH": "/nowhere"}, "env_inherit": ["PATH"]}"#,
    ),
    ("no-path", r#"{"args": ["sh", "WITNESS", "y"]}"#),
    ("relative", r#"{"args": ["./witness", "z"]}"#),
    (
        "nulls",
        r#"{"args": ["WITNESS"], "uid": null, "gid": null}"#,
    ),
    ("large", r#"{"args": ["WITNESS"], "padding": "PADDING"}"#),
];

/// What only root can run. The original's runtime searches the program's own PATH where it has to
/// fork, which is for a uid or gid; elsewhere it searches the monitor's.
const FILES_OF_ROOT: [(&str, &str); 3] = [
    (
        "user",
        r#"{"args": ["WITNESS"], "uid": 65534, "gid": 12345}"#,
    ),
    ("group", r#"{"args": ["WITNESS"], "gid": 12345}"#),
    (
        "own-path",
        r#"{"args": ["witness", "x"], "env": {"PATH": "/nowhere:ROOT:/bin"}, "gid": 12345}"#,
    ),
];

/// Writes the files that this user can run, and gives the programs' names.
fn write_files(colony: &Colony) -> Vec<&'static str> {
    let mut files = FILES.to_vec();
    if geteuid().is_root() {
        files.extend(FILES_OF_ROOT);
    }
    for (name, template) in &files {
        let text = template
            .replace("WITNESS", &colony.witness_word())
            .replace("ROOT", colony.root().to_str().unwrap())
            .replace("PADDING", &"x".repeat(120_000));
        fs::write(colony.path("config").join(name), text).unwrap();
    }
    files.into_iter().map(|(name, _)| name).collect()
}

/// Runs the colony's files until every program has told what it was given; then ends it all.
fn run(colony: &Colony, monitor: Monitor, names: &[&'static str]) -> Vec<(&'static str, Given)> {
    let mut running = colony.start(monitor, &VARIABLES);
    let all: Vec<(&str, Given)> = names
        .iter()
        .map(|name| (*name, given(colony, name)))
        .collect();
    let pids: Vec<u32> = names
        .iter()
        .map(|name| colony.process(name, None))
        .collect();
    running.signal(Signal::SIGTERM);
    running.end();
    for (name, pid) in names.iter().zip(pids) {
        eventually(&format!("the end of {name} under {monitor:?}"), || {
            (!is_alive(pid)).then_some(())
        });
        fs::remove_file(colony.path("witnesses").join(name)).unwrap();
    }
    all
}

#[test]
fn programs_cannot_tell_who_started_them() {
    let colony = Colony::new();
    let names = write_files(&colony);
    let theirs = run(&colony, Monitor::Theirs, &names);
    let ours = run(&colony, Monitor::Ours, &names);
    for ((name, theirs), (_, ours)) in theirs.iter().zip(&ours) {
        assert_eq!(theirs, ours, "{name}");
        assert_eq!(ours.descriptors, [0, 1, 2], "{name}");
    }
}

#[test]
fn a_bare_name_is_looked_for_in_the_programs_own_path() {
    let colony = Colony::new();
    let program = json!({"args": ["witness", "x"], "env": {"PATH": format!("/nowhere:{}", colony.root().display())}});
    fs::write(colony.path("config").join("web"), program.to_string()).unwrap();
    let _monitor = colony.start(Monitor::Ours, &[("PATH", b"/bin")]);
    assert_eq!(colony.words("web"), ["x"]);
}
