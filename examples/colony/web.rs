//! A web server of one page: what the monitor says of the colony's programs.
//!
//! It learns that from the monitor's records, which are plain files: `STATUS` names the directory.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

/// A visitor who says nothing must not keep the others waiting for longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// No request that we answer is longer.
const REQUEST_BYTES_MAX: u64 = 8192;

pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let port: u16 = variable("PORT")?.parse()?;
    let status = variable("STATUS")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
    writeln!(io::stdout(), "listening on http://127.0.0.1:{port}/")?;
    loop {
        let (visitor, address) = listener.accept()?;
        if let Err(error) = answer(visitor, Path::new(&status)) {
            writeln!(io::stderr(), "{address}: {error}")?;
        }
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("the variable {name}: {error}"))
}

fn answer(visitor: TcpStream, status: &Path) -> io::Result<()> {
    visitor.set_read_timeout(Some(PATIENCE))?;
    visitor.set_write_timeout(Some(PATIENCE))?;
    let mut request = BufReader::new(&visitor).take(REQUEST_BYTES_MAX);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut line = first.clone();
    while !line.trim_end().is_empty() {
        line.clear();
        request.read_line(&mut line)?;
    }
    let (outcome, text) = if first.starts_with("GET / ") {
        ("200 OK", page(status)?)
    } else {
        (
            "404 Not Found",
            "there is one page, and it is /\n".to_owned(),
        )
    };
    let length = text.len();
    write!(
        &visitor,
        "HTTP/1.1 {outcome}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}

fn page(status: &Path) -> io::Result<String> {
    let directory = status.join("programs");
    let mut text = format!(
        "This is web, process {}. From {}:\n",
        std::process::id(),
        directory.display()
    );
    let mut paths = fs::read_dir(&directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    // A record that is just being written has another ending.
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    for path in paths {
        text.push('\n');
        text.push_str(&fs::read_to_string(path)?);
        text.push('\n');
    }
    Ok(text)
}
