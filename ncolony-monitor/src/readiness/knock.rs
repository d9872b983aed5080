//! Looks over the network: whether somebody answers at a port, and what over HTTP.

use std::io;

use ncolony_core::descriptor::{Endpoint, Page};
use tokio::net::TcpStream;

use super::Finding;
use crate::sys::errno;

/// Of an answer, no more is read: its first line is all that counts.
const ANSWER_MAX: usize = 1024;

/// Whether somebody takes in a connection here.
pub(super) async fn knock(endpoint: &Endpoint) -> Finding {
    connect(endpoint).await.map(drop)
}

async fn connect(endpoint: &Endpoint) -> Result<TcpStream, String> {
    let mut why = String::new();
    for address in &endpoint.addresses {
        match TcpStream::connect(address).await {
            // A port that nobody listens on may be chosen for our own end, and then meets itself.
            Ok(stream) if stream.local_addr().ok() == Some(*address) => {
                "nobody but ourselves answers".clone_into(&mut why);
            }
            Ok(stream) => return Ok(stream),
            Err(error) => why = errno::of(&error),
        }
    }
    Err(why)
}

/// Whether a page is there: any status from 200 to 399 will do.
pub(super) async fn ask(page: &Page) -> Finding {
    let stream = connect(&page.server).await?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: ncolony\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        page.path, page.server.text
    );
    let answered = async {
        send(&stream, request.as_bytes()).await?;
        first_line(&stream).await
    };
    let line = answered.await.map_err(|error| errno::of(&error))?;
    match status(&line) {
        Some(200..=399) => Ok(()),
        Some(status) => Err(format!("status {status}")),
        None => Err("the answer is no HTTP".to_owned()),
    }
}

async fn send(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What is read up to the first line's end, or as far as there is something.
async fn first_line(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut answer = vec![0; ANSWER_MAX];
    let mut length = 0;
    while length < ANSWER_MAX && !answer[..length].contains(&b'\n') {
        stream.readable().await?;
        match stream.try_read(&mut answer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    answer.truncate(length);
    Ok(answer)
}

/// The status in the first line of an answer.
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let [b'0'..=b'9', b' ', digits @ ..] = rest else {
        return None;
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit());
    let digits = &digits[..end.unwrap_or(digits.len())];
    let digits = std::str::from_utf8(digits).ok()?;
    digits.parse().ok().filter(|_| digits.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_in_the_first_line() {
        let cases: [(&[u8], Option<u16>); 9] = [
            (b"HTTP/1.1 200 OK\r\n", Some(200)),
            (b"HTTP/1.0 503\r\n", Some(503)),
            (b"HTTP/1.1 301 Moved", Some(301)),
            (b"HTTP/2 200", None),
            (b"HTTP/1.1 2000", None),
            (b"HTTP/1.1 20", None),
            (b"HTTP/1.1", None),
            (b"SSH-2.0-OpenSSH\r\n", None),
            (b"", None),
        ];
        for (line, wanted) in cases {
            assert_eq!(status(line), wanted, "{}", line.escape_ascii());
        }
    }
}
