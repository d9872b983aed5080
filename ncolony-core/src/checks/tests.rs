use std::time::Duration;

use serde_json::{Value, json};

use super::*;

fn file(key: &str, extra: &Value) -> Vec<u8> {
    json!({"args": ["x"], key: extra}).to_string().into_bytes()
}

fn heart(extra: &Value) -> Result<Watched, ConfigError> {
    Watched::of_file(&file(Watched::KEY, extra)).map(Option::unwrap)
}

fn server(extra: &Value) -> Result<HttpCheck, ConfigError> {
    HttpCheck::of_file(&file(HttpCheck::KEY, extra)).map(Option::unwrap)
}

fn with(good: &Value, key: &str, value: &Value) -> Value {
    let mut extra = good.clone();
    extra[key] = value.clone();
    extra
}

#[test]
fn a_file_without_the_key_asks_for_nothing() {
    assert_eq!(Watched::of_file(b"{\"args\": [\"x\"]}"), Ok(None));
    assert_eq!(HttpCheck::of_file(b"{}"), Ok(None));
    assert!(Watched::of_file(b"[]").is_err());
    assert_eq!(warnings(b"{"), []);
}

#[test]
fn the_keys_of_the_original_mean_what_they_mean_there() {
    let watched = heart(&json!({"period": 10, "grace": 1.5, "status": "/x"})).unwrap();
    assert_eq!(watched.period, Duration::from_secs(10));
    assert_eq!(watched.grace, Duration::from_secs(15));

    let check = server(&json!({
        "url": "http://localhost:8080/x", "period": 10, "timeout": 60, "grace": 1.5, "maxBad": 4
    }))
    .unwrap();
    assert_eq!(check.timeout, Duration::from_secs(10));
    assert_eq!(check.grace, Duration::from_secs(15));
    assert_eq!((check.max_bad, check.method.as_str()), (4, "GET"));
    assert_eq!((check.status, check.text), (None, None));
}

#[test]
fn ours_are_read_too_and_null_is_as_good_as_nothing() {
    let check = server(&json!({
        "url": "https://localhost", "period": 10, "method": "HEAD", "timeout": null, "grace": null,
        "headers": {"Host": "a.example"}, "expect": {"status": [200, 204], "text": "well"}
    }))
    .unwrap();
    assert_eq!(check.method, "HEAD");
    assert_eq!(check.headers, [("Host".to_owned(), "a.example".to_owned())]);
    assert_eq!(check.status, Some(vec![200, 204]));
    assert_eq!(check.text.as_deref(), Some("well"));
    assert_eq!(check.timeout, Duration::from_secs(10));
    assert_eq!(check.grace, Duration::from_secs(30));
}

#[test]
fn what_is_hardly_meant_is_doubted_where_it_stands() {
    let doubted = |key: &str, extra: Value| {
        let found = warnings(&file(key, &extra));
        found
            .into_iter()
            .map(|found| found.message)
            .collect::<Vec<_>>()
    };
    let heart = |path: &str| json!({"period": 1, "grace": 1, "status": path});
    assert!(doubted(Watched::KEY, heart("hearts"))[0].contains("absolute path"));
    assert_eq!(doubted(Watched::KEY, heart("/hearts")), [""; 0]);
    let server = |timeout: u32| json!({"url": "http://a", "period": 3, "timeout": timeout});
    assert!(doubted(HttpCheck::KEY, server(9))[0].contains("longer than the period"));
    assert_eq!(doubted(HttpCheck::KEY, server(3)), [""; 0]);
}

#[test]
fn a_url_names_a_server() {
    let read = |url: &str| server(&json!({"url": url, "period": 1}));
    for good in [
        "http://a",
        "https://a-b.example:8443/x?y=z#part",
        "http://user:word@10.0.0.1/",
        "http://[::1]:80/%20",
        "http://a?x",
        "HTTP://a/",
    ] {
        assert!(read(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/x",
        "localhost:80",
        "ftp://localhost/",
        "http://",
        "http:///x",
        "http://local host/",
        "http://a:b/",
        "http://a:0/",
        "http://a:70000/",
        "http://[::1/",
        "http://[x]/",
        "http://a/ä",
        "http://a/b c",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_key() {
    let good = json!({"period": 1, "grace": 1, "status": "/x"});
    assert_eq!(heart(&json!([])).unwrap_err().key.unwrap(), Watched::KEY);
    for (key, bad) in [
        ("period", json!(0)),
        ("period", json!("1")),
        ("grace", json!(-1)),
        ("grace", json!(1e300)),
        ("grace", json!([1])),
        ("status", json!(3)),
        ("status", json!("")),
    ] {
        let error = heart(&with(&good, key, &bad)).unwrap_err();
        assert_eq!(error.key.unwrap(), format!("{}.{key}", Watched::KEY));
    }
    let good = json!({"url": "http://localhost/", "period": 10});
    assert_eq!(server(&json!(3)).unwrap_err().key.unwrap(), HttpCheck::KEY);
    for (key, bad, at) in [
        ("url", json!(1), "url"),
        ("period", json!(0), "period"),
        ("timeout", json!(0), "timeout"),
        ("timeout", json!("3"), "timeout"),
        ("grace", json!(-1), "grace"),
        ("maxBad", json!(1.5), "maxBad"),
        ("maxBad", json!(-1), "maxBad"),
        ("method", json!("G T"), "method"),
        ("headers", json!({"a b": "c"}), "headers.a b"),
        ("headers", json!({"a": 1}), "headers.a"),
        ("headers", json!({"a": "b\r\nc: d"}), "headers.a"),
        ("expect", json!([200]), "expect"),
        ("expect", json!({"text": null}), "expect"),
        ("expect", json!({"status": 200}), "expect.status"),
        ("expect", json!({"status": []}), "expect.status"),
        ("expect", json!({"status": [20]}), "expect.status[0]"),
        ("expect", json!({"text": 200}), "expect.text"),
        ("expect", json!({"code": 200}), "expect.code"),
    ] {
        let error = server(&with(&good, key, &bad)).unwrap_err();
        assert_eq!(error.key.unwrap(), format!("{}.{at}", HttpCheck::KEY));
    }
}

#[test]
fn a_key_that_is_missing_is_named_and_the_object_shown() {
    let text = b"{\"args\": [\"x\"],\n \"ncolony.beatcheck\": {\"period\": 3, \"grace\": 1}}";
    let error = Watched::of_file(text).unwrap_err();
    assert_eq!((error.line, error.column), (Some(2), Some(23)));
    assert!(error.message.contains("\"status\" is missing"), "{error}");
}

#[test]
fn warnings_are_what_is_wrong_and_what_is_passed_over() {
    let text = r#"{"args": ["x"],
        "ncolony.beatcheck": {"period": 1, "grace": 1, "status": "/x", "Period": 2},
        "ncolony.httpcheck": {"url": "http://a/", "period": "often", "max_bad": 1}}"#;
    let found = warnings(text.as_bytes());
    let places: Vec<_> = found
        .iter()
        .map(|found| (found.line.unwrap(), found.key.as_deref().unwrap()))
        .collect();
    let expected = [
        (2, "ncolony.beatcheck.Period"),
        (3, "ncolony.httpcheck.period"),
        (3, "ncolony.httpcheck.max_bad"),
    ];
    assert_eq!(places, expected);
    assert!(found[0].message.contains("passes over"), "{}", found[0]);
    let said = &found[1].message;
    assert!(
        said.contains("number of seconds") && said.contains("ncolony-httpcheck does not"),
        "{said}"
    );
}

/// Whoever obeyed one of them would use a processor for nothing else.
#[test]
fn nothing_takes_next_to_no_time() {
    for time in [json!(0), json!(1e-9), json!(0.000_999), json!(5e-324)] {
        let heart = heart(&json!({"period": time, "grace": 1, "status": "/x"}));
        let often = server(&json!({"url": "http://a", "period": time}));
        let short = server(&json!({"url": "http://a", "period": 1, "timeout": time}));
        for error in [heart.unwrap_err(), often.unwrap_err(), short.unwrap_err()] {
            assert!(error.message.contains("0.001 seconds or more"), "{error}");
        }
    }
    assert!(heart(&json!({"period": 0.001, "grace": 1, "status": "/x"})).is_ok());
}
