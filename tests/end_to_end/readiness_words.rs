//! What programs say of themselves by `sd_notify(3)`: real clients are heard, and whatever else
//! comes is passed over.

use std::fs;
use std::process::{Command, Stdio};

use ncolony_core::State;
use serde_json::{Value, json};

use crate::colony::{Colony, shell, until};
use crate::processes;

/// Says each line of the file `say` once, as soon as it is there; `%` stands for a line's end
/// within one datagram.
const SPEAKER: &str = r#"
import os, socket, sys, time
address = os.environ["NOTIFY_SOCKET"]
if address[0] == "@":
    address = "\0" + address[1:]
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
out.connect(address)
said = 0
while True:
    try:
        lines = open(os.environ["SAY"]).read().splitlines()
    except FileNotFoundError:
        lines = []
    for line in lines[said:]:
        out.send(line.replace("%", "\n").encode())
    said = len(lines)
    time.sleep(0.005)
"#;

fn speaker(colony: &Colony, keys: Value) -> String {
    let mut file = json!({
        "args": ["python3", "-c", SPEAKER],
        "env": {"SAY": colony.path("say"), "PATH": "/usr/bin:/bin"},
        "killtime": 1,
    });
    let more = keys.as_object().unwrap().clone();
    file.as_object_mut().unwrap().extend(more);
    file.to_string()
}

/// Adds a line to what is to be said.
fn say(colony: &Colony, line: &str) {
    let mut said = fs::read_to_string(colony.path("say")).unwrap_or_default();
    said.push_str(line);
    said.push('\n');
    fs::write(colony.path(".say"), said).unwrap();
    fs::rename(colony.path(".say"), colony.path("say")).unwrap();
}

#[track_caller]
fn until_note(colony: &Colony, name: &str, note: Option<&str>) {
    colony.until_record(name, &format!("the note is {note:?}"), |record| {
        record.note.as_deref() == note
    });
}

/// All that a program can say is heard, whoever it runs as.
fn everything_is_heard(keys: Value) {
    let colony = Colony::running(&[]);
    fs::set_permissions(
        colony.path("."),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    colony.program("web", speaker(&colony, keys));
    say(&colony, "STATUS=warming up%MAINPID=1%FDSTORE=1");
    until_note(&colony, "web", Some("warming up"));
    let record = colony.record("web");
    assert_eq!(record.state, State::Starting);
    assert_eq!(
        record.reason.as_deref(),
        Some("it waits until it says READY=1")
    );
    say(&colony, "READY=1%STATUS=9 doors");
    colony.until_state("web", State::Running);
    until_note(&colony, "web", Some("9 doors"));
    say(&colony, "RELOADING=1");
    until_note(&colony, "web", Some("reloading: 9 doors"));
    say(&colony, "READY=1%STATUS=");
    until_note(&colony, "web", None);
    say(&colony, "STOPPING=1");
    until_note(&colony, "web", Some("stopping"));
    assert_eq!(colony.record("web").pid, record.pid);
    let shown = colony.ctl(&["status", "web"]).stdout;
    assert!(shown.contains("it says: stopping"), "{shown}");
}

#[test]
fn all_that_a_program_can_say_is_heard() {
    everything_is_heard(json!({"ready": {"notify": true}}));
}

#[test]
fn a_program_of_another_user_is_heard_too() {
    if !nix::unistd::geteuid().is_root() {
        println!("only root can start programs as others");
        return;
    }
    everything_is_heard(json!({"ready": {"notify": true}, "uid": 65534, "gid": 65534}));
}

#[test]
fn a_colony_with_a_long_path_is_heard_too() {
    let mut colony = Colony::new(&[]);
    let deep = "d".repeat(90);
    fs::create_dir(colony.path(&deep)).unwrap();
    let status = colony.path(&deep).join("status").display().to_string();
    colony.add_flags(&["--status", &status]);
    let _started = colony.begin();
    colony.program("web", speaker(&colony, json!({"ready": {"notify": true}})));
    say(&colony, "READY=1");
    let record = colony.path(&deep).join("status/programs/web.json");
    until("it is up", || {
        let text = fs::read_to_string(&record).ok()?;
        text.contains(r#""state":"RUNNING""#).then_some(())
    });
}

#[test]
fn the_tool_of_the_distribution_is_heard() {
    let found = Command::new("systemd-notify").arg("--version").output();
    if !found.is_ok_and(|found| found.status.success()) {
        println!("there is no systemd-notify");
        return;
    }
    let colony = Colony::running(&[]);
    let script = "systemd-notify --ready --status='by the tool'; exec sleep 1000";
    let keys = json!({"ready": {"notify": true}, "env": {"PATH": "/usr/bin:/bin"}});
    colony.program("tool", shell(script, keys));
    colony.until_state("tool", State::Running);
    until_note(&colony, "tool", Some("by the tool"));
}

#[test]
fn who_does_not_say_that_he_is_well_is_started_again() {
    let colony = Colony::running(&[]);
    let keys = json!({"watchdog": 1, "threshold": 0.1});
    colony.program("web", speaker(&colony, keys));
    let first = colony.until_up("web");
    let variables = processes::environment(first);
    assert!(
        variables.contains(&"WATCHDOG_USEC=1000000".to_owned()),
        "{variables:?}"
    );
    let record = colony.until_record("web", "it was started again", |record| record.starts > 1);
    let reason = record.reason.unwrap_or_default();
    assert_ne!(record.pid, Some(first));
    colony.until_record("web", "it is said why", |record| {
        let reason = record.reason.as_deref().unwrap_or_default();
        reason.contains("WATCHDOG=1 for 1 s")
    });
    assert!(!reason.contains("threshold"), "{reason}");
}

#[test]
fn who_says_that_he_is_well_lives_on() {
    let colony = Colony::running(&[]);
    let client = "import os, socket, time
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
out.connect(os.environ['NOTIFY_SOCKET'])
for count in range(10000):
    out.send(b'WATCHDOG=1')
    open('fed', 'a').write('x')
    time.sleep(0.05)
";
    let file = json!({"args": ["python3", "-c", client], "watchdog": 1, "killtime": 1});
    colony.program("web", file.to_string());
    let pid = colony.until_up("web");
    let written = |colony: &Colony| colony.overview().counters["records_written"];
    colony.until_state("web", State::Running);
    let before = written(&colony);
    until("it has fed its watchdog for three periods", || {
        let fed = fs::read(colony.path("fed")).ok()?;
        (fed.len() > 60).then_some(())
    });
    assert_eq!(colony.record("web").pid, Some(pid));
    // The monitor's own record is a moment behind, and counts itself.
    assert!(written(&colony) < before + 10, "a record for each word");
}

#[test]
fn who_says_that_he_is_not_well_is_started_again() {
    let colony = Colony::running(&[]);
    let keys = json!({"ready": {"notify": true}, "maxrestartdelay": 1});
    colony.program("web", speaker(&colony, keys));
    say(&colony, "READY=1");
    colony.until_state("web", State::Running);
    say(&colony, "WATCHDOG=trigger");
    colony.until_record("web", "it was started again", |record| record.starts > 1);
}

#[test]
fn who_needs_more_time_gets_it() {
    let colony = Colony::running(&[]);
    let keys = json!({"ready": {"notify": true, "timeout": 2}});
    colony.program("web", speaker(&colony, keys));
    let pid = colony.until_up("web");
    say(&colony, "EXTEND_TIMEOUT_USEC=600000000%STATUS=slow");
    until_note(&colony, "web", Some("slow"));
    let begun = colony.record("web").started.unwrap();
    until("its time would be over", || {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_millis();
        let begun = u128::try_from(begun.as_millis()).unwrap();
        (now > begun + 2500).then_some(())
    });
    let record = colony.record("web");
    assert_eq!((record.pid, record.state), (Some(pid), State::Starting));
}

/// Sends datagrams as another process, which may be another user's.
fn stranger(address: &str, user: Option<u32>, datagrams: &str) {
    let script = format!(
        "import os, socket, sys
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = sys.argv[1]
out.connect('\\0' + address[1:] if address[0] == '@' else address)
out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
for datagram in {datagrams}:
    try:
        out.send(datagram)
    except OSError as error:
        print(error)
"
    );
    let mut command = Command::new("python3");
    command.args(["-c", &script, address]).stdin(Stdio::null());
    if let Some(user) = user {
        std::os::unix::process::CommandExt::uid(&mut command, user);
        std::os::unix::process::CommandExt::gid(&mut command, user);
    }
    assert!(command.status().unwrap().success());
}

fn address_of(pid: u32) -> String {
    let variables = processes::environment(pid);
    let address = |variable: &String| Some(variable.strip_prefix("NOTIFY_SOCKET=")?.to_owned());
    variables.iter().find_map(address).unwrap()
}

#[test]
fn rubbish_and_strangers_are_passed_over_and_the_monitor_goes_on() {
    let is_root = nix::unistd::geteuid().is_root();
    let colony = Colony::running(&[]);
    let mut keys = json!({"ready": {"notify": true}});
    if is_root {
        keys["uid"] = json!(65534);
        keys["gid"] = json!(65534);
    }
    fs::set_permissions(
        colony.path("."),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    colony.program("web", speaker(&colony, keys));
    let pid = colony.until_up("web");
    let address = address_of(pid);
    if is_root {
        // Another user, who can come to the name.
        stranger(&address, Some(65533), "[b'READY=1\\nSTATUS=stranger']");
    }
    // The same user, or root, but no process of the program.
    stranger(&address, None, "[b'READY=1\\nSTATUS=outsider']");
    stranger(
        &address,
        None,
        "[b'', b'\\xff' * 4000, b'x' * (1 << 20), b'']",
    );
    stranger(&address, None, "[b'STATUS=%d' % n for n in range(3000)]");
    assert!(colony.ask(json!({"type": "RESCAN"})).ok);
    let record = colony.record("web");
    assert_eq!((record.state, record.note), (State::Starting, None));
    say(&colony, "READY=1%STATUS=mine");
    colony.until_state("web", State::Running);
    until_note(&colony, "web", Some("mine"));
    assert_eq!(colony.record("web").pid, Some(pid));
}

#[test]
fn a_program_that_speaks_without_end_is_heard_and_bounded() {
    let colony = Colony::running(&[]);
    let client = "import os, socket
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
out.connect(os.environ['NOTIFY_SOCKET'])
number = 0
while True:
    number += 1
    out.send(b'STATUS=%d\\nREADY=1' % number)
";
    let keys = json!({"args": ["python3", "-c", client], "ready": {"notify": true}});
    colony.program("flood", keys.to_string());
    colony.until_state("flood", State::Running);
    let said = |colony: &Colony| -> u64 {
        let note = colony.record("flood").note;
        note.and_then(|note| note.parse().ok()).unwrap_or(0)
    };
    until("much was said", || (said(&colony) > 100).then_some(()));
    // Others are served meanwhile.
    colony.program("other", shell("exec sleep 1000", json!({"threshold": 0})));
    colony.until_state("other", State::Running);
    assert!(colony.ask(json!({"type": "STOP", "name": "flood"})).ok);
    colony.until_state("flood", State::Stopped);
}

#[test]
fn a_socket_that_was_removed_is_there_again_at_the_next_look() {
    let colony = Colony::running(&["--frequency", "0.1"]);
    colony.program("web", speaker(&colony, json!({"ready": {"notify": true}})));
    say(&colony, "READY=1");
    colony.until_state("web", State::Running);
    fs::remove_dir_all(colony.path("status/notify")).unwrap();
    until("it is there again", || {
        colony.path("status/notify/web").exists().then_some(())
    });
    say(&colony, "STATUS=still heard");
    until_note(&colony, "web", Some("still heard"));
}
