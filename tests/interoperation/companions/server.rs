//! Servers that do as a row says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::row::{Act, Meanwhile};

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:1/";

/// A server that lives as long as the test process.
pub(crate) struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// The server of a row; one that is down where the row has none.
    pub(crate) fn of(meanwhile: Meanwhile) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let Some(act) = acts(meanwhile) else {
            let url = NOBODY.to_owned();
            return Self { url, asked };
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let act = act(count.fetch_add(1, Ordering::Relaxed));
                let stream = stream.unwrap();
                thread::spawn(move || serve(act, stream));
            }
        });
        Self { url, asked }
    }

    /// What it is asked at.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// What is done with the connection of each number.
fn acts(meanwhile: Meanwhile) -> Option<impl Fn(usize) -> Act + Send + 'static> {
    let (first, then) = match meanwhile {
        Meanwhile::Serves(acts) => (acts, None),
        Meanwhile::ServesAtFirst(acts, then) => (acts, Some(then)),
        Meanwhile::Nothing
        | Meanwhile::Beats
        | Meanwhile::BeatsInThePast
        | Meanwhile::StopsBeating
        | Meanwhile::HeartVanishes
        | Meanwhile::BeatenInTheFuture
        | Meanwhile::FileIsTouched
        | Meanwhile::FileIsRewritten
        | Meanwhile::FileIsRemoved
        | Meanwhile::FileIsMended => return None,
    };
    Some(move |number| match (first.get(number), then) {
        (Some(act), _) => *act,
        (None, Some(then)) => then,
        (None, None) => first[number % first.len()],
    })
}

fn serve(act: Act, mut stream: TcpStream) {
    let answer = match act {
        Act::Closes => return,
        Act::Hangs => return until_it_goes(&stream, None),
        Act::Answers(code) => answer(code, ""),
        Act::AnswersLate(_) => answer(200, ""),
        Act::Babbles => "hello, hello, hello\r\n\r\n".to_owned(),
        Act::Begins => answer(200, "Content-Length: 1000\r\n").replace("Content-Length: 0\r\n", ""),
    };
    let lines = BufReader::new(&stream).lines();
    if !lines.map_while(Result::ok).any(|line| line.is_empty()) {
        return;
    }
    if let Act::AnswersLate(millis) = act {
        until_it_goes(&stream, Some(Duration::from_millis(millis)));
    }
    // A client that has gone away is not this server's business.
    drop(stream.write_all(answer.as_bytes()));
    if act == Act::Begins {
        until_it_goes(&stream, None);
    }
}

fn answer(code: u16, more: &str) -> String {
    format!(
        "HTTP/1.1 {code} x\r\nLocation: {NOBODY}\r\nContent-Length: 0\r\n{more}Connection: close\r\n\r\n"
    )
}

/// Returns when the client closes, or when this time is over.
fn until_it_goes(mut stream: &TcpStream, patience: Option<Duration>) {
    stream.set_read_timeout(patience).unwrap();
    while stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
}
