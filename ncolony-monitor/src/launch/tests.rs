use super::*;
use ncolony_core::{Defaults, ProgramName};
use std::sync::Arc;

fn spec(text: &str) -> ProgramSpec {
    let name = ProgramName::new("web").unwrap();
    ProgramSpec::parse(name, text.as_bytes(), &Defaults::default()).unwrap()
}

#[test]
fn the_environment_is_what_was_said_and_nothing_else() {
    let text = r#"{"args": ["x"], "env": {"A": "1", "HOME": "mine", "NCOLONY_NAME": "y"}, "env_inherit": ["HOME", "NONE"]}"#;
    let ours = |name: &str| (name == "HOME").then(|| OsString::from("/root"));
    let all = environment(&spec(text), "r1", ours);
    let shown: Vec<String> = all
        .iter()
        .map(|(name, value)| format!("{}={}", name.display(), value.display()))
        .collect();
    let config = format!("NCOLONY_CONFIG={text}");
    let wanted = [
        "A=1",
        "HOME=/root",
        &config,
        "NCOLONY_NAME=web",
        "NCOLONY_RUN_ID=r1",
        "NONE=",
    ];
    assert_eq!(shown, wanted);
}

#[test]
fn an_instance_is_told_the_programs_name_and_its_own_number() {
    let text = r#"{"args": ["x"], "instances": 3, "env": {"NCOLONY_INSTANCE": "9"}}"#;
    let third = Arc::new(spec(text)).expanded().pop().unwrap();
    let all = environment(&third, "r1", |_| None);
    assert_eq!(all[OsStr::new("NCOLONY_NAME")], "web");
    assert_eq!(all[OsStr::new("NCOLONY_INSTANCE")], "2");
}

#[test]
fn the_environment_of_a_program_with_sockets_says_so() {
    let text = r#"{"args": ["x"], "env": {"LISTEN_PID": "1", "LISTEN_FDS": "9"}, "sockets": [
        {"name": "web", "listen": "tcp://*:80"}, {"name": "ctl", "listen": "unix:///run/c"}]}"#;
    let all = environment(&spec(text), "r1", |_| None);
    assert_eq!(all[OsStr::new("LISTEN_FDS")], "2");
    assert_eq!(all[OsStr::new("LISTEN_FDNAMES")], "web:ctl");
    assert!(!all.contains_key(OsStr::new("LISTEN_PID")));
}

#[test]
fn the_environment_of_a_program_with_a_watchdog_says_so() {
    let text = r#"{"args": ["x"], "watchdog": 1.5, "env": {"NOTIFY_SOCKET": "/mine", "WATCHDOG_PID": "1", "WATCHDOG_USEC": "1"}}"#;
    let all = environment(&spec(text), "r1", |_| None);
    assert_eq!(all[OsStr::new("WATCHDOG_USEC")], "1500000");
    for other in ["NOTIFY_SOCKET", "WATCHDOG_PID"] {
        assert!(!all.contains_key(OsStr::new(other)), "{other}");
    }
}

#[test]
fn a_look_has_what_the_program_has_and_not_its_mark() {
    let text = r#"{"args": ["x"], "watchdog": 1, "env": {"A": "1"}, "cwd": "/"}"#;
    let null = Arc::new(File::open("/dev/null").unwrap());
    let args = ["look".to_owned(), "well".to_owned()];
    let launch = prepare_look(&spec(text), &args, None, &null).unwrap();
    let names: Vec<&[u8]> = launch
        .envp
        .iter()
        .filter_map(|text| text.as_bytes().split(|byte| *byte == b'=').next())
        .collect();
    assert_eq!(names, [&b"A"[..], b"NCOLONY_CONFIG", b"NCOLONY_NAME"]);
    assert_eq!(launch.argv, [c"look".to_owned(), c"well".to_owned()]);
    assert!(launch.dies_with_us && launch.cwd.is_some());
}

#[test]
fn the_path_that_was_searched_is_the_programs_own() {
    let environment = ["A=1", "PATH=/inherited"].map(|text| CString::new(text).unwrap());
    assert_eq!(path_in(&environment).as_deref(), Some("/inherited"));
    assert_eq!(path_in(&environment[..1]), None);
}

#[test]
fn a_name_is_looked_for_along_path() {
    assert_eq!(
        candidates("cat", b"/bin::/x"),
        [b"/bin/cat".to_vec(), b"./cat".to_vec(), b"/x/cat".to_vec()]
    );
    assert_eq!(candidates("./cat", b"/bin"), [b"./cat".to_vec()]);
}
