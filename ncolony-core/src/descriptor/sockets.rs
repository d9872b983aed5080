//! The key `sockets`: what the monitor listens on for a program.
//!
//! Nothing here touches the network, and no name is looked up: an address is written out, or is
//! one of two words.

use core::net::{IpAddr, Ipv6Addr};
use std::fmt;
use std::path::PathBuf;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::values::octal;
use crate::json::{ConfigError, Value};

/// The longest name of a socket, as `sd_listen_fds_with_names(3)` takes it.
const NAME_BYTES_MAX: usize = 255;

/// The longest path of a Unix socket: what an address has room for, less the byte that ends it.
const PATH_BYTES_MAX: usize = 107;

/// The mode of a Unix socket whose file says none: for its program's user alone.
pub const DEFAULT_MODE: u32 = 0o600;

/// A socket that the monitor listens on, and that the program is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketSpec {
    /// What the program knows it by.
    pub name: String,
    /// Where it listens.
    pub address: Address,
}

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A port of TCP.
    Tcp {
        /// On which addresses of the machine.
        host: Host,
        /// The port, never 0.
        port: u16,
    },
    /// A path.
    Unix {
        /// The path, absolute.
        path: PathBuf,
        /// Who may connect, as for any file.
        mode: u32,
    },
}

/// On which of the machine's addresses a port is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// On all, of IPv4 and IPv6.
    All,
    /// On 127.0.0.1.
    Localhost,
    /// On this one. `0.0.0.0` is all of IPv4, `::` all of IPv6.
    Ip(IpAddr),
}

/// As it is written in a file.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => match host {
                Host::All => write!(out, "tcp://*:{port}"),
                Host::Localhost => write!(out, "tcp://localhost:{port}"),
                Host::Ip(IpAddr::V4(ip)) => write!(out, "tcp://{ip}:{port}"),
                Host::Ip(IpAddr::V6(ip)) => write!(out, "tcp://[{ip}]:{port}"),
            },
            Self::Unix { path, .. } => write!(out, "unix://{}", path.display()),
        }
    }
}

/// As it is written in a file.
impl Serialize for SocketSpec {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("listen", &self.address.to_string())?;
        if let Address::Unix { mode, .. } = &self.address {
            map.serialize_entry("mode", &format!("{mode:04o}"))?;
        }
        map.end()
    }
}

/// Reads the whole key.
pub(super) fn sockets(value: &Value<'_>) -> Result<Vec<SocketSpec>, ConfigError> {
    let mut all: Vec<SocketSpec> = Vec::new();
    for element in value.elements("an array of objects")? {
        let new = socket(&element)?;
        if all.iter().any(|socket| socket.name == new.name) {
            return Err(element.error(format!("another socket is named {:?} too", new.name)));
        }
        let same = all
            .iter()
            .find(|socket| socket.address.is_where(&new.address));
        if let Some(same) = same {
            return Err(element.error(format!("the socket {:?} listens there too", same.name)));
        }
        all.push(new);
    }
    Ok(all)
}

impl Address {
    /// Whether two sockets would be one and the same, so that only one of them could be opened.
    fn is_where(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix { path, .. }, Self::Unix { path: other, .. }) => path == other,
            (Self::Tcp { .. } | Self::Unix { .. }, Self::Tcp { .. } | Self::Unix { .. }) => {
                self == other
            }
        }
    }
}

fn socket(value: &Value<'_>) -> Result<SocketSpec, ConfigError> {
    const WANTED: &str = "an object such as {\"name\": \"web\", \"listen\": \"tcp://*:80\"}";
    let (mut given_name, mut listen, mut given_mode) = (None, None, None);
    for (key, inner) in value.members_as(WANTED)? {
        match key.as_str() {
            "name" => given_name = Some(name(&inner)?),
            "listen" => listen = Some(inner),
            "mode" => given_mode = Some(inner),
            _ => {
                return Err(inner.error("a socket has name, listen and mode, and no other key"));
            }
        }
    }
    let missing = |key| value.error(format!("the key {key:?} is missing; it must be {WANTED}"));
    let name = given_name.ok_or_else(|| missing("name"))?;
    let listen = listen.ok_or_else(|| missing("listen"))?;
    let address = address(&listen, given_mode.as_ref())?;
    Ok(SocketSpec { name, address })
}

fn name(value: &Value<'_>) -> Result<String, ConfigError> {
    let name = value.string()?;
    let good = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b':';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(good) {
        return Err(value.error(format!(
            "a socket's name has 1 to {NAME_BYTES_MAX} printable ASCII characters and no colon"
        )));
    }
    Ok(name)
}

fn address(listen: &Value<'_>, mode: Option<&Value<'_>>) -> Result<Address, ConfigError> {
    let text = listen.string()?;
    if let Some(path) = text.strip_prefix("unix://") {
        let path = unix_path(listen, path)?;
        let mode = mode.map_or(Ok(DEFAULT_MODE), |mode| octal(mode, "0600"))?;
        return Ok(Address::Unix { path, mode });
    }
    let Some(place) = text.strip_prefix("tcp://") else {
        return Err(listen.error(format!(
            "must be \"tcp://HOST:PORT\" or \"unix:///PATH\", not {text:?}"
        )));
    };
    if let Some(mode) = mode {
        return Err(mode.error("only a unix socket has a mode"));
    }
    let (host, port) = place
        .rsplit_once(':')
        .ok_or_else(|| listen.error(format!("{text:?} has no port; it must be tcp://HOST:PORT")))?;
    Ok(Address::Tcp {
        host: self::host(listen, host)?,
        port: self::port(listen, port)?,
    })
}

fn unix_path(listen: &Value<'_>, path: &str) -> Result<PathBuf, ConfigError> {
    if !path.starts_with('/') || path.ends_with('/') {
        let message = "the path must be absolute and name a file, as in unix:///run/web.sock";
        return Err(listen.error(message));
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(listen.error(format!(
            "the path has {} bytes, and the kernel takes at most {PATH_BYTES_MAX} for a socket",
            path.len()
        )));
    }
    Ok(path.into())
}

fn host(listen: &Value<'_>, host: &str) -> Result<Host, ConfigError> {
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match host {
        "" | "*" => return Ok(Host::All),
        "localhost" => return Ok(Host::Localhost),
        _ => {}
    }
    if let Some(ip) = in_brackets {
        let ip: Result<Ipv6Addr, _> = ip.parse();
        return ip
            .map(|ip| Host::Ip(IpAddr::V6(ip)))
            .map_err(|_| listen.error(format!("{host:?} is no IPv6 address in brackets")));
    }
    if host.contains(':') {
        let message = "an IPv6 address stands in brackets, as in tcp://[::1]:80";
        return Err(listen.error(message));
    }
    host.parse()
        .map(|ip| Host::Ip(IpAddr::V4(ip)))
        .map_err(|_| {
            listen.error(format!(
                "{host:?} is no address: it must be an IPv4 address, an IPv6 address in brackets, \
                 \"localhost\", or \"*\" for all; other names are not looked up"
            ))
        })
}

fn port(listen: &Value<'_>, port: &str) -> Result<u16, ConfigError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|number| digits && *number != 0);
    number.ok_or_else(|| listen.error(format!("the port must be 1 to 65535, not {port:?}")))
}

#[cfg(test)]
mod tests;
