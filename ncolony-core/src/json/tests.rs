use super::*;

fn error(text: &str) -> ConfigError {
    parse_object(text.as_bytes()).unwrap_err()
}

fn place(error: &ConfigError) -> (Option<usize>, Option<usize>, Option<&str>) {
    (error.line, error.column, error.key.as_deref())
}

#[test]
fn what_is_no_object() {
    assert!(error("").message.contains("empty"));
    assert!(error(" \n").message.contains("empty"));
    assert!(
        error("[]").message.contains("not an array"),
        "{}",
        error("[]")
    );
    assert_eq!(place(&error("\n  7")), (Some(2), Some(3), None));
    assert!(error("\u{feff}{}").message.contains("byte order mark"));
    assert!(error(r#"{"a": 1} x"#).message.contains("trailing"));
}

#[test]
fn syntax_errors_have_a_place() {
    let half = error("{\n  \"args\": [\"cat\"");
    assert_eq!(half.line, Some(2));
    assert!(half.message.starts_with("EOF"), "{half}");
    assert!(error("{\"a\0\": 1}").message.contains("control character"));
    let surrogate = error(r#"{"a": "\ud800"}"#);
    assert!(
        surrogate.message.contains("half of a character"),
        "{surrogate}"
    );
    assert_eq!(surrogate.line, Some(1));
}

#[test]
fn bytes_that_are_not_utf8_have_a_place() {
    let error = parse_object(b"{\"a\":\n \"\xff\"}").unwrap_err();
    assert_eq!(place(&error), (Some(2), Some(3), None));
}

#[test]
fn duplicate_keys_are_named_at_any_depth() {
    let error = error(r#"{"a": {"b": [{"c": 1, "c": 2}]}}"#);
    assert!(error.message.contains("duplicate key \"c\""), "{error}");
    assert_eq!(error.key.as_deref(), Some("a.b.c"));
}

#[test]
fn nesting_has_a_limit() {
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(error(&deep).message.contains("recursion limit"));
}

#[test]
fn values_know_their_place() {
    let text = "{\"args\": [\"é\",\n  5]}";
    let (_, members) = parse_object(text.as_bytes()).unwrap();
    let error = members[0].1.strings().unwrap_err();
    assert_eq!(place(&error), (Some(2), Some(3), Some("args[1]")));
    assert_eq!(error.message, "must be a string, not a number");
}

#[test]
fn numbers_have_ranges() {
    let (_, members) = parse_object(br#"{"a": -1, "b": 1e300, "c": 2.5, "d": "1"}"#).unwrap();
    assert!(members[0].1.seconds().is_err());
    assert!(members[1].1.seconds().is_err());
    assert_eq!(members[2].1.seconds().unwrap().as_millis(), 2500);
    assert!(members[2].1.integer(0, 9).is_err());
    assert!(
        members[3]
            .1
            .integer(0, 9)
            .unwrap_err()
            .message
            .contains("not a string")
    );
}
