//! `import`: program files of what another supervisor would run.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::colony::{Colony, Ran};

const CONFIGURATION: &str =
    "[supervisord]\nnodaemon=true\n[program:web]\ncommand=cat -u\n[program:worker]\ncommand=cat\n";

fn import(colony: &Colony, status: i32, text: &str, flags: &[&str]) -> Ran {
    let file = colony.path("supervisord.conf");
    fs::write(&file, text).unwrap();
    let words = [&["import", "supervisord", file.to_str().unwrap()], flags].concat();
    colony.ends(status, &words)
}

fn entries(colony: &Colony, directory: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(colony.path(directory)) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn files_are_written_into_the_config_place() {
    let colony = Colony::new();
    let ran = import(&colony, 0, CONFIGURATION, &[]);
    let [web, worker] = ["web", "worker"].map(|name| colony.path("config").join(name));
    assert_eq!(
        ran.stdout,
        format!("{}\n{}\n", web.display(), worker.display())
    );
    assert!(
        ran.stderr.contains("2 program files written"),
        "{}",
        ran.stderr
    );
    let text = fs::read_to_string(&web).unwrap();
    assert!(
        text.starts_with("{\n    \"args\": [\"cat\", \"-u\"],\n"),
        "{text}"
    );
    let checked = colony.ends(0, &["check"]);
    assert!(
        checked.stderr.contains("2 files, all valid"),
        "{}",
        checked.stderr
    );
}

#[test]
fn a_dry_run_prints_and_writes_nothing() {
    let colony = Colony::new();
    let ran = import(&colony, 0, CONFIGURATION, &["--dry-run"]);
    let head = format!(
        "==> {} <==\n{{\n    \"args\": [\"cat\", \"-u\"],\n",
        colony.path("config/web").display()
    );
    assert!(ran.stdout.starts_with(&head), "{}", ran.stdout);
    assert!(entries(&colony, "config").is_empty());
    let ran = import(
        &colony,
        0,
        CONFIGURATION,
        &["--dry-run", "--json", "--output", "/elsewhere"],
    );
    let document = ran.json();
    assert_eq!(document["files"][0]["file"], "/elsewhere/web");
    assert_eq!(document["files"][0]["written"], false);
    assert_eq!(
        document["files"][0]["content"]["args"],
        json!(["cat", "-u"])
    );
    assert_eq!(document["files"][1]["processes"], json!(["worker"]));
    assert_eq!(
        (&document["schema"], &document["ok"]),
        (&json!(1), &json!(true))
    );
}

#[test]
fn what_is_there_is_replaced_only_when_that_is_said() {
    let colony = Colony::new();
    fs::create_dir(colony.path("out")).unwrap();
    fs::write(colony.path("out/worker.json"), "{}").unwrap();
    let out = colony.path("out");
    let flags = ["--output", out.to_str().unwrap()];
    let ran = import(&colony, 1, CONFIGURATION, &flags);
    assert!(
        ran.stderr.contains("worker.json is there already"),
        "{}",
        ran.stderr
    );
    assert_eq!(entries(&colony, "out"), ["worker.json"]);
    import(
        &colony,
        0,
        CONFIGURATION,
        &[&flags[..], &["--force"]].concat(),
    );
    assert_eq!(entries(&colony, "out"), ["web", "worker.json"]);
    let worker: Value =
        serde_json::from_slice(&fs::read(out.join("worker.json")).unwrap()).unwrap();
    assert_eq!(worker["args"], json!(["cat"]));
    fs::write(out.join("worker"), "{}").unwrap();
    let ran = import(
        &colony,
        1,
        CONFIGURATION,
        &[&flags[..], &["--force"]].concat(),
    );
    assert!(ran.stderr.contains("two files"), "{}", ran.stderr);
}

#[test]
fn what_supervisord_refuses_writes_nothing_and_says_where() {
    let colony = Colony::new();
    let text = format!("{CONFIGURATION}[program:bad]\ncommand=x\nstartsecs=soon\n");
    let ran = import(&colony, 1, &text, &[]);
    assert!(
        ran.stderr
            .contains("supervisord.conf:9: [program:bad] startsecs: \"soon\""),
        "{}",
        ran.stderr
    );
    assert!(entries(&colony, "config").is_empty());
    let ran = import(&colony, 1, &text, &["--json"]);
    let error = ran.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("supervisord.conf:9"), "{error}");
    colony.ends(2, &["import", "systemd", "x"]);
    let absent = colony.ends(1, &["import", "supervisord", "/no/such.conf"]);
    assert!(
        absent.stderr.contains("/no/such.conf: cannot be read"),
        "{}",
        absent.stderr
    );
}

#[test]
fn what_has_no_equivalent_is_listed_with_its_line() {
    let colony = Colony::new();
    let text = format!("{CONFIGURATION}[inet_http_server]\nport=9001\n");
    let ran = import(&colony, 0, &text, &["--json"]);
    let document = ran.json();
    let notes = document["notes"].as_array().unwrap();
    let server = notes
        .iter()
        .find(|note| note["section"] == "inet_http_server")
        .unwrap();
    assert_eq!(
        (&server["line"], &server["option"]),
        (&json!(7), &Value::Null)
    );
    assert!(
        ran.stderr
            .contains("supervisord.conf:7: [inet_http_server]: there is no server"),
        "{}",
        ran.stderr
    );
}

/// Copies the files of a reference configuration into the colony's directory.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_reference_configurations_are_imported_whole() {
    let references =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interoperation/supervisord");
    for (name, programs) in [
        ("debian", "site worker"),
        ("django", "celery celerybeat gunicorn"),
        ("laravel", "laravel-horizon laravel-worker"),
        ("docker", "nginx php-fpm"),
        ("node", "api sockets-0 sockets-1"),
        ("rabbitmq", "consumer drain rabbitmq"),
        ("flask", "flask"),
        ("oneshots", "broken migrate missing nightly once report"),
        ("groups", "alone back front inbox outbox"),
        ("expansions", "names numbers"),
        ("syslog", "both old silent"),
        ("quoting", "lines shell twice words"),
    ] {
        let colony = Colony::new();
        copy(&references.join(name), &colony.path("reference"));
        for made in ["log", "run"] {
            fs::create_dir(colony.path("reference").join(made)).unwrap();
        }
        let mut command = colony.command();
        command
            .args(["import", "supervisord"])
            .arg(colony.path("reference/supervisord.conf"))
            .envs([
                ("PATH", "/bin"),
                ("ME", "root"),
                ("SELF", "root"),
                ("LANG", "C.UTF-8"),
            ])
            .envs([("HOME", "/root"), ("SPECIAL", "50% of it")]);
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.status, Some(0), "{name}: {ran:?}");
        let wanted: Vec<&str> = programs.split(' ').collect();
        assert_eq!(entries(&colony, "config"), wanted, "{name}");
    }
}
