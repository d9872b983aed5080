//! A web server that answers well for a while.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A visitor who says nothing must not keep the others waiting for longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// No request that we answer is longer.
const REQUEST_BYTES_MAX: u64 = 8192;

/// What it does when it is well no more.
#[derive(Clone, Copy, PartialEq)]
enum Illness {
    /// It answers 500.
    Fails,
    /// It takes connections in, and says nothing.
    Hangs,
}

/// Serves at a port, and falls ill after some seconds.
pub(crate) fn run(words: &[&str]) -> Result<(), Box<dyn Error>> {
    let (port, illness, after) = match words {
        [port, "fails", seconds] => (port, Illness::Fails, seconds),
        [port, "hangs", seconds] => (port, Illness::Hangs, seconds),
        _ => {
            return Err(
                format!("{words:?} is not understood; say PORT fails|hangs SECONDS").into(),
            );
        }
    };
    let after = Duration::try_from_secs_f64(after.parse()?)?;
    let begun = Instant::now();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
    writeln!(io::stdout(), "listening on http://127.0.0.1:{port}/")?;
    let mut kept_waiting = Vec::new();
    loop {
        let (visitor, address) = listener.accept()?;
        let is_ill = begun.elapsed() > after;
        if is_ill && illness == Illness::Hangs {
            kept_waiting.push(visitor);
        } else if let Err(error) = answer(&visitor, is_ill) {
            writeln!(io::stderr(), "{address}: {error}")?;
        }
    }
}

fn answer(mut visitor: &TcpStream, is_ill: bool) -> io::Result<()> {
    visitor.set_read_timeout(Some(PATIENCE))?;
    visitor.set_write_timeout(Some(PATIENCE))?;
    for line in BufReader::new(visitor.take(REQUEST_BYTES_MAX)).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let (outcome, text) = if is_ill {
        ("500 Internal Server Error", "I do not feel well\n")
    } else {
        ("200 OK", "I am well\n")
    };
    let length = text.len();
    write!(
        visitor,
        "HTTP/1.1 {outcome}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}
