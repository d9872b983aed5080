//! `check`: what it finds, and where.

use std::fs;

use serde_json::json;

use crate::colony::Colony;

#[test]
fn check_names_the_place_and_the_key() {
    let colony = Colony::new();
    colony.file("good", r#"{"args": ["cat"]}"#);
    let text = "{\n  \"args\": [\"x\"],\n  \"treshold\": 3,\n  \"killtime\": \"soon\"\n}";
    let path = colony.path(".ansible_tmp_x");
    fs::write(&path, text).unwrap();
    let ran = colony.ends(0, &["check"]);
    assert_eq!(ran.stdout, "");
    let ran = colony.ends(1, &["check", path.to_str().unwrap()]);
    assert!(
        ran.stdout
            .contains(".ansible_tmp_x:4:15: error: key \"killtime\""),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .contains("\n  4 |   \"killtime\": \"soon\"\n    |               ^\n")
    );
    assert!(
        ran.stdout.contains("did you mean \"threshold\"?"),
        "{ran:?}"
    );
    let document = colony
        .ends(1, &["--json", "check", path.to_str().unwrap()])
        .json();
    let file = &document["files"][0];
    assert_eq!(
        (&document["schema"], &file["ok"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(file["errors"][0]["line"], 4);
    assert_eq!(file["warnings"][0]["key"], "treshold");
}

#[test]
fn what_makes_no_sense_to_a_companion_is_a_warning_with_its_place() {
    let colony = Colony::new();
    let text = r#"{"args": ["x"],
  "ncolony.beatcheck": {"period": "often", "grace": 1, "status": "/x"},
  "ncolony.httpcheck": {"url": "http://127.0.0.1/", "period": 1,
    "expect": {"code": 200}, "maxbad": 1}, "ncolony.http_check": {}}"#;
    colony.file("web", text);
    let ran = colony.ends(0, &["check"]);
    for said in [
        ":2:35: warning: key \"ncolony.beatcheck.period\": must be a number of seconds, 0 or more, \
         not a string; ncolony-beatcheck does not check this program\n  2 |",
        ":4:24: warning: key \"ncolony.httpcheck.expect.code\": expect has status and text, and no \
         other key; ncolony-httpcheck does not check this program\n",
        ":4:40: warning: key \"ncolony.httpcheck.maxbad\": ncolony-httpcheck passes over this key; \
         it knows url, period, timeout,",
        ":4:44: warning: key \"ncolony.http_check\": this key has no meaning to the monitor; did you \
         mean \"ncolony.httpcheck\"?",
    ] {
        assert!(ran.stdout.contains(said), "{said}\n{}", ran.stdout);
    }
    let warnings = &colony.ends(0, &["check", "--json"]).json()["files"][0]["warnings"];
    assert_eq!(warnings.as_array().unwrap().len(), 4, "{warnings}");
    colony.ends(1, &["check", "--strict"]);

    let good = r#"{"args": ["x"],
  "ncolony.beatcheck": {"period": 3, "grace": 1, "status": "/x"},
  "ncolony.httpcheck": {"url": "http://127.0.0.1/", "period": 1, "expect": {"status": [200]}}}"#;
    colony.file("web", good);
    let files = &colony.ends(0, &["check", "--strict", "--json"]).json()["files"];
    assert_eq!(files[0]["warnings"], json!([]), "{files}");
}

#[test]
fn check_of_a_directory_sees_what_the_monitor_sees() {
    let colony = Colony::new();
    for (name, text) in [
        ("web", r#"{"args": ["x"]}"#),
        ("web.json", r#"{"args": ["x"]}"#),
    ] {
        colony.file(name, text);
    }
    colony.file("old.bak", "");
    colony.file(".hidden", "");
    fs::create_dir(colony.path("config/dir")).unwrap();
    let document = colony.ends(1, &["check", "--json"]).json();
    let files = document["files"].as_array().unwrap();
    let shown: Vec<(String, bool, usize)> = files
        .iter()
        .map(|file| {
            let name = file["file"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned();
            let warnings = file["warnings"].as_array().unwrap().len();
            (name, file["ok"].as_bool().unwrap(), warnings)
        })
        .collect();
    let entry = |name: &str, ok, warnings| (name.to_owned(), ok, warnings);
    let wanted = [
        entry("dir", false, 0),
        entry("old.bak", true, 1),
        entry("web", false, 0),
        entry("web.json", false, 0),
    ];
    assert_eq!(shown, wanted);
    colony.ends(1, &["check", "/nosuch"]);
}

#[test]
fn check_sees_what_files_say_of_each_other() {
    let colony = Colony::new();
    let at = |name: &str| colony.path("config").join(name).display().to_string();
    colony.file(
        "web",
        "{\"args\": [\"x\"],\n \"requires\": [\"db\", \"gone\"], \"after\": [\"net\"]}",
    );
    colony.file("db", r#"{"args": ["x"]}"#);
    let ran = colony.ends(0, &["check"]);
    for said in [
        format!(
            "{}:2:21: warning: key \"requires[1]\": there is no program file gone here, and without gone this program is not started\n",
            at("web")
        ),
        format!(
            "{}:2:40: note: key \"after[0]\": there is no program file net here; it is not waited for, which is allowed\n",
            at("web")
        ),
    ] {
        assert!(ran.stdout.contains(&said), "{ran:?}");
    }
    assert!(!ran.stdout.contains("no program file db"), "{ran:?}");
    colony.file("db", r#"{"args": ["x"], "after": ["web"]}"#);
    let ran = colony.ends(0, &["check"]);
    for (file, place, ring) in [
        (
            "web",
            "2:15: warning: key \"requires[0]\"",
            "web → db → web",
        ),
        ("db", "1:27: warning: key \"after[0]\"", "db → web → db"),
    ] {
        let said = format!(
            "{}:{place}: these programs wait for each other, {ring}, and none",
            at(file)
        );
        assert!(ran.stdout.contains(&said), "{ran:?}");
    }
    let document = colony.ends(0, &["--json", "check"]).json();
    let web = &document["files"][1];
    assert_eq!(web["notes"][0]["key"], "after[0]");
    assert_eq!(web["warnings"].as_array().unwrap().len(), 2);
    assert_eq!(document["files"][0]["notes"], json!([]));
}

#[test]
fn check_of_a_file_knows_those_beside_it_and_those_that_run() {
    let colony = Colony::new();
    colony.file("db", r#"{"args": ["x"], "requires": ["web"]}"#);
    fs::create_dir(colony.path("drafts")).unwrap();
    let draft = colony.path("drafts/web");
    fs::write(&draft, r#"{"args": ["x"], "requires": ["db", "cache"]}"#).unwrap();
    let draft = draft.to_str().unwrap();
    let ran = colony.ends(0, &["check", draft]);
    assert!(ran.stdout.contains("web → db → web"), "{ran:?}");
    assert!(ran.stdout.contains("no program file cache"), "{ran:?}");
    fs::write(colony.path("drafts/cache.json"), r#"{"args": ["x"]}"#).unwrap();
    let ran = colony.ends(0, &["check", draft]);
    assert!(!ran.stdout.contains("cache here"), "{ran:?}");
    // A directory is taken as a whole.
    let ran = colony.ends(0, &["check", colony.path("drafts").to_str().unwrap()]);
    assert!(ran.stdout.contains("no program file db"), "{ran:?}");
}
