//! The keys `ready` and `watchdog`: when a program counts as up, and how often it has to say that
//! it is well.
//!
//! Nothing here touches the network, and no name is looked up: an address is written out, or is
//! `localhost`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::output::{ErrorOutput, Output};
use super::sockets::{Address, Host, SocketSpec};
use super::values::{absolute, args};
use crate::json::{ConfigError, Members, Value};

/// How long a program may take where its file does not say it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often it is looked where the file does not say it.
const INTERVAL: Duration = Duration::from_secs(1);

/// More memory than this a pattern may not need.
const PATTERN_BYTES: usize = 1024 * 1024;

/// When a program counts as up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// What has to hold.
    pub when: Condition,
    /// Past this, counted from the start, it is stopped.
    pub timeout: Duration,
    /// How often it is looked whether it holds.
    pub interval: Duration,
}

/// What has to hold for a program to count as up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It has said `READY=1` to `NOTIFY_SOCKET`.
    Notify,
    /// A connection is taken in here.
    Tcp(Endpoint),
    /// A request is answered with a status of 200 to 399.
    Http(Page),
    /// This command exits with 0.
    Exec(Vec<String>),
    /// There is such a file, and it is not older than the start.
    File(PathBuf),
    /// A line of its output matches this pattern.
    Log(String),
}

/// A port that is knocked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As it is written in the file.
    pub text: String,
    /// Where it is knocked, in this order.
    pub addresses: Vec<SocketAddr>,
}

/// What is asked for over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// As it is written in the file.
    pub url: String,
    /// Who is asked.
    pub server: Endpoint,
    /// What is asked for: the path and what follows it.
    pub path: String,
}

/// As a sentence goes on that begins with "it waits until".
impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notify => out.write_str("it says READY=1"),
            Self::Tcp(endpoint) => write!(out, "tcp {} answers", endpoint.text),
            Self::Http(page) => write!(out, "{} answers well", page.url),
            Self::Exec(args) => write!(out, "{:?} succeeds", args.join(" ")),
            Self::File(path) => write!(out, "the file {} is written", path.display()),
            Self::Log(pattern) => write!(out, "it prints a line that matches {pattern:?}"),
        }
    }
}

impl Condition {
    /// The key that says it.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Tcp(_) => "tcp",
            Self::Http(_) => "http",
            Self::Exec(_) => "exec",
            Self::File(_) => "file",
            Self::Log(_) => "log",
        }
    }
}

/// As it is written in a file, with all that it leaves out.
impl Serialize for Ready {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        let key = self.when.key();
        match &self.when {
            Condition::Notify => map.serialize_entry(key, &true)?,
            Condition::Tcp(endpoint) => map.serialize_entry(key, &endpoint.text)?,
            Condition::Http(page) => map.serialize_entry(key, &page.url)?,
            Condition::Exec(args) => map.serialize_entry(key, args)?,
            Condition::File(path) => map.serialize_entry(key, path)?,
            Condition::Log(pattern) => map.serialize_entry(key, pattern)?,
        }
        map.serialize_entry("timeout", &self.timeout.as_secs_f64())?;
        map.serialize_entry("interval", &self.interval.as_secs_f64())?;
        map.end()
    }
}

const WANTED: &str = "an object with exactly one of notify, tcp, http, exec, file and log, such as {\"tcp\": \"127.0.0.1:80\"}";

/// Reads the key `ready`.
pub(super) fn ready(value: &Value<'_>) -> Result<Ready, ConfigError> {
    let (mut timeout, mut interval) = (TIMEOUT, INTERVAL);
    let mut when = None;
    for (key, inner) in value.members_as(WANTED)? {
        let new = match key.as_str() {
            "timeout" => {
                timeout = some_time(&inner)?;
                continue;
            }
            "interval" => {
                interval = some_time(&inner)?;
                continue;
            }
            "notify" => notify(&inner)?,
            "tcp" => Condition::Tcp(endpoint(&inner, &inner.string()?, None)?),
            "http" => Condition::Http(page(&inner)?),
            "exec" => Condition::Exec(args(&inner)?),
            "file" => Condition::File(absolute(&inner)?),
            "log" => Condition::Log(pattern(&inner)?),
            _ => {
                return Err(inner.error(
                    "ready has notify, tcp, http, exec, file or log, timeout and interval, and no other key",
                ));
            }
        };
        if let Some(before) = when.replace(new) {
            let before = Condition::key(&before);
            return Err(inner.error(format!(
                "{before:?} says it already; only one of them can be what it waits for"
            )));
        }
    }
    let when = when.ok_or_else(|| value.error(format!("must be {WANTED}")))?;
    Ok(Ready {
        when,
        timeout,
        interval,
    })
}

/// Reads a number of seconds that is not none at all.
pub(super) fn some_time(value: &Value<'_>) -> Result<Duration, ConfigError> {
    let time = value.seconds()?;
    if time.is_zero() {
        return Err(value.error("must be more than 0 seconds"));
    }
    Ok(time)
}

fn notify(value: &Value<'_>) -> Result<Condition, ConfigError> {
    match value.boolean()? {
        true => Ok(Condition::Notify),
        false => Err(value.error("must be true; without it, leave the whole key out")),
    }
}

fn pattern(value: &Value<'_>) -> Result<String, ConfigError> {
    let text = value.string()?;
    Pattern::new(&text)
        .map_err(|error| value.error(format!("is no regular expression: {error}")))?;
    Ok(text)
}

/// The pattern of a `log` condition, ready to be searched for in bytes that need not be text.
#[derive(Clone, Debug)]
pub struct Pattern(regex::bytes::Regex);

impl Pattern {
    /// Prepares a pattern.
    ///
    /// # Errors
    /// It is no regular expression, or one that needs too much memory, in words.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let mut builder = regex::bytes::RegexBuilder::new(pattern);
        let built = builder.size_limit(PATTERN_BYTES).build();
        built.map(Self).map_err(|error| {
            let said = error.to_string();
            // The library draws the place below the pattern; the last line says what is wrong.
            let last = said.lines().last().unwrap_or(&said);
            last.trim_start_matches("error: ").to_owned()
        })
    }

    /// Whether a line matches. It takes time in proportion to the line's length, whatever the two
    /// are.
    #[must_use]
    pub fn matches(&self, line: &[u8]) -> bool {
        self.0.is_match(line)
    }
}

/// Reads `HOST:PORT`; where `port` is given, the text may leave it out.
fn endpoint(value: &Value<'_>, text: &str, port: Option<u16>) -> Result<Endpoint, ConfigError> {
    let in_brackets = text.rfind(']').map_or(0, |end| end + 1);
    let colon = text[in_brackets..].rfind(':').map(|at| at + in_brackets);
    let (host, port) = match (colon, port) {
        (Some(at), _) => (&text[..at], self::port(value, &text[at + 1..])?),
        (None, Some(port)) => (text, port),
        (None, None) => {
            return Err(value.error(format!("{text:?} has no port; it must be HOST:PORT")));
        }
    };
    let at = |ip: IpAddr| SocketAddr::new(ip, port);
    let ipv6 = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .and_then(|inner| inner.parse::<Ipv6Addr>().ok());
    let addresses = match (host, ipv6) {
        ("localhost", _) => vec![
            at(Ipv4Addr::LOCALHOST.into()),
            at(Ipv6Addr::LOCALHOST.into()),
        ],
        (_, Some(ip)) => vec![at(ip.into())],
        (_, None) => {
            let ip: Ipv4Addr = host.parse().map_err(|_| no_address(value, host))?;
            vec![at(ip.into())]
        }
    };
    Ok(Endpoint {
        text: text.to_owned(),
        addresses,
    })
}

fn no_address(value: &Value<'_>, host: &str) -> ConfigError {
    value.error(format!(
        "{host:?} is no address: it must be an IPv4 address, an IPv6 address in brackets, or \
         \"localhost\"; other names are not looked up, use \"exec\" for them"
    ))
}

fn port(value: &Value<'_>, port: &str) -> Result<u16, ConfigError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|number| digits && *number != 0);
    number.ok_or_else(|| value.error(format!("the port must be 1 to 65535, not {port:?}")))
}

fn page(value: &Value<'_>) -> Result<Page, ConfigError> {
    let url = value.string()?;
    if url.starts_with("https://") {
        let message =
            "https is not spoken here; let \"exec\" ask, as in [\"curl\", \"-fsS\", \"https://…\"]";
        return Err(value.error(message));
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return Err(value.error(format!(
            "must be a URL like \"http://127.0.0.1:80/health\", not {url:?}"
        )));
    };
    // What follows # is never sent.
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (server, path) = rest.split_at(end);
    if server.contains('@') {
        return Err(value.error("a user cannot be named here; let \"exec\" ask with curl"));
    }
    let plain = |byte: u8| byte.is_ascii_graphic();
    if !path.bytes().all(plain) {
        return Err(value.error("what is not plain ASCII, or a space, is written as %XX in a URL"));
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(Page {
        server: endpoint(value, server, Some(80))?,
        path: format!("{slash}{path}"),
        url: url.clone(),
    })
}

/// Refuses a condition that says nothing: one that can never hold, since what does not come through
/// the monitor is not read, and one that holds at once, since the monitor itself takes in
/// connections for the program.
pub(super) fn check_together(
    ready: Option<&Ready>,
    sockets: &[SocketSpec],
    (stdout, stderr): (&Output, &ErrorOutput),
    members: &Members<'_>,
) -> Result<(), ConfigError> {
    let written = members.iter().find(|(key, _)| key == "ready");
    let (Some(ready), Some((_, value))) = (ready, written) else {
        return Ok(());
    };
    match &ready.when {
        Condition::Log(_) if is_unread(stdout, stderr) => Err(value.error(
            "\"log\" can never hold: neither stdout nor stderr of this program comes through the monitor",
        )),
        Condition::Tcp(endpoint) if sockets.iter().any(|socket| endpoint.meets(socket)) => {
            Err(value.error(
                "\"tcp\" says nothing here: the monitor listens there for the program, and answers before it runs; use \"http\", \"log\" or \"notify\"",
            ))
        }
        Condition::Notify
        | Condition::Tcp(_)
        | Condition::Http(_)
        | Condition::Exec(_)
        | Condition::File(_)
        | Condition::Log(_) => Ok(()),
    }
}

fn is_unread(stdout: &Output, stderr: &ErrorOutput) -> bool {
    let unread = |output: &Output| matches!(output, Output::Null | Output::Inherit);
    unread(stdout)
        && match stderr {
            ErrorOutput::Stdout => true,
            ErrorOutput::Apart(output) => unread(output),
        }
}

impl Endpoint {
    /// Whether it is this socket that is knocked at.
    fn meets(&self, socket: &SocketSpec) -> bool {
        let Address::Tcp { host, port } = socket.address else {
            return false;
        };
        self.addresses.iter().any(|address| {
            let same_host = match host {
                Host::All => true,
                Host::Localhost => address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST),
                Host::Ip(ip) => ip.is_unspecified() || ip == address.ip(),
            };
            same_host && port == address.port()
        })
    }
}

#[cfg(test)]
mod tests;
