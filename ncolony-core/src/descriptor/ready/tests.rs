use super::*;
use crate::descriptor::Descriptor;

fn parse(keys: &str) -> Result<Descriptor, ConfigError> {
    Descriptor::parse(format!(r#"{{"args": ["x"], {keys}}}"#).as_bytes())
}

fn good(ready: &str) -> Ready {
    let read = parse(&format!("\"ready\": {ready}"));
    read.unwrap_or_else(|error| panic!("{ready}: {error}"))
        .ready
        .unwrap()
}

fn addresses(endpoint: &Endpoint) -> Vec<String> {
    endpoint.addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn each_of_the_six_is_taken_and_written_as_it_is_meant() {
    let cases = [
        (r#"{"notify": true}"#, "it says READY=1"),
        (r#"{"tcp": "127.0.0.1:80"}"#, "tcp 127.0.0.1:80 answers"),
        (
            r#"{"http": "http://localhost/up"}"#,
            "http://localhost/up answers well",
        ),
        (
            r#"{"exec": ["pg_isready", "-q"]}"#,
            "\"pg_isready -q\" succeeds",
        ),
        (
            r#"{"file": "/run/web.pid"}"#,
            "the file /run/web.pid is written",
        ),
        (
            r#"{"log": "listening on \\d+"}"#,
            "it prints a line that matches \"listening on \\\\d+\"",
        ),
    ];
    for (text, sentence) in cases {
        let ready = good(text);
        assert_eq!(ready.when.to_string(), sentence);
        let shown = serde_json::to_value(&ready).unwrap();
        let mut wanted: serde_json::Value = serde_json::from_str(text).unwrap();
        wanted["timeout"] = 60.0.into();
        wanted["interval"] = 1.0.into();
        assert_eq!(shown, wanted);
    }
}

#[test]
fn times_are_taken() {
    let ready = good(r#"{"timeout": 0.5, "notify": true, "interval": 3}"#);
    assert_eq!(ready.timeout, Duration::from_millis(500));
    assert_eq!(ready.interval, Duration::from_secs(3));
    let read = parse(r#""watchdog": 2.5"#).unwrap();
    assert_eq!(read.watchdog, Some(Duration::from_millis(2500)));
}

#[test]
fn where_is_knocked() {
    let tcp = |text: &str| {
        let Condition::Tcp(endpoint) = good(&format!(r#"{{"tcp": "{text}"}}"#)).when else {
            panic!("{text}");
        };
        addresses(&endpoint)
    };
    assert_eq!(tcp("10.0.0.7:80"), ["10.0.0.7:80"]);
    assert_eq!(tcp("[::1]:80"), ["[::1]:80"]);
    assert_eq!(tcp("localhost:80"), ["127.0.0.1:80", "[::1]:80"]);
}

#[test]
fn what_is_asked_for() {
    let http = |url: &str| {
        let Condition::Http(page) = good(&format!(r#"{{"http": "{url}"}}"#)).when else {
            panic!("{url}");
        };
        (addresses(&page.server)[0].clone(), page.path)
    };
    let asked = |address: &str, path: &str| (address.to_owned(), path.to_owned());
    assert_eq!(http("http://127.0.0.1"), asked("127.0.0.1:80", "/"));
    assert_eq!(http("http://[::1]:81/a/b?c"), asked("[::1]:81", "/a/b?c"));
    assert_eq!(http("http://localhost?x#y"), asked("127.0.0.1:80", "/?x"));
}

#[test]
fn what_is_wrong_names_the_inner_key() {
    let cases = [
        ("5", "ready", "exactly one"),
        ("{}", "ready", "exactly one"),
        (r#"{"timeout": 3}"#, "ready", "exactly one"),
        (r#"{"notify": false}"#, "ready.notify", "must be true"),
        (r#"{"notify": 1}"#, "ready.notify", "true or false"),
        (r#"{"notify": true, "file": "/a"}"#, "ready.file", "notify"),
        (r#"{"tcp": "localhost"}"#, "ready.tcp", "no port"),
        (r#"{"tcp": "[::1]"}"#, "ready.tcp", "no port"),
        (r#"{"tcp": "db.example:80"}"#, "ready.tcp", "not looked up"),
        (r#"{"tcp": "127.0.0.1:0"}"#, "ready.tcp", "1 to 65535"),
        (r#"{"tcp": "::1:80"}"#, "ready.tcp", "brackets"),
        (r#"{"http": "https://localhost/"}"#, "ready.http", "exec"),
        (r#"{"http": "localhost/"}"#, "ready.http", "http://"),
        (r#"{"http": "http://a@localhost/"}"#, "ready.http", "curl"),
        (r#"{"http": "http://localhost/ü"}"#, "ready.http", "%XX"),
        (
            r#"{"http": "http://localhost/a\r\nb"}"#,
            "ready.http",
            "%XX",
        ),
        (r#"{"exec": []}"#, "ready.exec", "at least one"),
        (r#"{"exec": ["a", 1]}"#, "ready.exec[1]", "a string"),
        (r#"{"file": "run/x"}"#, "ready.file", "absolute"),
        (r#"{"log": "a("}"#, "ready.log", "unclosed group"),
        (r#"{"log": "(a{1000}){1000}"}"#, "ready.log", "size limit"),
        (r#"{"notify": true, "timeout": 0}"#, "ready.timeout", "more"),
        (r#"{"notify": true, "every": 1}"#, "ready.every", "no other"),
    ];
    for (ready, key, words) in cases {
        let error = parse(&format!("\"ready\": {ready}")).expect_err(ready);
        assert_eq!(error.key.as_deref(), Some(key), "{ready}: {error}");
        assert!(error.message.contains(words), "{ready}: {error}");
    }
    let error = parse(r#""watchdog": 0"#).unwrap_err();
    assert_eq!(error.key.as_deref(), Some("watchdog"));
}

#[test]
fn the_monitors_own_socket_is_not_knocked_at() {
    let with = |listen: &str, tcp: &str| {
        parse(&format!(
            r#""sockets": [{{"name": "a", "listen": "{listen}"}}], "ready": {{"tcp": "{tcp}"}}"#
        ))
    };
    for (listen, tcp) in [
        ("tcp://*:80", "localhost:80"),
        ("tcp://0.0.0.0:80", "10.0.0.7:80"),
        ("tcp://localhost:80", "127.0.0.1:80"),
        ("tcp://[::1]:80", "localhost:80"),
    ] {
        let error = with(listen, tcp).expect_err(listen);
        assert_eq!(error.key.as_deref(), Some("ready"), "{error}");
    }
    with("tcp://*:80", "localhost:81").unwrap();
    with("tcp://10.0.0.7:80", "localhost:80").unwrap();
    with("unix:///run/x", "localhost:80").unwrap();
}

#[test]
fn a_log_that_nobody_reads_is_not_waited_for() {
    let with = |outputs: &str| parse(&format!(r#""ready": {{"log": "up"}}, {outputs}"#));
    for outputs in [
        r#""stdout": "null""#,
        r#""stdout": "inherit", "stderr": "null""#,
    ] {
        let error = with(outputs).expect_err(outputs);
        assert_eq!(error.key.as_deref(), Some("ready"), "{error}");
    }
    with(r#""stdout": "null", "stderr": "log""#).unwrap();
    with(r#""stdout": "syslog""#).unwrap();
}
