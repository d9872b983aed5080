//! The key `ncolony.httpcheck`: how a program's server is asked, and which answers are good.

use core::net::Ipv6Addr;
use std::time::Duration;

use super::{Keys, of_file, periods, some_time};
use crate::json::{ConfigError, Value};

/// The keys that have a meaning in it.
pub(super) const KEYS: &[&str] = &[
    "url", "period", "timeout", "grace", "maxBad", "method", "headers", "expect",
];

/// Periods until the first check, where the file does not say.
const GRACE: u32 = 3;
/// Failures in a row that are borne, where the file does not say.
const MAX_BAD: u32 = 2;

/// How a server is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCheck {
    /// What is asked for; `http://` or `https://`.
    pub url: String,
    /// How it is asked for.
    pub method: String,
    /// What is sent along: names and values.
    pub headers: Vec<(String, String)>,
    /// The time from one check to the next.
    pub period: Duration,
    /// How long a check may take; never more than the period.
    pub timeout: Duration,
    /// How long after a start nobody asks: `grace` periods.
    pub grace: Duration,
    /// How many failures in a row are borne.
    pub max_bad: u32,
    /// The codes that are good; `None`: any answer is.
    pub status: Option<Vec<u16>>,
    /// What the body has to contain.
    pub text: Option<String>,
}

impl HttpCheck {
    /// The key of a program's file that says how its server is checked.
    pub const KEY: &str = "ncolony.httpcheck";

    /// What a program file says of its server. `None`: nobody checks it.
    ///
    /// # Errors
    /// The file is no JSON object, or what it says of a server makes no sense.
    pub fn of_file(bytes: &[u8]) -> Result<Option<Self>, ConfigError> {
        of_file(bytes, Self::KEY, Self::read)
    }

    pub(super) fn read(value: &Value<'_>) -> Result<Self, ConfigError> {
        let keys = Keys::of(value)?;
        let url = url(keys.needed("url", "what is asked for")?)?;
        let period = keys.needed("period", "the seconds from one check to the next")?;
        let period = some_time(period)?;
        let timeout = keys.get("timeout").map_or(Ok(period), some_time)?;
        let grace = keys.get("grace");
        let max_bad = keys.get("maxBad");
        let max_bad = max_bad.map_or(Ok(MAX_BAD.into()), |value| {
            value.integer(0, u32::MAX.into())
        });
        let (status, text) = keys.get("expect").map_or(Ok((None, None)), expect)?;
        Ok(Self {
            url,
            method: keys.get("method").map_or(Ok("GET".to_owned()), method)?,
            headers: keys.get("headers").map_or(Ok(Vec::new()), headers)?,
            period,
            timeout: timeout.min(period),
            grace: grace.map_or(Ok(period * GRACE), |value| periods(value, period))?,
            max_bad: u32::try_from(max_bad?).unwrap_or(u32::MAX),
            status,
            text,
        })
    }
}

fn url(value: &Value<'_>) -> Result<String, ConfigError> {
    let url = value.string()?;
    let none = || {
        value.error(format!(
            "must be a URL like \"http://127.0.0.1:80/health\", not {url:?}"
        ))
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(none)?;
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(value.error(format!(
            "must begin with http:// or https://, not {scheme}://"
        )));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (server, path) = rest.split_at(end);
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    if !is_server(server) {
        return Err(none());
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(value.error("what is not plain ASCII, or a space, is written as %XX in a URL"));
    }
    Ok(url)
}

/// Whether this is `HOST` or `HOST:PORT`.
fn is_server(text: &str) -> bool {
    let in_brackets = text.rfind(']').map_or(0, |end| end + 1);
    let colon = text[in_brackets..].find(':').map(|at| at + in_brackets);
    let (host, port) = colon.map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])));
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_host = inner.map_or_else(
        || !host.is_empty() && host.bytes().all(is_name),
        |inner| inner.parse::<Ipv6Addr>().is_ok(),
    );
    let is_port = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    is_host && is_port
}

/// Whether this is a word as methods and the names of headers are.
fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

fn method(value: &Value<'_>) -> Result<String, ConfigError> {
    let method = value.string()?;
    if is_token(&method) {
        Ok(method)
    } else {
        Err(value.error("must be a method of HTTP, as \"GET\" or \"HEAD\""))
    }
}

fn headers(value: &Value<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let members = value.members_as("an object of strings")?;
    let header = |(name, value): (String, Value<'_>)| {
        let text = value.string()?;
        if !is_token(&name) {
            return Err(value.error(format!("{name:?} cannot be the name of a header")));
        }
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(value.error("must have no control characters: it is one line of a request"));
        }
        Ok((name, text))
    };
    members.into_iter().map(header).collect()
}

type Expected = (Option<Vec<u16>>, Option<String>);

/// Nothing that is expected may be passed over: a check would find well what is not.
fn expect(value: &Value<'_>) -> Result<Expected, ConfigError> {
    let keys = Keys::of(value)?;
    for (key, inner) in &keys.members {
        if !["status", "text"].contains(&key.as_str()) {
            return Err(inner.error("expect has status and text, and no other key"));
        }
    }
    if keys.members.is_empty() {
        return Err(value.error("must have status or text: every answer would be as expected"));
    }
    let text = keys.get("text").map(Value::string).transpose()?;
    Ok((keys.get("status").map(codes).transpose()?, text))
}

fn codes(value: &Value<'_>) -> Result<Vec<u16>, ConfigError> {
    let codes = value.elements("an array of codes, as [200, 204]")?;
    if codes.is_empty() {
        return Err(value.error("must have one code at least: no answer could be good"));
    }
    let code = |value: &Value<'_>| {
        let code = value.integer(100, 999)?;
        Ok(u16::try_from(code).unwrap_or(u16::MAX))
    };
    codes.iter().map(code).collect()
}
