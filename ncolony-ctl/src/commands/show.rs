//! `show`: a program's file with everything that it leaves out, and where each value comes from.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ncolony_core::descriptor::{Account, KEYS};
use ncolony_core::status::SCHEMA;
use ncolony_core::{Defaults, Descriptor, ProgramName};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::read_descriptor;
use crate::cli::ShowArgs;
use crate::ending::{Ending, Failure};
use crate::note::{ADOPTED, one_line};
use crate::records;
use crate::selection::{Existence, choose, processes};
use crate::session::Session;
use crate::table::Table;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Origin {
    /// The program's file.
    File,
    /// The monitor's flags, or what it takes without them.
    Monitor,
    /// What holds where nobody says anything.
    Default,
}

impl Origin {
    fn words(self) -> &'static str {
        match self {
            Self::File => "its file",
            Self::Monitor => "the monitor",
            Self::Default => "default",
        }
    }
}

/// The value of a key, and where it comes from.
#[derive(Debug, Serialize)]
struct Setting {
    #[serde(skip)]
    key: String,
    value: Value,
    origin: Origin,
}

/// A program's file, read and completed.
#[derive(Debug, Serialize)]
struct Shown {
    name: ProgramName,
    file: PathBuf,
    /// Whether its process was started by an earlier monitor.
    adopted: bool,
    #[serde(serialize_with = "by_key")]
    values: Vec<Setting>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    programs: &'a [Shown],
}

fn by_key<S: Serializer>(settings: &[Setting], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(settings.iter().map(|setting| (&setting.key, setting)))
}

pub(super) fn run(session: &mut Session<'_>, args: &ShowArgs) -> Result<Ending, Failure> {
    let words = std::slice::from_ref(&args.name);
    let names = choose(&session.places, words, Existence::FileOrRecord)?;
    // Instances have the file of their program.
    let names: BTreeSet<ProgramName> = names.iter().map(ProgramName::family).collect();
    let monitor = records::monitor(&session.places)?;
    let defaults = monitor.map(|record| record.status.defaults);
    let read = |name| read(session, name, defaults.as_ref());
    let programs = names.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for program in &programs {
        session.report.line(&heading(program));
        session.report.table(&table(program));
    }
    session.report.document(&Document {
        schema: SCHEMA,
        programs: &programs,
    });
    Ok(Ending::Done)
}

fn read(
    session: &Session<'_>,
    name: ProgramName,
    defaults: Option<&Defaults>,
) -> Result<Shown, Failure> {
    let (file, descriptor) = read_descriptor(&session.places, &name)?;
    let descriptor = descriptor.map_err(|error| {
        Failure::failed(format!(
            "{}: {error}; \"ncolony-ctl check\" shows the place",
            file.display()
        ))
    })?;
    let values = settings(&descriptor, defaults);
    let mut adopted = false;
    for process in processes(&session.places, std::slice::from_ref(&name))? {
        let record = records::program(&session.places, process.as_str())?;
        let status = record.map(|record| record.status);
        adopted |= status.is_some_and(|status| status.adopted && status.pid.is_some());
    }
    Ok(Shown {
        name,
        file,
        adopted,
        values,
    })
}

fn heading(program: &Shown) -> String {
    let adopted = if program.adopted {
        format!(" ({ADOPTED})")
    } else {
        String::new()
    };
    format!("{}: {}{adopted}", program.name, program.file.display())
}

fn table(program: &Shown) -> Table<3> {
    let mut table = Table::new(["KEY", "ORIGIN", "VALUE"]);
    for setting in &program.values {
        let value = one_line(&setting.value.to_string());
        table.push([
            setting.key.as_str().into(),
            setting.origin.words().into(),
            value.into(),
        ]);
    }
    table
}

/// Every key of ours, then the extras. A value that is null is left to the monitor's own process
/// (its user, its working directory), or is not in force.
fn settings(descriptor: &Descriptor, defaults: Option<&Defaults>) -> Vec<Setting> {
    // The file has just been found good, so its text is an object.
    let written: Map<String, Value> = serde_json::from_str(&descriptor.source).unwrap_or_default();
    let setting = |key: &str| {
        let (value, elsewhere) = effective(descriptor, key, defaults);
        let origin = if written.contains_key(key) {
            Origin::File
        } else {
            elsewhere
        };
        let key = key.to_owned();
        Setting { key, value, origin }
    };
    let extra = |(key, value): (&String, &Value)| Setting {
        key: key.clone(),
        value: value.clone(),
        origin: Origin::File,
    };
    let extras = descriptor.extras.iter().map(extra);
    KEYS.iter().map(|key| setting(key)).chain(extras).collect()
}

/// The value of a key, and where it comes from if the file does not say it.
fn effective(descriptor: &Descriptor, key: &str, defaults: Option<&Defaults>) -> (Value, Origin) {
    let from_monitor = if defaults.is_some() {
        Origin::Monitor
    } else {
        Origin::Default
    };
    let defaults = defaults.copied().unwrap_or_default();
    let span = |written: Option<Duration>, default: Duration| {
        (
            json!(written.unwrap_or(default).as_secs_f64()),
            from_monitor,
        )
    };
    let value = match key {
        "threshold" => return span(descriptor.threshold, defaults.threshold),
        "killtime" => return span(descriptor.killtime, defaults.killtime),
        "minrestartdelay" => return span(descriptor.minrestartdelay, defaults.minrestartdelay),
        "maxrestartdelay" => return span(descriptor.maxrestartdelay, defaults.maxrestartdelay),
        "args" => json!(descriptor.args),
        "env" => json!(descriptor.env),
        "env_inherit" => json!(descriptor.env_inherit),
        "uid" | "gid" | "user" => identity(descriptor, key),
        "group" => json!(descriptor.groups),
        "enabled" => json!(descriptor.enabled),
        "restart" => json!(descriptor.restart),
        "exit_codes" => json!(descriptor.exit_codes),
        "give_up_after" => json!(descriptor.give_up_after),
        "stop_signal" => json!(descriptor.stop_signal),
        "reload_signal" => json!(descriptor.reload_signal),
        "cwd" => json!(descriptor.cwd),
        "umask" => json!(descriptor.umask.map(|mask| format!("{mask:03o}"))),
        "nice" => json!(descriptor.limits.nice),
        "oom_score_adj" => json!(descriptor.limits.oom_score_adj),
        "rlimits" => json!(descriptor.limits.resources),
        "priority" => json!(descriptor.order.priority),
        "after" => json!(descriptor.order.after),
        "requires" => json!(descriptor.order.requires),
        "stdin" => json!(descriptor.stdin),
        "instances" => json!(descriptor.instances),
        "sockets" => json!(descriptor.sockets),
        "ready" => json!(descriptor.ready),
        "watchdog" => json!(descriptor.watchdog.map(|span| span.as_secs_f64())),
        "stdout" => json!(descriptor.stdout),
        "stderr" => json!(descriptor.stderr),
        _ => Value::Null,
    };
    (value, Origin::Default)
}

/// The user and the group, under the keys that the file says them with.
fn identity(descriptor: &Descriptor, key: &str) -> Value {
    let identity = &descriptor.identity;
    let by_name = identity.key.as_deref() == Some("user");
    match key {
        "user" if by_name => {
            let user = identity.user.as_ref().map(account).unwrap_or_default();
            let group = identity
                .group
                .as_ref()
                .map(|group| format!(":{}", account(group)));
            json!(format!("{user}{}", group.unwrap_or_default()))
        }
        "uid" if !by_name => json!(identity.user),
        "gid" if !by_name => json!(identity.group),
        _ => Value::Null,
    }
}

fn account(account: &Account) -> String {
    match account {
        Account::Id(id) => id.to_string(),
        Account::Name(name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, defaults: Option<&Defaults>) -> Value {
        let descriptor = Descriptor::parse(text.as_bytes()).unwrap();
        let settings = settings(&descriptor, defaults);
        by_key(&settings, serde_json::value::Serializer).unwrap()
    }

    #[test]
    fn every_key_has_a_value_and_an_origin() {
        let defaults = Defaults {
            killtime: Duration::from_secs(9),
            ..Defaults::default()
        };
        let text = r#"{"args": ["cat"], "threshold": 0.5, "stop_signal": "int", "x.y": [1]}"#;
        let shown = shown(text, Some(&defaults));
        let wanted = [
            ("args", json!(["cat"]), "file"),
            ("threshold", json!(0.5), "file"),
            ("killtime", json!(9.0), "monitor"),
            ("stop_signal", json!("SIGINT"), "file"),
            ("restart", json!("always"), "default"),
            ("exit_codes", json!([0]), "default"),
            ("cwd", Value::Null, "default"),
            ("stdout", json!("log"), "default"),
            ("stderr", json!("stdout"), "default"),
            ("x.y", json!([1]), "file"),
        ];
        for (key, value, origin) in wanted {
            assert_eq!(
                shown[key],
                json!({"value": value, "origin": origin}),
                "{key}"
            );
        }
        for key in KEYS {
            assert!(shown[key].is_object(), "{key}");
        }
    }

    #[test]
    fn without_a_monitor_its_values_are_the_defaults() {
        let shown = shown(r#"{"args": ["cat"]}"#, None);
        assert_eq!(
            shown["killtime"],
            json!({"value": 5.0, "origin": "default"})
        );
    }

    #[test]
    fn an_identity_stands_under_the_key_that_says_it() {
        let by_name = shown(r#"{"args": ["x"], "user": "www:7"}"#, None);
        assert_eq!(by_name["user"]["value"], "www:7");
        assert_eq!(by_name["uid"]["value"], Value::Null);
        let by_number = shown(r#"{"args": ["x"], "uid": 5}"#, None);
        assert_eq!(by_number["uid"], json!({"value": 5, "origin": "file"}));
        assert_eq!(by_number["user"]["value"], Value::Null);
    }

    #[test]
    fn no_key_of_ours_is_forgotten() {
        let every = r#"{"args": ["x"], "env": {}, "cwd": "/", "umask": "022", "give_up_after": 3, "priority": 7, "after": ["a"], "requires": ["b"], "sockets": [{"name": "web", "listen": "unix:///run/web"}], "ready": {"tcp": "localhost:80"}, "watchdog": 2}"#;
        let shown = shown(every, None);
        assert_eq!(shown["umask"]["value"], "022");
        assert_eq!(shown["give_up_after"]["value"], 3);
        assert_eq!(shown["cwd"]["value"], "/");
        assert_eq!(shown["priority"]["value"], 7);
        assert_eq!(shown["after"]["value"], json!(["a"]));
        assert_eq!(shown["requires"]["value"], json!(["b"]));
        let socket = json!([{"name": "web", "listen": "unix:///run/web", "mode": "0600"}]);
        assert_eq!(shown["sockets"]["value"], socket);
        let ready = json!({"tcp": "localhost:80", "timeout": 60.0, "interval": 1.0});
        assert_eq!(shown["ready"]["value"], ready);
        assert_eq!(shown["watchdog"]["value"], json!(2.0));
    }
}
