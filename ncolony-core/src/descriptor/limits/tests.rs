use super::*;
use crate::Descriptor;

fn read(keys: &str) -> Result<Limits, ConfigError> {
    let text = format!(r#"{{"args": ["x"], {keys}}}"#);
    Descriptor::parse(text.as_bytes()).map(|descriptor| descriptor.limits)
}

#[test]
fn numbers_pairs_and_words_are_taken() {
    let read = read(
        r#""nice": -20, "oom_score_adj": 1000, "rlimits": {
        "nofile": 65536, "core": 0, "stack": [8388608, "unlimited"], "as": "infinity"}"#,
    )
    .unwrap();
    assert_eq!((read.nice, read.oom_score_adj), (Some(-20), Some(1000)));
    let number = Amount::Number;
    let wanted = [
        (Resource::AddressSpace, Amount::Infinity, Amount::Infinity),
        (Resource::Core, number(0), number(0)),
        (Resource::OpenFiles, number(65536), number(65536)),
        (Resource::Stack, number(8_388_608), Amount::Infinity),
    ];
    let found: Vec<_> = read
        .resources
        .iter()
        .map(|(resource, limit)| (*resource, limit.0, limit.1))
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn what_is_wrong_names_the_inner_key() {
    for (keys, key, part) in [
        (r#""nice": 20"#, "nice", "from -20 to 19"),
        (r#""nice": -21"#, "nice", "from -20 to 19"),
        (r#""nice": "low""#, "nice", "whole number"),
        (r#""oom_score_adj": -1001"#, "oom_score_adj", "-1000"),
        (r#""rlimits": 5"#, "rlimits", "an object"),
        (r#""rlimits": {"NOFILE": 5}"#, "rlimits.NOFILE", "nofile"),
        (r#""rlimits": {"nofile": -1}"#, "rlimits.nofile", "whole"),
        (r#""rlimits": {"nofile": 1.5}"#, "rlimits.nofile", "whole"),
        (r#""rlimits": {"nofile": null}"#, "rlimits.nofile", "whole"),
        (r#""rlimits": {"nofile": "many"}"#, "rlimits.nofile", "many"),
        (r#""rlimits": {"nofile": []}"#, "rlimits.nofile", "two"),
        (r#""rlimits": {"cpu": [1]}"#, "rlimits.cpu", "two"),
        (r#""rlimits": {"cpu": [1, "x"]}"#, "rlimits.cpu[1]", "\"x\""),
        (r#""rlimits": {"cpu": [2, 1]}"#, "rlimits.cpu", "above"),
        (
            r#""rlimits": {"cpu": ["infinity", 1]}"#,
            "rlimits.cpu",
            "infinity is above",
        ),
    ] {
        let error = read(keys).unwrap_err();
        assert_eq!(error.key.as_deref(), Some(key), "{keys}: {error}");
        assert!(error.message.contains(part), "{keys}: {error}");
    }
}

#[test]
fn it_is_shown_as_it_is_written() {
    let read = read(r#""rlimits": {"nofile": 5, "stack": [5, "unlimited"]}"#).unwrap();
    let shown = serde_json::to_string(&read.resources).unwrap();
    assert_eq!(shown, r#"{"nofile":[5,5],"stack":[5,"infinity"]}"#);
    let said: Vec<String> = read.resources.values().map(ToString::to_string).collect();
    assert_eq!(said, ["5", "5 (hard infinity)"]);
}
