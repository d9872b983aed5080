//! Servers that are asked while the check itself stands still, or files that say nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::playing::{DEADLINE, Field, until};

const KEY: &str = "ncolony.httpcheck";

/// A server whose answers are given by the test.
struct Server {
    url: String,
    asked: Receiver<TcpStream>,
}

fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (give, asked): (Sender<TcpStream>, _) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            if give.send(stream.unwrap()).is_err() {
                return;
            }
        }
    });
    Server { url, asked }
}

/// Reads a request; whether it is whole.
fn has_asked(stream: &TcpStream) -> bool {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.any(|line| line.is_empty())
}

/// Answers a request. A check that has ended meanwhile does not hear it.
fn answer(mut stream: TcpStream) {
    drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"));
}

/// The address of a server that is not there.
fn nowhere() -> String {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", closed.local_addr().unwrap())
}

fn witness(field: &Field) {
    let asked = json!({"url": nowhere(), "period": 0.3, "grace": 0, "maxBad": 0});
    field.program("witness", KEY, &asked);
}

#[test]
fn a_check_that_stood_still_restarts_nobody_who_answered_meanwhile() {
    let field = Field::new();
    witness(&field);
    let server = server();
    let asked = json!({"url": server.url, "period": 2, "timeout": 2, "grace": 0, "maxBad": 0});
    field.program("well", KEY, &asked);
    let check = field.httpcheck(&[]);
    let first = server.asked.recv_timeout(DEADLINE).unwrap();
    assert!(has_asked(&first));
    // It is under way, is answered in time, and nobody is there to hear it.
    check.stands_still(Duration::from_secs(4), || answer(first));
    let answering = thread::spawn(move || {
        let asked = server.asked.iter().filter(has_asked);
        asked.take(2).for_each(answer);
    });
    let mut restarted = field.until_requested("witness", 3);
    until("it has been asked again", || {
        answering.is_finished().then_some(())
    });
    restarted.extend(field.until_requested("witness", 2));
    assert!(!restarted.contains("well"), "{restarted:?}");
}

#[test]
fn who_was_restarted_has_its_grace_again() {
    let field = Field::new();
    let asked = json!({"url": nowhere(), "period": 0.2, "grace": 10, "maxBad": 1});
    field.program("down", KEY, &asked);
    let _check = field.httpcheck(&[]);
    let mut asked_at = Vec::new();
    until("it is to be restarted twice", || {
        asked_at.extend(field.requests().iter().map(|_| std::time::Instant::now()));
        (asked_at.len() >= 2).then_some(())
    });
    let between = asked_at[1] - asked_at[0];
    assert!(between > Duration::from_secs(1), "{between:?}");
}
