//! `add`: write the file of a program, new or changed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ncolony_core::Descriptor;
use ncolony_core::ctllib::{self, Program};
use ncolony_core::descriptor::FILE_BYTES_MAX;
use ncolony_core::files::read_regular;
use ncolony_core::status::content_digest;
use serde_json::{Map, Value, json};

use crate::act::{Patience, conclude, print_records};
use crate::cli::AddArgs;
use crate::doubts;
use crate::effect::Goal;
use crate::ending::{Ending, Failure};
use crate::records;
use crate::selection::numbered;
use crate::session::Session;
use crate::watch::{Watched, effects};

pub(super) fn run(session: &mut Session<'_>, args: &AddArgs) -> Result<Ending, Failure> {
    let Some(name) = args.name() else {
        return Err(Failure::usage("the name of the program is missing"));
    };
    let program = program(args)?;
    let text = program.to_json();
    let instances = Descriptor::parse(text.as_bytes()).map_or(1, |file| file.instances);
    let mut watched = Vec::new();
    for name in numbered(name, instances) {
        let before = match session.monitor {
            Some(_) => records::program(&session.places, name.as_str())?,
            None => None,
        };
        let goal = Goal::Added {
            digest: content_digest(text.as_bytes()),
            error_before: before.and_then(|record| record.status.config_error),
        };
        watched.push(Watched { name, goal });
    }
    let path = ctllib::add(&session.places, name, &program)?;
    for warning in doubts::about(&text) {
        session
            .report
            .talk(&format!("ncolony-ctl: warning: {warning}"));
    }
    if session.monitor.is_none() {
        session.report.talk(&format!(
            "no monitor is alive; {} was written, and the next one will start it",
            path.display()
        ));
    }
    if session.monitor.is_none() || Patience::from(args.wait) == Patience::DoesNotWait {
        print_records(session, &[], std::iter::empty());
        return Ok(Ending::Done);
    }
    let outcomes = effects(session, watched)?;
    Ok(conclude(session, &[], &outcomes))
}

/// The file that the flags describe: the flags, then the extras over them, then single keys.
fn program(args: &AddArgs) -> Result<Program, Failure> {
    let mut program = Program::new(&args.cmd);
    for arg in &args.args {
        program = program.arg(arg);
    }
    for (key, value) in &args.env {
        program = program.env(key, value);
    }
    for key in &args.env_inherit {
        program = program.env_inherit(key);
    }
    for group in &args.groups {
        program = program.group(group);
    }
    if let Some(uid) = args.uid {
        program = program.set("uid", json!(uid));
    }
    if let Some(gid) = args.gid {
        program = program.set("gid", json!(gid));
    }
    if let Some(extras) = &args.extras {
        for (key, value) in read_extras(extras)? {
            program = program.set(key, value);
        }
    }
    for (key, value) in &args.set {
        program = program.set(key, value.clone());
    }
    Ok(program)
}

/// The value of `--extras`: JSON where it begins with a brace, else the path of a file with it.
fn read_extras(extras: &OsStr) -> Result<Map<String, Value>, Failure> {
    let wrong = |what: String| Failure::usage(format!("--extras: {what}; nothing was written"));
    let (bytes, from) = if extras.as_bytes().trim_ascii_start().starts_with(b"{") {
        (extras.as_bytes().to_vec(), "its value".to_owned())
    } else {
        let path = Path::new(extras);
        let bytes = read_regular(path, FILE_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
        (bytes, path.display().to_string())
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_),
        ) => Err(wrong(format!("{from} is not a JSON object"))),
        Err(error) => Err(wrong(format!("{from} is not valid JSON: {error}"))),
    }
}
