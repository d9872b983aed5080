use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

/// Answers one request with these bytes, and keeps the connection until it is told to close it.
struct Server {
    url: String,
    heard: Receiver<Vec<String>>,
    _close: Sender<()>,
}

fn server(answer: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/page", listener.local_addr().unwrap());
    let ((tell, heard), (close, closed)) = (channel(), channel());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        tell.send(head(&stream)).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        stream.flush().unwrap();
        closed.recv().unwrap_err();
    });
    Server {
        url,
        heard,
        _close: close,
    }
}

fn head(stream: &TcpStream) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.take_while(|line| !line.is_empty()).collect()
}

fn ask(url: &str, keys: Value) -> Outcome {
    let mut extra = json!({"url": url, "period": 20});
    extra
        .as_object_mut()
        .unwrap()
        .extend(keys.as_object().unwrap().clone());
    Client::new().ask(&check(&extra))
}

fn check(extra: &Value) -> HttpCheck {
    let file = json!({HttpCheck::KEY: extra}).to_string();
    HttpCheck::of_file(file.as_bytes()).unwrap().unwrap()
}

fn wrong(outcome: Outcome) -> String {
    match &outcome {
        Outcome::Bad(wrong) => wrong.clone(),
        Outcome::Well | Outcome::Unmade(_) => panic!("it is not bad: {outcome:?}"),
    }
}

const ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nsorry";
const MOVED: &str =
    "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n";

#[test]
fn what_makes_sense_in_a_file_can_be_sent() {
    for url in [
        "http://a",
        "https://a-b.example:8443/x?y=z#part",
        "http://user:word@10.0.0.1/",
        "http://[::1]:80/%20",
        "http://a?x",
        "HTTP://a/",
        "http://a/~!$&'()*+,;=:@[]|{}",
    ] {
        let headers = json!({"X-Ü".replace('Ü', "!#$%&'*+-.^_`|~"): "a ü\tb"});
        let extra =
            json!({"url": url, "period": 1, "method": "M!#$%&'*+-.^_`|~1", "headers": headers});
        assert!(request(&check(&extra)).is_ok(), "{url}");
    }
}

#[test]
fn any_answer_is_one_where_nothing_else_is_expected() {
    assert_eq!(ask(&server(ERROR).url, json!({})), Outcome::Well);
    assert_eq!(ask(&server(MOVED).url, json!({})), Outcome::Well);
}

#[test]
fn the_code_and_the_text_are_those_that_are_expected() {
    let expecting = |expect: Value| ask(&server(ERROR).url, json!({"expect": expect}));
    assert_eq!(
        wrong(expecting(json!({"status": [200, 204]}))),
        "it answers 500 Internal Server Error"
    );
    assert_eq!(expecting(json!({"status": [200, 500]})), Outcome::Well);
    assert_eq!(expecting(json!({"text": "orr"})), Outcome::Well);
    let said = wrong(expecting(json!({"status": [500], "text": "hello"})));
    assert_eq!(said, "its answer does not contain \"hello\"");
}

#[test]
fn the_request_is_the_one_that_was_asked_for_and_says_who_asks() {
    let server = server(ERROR);
    let keys = json!({"method": "HEAD", "headers": {"Host": "a.example", "X-Key": "5"}});
    assert_eq!(ask(&server.url, keys), Outcome::Well);
    let heard = server.heard.recv().unwrap();
    let heard = heard.join("\n").to_lowercase();
    assert!(heard.starts_with("head /page http/1.1"), "{heard}");
    for line in [
        "host: a.example",
        "x-key: 5",
        "user-agent: ncolony-httpcheck/",
    ] {
        assert!(heard.contains(line), "{heard}");
    }
    assert_eq!(heard.matches("host:").count(), 1, "{heard}");
}

#[test]
fn a_request_and_the_head_of_its_answer_may_be_long() {
    let long = "x".repeat(100_000);
    let head = "y".repeat(60_000);
    let answer = format!("HTTP/1.1 200 OK\r\nX-Long: {head}\r\nContent-Length: 5\r\n\r\nhello");
    let server = server(answer.leak());
    let keys = json!({"headers": {"X-Long": &long}, "expect": {"text": "hello"}});
    assert_eq!(ask(&server.url, keys), Outcome::Well);
    let heard = server.heard.recv().unwrap();
    assert!(heard.iter().any(|line| line.ends_with(&long)));
}

#[test]
fn a_server_that_accepts_and_never_answers_is_bad_after_the_timeout() {
    let begun = Instant::now();
    let said = wrong(ask(&server("").url, json!({"timeout": 0.2})));
    assert!(said.contains("within 0.2 s"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn one_that_stops_in_the_middle_of_its_text_is_bad_too() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello";
    let keys = json!({"timeout": 0.2, "expect": {"text": "world"}});
    let said = wrong(ask(&server(half).url, keys));
    assert!(said.contains("within 0.2 s"), "{said}");
}

#[test]
fn a_refused_connection_and_an_answer_that_is_none_are_bad() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    assert!(wrong(ask(&url, json!({}))).contains("refused"));
    wrong(ask(&server("220 mail ready\r\n\r\n").url, json!({})));
}

#[test]
fn a_shortage_here_says_nothing_about_the_server() {
    let settings = check(&json!({"url": "http://localhost", "period": 1}));
    for number in [24, 23, 12, 105] {
        let error = ureq::Error::Io(io::Error::from_raw_os_error(number));
        let outcome = failure(&error, &settings);
        assert!(matches!(outcome, Outcome::Unmade(_)), "{outcome:?}");
    }
    let no_thread = NoThread::because(io::Error::from_raw_os_error(11));
    let outcome = failure(&ureq::Error::Other(Box::new(no_thread)), &settings);
    assert!(
        matches!(&outcome, Outcome::Unmade(why) if why.contains("EAGAIN")),
        "{outcome:?}"
    );
    let refused = ureq::Error::Io(io::Error::from_raw_os_error(111));
    let expected = Outcome::Bad("Connection refused (ECONNREFUSED)".to_owned());
    assert_eq!(failure(&refused, &settings), expected);
}

#[test]
fn a_name_is_looked_up_and_one_that_is_none_is_bad() {
    let server = server(ERROR);
    let url = server.url.replace("127.0.0.1", "localhost");
    assert_eq!(ask(&url, json!({})), Outcome::Well);
    wrong(ask("http://nobody.invalid/", json!({})));
}
