//! What a program file says of its server: the value of the key `ncolony.httpcheck`.

use std::time::Duration;

use ncolony_core::time::seconds_from;
use serde_json::{Map, Value};
use ureq::http::{HeaderName, HeaderValue, Method, Uri};

/// The key of a program's file that says how its server is checked.
pub(crate) const EXTRA: &str = "ncolony.httpcheck";

/// Periods until the first check, where the file does not say.
const GRACE: f64 = 3.0;
/// Failures in a row that are borne, where the file does not say.
const MAX_BAD: u32 = 2;

/// How a server is checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// What is asked for.
    pub(crate) url: String,
    /// How it is asked for.
    pub(crate) method: Method,
    /// What is sent along.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The time from one check to the next.
    pub(crate) period: Duration,
    /// How long a check may take.
    pub(crate) timeout: Duration,
    /// How long after a start nobody asks: `grace` periods.
    pub(crate) grace: Duration,
    /// How many failures in a row are borne.
    pub(crate) max_bad: u32,
    /// The codes that are good; `None`: any answer is.
    pub(crate) status: Option<Vec<u16>>,
    /// What the body has to contain.
    pub(crate) text: Option<String>,
}

impl Settings {
    /// Reads the value of [`EXTRA`].
    ///
    /// # Errors
    /// A sentence that names the key.
    pub(crate) fn parse(extra: &Value) -> Result<Self, String> {
        let keys = Keys::of(EXTRA, extra)?;
        let period = keys
            .seconds("period")?
            .ok_or_else(|| keys.wrong("period", "is needed: seconds from one check to the next"))?;
        if period.is_zero() {
            return Err(keys.wrong("period", "must be more than 0"));
        }
        let timeout = keys.seconds("timeout")?.unwrap_or(period).min(period);
        if timeout.is_zero() {
            return Err(keys.wrong("timeout", "must be more than 0"));
        }
        let grace = keys
            .seconds("grace")?
            .map_or(GRACE, |grace| grace.as_secs_f64());
        let grace = seconds_from(grace * period.as_secs_f64())
            .ok_or_else(|| keys.wrong("grace", "is too large: it is counted in periods"))?;
        let expect = keys
            .get("expect")
            .map(|expect| Keys::of(&keys.path("expect"), expect))
            .transpose()?;
        Ok(Self {
            url: url(&keys)?,
            method: method(&keys)?,
            headers: headers(&keys)?,
            period,
            timeout,
            grace,
            max_bad: max_bad(&keys)?,
            status: expect.as_ref().map_or(Ok(None), status)?,
            text: expect
                .as_ref()
                .map_or(Ok(None), |expect| expect.string("text"))?,
        })
    }
}

/// An object, and the path that leads to it.
struct Keys<'a> {
    path: String,
    keys: &'a Map<String, Value>,
}

impl<'a> Keys<'a> {
    fn of(path: &str, value: &'a Value) -> Result<Self, String> {
        let path = path.to_owned();
        match value {
            Value::Object(keys) => Ok(Self { path, keys }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(format!("{path} is not an object")),
        }
    }

    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn wrong(&self, key: &str, how: &str) -> String {
        format!("{} {how}", self.path(key))
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    fn seconds(&self, key: &str) -> Result<Option<Duration>, String> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let number = value.as_f64().and_then(seconds_from);
        number
            .map(Some)
            .ok_or_else(|| self.wrong(key, "must be a number, not negative"))
    }

    fn string(&self, key: &str) -> Result<Option<String>, String> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let text = value.as_str().map(str::to_owned);
        text.map(Some)
            .ok_or_else(|| self.wrong(key, "must be a string"))
    }
}

fn url(keys: &Keys<'_>) -> Result<String, String> {
    let url = keys
        .string("url")?
        .ok_or_else(|| keys.wrong("url", "is needed"))?;
    let uri: Uri = url
        .parse()
        .map_err(|error| keys.wrong("url", &format!("is none: {error}")))?;
    match uri.scheme_str() {
        Some("http" | "https") => Ok(url),
        Some(_) | None => Err(keys.wrong("url", "must begin with http:// or https://")),
    }
}

fn method(keys: &Keys<'_>) -> Result<Method, String> {
    let method = keys.string("method")?;
    method.map_or(Ok(Method::GET), |method| {
        method
            .parse()
            .map_err(|_| keys.wrong("method", "must be a method of HTTP, as GET or HEAD"))
    })
}

fn headers(keys: &Keys<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let Some(value) = keys.get("headers") else {
        return Ok(Vec::new());
    };
    let headers = Keys::of(&keys.path("headers"), value)?;
    let header = |(name, value): (&String, &Value)| {
        let pair = value.as_str().and_then(|value| {
            Some((
                name.parse::<HeaderName>().ok()?,
                HeaderValue::from_str(value).ok()?,
            ))
        });
        pair.ok_or_else(|| headers.wrong(name, "is not a header and its value as a string"))
    };
    headers.keys.iter().map(header).collect()
}

fn max_bad(keys: &Keys<'_>) -> Result<u32, String> {
    let Some(value) = keys.get("maxBad") else {
        return Ok(MAX_BAD);
    };
    let number = value.as_u64().and_then(|number| number.try_into().ok());
    number.ok_or_else(|| keys.wrong("maxBad", "must be a whole number, not negative"))
}

fn status(expect: &Keys<'_>) -> Result<Option<Vec<u16>>, String> {
    let Some(value) = expect.get("status") else {
        return Ok(None);
    };
    let code = |value: &Value| {
        let code = value.as_u64().and_then(|code| u16::try_from(code).ok());
        code.filter(|code| (100..1000).contains(code))
    };
    let codes = value
        .as_array()
        .filter(|codes| !codes.is_empty())
        .and_then(|codes| codes.iter().map(code).collect());
    let codes: Option<Vec<u16>> = codes;
    codes
        .map(Some)
        .ok_or_else(|| expect.wrong("status", "must be a list of codes, as [200, 204]"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_keys_of_the_original_mean_what_they_mean_there() {
        let settings = Settings::parse(&json!({
            "url": "http://localhost:8080/x", "period": 10, "timeout": 60, "grace": 1.5, "maxBad": 4
        }))
        .unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert_eq!(settings.grace, Duration::from_secs(15));
        assert_eq!((settings.max_bad, settings.method), (4, Method::GET));
        assert_eq!((settings.status, settings.text), (None, None));
    }

    #[test]
    fn ours_are_read_too() {
        let settings = Settings::parse(&json!({
            "url": "https://localhost", "period": 10, "method": "HEAD",
            "headers": {"Host": "a.example"}, "expect": {"status": [200, 204], "text": "well"}
        }))
        .unwrap();
        assert_eq!(settings.method, Method::HEAD);
        assert_eq!(settings.headers[0].1, "a.example");
        assert_eq!(settings.status, Some(vec![200, 204]));
        assert_eq!(settings.text.as_deref(), Some("well"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        let said = |extra: &Value| Settings::parse(extra).unwrap_err();
        assert!(said(&json!(3)).contains(EXTRA));
        for (key, bad) in [
            ("url", Value::Null),
            ("url", json!("/x")),
            ("url", json!("ftp://localhost/")),
            ("url", json!("http://local host/")),
            ("period", Value::Null),
            ("period", json!(0)),
            ("timeout", json!(0)),
            ("timeout", json!("3")),
            ("grace", json!(-1)),
            ("maxBad", json!(1.5)),
            ("method", json!("G T")),
            ("headers", json!({"a b": "c"})),
            ("headers", json!({"a": 1})),
            ("expect", json!([200])),
            ("expect", json!({"status": 200})),
            ("expect", json!({"status": []})),
            ("expect", json!({"text": 200})),
        ] {
            let mut extra = json!({"url": "http://localhost/", "period": 10});
            extra[key] = bad;
            let said = said(&extra);
            assert!(said.contains(&format!("{EXTRA}.{key}")), "{said}");
        }
    }
}
