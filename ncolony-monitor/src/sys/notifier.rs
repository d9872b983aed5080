//! The way to whoever has started us and wants to be told how we fare, by `sd_notify(3)`: one
//! datagram for each message, to the socket that the environment names.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The variables of this protocol and of socket activation. They are meant for us, and reach no
/// program.
pub(crate) const VARIABLES: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
];

/// Somebody who wants to be told.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
    /// He takes us for stuck when he has not heard from us for so long.
    pub(crate) watchdog: Option<Duration>,
}

impl Notifier {
    /// What the environment says. `None`: nobody wants to be told, or not in a way that we know.
    pub(crate) fn of_environment() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok(), std::process::id())
    }

    fn of(variable: impl Fn(&str) -> Option<String>, own: u32) -> Option<Self> {
        let named = variable("NOTIFY_SOCKET")?;
        let address = match named.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None if named.starts_with('/') => SocketAddr::from_pathname(&named),
            None => return None,
        };
        let is_meant = variable("WATCHDOG_PID").is_none_or(|pid| pid == own.to_string());
        let period = variable("WATCHDOG_USEC").and_then(|text| text.parse().ok());
        let period = period.filter(|period| is_meant && *period > 0);
        Some(Self {
            watchdog: period.map(Duration::from_micros),
            ..Self::at(address.ok()?).ok()?
        })
    }

    fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            address,
            watchdog: None,
        })
    }

    /// For tests: to whoever listens at this path.
    #[cfg(test)]
    pub(crate) fn to(path: &std::path::Path) -> io::Result<Self> {
        Self::at(SocketAddr::from_pathname(path)?)
    }

    /// Sends one message.
    ///
    /// # Errors
    /// Nobody is there, or there is no room for more just now ([`io::ErrorKind::WouldBlock`]).
    pub(crate) fn send(&self, message: &str) -> io::Result<()> {
        let sent = self.socket.send_to_addr(message.as_bytes(), &self.address);
        sent.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notifier(variables: &[(&str, &str)]) -> Option<Notifier> {
        let find = |name: &str| {
            let found = variables.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Notifier::of(find, 7)
    }

    #[test]
    fn a_path_and_an_abstract_name_are_reached() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("ncolony-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        let named = [
            (by_path, path.to_str().unwrap().to_owned()),
            (by_name, format!("@{name}")),
        ];
        for (socket, name) in named {
            let notifier = notifier(&[("NOTIFY_SOCKET", &name)]).unwrap();
            notifier.send("READY=1").unwrap();
            let mut read = [0; 16];
            let count = socket.recv(&mut read).unwrap();
            assert_eq!(&read[..count], b"READY=1");
        }
    }

    #[test]
    fn nobody_is_told_where_nobody_asks() {
        assert!(notifier(&[]).is_none());
        assert!(notifier(&[("NOTIFY_SOCKET", "vsock:2:1")]).is_none());
        let gone = notifier(&[("NOTIFY_SOCKET", "/nowhere/at/all")]).unwrap();
        assert!(gone.send("READY=1").is_err());
    }

    #[test]
    fn a_watchdog_is_ours_if_it_says_so_or_says_nothing() {
        let watchdog = |pid: &[(&str, &str)]| {
            let mut all = vec![("NOTIFY_SOCKET", "/x"), ("WATCHDOG_USEC", "2000000")];
            all.extend(pid);
            notifier(&all).unwrap().watchdog
        };
        let period = Some(Duration::from_secs(2));
        assert_eq!(watchdog(&[]), period);
        assert_eq!(watchdog(&[("WATCHDOG_PID", "7")]), period);
        assert_eq!(watchdog(&[("WATCHDOG_PID", "8")]), None);
        let none = notifier(&[("NOTIFY_SOCKET", "/x"), ("WATCHDOG_USEC", "0")]);
        assert_eq!(none.unwrap().watchdog, None);
    }
}
