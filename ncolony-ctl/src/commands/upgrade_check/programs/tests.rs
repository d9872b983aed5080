use super::*;
use crate::commands::upgrade_check::verdict::Level;

fn program(name: &str, text: &str) -> (ProgramName, Descriptor) {
    let descriptor = Descriptor::parse(text.as_bytes()).unwrap();
    (ProgramName::new(name).unwrap(), descriptor)
}

fn users_of(text: &str) -> Verdict {
    let (name, descriptor) = program("web", text);
    let accounts = Accounts {
        has_user: &|account| match account {
            Account::Id(id) => Ok(*id == 7),
            Account::Name(name) => Ok(name == "www"),
        },
        has_group: &|name| {
            if name == "lost" {
                Err("the data base is away".to_owned())
            } else {
                Ok(name == "staff")
            }
        },
    };
    check_users([(&name, &descriptor)].into_iter(), &accounts)
}

#[test]
fn an_account_that_is_missing_is_named_with_program_and_key() {
    for keys in [
        r#""user": "www""#,
        r#""user": "www:staff""#,
        r#""user": "7""#,
        r#""uid": 7"#,
        r#""uid": 9, "gid": 9"#,
        r#""gid": 9"#,
    ] {
        let verdict = users_of(&format!(r#"{{"args": ["x"], {keys}}}"#));
        assert_eq!(verdict.level, Level::Success, "{keys}: {verdict:?}");
    }
    for (keys, said) in [
        (
            r#""user": "nobody""#,
            r#"web: key "user": there is no user "nobody""#,
        ),
        (
            r#""user": "www:none""#,
            r#"web: key "user": there is no group "none""#,
        ),
        (r#""uid": 9"#, r#"web: key "uid": user 9 has no account"#),
        (r#""user": "www:lost""#, "the data base is away"),
    ] {
        let verdict = users_of(&format!(r#"{{"args": ["x"], {keys}}}"#));
        assert_eq!(verdict.level, Level::Failure, "{keys}");
        assert!(verdict.details.unwrap().contains(said), "{keys}");
    }
}

#[test]
fn the_data_base_of_the_machine_is_asked() {
    let subject = |user: &str| Subject {
        places: ncolony_core::Places {
            config: PathBuf::new(),
            messages: PathBuf::new(),
            status: PathBuf::new(),
            logs: None,
        },
        is_alive: false,
        process: None,
        record: None,
        record_fault: None,
        files: Ok(vec![super::super::subject::ProgramFile {
            name: ProgramName::new("web").unwrap(),
            file: "web".to_owned(),
            descriptor: Ok(program("web", &format!(r#"{{"args": ["x"], "user": "{user}"}}"#)).1),
        }]),
        known_faults: std::collections::BTreeSet::new(),
    };
    assert_eq!(users(&subject("root")).level, Level::Success);
    assert_eq!(users(&subject("root:no-such-group")).level, Level::Failure);
    assert_eq!(users(&subject("no-such-user")).level, Level::Failure);
}

/// A directory with an executable `run` and a file `text` that is none.
fn shelf() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, mode) in [("run", 0o755), ("text", 0o644)] {
        let path = dir.path().join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    dir
}

fn commands_of(text: &str, monitors_path: &Path, directory: &Path) -> Verdict {
    let (name, descriptor) = program("web", text);
    let environment = BTreeMap::from([("PATH".into(), monitors_path.as_os_str().to_owned())]);
    check_commands([(&name, &descriptor)].into_iter(), &environment, directory)
}

#[test]
fn a_command_is_looked_for_as_the_monitor_does() {
    let dir = shelf();
    let at = dir.path().display();
    for text in [
        format!(r#"{{"args": ["{at}/run"]}}"#),
        r#"{"args": ["./run"]}"#.to_owned(),
        format!(r#"{{"args": ["run"], "env": {{"PATH": "/nosuch:{at}"}}}}"#),
        r#"{"args": ["run"], "env": {"PATH": ""}}"#.to_owned(),
        r#"{"args": ["run"], "env_inherit": ["PATH"]}"#.to_owned(),
        r#"{"args": ["sh"]}"#.to_owned(),
    ] {
        let verdict = commands_of(&text, dir.path(), dir.path());
        assert_eq!(verdict.level, Level::Success, "{text}: {verdict:?}");
    }
    let elsewhere = Path::new("/");
    for (text, said) in [
        (format!(r#"{{"args": ["{at}/text"]}}"#), "not executable"),
        (format!(r#"{{"args": ["{at}/none"]}}"#), "not there"),
        (format!(r#"{{"args": ["{at}"]}}"#), "not a file"),
        (r#"{"args": ["./run"]}"#.to_owned(), "/./run"),
        (
            r#"{"args": ["run"]}"#.to_owned(),
            "nowhere in PATH=/usr/local/sbin",
        ),
        (
            format!(r#"{{"args": ["sh"], "env": {{"PATH": "{at}"}}}}"#),
            "nowhere in PATH",
        ),
        (
            format!(r#"{{"args": ["{at}/run"], "cwd": "{at}/run"}}"#),
            "not a directory",
        ),
        (
            format!(r#"{{"args": ["{at}/run"], "cwd": "/nosuch"}}"#),
            "its cwd /nosuch",
        ),
    ] {
        let verdict = commands_of(&text, dir.path(), elsewhere);
        assert_eq!(verdict.level, Level::Failure, "{text}");
        let details = verdict.details.unwrap();
        assert!(
            details.starts_with("web: ") && details.contains(said),
            "{details}"
        );
    }
}

#[test]
fn what_nobody_wants_to_run_stands_against_nothing() {
    let text = r#"{"args": ["/nosuch"], "enabled": false}"#;
    let verdict = commands_of(text, Path::new("/"), Path::new("/"));
    assert_eq!(verdict.level, Level::Warning);
}
