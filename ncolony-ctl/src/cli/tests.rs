use ncolony_core::State;

use super::*;

fn parse(words: &[&str]) -> Cli {
    let all = std::iter::once("ncolony-ctl").chain(words.iter().copied());
    Cli::try_parse_from(all).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn refused(words: &[&str]) -> String {
    let all = std::iter::once("ncolony-ctl").chain(words.iter().copied());
    let error = Cli::try_parse_from(all).expect_err(&words.join(" "));
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

fn added(words: &[&str]) -> AddArgs {
    match parse(words).command {
        Some(Command::Add(args)) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn places_stand_before_or_after_the_command() {
    for words in [
        ["--config", "/c", "--messages", "/m", "restart-all"],
        ["restart-all", "--config", "/c", "--messages", "/m"],
        ["--config", "/c", "restart-all", "--messages", "/m"],
    ] {
        let flags = parse(&words).global.place_flags();
        assert_eq!(flags.config, Some("/c".into()), "{words:?}");
        assert_eq!(flags.messages, Some("/m".into()), "{words:?}");
    }
}

#[test]
fn a_name_is_given_in_one_of_two_ways() {
    assert_eq!(
        added(&["add", "web", "--cmd", "cat"])
            .name()
            .unwrap()
            .as_str(),
        "web"
    );
    assert_eq!(
        added(&["add", "--name=web", "--cmd", "cat"])
            .name()
            .unwrap()
            .as_str(),
        "web"
    );
    refused(&["add", "--cmd", "cat"]);
    refused(&["add", "web", "--name", "web", "--cmd", "cat"]);
    refused(&["add", "web"]);
    assert!(refused(&["add", "a/b", "--cmd", "cat"]).contains("'/'"));
}

#[test]
fn values_may_begin_with_a_dash() {
    let args = added(&[
        "add", "web", "--cmd", "sh", "--arg", "-c", "--arg", "--json", "--arg=-x",
    ]);
    assert_eq!(args.args, ["-c", "--json", "-x"]);
}

#[test]
fn an_assignment_needs_its_sign_and_keeps_the_others() {
    let args = added(&["add", "web", "--cmd", "x", "--env", "A=b=c", "--env", "B="]);
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(args.env, [pair("A", "b=c"), pair("B", "")]);
    assert!(refused(&["add", "web", "--cmd", "x", "--env", "A"]).contains("NAME=VALUE"));
}

#[test]
fn a_setting_is_json() {
    let args = added(&[
        "add",
        "web",
        "--cmd",
        "x",
        "--set",
        "cwd=\"/a=b\"",
        "--set",
        "killtime=5",
    ]);
    assert_eq!(args.set[0], ("cwd".to_owned(), Value::from("/a=b")));
    assert_eq!(args.set[1].1, Value::from(5));
    assert!(refused(&["add", "web", "--cmd", "x", "--set", "cwd=/a"]).contains("'cwd=\"/a\"'"));
    refused(&["add", "web", "--cmd", "x", "--set", "cwd"]);
}

#[test]
fn status_has_other_names_and_needs_none() {
    for words in [["status"], ["ps"], ["ls"]] {
        assert!(
            matches!(parse(&words).command, Some(Command::Status(_))),
            "{words:?}"
        );
    }
    assert!(parse(&["--json"]).command.is_none());
}

#[test]
fn targets_are_names_or_groups() {
    let Some(Command::Stop(args)) = parse(&["stop", "web", "db-*"]).command else {
        panic!("it is a stop");
    };
    assert_eq!(args.names.len(), 2);
    refused(&["stop"]);
    refused(&["stop", "web", "--group", "g"]);
    refused(&["stop", "we b"]);
    parse(&["stop", "--group", "g", "--group", "h"]);
    parse(&["restart", "all"]);
    refused(&["restart-group"]);
}

#[test]
fn times_states_and_signals_are_checked() {
    let cli = parse(&["wait", "web", "--for", "exited", "--timeout", "0.5"]);
    assert_eq!(cli.global.timeout, Duration::from_millis(500));
    let Some(Command::Wait(args)) = cli.command else {
        panic!("it is a wait");
    };
    assert_eq!(args.aim, Aim::State(State::Exited));
    refused(&["wait", "web", "--for", "asleep"]);
    refused(&["status", "--timeout", "-1"]);
    refused(&["status", "--timeout", "soon"]);
    refused(&["signal", "NOPE", "web"]);
    parse(&["signal", "sigusr1", "web"]);
    parse(&["signal", "9", "web"]);
}

#[test]
fn what_is_under_upgrade_check_is_known_also_where_it_makes_no_sense() {
    for (words, wanted) in [
        ("upgrade check", true),
        ("--root /r upgrade --json check --banana", true),
        ("upgrade check banana", true),
        ("upgrade check --timeout soon", true),
        ("upgrade", false),
        ("upgrade banana", false),
        ("upgrade --banana", false),
        ("check upgrade", false),
        ("wait upgrade check", false),
    ] {
        let all = std::iter::once("ncolony-ctl").chain(words.split(' '));
        assert_eq!(is_upgrade_check(all.map(OsString::from)), wanted, "{words}");
    }
}

#[test]
fn an_upgrade_takes_one_word_and_no_other() {
    assert!(matches!(
        parse(&["upgrade", "--no-wait"]).command,
        Some(Command::Upgrade(UpgradeArgs { command: None, .. }))
    ));
    let checked = parse(&["upgrade", "check", "--binary", "/b"]).command;
    let Some(Command::Upgrade(UpgradeArgs {
        command: Some(UpgradeCommand::Check(args)),
        ..
    })) = checked
    else {
        panic!("{checked:?}");
    };
    assert_eq!(args.binary, Some("/b".into()));
    assert!(refused(&["upgrade", "banana"]).contains("banana"));
    refused(&["upgrade", "check", "--no-wait"]);
}
