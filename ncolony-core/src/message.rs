//! A request to the monitor: one JSON object in one file.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::json::{ConfigError, Members, Value, parse_object};
use crate::name::ProgramName;
use crate::signal::Signal;

/// The largest message file, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 131_000;

/// Whom a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One program, all its instances where it has some; or one instance.
    Name(ProgramName),
    /// Every member of a group.
    Group(String),
    /// Every program that is not disabled.
    All,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Stop and start again.
    Restart(Target),
    /// Let it run.
    Start(Target),
    /// Stop it, until it is told to start.
    Stop(Target),
    /// Send its reload signal.
    Reload(Target),
    /// Send this signal.
    Signal(Target, Signal),
    /// Look at both directories now; an emptied config directory is meant.
    Rescan,
    /// Stop everything and exit.
    Shutdown,
    /// Exit, and leave the programs running for the next monitor.
    Detach,
    /// Replace the monitor's image in place by the binary at the path that it was started from.
    Upgrade,
}

/// The name under which a sender wants the outcome written: under a program name's rule, so that
/// it can be a file's name.
pub type MessageId = ProgramName;

/// A request, with what its sender added to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What is asked.
    pub request: Request,
    /// Why, in a sentence for people.
    pub reason: Option<String>,
    /// Where the outcome is to be written.
    pub id: Option<MessageId>,
}

/// A file in the messages directory that is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageError {
    /// What is wrong.
    pub error: ConfigError,
    /// Where its sender waits for the outcome, if that much could be read.
    pub id: Option<MessageId>,
}

impl fmt::Display for MessageError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(out)
    }
}

/// The outcome of a message that had an `id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The message's `id`.
    pub id: MessageId,
    /// Whether it was acted on.
    pub ok: bool,
    /// Why not.
    pub error: Option<String>,
    /// The programs that it was about.
    pub programs: Vec<ProgramName>,
    /// The number of the message: how many the monitor has heard, this one included.
    #[serde(default)]
    pub heard: u64,
    /// Of RESTART and START: by program, the number of the start whose process the sender is to
    /// look at. A record of an earlier one tells nothing about the outcome.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub generations: BTreeMap<ProgramName, u64>,
}

impl Message {
    /// A message without `reason` and `id`.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self {
            request,
            reason: None,
            id: None,
        }
    }

    /// The one program that it names, if it names one.
    #[must_use]
    pub fn name(&self) -> Option<&ProgramName> {
        let target = match &self.request {
            Request::Restart(target)
            | Request::Start(target)
            | Request::Stop(target)
            | Request::Reload(target)
            | Request::Signal(target, _) => target,
            Request::Rescan | Request::Shutdown | Request::Detach | Request::Upgrade => {
                return None;
            }
        };
        match target {
            Target::Name(name) => Some(name),
            Target::Group(_) | Target::All => None,
        }
    }

    /// Reads the bytes of a message file.
    ///
    /// # Errors
    /// The first thing that is wrong, and the `id` where one could be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let anonymous = |error| MessageError { error, id: None };
        if bytes.len() > MESSAGE_BYTES_MAX {
            let text = format!("a message may have at most {MESSAGE_BYTES_MAX} bytes");
            return Err(anonymous(ConfigError::whole(text)));
        }
        let (_, members) = parse_object(bytes).map_err(anonymous)?;
        let id = id(&members).map_err(anonymous)?;
        let parsed = request(&members).and_then(|request| Ok((request, reason(&members)?)));
        match parsed {
            Ok((request, reason)) => Ok(Self {
                request,
                reason,
                id,
            }),
            Err(error) => Err(MessageError { error, id }),
        }
    }

    /// Whether these bytes may be the beginning of a message that is still being written.
    #[must_use]
    pub fn is_unfinished(bytes: &[u8]) -> bool {
        serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err_and(|error| error.is_eof())
    }

    /// The JSON text of the message, as NColony writes it where NColony knows it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut object = match &self.request {
            Request::Restart(Target::Name(name)) => json!({"type": "RESTART", "name": name}),
            Request::Restart(Target::All) => json!({"type": "RESTART-ALL"}),
            Request::Restart(Target::Group(group)) => {
                json!({"type": "RESTART-GROUP", "group": group})
            }
            Request::Start(target) => targeted("START", target),
            Request::Stop(target) => targeted("STOP", target),
            Request::Reload(target) => targeted("RELOAD", target),
            Request::Signal(target, signal) => {
                let mut object = targeted("SIGNAL", target);
                object["signal"] = json!(signal);
                object
            }
            Request::Rescan => json!({"type": "RESCAN"}),
            Request::Shutdown => json!({"type": "SHUTDOWN"}),
            Request::Detach => json!({"type": "DETACH"}),
            Request::Upgrade => json!({"type": "UPGRADE"}),
        };
        for (key, value) in [
            ("reason", self.reason.as_deref()),
            ("id", self.id.as_ref().map(ProgramName::as_str)),
        ] {
            if let Some(value) = value {
                object[key] = json!(value);
            }
        }
        object.to_string()
    }
}

fn targeted(kind: &str, target: &Target) -> serde_json::Value {
    match target {
        Target::Name(name) => json!({"type": kind, "name": name}),
        Target::Group(group) => json!({"type": kind, "group": group}),
        Target::All => json!({"type": kind, "all": true}),
    }
}

fn find<'m, 'a>(members: &'m Members<'a>, wanted: &str) -> Option<&'m Value<'a>> {
    members
        .iter()
        .find(|(key, value)| key == wanted && !value.is_null())
        .map(|(_, value)| value)
}

fn missing(key: &str, kind: &str) -> ConfigError {
    let mut error = ConfigError::whole(format!("a message of type {kind:?} needs the key {key:?}"));
    error.key = Some(key.to_owned());
    error
}

fn id(members: &Members<'_>) -> Result<Option<MessageId>, ConfigError> {
    let Some(value) = find(members, "id") else {
        return Ok(None);
    };
    let id = MessageId::new(&value.string()?);
    id.map(Some).map_err(|error| value.error(error.to_string()))
}

fn reason(members: &Members<'_>) -> Result<Option<String>, ConfigError> {
    find(members, "reason").map(Value::string).transpose()
}

fn request(members: &Members<'_>) -> Result<Request, ConfigError> {
    let Some(value) = find(members, "type") else {
        let mut error = ConfigError::whole(
            "the key is missing; it says what is asked, as in {\"type\": \"RESTART-ALL\"}",
        );
        error.key = Some("type".to_owned());
        return Err(error);
    };
    let kind = value.string()?;
    match kind.as_str() {
        "RESTART" => Ok(Request::Restart(Target::Name(name(members, &kind)?))),
        "RESTART-ALL" => Ok(Request::Restart(Target::All)),
        "RESTART-GROUP" => Ok(Request::Restart(Target::Group(group(members, &kind)?))),
        "START" => Ok(Request::Start(target(members, &kind)?)),
        "STOP" => Ok(Request::Stop(target(members, &kind)?)),
        "RELOAD" => Ok(Request::Reload(target(members, &kind)?)),
        "SIGNAL" => Ok(Request::Signal(
            target(members, &kind)?,
            signal(members, &kind)?,
        )),
        "RESCAN" => Ok(Request::Rescan),
        "SHUTDOWN" => Ok(Request::Shutdown),
        "DETACH" => Ok(Request::Detach),
        "UPGRADE" => Ok(Request::Upgrade),
        _ => Err(value.error(format!("there is no message of type {kind:?}"))),
    }
}

fn name(members: &Members<'_>, kind: &str) -> Result<ProgramName, ConfigError> {
    let value = find(members, "name").ok_or_else(|| missing("name", kind))?;
    ProgramName::parse(&value.string()?).map_err(|error| value.error(error.to_string()))
}

fn group(members: &Members<'_>, kind: &str) -> Result<String, ConfigError> {
    find(members, "group")
        .ok_or_else(|| missing("group", kind))?
        .string()
}

fn target(members: &Members<'_>, kind: &str) -> Result<Target, ConfigError> {
    let all = match find(members, "all") {
        Some(value) => value.boolean()?,
        None => false,
    };
    match (find(members, "name"), find(members, "group"), all) {
        (Some(_), None, false) => name(members, kind).map(Target::Name),
        (None, Some(_), false) => group(members, kind).map(Target::Group),
        (None, None, true) => Ok(Target::All),
        (None, None, false) => Err(missing("name", kind)),
        (Some(value), _, _) | (None, Some(value), _) => {
            Err(value.error("give only one of \"name\", \"group\" and \"all\""))
        }
    }
}

fn signal(members: &Members<'_>, kind: &str) -> Result<Signal, ConfigError> {
    let value = find(members, "signal").ok_or_else(|| missing("signal", kind))?;
    if let Some(signal) = value.integer(1, 64).ok().and_then(Signal::from_number) {
        return Ok(signal);
    }
    let text = value.string()?;
    Signal::parse(&text).ok_or_else(|| value.error(format!("{text:?} is not a signal")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(text: &str) -> MessageError {
        Message::parse(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn every_request_reads_back() {
        let web = ProgramName::new("web").unwrap();
        let targets = [
            Target::Name(web),
            Target::Group("g".to_owned()),
            Target::All,
        ];
        let mut requests = vec![
            Request::Rescan,
            Request::Shutdown,
            Request::Detach,
            Request::Upgrade,
        ];
        for target in targets {
            requests.push(Request::Restart(target.clone()));
            requests.push(Request::Start(target.clone()));
            requests.push(Request::Stop(target.clone()));
            requests.push(Request::Reload(target.clone()));
            requests.push(Request::Signal(target, Signal::KILL));
        }
        for request in requests {
            let reason = Some("because \"so\"".to_owned());
            let message = Message {
                request,
                reason,
                id: Some(MessageId::new("a1").unwrap()),
            };
            assert_eq!(
                Message::parse(message.to_json().as_bytes()).unwrap(),
                message
            );
        }
    }

    #[test]
    fn messages_of_the_original_are_written_as_it_writes_them() {
        let name = ProgramName::new("web").unwrap();
        let restart = Message::new(Request::Restart(Target::Name(name)));
        assert_eq!(restart.to_json(), r#"{"name":"web","type":"RESTART"}"#);
    }

    #[test]
    fn what_is_no_message_is_said() {
        let cases = [
            ("{}", "type"),
            (r#"{"type": "RESTART"}"#, "name"),
            (r#"{"type": "RESTART", "name": "a/b"}"#, "name"),
            (r#"{"type": "RESTART-GROUP"}"#, "group"),
            (r#"{"type": "DANCE"}"#, "type"),
            (r#"{"type": 5}"#, "type"),
            (r#"{"type": "START"}"#, "name"),
            (r#"{"type": "START", "name": "a", "all": true}"#, "name"),
            (r#"{"type": "SIGNAL", "name": "a"}"#, "signal"),
            (
                r#"{"type": "SIGNAL", "name": "a", "signal": "X"}"#,
                "signal",
            ),
            (r#"{"type": "UPGRADES"}"#, "type"),
            (r#"{"type": "RESCAN", "id": "../x"}"#, "id"),
        ];
        for (text, key) in cases {
            assert_eq!(bad(text).error.key.as_deref(), Some(key), "{text}");
        }
        assert!(bad("").error.message.contains("empty"));
    }

    #[test]
    fn what_may_still_be_written_is_told_from_what_is_wrong() {
        for text in ["", " ", "{", r#"{"type": "RES"#] {
            assert!(Message::is_unfinished(text.as_bytes()), "{text:?}");
        }
        for text in ["x", "[]", "{}", r#"{"type": 5}"#, "{]"] {
            assert!(!Message::is_unfinished(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn the_sender_of_a_bad_message_is_known_where_it_can_be() {
        let id = bad(r#"{"type": "DANCE", "id": "x7"}"#).id;
        assert_eq!(id.map(String::from), Some("x7".to_owned()));
    }

    #[test]
    fn a_reply_of_an_earlier_monitor_reads() {
        let text = r#"{"id": "x", "ok": true, "error": null, "programs": ["web"]}"#;
        let reply: Reply = serde_json::from_str(text).unwrap();
        assert_eq!((reply.heard, reply.generations.len()), (0, 0));
        assert!(!serde_json::to_string(&reply).unwrap().contains("gener"));
    }
}
