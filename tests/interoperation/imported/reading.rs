//! The reader of supervisord's files against supervisord itself: both take the same configurations,
//! and make the same of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use ncolony_core::Signal;
use serde_json::{Value, json};

use crate::colony::python;
use crate::process::{command, program};

/// How many configurations are tried.
const CONFIGURATIONS: &str = "600";
/// Another number makes others.
const SEED: &str = "1";

fn surrounded(mut command: Command, directory: &Path) -> Command {
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/tmp")
        .env("LANG", "C.UTF-8");
    command
}

/// The arguments of an instance, as its shell would have them.
fn arguments(content: &Value, number: usize, of: usize) -> Value {
    let args = &content["args"];
    let script = args[2]
        .as_str()
        .and_then(|script| script.strip_prefix("exec "));
    match script {
        Some(script) if of > 1 && args[0] == "/bin/sh" => {
            let print = format!("set -- {script}; printf '%s\\0' \"$@\"");
            let mut shell = command("/bin/sh");
            shell
                .args(["-c", &print])
                .env("NCOLONY_INSTANCE", number.to_string());
            let done = shell.output().unwrap();
            let text = String::from_utf8(done.stdout).unwrap();
            json!(text.split_terminator('\0').collect::<Vec<_>>())
        }
        Some(_) | None => args.clone(),
    }
}

/// What of our file must be as it was.
fn of_ours(content: &Value, args: Value) -> Value {
    let or = |key: &str, default: Value| content.get(key).cloned().unwrap_or(default);
    let signal = or("stop_signal", json!("TERM"));
    let signal = Signal::parse(signal.as_str().unwrap()).unwrap();
    json!({
        "argv": args,
        "environment": or("env", json!({})),
        "startsecs": content["threshold"],
        "startretries": content["give_up_after"].as_i64().unwrap() - 1,
        "stopwaitsecs": content["killtime"],
        "restart": or("restart", json!("always")),
        "exit_codes": or("exit_codes", json!([0])),
        "autostart": or("enabled", json!(true)),
        "stop_signal": signal.number(),
        "stdout": stdout(&or("stdout", json!("log"))),
    })
}

fn stdout(value: &Value) -> Value {
    match value.get("file") {
        Some(file) => file.clone(),
        None if value.is_object() => json!("log"),
        None => value.clone(),
    }
}

/// The same of supervisord's, in the same words.
fn of_theirs(process: &Value, directory: &Path) -> Value {
    let at_least_0 = |key: &str| json!(process[key].as_i64().unwrap().max(0));
    let stdout = match (&process["stdout"], &process["stdout_syslog"]) {
        (Value::Null, Value::Bool(false)) => json!("null"),
        (Value::Null, _) => json!("syslog"),
        (path, Value::Bool(true)) if path == "AUTO" => json!("syslog"),
        (path, _) if path == "AUTO" => json!("log"),
        (path, _) if path == "/dev/null" => json!("null"),
        (path, _) => json!(directory.join(path.as_str().unwrap())),
    };
    json!({
        "argv": process["argv"],
        "environment": process["environment"],
        "startsecs": at_least_0("startsecs"),
        "startretries": at_least_0("startretries"),
        "stopwaitsecs": at_least_0("stopwaitsecs"),
        "restart": process["restart"],
        "exit_codes": process["exit_codes"],
        "autostart": process["autostart"],
        "stop_signal": process["stop_signal"],
        "stdout": stdout,
    })
}

fn imported(directory: &Path, file: &str) -> Option<BTreeMap<String, Value>> {
    let mut ctl = program("ncolony-ctl");
    ctl.args([
        "import",
        "supervisord",
        file,
        "--dry-run",
        "--json",
        "--output",
        "/nowhere",
    ]);
    let done = surrounded(ctl, directory).output().unwrap();
    if done.status.code() == Some(1) {
        return None;
    }
    assert_eq!(done.status.code(), Some(0), "{file}: {done:?}");
    let document: Value = serde_json::from_slice(&done.stdout).unwrap();
    let mut all = BTreeMap::new();
    for file in document["files"].as_array().unwrap() {
        let processes = file["processes"].as_array().unwrap();
        for (number, process) in processes.iter().enumerate() {
            let args = arguments(&file["content"], number, processes.len());
            let ours = of_ours(&file["content"], args);
            all.insert(process.as_str().unwrap().to_owned(), ours);
        }
    }
    Some(all)
}

#[test]
fn nasty_configurations_are_read_as_supervisord_reads_them() {
    let directory = tempfile::tempdir().unwrap();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interoperation/supervisord/read.py");
    let mut reader = python();
    reader
        .arg(script)
        .args(["--nasty", CONFIGURATIONS, SEED])
        .arg(directory.path());
    let done = surrounded(reader, directory.path()).output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let (mut taken, mut refused) = (0, 0);
    for line in String::from_utf8(done.stdout).unwrap().lines() {
        let theirs: Value = serde_json::from_str(line).unwrap();
        let file = theirs["file"].as_str().unwrap();
        let text = || fs::read_to_string(file).unwrap();
        let ours = imported(directory.path(), file);
        if theirs["refused"] != Value::Null {
            assert_eq!(ours, None, "{}\n{}", theirs["refused"], text());
            refused += 1;
            continue;
        }
        let ours = ours.unwrap_or_else(|| panic!("refused:\n{}", text()));
        let processes = theirs["processes"].as_array().unwrap().iter();
        // What supervisord could not start for its command has no file.
        let can_start = |process: &&Value| {
            process["argv"][0]
                .as_str()
                .is_some_and(|word| !word.is_empty())
        };
        let theirs: BTreeMap<String, Value> = processes
            .filter(can_start)
            .map(|process| {
                (
                    process["specification"].as_str().unwrap().to_owned(),
                    of_theirs(process, directory.path()),
                )
            })
            .collect();
        assert_eq!(theirs, ours, "\n{}", text());
        taken += 1;
    }
    assert!(
        taken > 100 && refused > 100,
        "{taken} taken, {refused} refused"
    );
}
