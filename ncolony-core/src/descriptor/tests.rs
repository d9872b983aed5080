use super::*;
use crate::name::ProgramName;

fn good(text: &str) -> Descriptor {
    Descriptor::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn bad(text: &str) -> ConfigError {
    Descriptor::parse(text.as_bytes()).expect_err(text)
}

#[test]
fn a_file_of_the_original_means_what_it_meant() {
    let text = r#"{"args": ["cat", "-u"], "env": {"A": "b=c"}, "env_inherit": ["HOME"], "uid": 5,
        "gid": null, "group": ["web"], "ncolony.beatcheck": {"period": 3}}"#;
    let read = good(text);
    assert_eq!(read.args, ["cat", "-u"]);
    assert_eq!(read.env["A"], "b=c");
    assert_eq!(read.env_inherit, ["HOME"]);
    assert_eq!(read.identity.user, Some(Account::Id(5)));
    assert_eq!(read.identity.group, None);
    assert_eq!(read.groups, ["web"]);
    assert_eq!(read.extras["ncolony.beatcheck"]["period"], 3);
    assert_eq!(&*read.source, text);
}

#[test]
fn every_key_of_ours_is_taken() {
    let read = good(
        r#"{"args": ["x"], "threshold": 0.5, "killtime": 2, "minrestartdelay": 0,
        "maxrestartdelay": 9, "enabled": false, "restart": "on-failure", "exit_codes": [0, 3],
        "give_up_after": 4, "stop_signal": "SIGINT", "reload_signal": 10, "user": "daemon:5",
        "cwd": "/tmp", "umask": "027", "stdin": "null", "priority": -3, "after": ["db"],
        "requires": ["cache", "db"],
        "sockets": [{"name": "web", "listen": "tcp://*:80"}]}"#,
    );
    assert_eq!(read.threshold, Some(Duration::from_millis(500)));
    assert_eq!(read.restart, Restart::OnFailure);
    assert_eq!(read.exit_codes, [0, 3]);
    assert_eq!(read.give_up_after, Some(4));
    assert_eq!(read.stop_signal.number(), 2);
    assert_eq!(read.reload_signal.number(), 10);
    assert_eq!(read.identity.user, Some(Account::Name("daemon".to_owned())));
    assert_eq!(read.identity.group, Some(Account::Id(5)));
    assert_eq!(read.umask, Some(0o027));
    assert_eq!(read.stdin, Stdin::Null);
    assert_eq!(read.sockets[0].name, "web");
    assert_eq!(read.order.priority, -3);
    assert_eq!(read.order.after, [ProgramName::new("db").unwrap()]);
    assert_eq!(read.order.requires.len(), 2);
    assert!(read.extras.is_empty() && !read.enabled);
}

#[test]
fn every_known_key_is_known_to_the_parser() {
    for key in KEYS {
        let text = format!(r#"{{"args": ["x"], "{key}": {{"an": "object"}}}}"#);
        if key == "env" || key == "args" {
            continue;
        }
        let place = bad(&text).key.unwrap_or_default();
        // An object may be what is wanted; then what is wrong is its member.
        let outer = place.split('.').next();
        assert_eq!(outer, Some(key), "{key} was taken for an extra");
    }
}

#[test]
fn a_program_has_one_process_or_more() {
    let instances = |key: &str| good(&format!(r#"{{"args": ["x"]{key}}}"#)).instances;
    assert_eq!(instances(""), 1);
    assert_eq!(instances(r#", "instances": 1"#), 1);
    assert_eq!(instances(r#", "instances": 10000"#), 10_000);
    for wrong in ["0", "-1", "10001", "1.5", "\"2\"", "null"] {
        let error = bad(&format!(r#"{{"args": ["x"], "instances": {wrong}}}"#));
        assert_eq!(error.key.as_deref(), Some("instances"), "{wrong}");
    }
}

#[test]
fn wrong_values_name_their_key() {
    let cases = [
        (r#"{}"#, "args"),
        (r#"{"args": []}"#, "args"),
        (r#"{"args": [""]}"#, "args"),
        (r#"{"args": "cat"}"#, "args"),
        (r#"{"args": ["cat", 5]}"#, "args[1]"),
        (r#"{"args": ["a\u0000b"]}"#, "args[0]"),
        (r#"{"args": ["x"], "env": {"A": 1}}"#, "env.A"),
        (r#"{"args": ["x"], "env": {"A=": "1"}}"#, "env.A="),
        (r#"{"args": ["x"], "env": []}"#, "env"),
        (r#"{"args": ["x"], "env_inherit": [""]}"#, "env_inherit"),
        (r#"{"args": ["x"], "uid": -1}"#, "uid"),
        (r#"{"args": ["x"], "uid": "root"}"#, "uid"),
        (r#"{"args": ["x"], "uid": 1.5}"#, "uid"),
        (r#"{"args": ["x"], "threshold": "1"}"#, "threshold"),
        (r#"{"args": ["x"], "killtime": -1}"#, "killtime"),
        (r#"{"args": ["x"], "enabled": 1}"#, "enabled"),
        (r#"{"args": ["x"], "restart": "sometimes"}"#, "restart"),
        (r#"{"args": ["x"], "exit_codes": [256]}"#, "exit_codes[0]"),
        (r#"{"args": ["x"], "give_up_after": 0}"#, "give_up_after"),
        (r#"{"args": ["x"], "stop_signal": "NOPE"}"#, "stop_signal"),
        (r#"{"args": ["x"], "cwd": "tmp"}"#, "cwd"),
        (r#"{"args": ["x"], "umask": "8"}"#, "umask"),
        (r#"{"args": ["x"], "umask": "+7"}"#, "umask"),
        (r#"{"args": ["x"], "umask": 18}"#, "umask"),
        (r#"{"args": ["x"], "user": ":5"}"#, "user"),
        (r#"{"args": ["x"], "user": "a", "uid": 5}"#, "user"),
        (r#"{"args": ["x"], "stdin": "closed"}"#, "stdin"),
        (r#"{"args": ["x"], "priority": 1.5}"#, "priority"),
        (r#"{"args": ["x"], "after": "db"}"#, "after"),
        (
            r#"{"args": ["x"], "requires": ["db", "all"]}"#,
            "requires[1]",
        ),
    ];
    for (text, key) in cases {
        let error = bad(text);
        assert_eq!(error.key.as_deref(), Some(key), "{text}: {error}");
    }
}

#[test]
fn an_error_reads_as_one_line_with_its_place() {
    let error = bad("{\n  \"args\": \"cat\"\n}");
    assert_eq!(
        error.to_string(),
        "line 2, column 11, key \"args\": must be an array of strings, not a string"
    );
}

#[test]
fn a_file_may_not_be_larger_than_an_environment_string() {
    let text = format!(
        r#"{{"args": ["x"], "pad": "{}"}}"#,
        "x".repeat(FILE_BYTES_MAX)
    );
    assert!(bad(&text).message.contains("131000"));
}
