//! G4 and what goes with it: where output goes, whatever happens meanwhile.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::process::Command;

use ncolony_core::State;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::{can_unshare, field, is_alive};

const NEVER: &str = "never";

/// The numbers from 1 on, one on each line, as far as they go.
fn numbers(last: usize) -> Vec<u8> {
    let lines = (1..=last).map(|number| format!("{number}\n"));
    lines.collect::<String>().into_bytes()
}

#[test]
fn a_monitor_that_is_killed_takes_no_program_with_it_and_no_line() {
    let mut colony = Colony::running(&[]);
    let counting = "i=0; while :; do i=$((i+1)); echo $i; done";
    colony.program("web", shell(counting, json!({})));
    let pid = colony.until_up("web");
    until("it has printed", || {
        (colony.lines("logs/web.log").len() > 1000).then_some(())
    });
    colony.kill();
    let fifo = colony.path("status/output/web");
    let metadata = fs::metadata(&fifo).unwrap();
    assert!(metadata.file_type().is_fifo() && metadata.mode() & 0o777 == 0o600);
    assert!(is_alive(pid), "it was killed by a signal");
    // Whoever comes next reads on at the very byte.
    let mut reader = OpenOptions::new();
    let nonblocking = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let mut reader = reader
        .read(true)
        .custom_flags(nonblocking)
        .open(&fifo)
        .unwrap();
    let mut printed = fs::read(colony.path("logs/web.log")).unwrap();
    let enough = printed.len() + 200_000;
    let mut bytes = vec![0; 65536];
    until("it prints on", || {
        let count = reader.read(&mut bytes).unwrap_or(0);
        printed.extend_from_slice(&bytes[..count]);
        (printed.len() > enough).then_some(())
    });
    assert!(numbers(printed.len()).starts_with(&printed));
    assert!(is_alive(pid));
}

#[test]
fn logs_are_rotated_between_lines_and_compressed() {
    let colony = Colony::running(&[]);
    let output = json!({"max_bytes": 100_000, "backups": 4, "compress": true});
    let keys = json!({"stdout": output, "restart": NEVER});
    colony.program("web", shell("seq 1 100000", keys));
    colony.until_state("web", State::Exited);
    let names = [
        "web.log",
        "web.log.1.gz",
        "web.log.2.gz",
        "web.log.3.gz",
        "web.log.4.gz",
    ];
    let names = names.map(str::to_owned).to_vec();
    until("all are compressed", || {
        let entries = fs::read_dir(colony.path("logs")).unwrap();
        let mut found: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        (found == names).then_some(())
    });
    let mut all = Vec::new();
    for name in names.iter().skip(1).rev() {
        let path = colony.path("logs").join(name);
        let unpacked = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
        assert!(unpacked.status.success());
        let bytes = unpacked.stdout;
        assert!(bytes.len() <= 100_000 && bytes.ends_with(b"\n"), "{name}");
        all.extend(bytes);
    }
    all.extend(fs::read(colony.path("logs/web.log")).unwrap());
    assert!(numbers(100_000).ends_with(&all));
}

#[test]
fn a_line_of_many_megabytes_costs_the_monitor_no_memory_and_stays_whole() {
    const BYTES: usize = 64 << 20;
    let colony = Colony::running(&[]);
    let script = format!("head -c {BYTES} /dev/zero; echo; echo end");
    let keys = json!({"stdout": {"max_bytes": 1_000_000}, "restart": NEVER});
    colony.program("web", shell(&script, keys));
    let record = colony.until_record("web", "its last lines", |record| record.output.is_some());
    assert_eq!(record.output.unwrap(), ["end"]);
    assert_eq!(fs::read(colony.path("logs/web.log")).unwrap(), b"end\n");
    let line = fs::read(colony.path("logs/web.log.1")).unwrap();
    assert!(line.len() == BYTES + 1 && line[..BYTES].iter().all(|byte| *byte == 0));
    // Field 24 is the memory that is in use, in pages.
    let pages: usize = field(colony.pid(), 24).unwrap().parse().unwrap();
    assert!(pages * 4096 < BYTES / 2, "{pages} pages");
}

#[test]
fn each_stream_goes_where_it_is_told() {
    let colony = Colony::running(&[]);
    let script = "echo out; echo err >&2; exec cat";
    let err = colony.path("err.log");
    colony.program("apart", shell(script, json!({"stderr": {"file": err}})));
    colony.program("quiet", shell(script, json!({"stdout": "null"})));
    colony.program(
        "inherit",
        shell(script, json!({"stdout": "inherit", "stderr": "inherit"})),
    );
    until("each stream is in its place", || {
        let out = colony.lines("logs/apart.log") == ["out"];
        let err = colony.lines("err.log") == ["err"];
        let own = colony.lines("monitor.out") == ["out"];
        let own_err = colony.lines("monitor.err").contains(&"err".to_owned());
        (out && err && own && own_err).then_some(())
    });
    for name in ["apart", "quiet", "inherit"] {
        colony.until_up(name);
    }
    let log = |name| colony.record(name).log;
    assert_eq!(log("apart"), Some(colony.path("logs/apart.log")));
    assert_eq!((log("quiet"), log("inherit")), (None, None));
    let fifo = |name: &str| colony.path("status/output").join(name).exists();
    assert!(fifo("apart") && fifo("apart:err") && !fifo("quiet") && !fifo("inherit"));
    colony.remove("apart");
    colony.until_retracted("apart");
    until("its FIFOs are gone", || {
        (!fifo("apart") && !fifo("apart:err")).then_some(())
    });
}

#[test]
fn programs_that_share_a_file_tear_no_line() {
    let colony = Colony::running(&[]);
    let keys = json!({"stdout": {"file": colony.path("shared.log")}, "restart": NEVER});
    let words = ["one", "two", "three"];
    for word in words {
        let script = format!("for i in $(seq 500); do printf '{word} '; echo $i; done");
        colony.program(word, shell(&script, keys.clone()));
    }
    for word in words {
        colony.until_record(word, "its last lines", |record| record.output.is_some());
    }
    let lines = colony.lines("shared.log");
    for word in words {
        let own: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
            .collect();
        let wanted: Vec<String> = (1..=500).map(|number| number.to_string()).collect();
        assert_eq!(own, wanted, "{word}");
    }
    assert_eq!(lines.len(), 1500);
}

#[test]
fn a_program_of_another_user_can_open_its_output_again() {
    if !nix::unistd::geteuid().is_root() {
        println!("only root can run a program as another user");
        return;
    }
    let colony = Colony::running(&[]);
    let keys = json!({"uid": 65534, "gid": 65534, "cwd": "/", "restart": NEVER});
    colony.program(
        "web",
        shell("echo again > /dev/stdout; echo err > /dev/stderr", keys),
    );
    let record = colony.until_record("web", "its last lines", |record| record.output.is_some());
    assert_eq!(record.output.unwrap(), ["again", "err"]);
}

#[test]
fn on_a_full_disk_output_waits_and_nothing_is_lost() {
    if !can_unshare() {
        println!("user namespaces are closed to us: nothing can be mounted");
        return;
    }
    const LAST: usize = 300_000;
    let mut colony = Colony::new(&[]);
    let logs = colony.path("logs");
    let mount = format!("mount -t tmpfs -o size=256k tmpfs {}", logs.display());
    let begin = format!("{mount} && exec \"$0\" \"$@\"");
    colony.wrap(&["unshare", "-Urm", "/bin/sh", "-c", &begin]);
    colony.start();
    let keys = json!({"restart": NEVER});
    colony.program("web", shell(&format!("seq 1 {LAST}"), keys));
    let elsewhere = json!({"stdout": {"file": colony.path("witness.log")}});
    colony.program("witness", shell("echo here; exec cat", elsewhere));
    let overview = colony.until_overview("it is told", |overview| !overview.problems.is_empty());
    let problem = &overview.problems[0];
    assert!(
        problem.contains("logs/web.log") && problem.contains("ENOSPC"),
        "{problem}"
    );
    let pid = colony.record("web").pid.unwrap();
    assert!(is_alive(pid), "it waits");
    until("the other has printed", || {
        (colony.lines("witness.log") == ["here"]).then_some(())
    });
    let larger = format!("mount -o remount,size=64m {}", logs.display());
    let status = Command::new("nsenter")
        .args(["--preserve-credentials", "-U", "-m", "-t"])
        .arg(colony.pid().to_string())
        .args(["/bin/sh", "-c", &larger])
        .status();
    assert!(status.unwrap().success());
    colony.until_state("web", State::Exited);
    let in_its_world = format!("/proc/{}/root{}/web.log", colony.pid(), logs.display());
    let wanted = numbers(LAST);
    until("all of it is there", || {
        (fs::read(&in_its_world).unwrap().len() >= wanted.len()).then_some(())
    });
    assert!(fs::read(&in_its_world).unwrap() == wanted);
    colony.until_overview("it is over", |overview| overview.problems.is_empty());
}
