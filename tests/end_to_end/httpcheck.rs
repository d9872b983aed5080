//! `ncolony-httpcheck`: a program whose server hangs or answers wrongly is restarted.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::binaries::binary;
use crate::colony::{Colony, shell, until};

/// How the servers of these tests answer; they live as long as the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Well,
    Error,
    Hangs,
}

/// The address of a server, which is not the program's: what the program is restarted for is what
/// the check has seen, and its server stays as it is.
fn server(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let status = match manner {
                Manner::Well => "200 OK",
                Manner::Error => "500 Internal Server Error",
                Manner::Hangs => {
                    held.push(stream);
                    continue;
                }
            };
            let lines = BufReader::new(&stream).lines();
            // A client that goes away in the middle is not this server's business.
            let ended = lines.map_while(Result::ok).any(|line| line.is_empty());
            if ended {
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\ntext");
                drop(stream.write_all(answer.as_bytes()));
            }
        }
    });
    url
}

fn checked() -> Colony {
    let colony = Colony::running(&["--threshold=0", "--minrestartdelay=0.05", "--killtime=2"]);
    let keys = json!({
        "args": [
            binary("ncolony-httpcheck"), "--freq=0.1",
            "--config", colony.path("config"), "--messages", colony.path("messages"),
        ],
        "ncolony.beatcheck": {"period": 0.3, "grace": 1, "status": colony.path("heart")},
    });
    colony.program("httpcheck", keys.to_string());
    colony.until_up("httpcheck");
    colony
}

fn served(colony: &Colony, name: &str, url: &str, mut extra: Value) {
    extra["url"] = json!(url);
    let keys = json!({"ncolony.httpcheck": extra});
    colony.program(name, shell("exec sleep 1000", keys));
}

fn until_restarted(colony: &Colony, name: &str) {
    colony.until_record(name, "it is restarted twice", |record| record.starts >= 3);
}

/// What the events say about why a program was stopped.
fn why(colony: &Colony, name: &str, reason: &str) {
    until(&format!("an event says {reason:?}"), || {
        let lines = colony.lines("status/events.jsonl");
        let is_it = |line: &String| {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            line["name"] == name
                && line["detail"]
                    .as_str()
                    .is_some_and(|said| said.contains(reason))
        };
        lines.iter().any(is_it).then_some(())
    });
}

/// Bears one failure, asks soon.
fn quick() -> Value {
    json!({"period": 0.4, "timeout": 0.4, "grace": 1, "maxBad": 1})
}

/// A program with such a server is restarted again and again, and its record and its events say
/// why; one whose server is well is not.
fn is_restarted(name: &str, url: &str, extra: Value, reason: &str) {
    let colony = checked();
    // It would be due twice over.
    let well = json!({"period": 0.5, "grace": 1, "maxBad": 2,
        "expect": {"status": [200], "text": "ex"}});
    served(&colony, "well", &server(Manner::Well), well);
    served(&colony, name, url, extra);
    colony.until_record(name, "it is restarted again and again for that", |record| {
        let said = record.reason.as_deref();
        record.starts >= 5 && said.is_some_and(|said| said.contains(reason))
    });
    why(&colony, name, reason);
    assert_eq!(colony.record("well").starts, 1);
}

#[test]
fn a_server_that_takes_connections_in_and_never_answers_is_down() {
    is_restarted(
        "hangs",
        &server(Manner::Hangs),
        quick(),
        "no whole answer within 0.4 s",
    );
}

#[test]
fn a_server_that_answers_with_an_error_is_down_where_another_code_is_expected() {
    let mut expecting = quick();
    expecting["expect"] = json!({"status": [200]});
    let url = server(Manner::Error);
    is_restarted("wrong", &url, expecting, "500 Internal Server Error");
}

#[test]
fn a_server_that_is_not_there_is_down() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    is_restarted("gone", &url, quick(), "refused");
}

#[test]
fn where_nothing_is_expected_any_answer_will_do() {
    let colony = checked();
    // As it did for the original.
    let patient = json!({"period": 0.5, "grace": 1, "maxBad": 2});
    served(&colony, "anything", &server(Manner::Error), patient);
    served(&colony, "witness", &server(Manner::Hangs), quick());
    colony.until_record("witness", "it is restarted four times", |record| {
        record.starts >= 5
    });
    assert_eq!(colony.record("anything").starts, 1);
}

#[test]
fn who_was_restarted_has_its_grace_again() {
    let colony = checked();
    let extra = json!({"period": 0.2, "grace": 15, "maxBad": 0, "expect": {"text": "nothing"}});
    served(&colony, "wrong", &server(Manner::Well), extra);
    until_restarted(&colony, "wrong");
    let lives = colony.events_of("wrong");
    let lives: Vec<f64> = lives.iter().filter_map(|event| event.lifetime).collect();
    assert!(
        lives.len() >= 2 && lives.iter().all(|life| *life >= 2.9),
        "{lives:?}"
    );
}

#[test]
fn many_that_hang_hold_up_nobody_else_and_the_check_has_a_heart() {
    let colony = checked();
    let hanging = server(Manner::Hangs);
    for number in 0..40 {
        let slow = json!({"period": 3600, "grace": 0, "maxBad": 0});
        served(&colony, &format!("slow-{number}"), &hanging, slow);
    }
    let quick = json!({"period": 0.3, "grace": 1, "maxBad": 0, "expect": {"text": "nothing"}});
    colony.until_up("slow-39");
    served(&colony, "quick", &server(Manner::Well), quick);
    until_restarted(&colony, "quick");
    let beat = || fs::metadata(colony.path("heart")).ok()?.modified().ok();
    let first = until("its heart beats", beat);
    until("its heart beats again", || {
        beat().filter(|next| *next > first)
    });
}

#[test]
fn a_check_that_cannot_be_understood_is_said_and_restarts_nobody() {
    let colony = checked();
    let senseless = json!({"period": 0.1, "grace": 0, "maxBad": 0, "expect": {"status": "good"}});
    served(&colony, "senseless", "http://127.0.0.1:9/", senseless);
    let down = json!({"period": 0.2, "timeout": 0.2, "grace": 1, "maxBad": 0});
    served(&colony, "down", &server(Manner::Hangs), down);
    until_restarted(&colony, "down");
    assert_eq!(colony.record("senseless").starts, 1);
    let lines = colony.lines("logs/httpcheck.log");
    let said = |line: &String| line.contains("senseless") && line.contains("expect.status");
    assert_eq!(
        lines.iter().filter(|line| said(line)).count(),
        1,
        "{lines:?}"
    );
}
