//! `import`: program files of what another supervisor would run.

use std::fs;

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
