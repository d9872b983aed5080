//! The machine's log: one datagram for each line.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Stream;

/// A reader that is only slow is waited for this long.
const PATIENCE: Duration = Duration::from_millis(50);

/// A longer line is broken: those who read datagrams cut what is too long for them.
pub(super) const LINE_BYTES: usize = 8 * 1024;

/// The way to the machine's log.
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Syslog {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, socket: None }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Sends one line.
    ///
    /// # Errors
    /// Nobody listens, or nobody reads.
    pub(super) fn send(&mut self, line: &[u8]) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(line) {
                Ok(_whole) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                // Who listened has gone; another may have come.
                Err(_) => self.socket = None,
            }
        }
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.connect(&self.path)?;
        socket.send(line)?;
        self.socket = Some(socket);
        Ok(())
    }
}

/// The datagram for a line: what it is about and how grave, who says it, and the line.
pub(super) fn datagram(stream: Stream, name: &str, pid: Option<u32>, line: &[u8]) -> Vec<u8> {
    // Facility "user", severity "informational" or "error".
    let priority = match stream {
        Stream::Out => 8 + 6,
        Stream::Err => 8 + 3,
    };
    let process = pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
    let mut datagram = format!("<{priority}>{name}{process}: ").into_bytes();
    datagram.extend_from_slice(line);
    datagram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_printed_it_and_how_grave_it_is() {
        let line = datagram(Stream::Out, "web", Some(7), b"hello");
        assert_eq!(line, b"<14>web[7]: hello");
        assert_eq!(datagram(Stream::Err, "web", None, b""), b"<11>web: ");
    }

    #[test]
    fn one_who_comes_again_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut syslog = Syslog::new(path.clone());
        assert!(syslog.send(b"one").is_err());
        for word in [b"two", b"six"] {
            let socket = UnixDatagram::bind(&path).unwrap();
            syslog.send(word).unwrap();
            let mut bytes = [0; 10];
            let count = socket.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..count], word);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
