use super::*;

fn resolve(flags: &[(&str, &str)], env: &[(&str, &str)], caller: Caller) -> Places {
    let flag = |name: &str| {
        flags
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| PathBuf::from(value))
    };
    let flags = PlaceFlags {
        config: flag("config"),
        messages: flag("messages"),
        status: flag("status"),
        logs: flag("logs"),
        root: flag("root"),
    };
    let lookup = |name: &str| {
        env.iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| OsString::from(value))
    };
    let around = Surroundings {
        variable: &lookup,
        caller,
        current_dir: "/here".into(),
    };
    Places::resolve(&flags, &around).unwrap()
}

fn shown(places: &Places) -> [String; 4] {
    let text = |path: &Path| path.display().to_string();
    let logs = places.logs.as_deref().map_or_else(|| "-".to_owned(), text);
    [
        text(&places.config),
        text(&places.messages),
        text(&places.status),
        logs,
    ]
}

#[test]
fn defaults() {
    assert_eq!(
        shown(&resolve(&[], &[], Caller::Root)),
        [
            "/etc/ncolony/programs",
            "/run/ncolony/messages",
            "/run/ncolony/status",
            "/var/log/ncolony"
        ]
    );
    let home = [("HOME", "/home/me")];
    assert_eq!(
        shown(&resolve(&[], &home, Caller::User)),
        [
            "/home/me/.config/ncolony/programs",
            "/home/me/.local/state/ncolony/messages",
            "/home/me/.local/state/ncolony/status",
            "/home/me/.local/state/ncolony/logs"
        ]
    );
    let xdg = [
        ("HOME", "/home/me"),
        ("XDG_CONFIG_HOME", "/c"),
        ("XDG_RUNTIME_DIR", "/r"),
        ("XDG_STATE_HOME", "relative"),
    ];
    assert_eq!(
        shown(&resolve(&[], &xdg, Caller::User)),
        [
            "/c/ncolony/programs",
            "/r/ncolony/messages",
            "/r/ncolony/status",
            "/home/me/.local/state/ncolony/logs"
        ]
    );
}

#[test]
fn strongest_first_place_by_place() {
    let env = [("NCOLONY_CONFIG_DIR", "/env"), ("NCOLONY_ROOT", "/rootenv")];
    let places = resolve(&[("root", "/r")], &env, Caller::Root);
    assert_eq!(
        shown(&places),
        ["/env", "/r/messages", "/r/status", "/r/logs"]
    );
    let places = resolve(&[("config", "/flag")], &env, Caller::Root);
    assert_eq!(
        shown(&places),
        [
            "/flag",
            "/rootenv/messages",
            "/rootenv/status",
            "/rootenv/logs"
        ]
    );
}

#[test]
fn status_is_beside_messages_that_were_named() {
    let places = resolve(
        &[("messages", "/m/msgs"), ("root", "/r")],
        &[],
        Caller::Root,
    );
    assert_eq!(
        shown(&places),
        ["/r/config", "/m/msgs", "/m/status", "/r/logs"]
    );
}

#[test]
fn called_the_originals_way_there_is_no_logs_place() {
    let flags = [("config", "c"), ("messages", "./m/x")];
    let places = resolve(&flags, &[], Caller::Root);
    assert_eq!(
        shown(&places),
        ["/here/c", "/here/m/x", "/here/m/status", "-"]
    );
    let places = resolve(
        &[("config", "/c"), ("messages", "/m"), ("status", "/s")],
        &[],
        Caller::Root,
    );
    assert_eq!(shown(&places)[3], "/var/log/ncolony");
}

#[test]
fn without_a_home_the_error_says_what_to_do() {
    let around = Surroundings {
        variable: &|_| None,
        caller: Caller::User,
        current_dir: "/".into(),
    };
    let error = Places::resolve(&PlaceFlags::default(), &around).unwrap_err();
    assert!(error.to_string().contains("--root"), "{error}");
}
