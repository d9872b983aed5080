//! The colony itself: a monitor, and the files that say what it runs.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::Path;

use ncolony_core::ProgramName;
use ncolony_core::ctllib::{self, Program};
use ncolony_monitor::{Monitor, Settings};
use serde_json::{Map, Value};

use crate::NAMES;

/// The colony's files, as they are in this directory.
const PROGRAMS: [(&str, &str); 7] = [
    ("beatcheck", include_str!("programs/beatcheck.json")),
    ("httpcheck", include_str!("programs/httpcheck.json")),
    ("greeter", include_str!("programs/greeter.json")),
    ("worker", include_str!("programs/worker.json")),
    ("stuck-worker", include_str!("programs/stuck-worker.json")),
    ("failing-web", include_str!("programs/failing-web.json")),
    ("hanging-web", include_str!("programs/hanging-web.json")),
];

/// What stands in these files for what only this run knows, and what it is.
type Words = [(&'static str, String); 3];

/// Runs the colony until Ctrl-C.
pub(crate) fn run(root: &Path) -> Result<(), Box<dyn Error>> {
    let settings = Settings::at_root(root);
    let places = settings.places.clone();
    // From here on nobody else has a monitor here, and nothing runs yet.
    let monitor = Monitor::start(settings)?;
    link_names(&root.join("bin"))?;
    fs::create_dir_all(root.join("hearts"))?;
    let [failing, hanging] = free_ports()?;
    let words = [
        ("{root}", root.display().to_string()),
        ("{failing port}", failing.to_string()),
        ("{hanging port}", hanging.to_string()),
    ];
    for (name, text) in PROGRAMS {
        ctllib::add(&places, &ProgramName::new(name)?, &program(text, &words)?)?;
    }
    introduce(root)?;
    monitor.run()?;
    writeln!(io::stdout(), "Everything has stopped.")?;
    Ok(())
}

/// Links this program under all its names.
fn link_names(directory: &Path) -> io::Result<()> {
    let own = env::current_exe()?;
    fs::create_dir_all(directory)?;
    for name in NAMES {
        let link = directory.join(name);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => symlink(&own, link)?,
        }
    }
    Ok(())
}

/// A program as its file describes it, with this run's words.
fn program(text: &str, words: &Words) -> Result<Program, Box<dyn Error>> {
    let keys: Map<String, Value> = serde_json::from_str(text)?;
    Ok(keys
        .into_iter()
        .fold(Program::new(""), |program, (key, value)| {
            program.set(key, put_in(value, words))
        }))
}

fn put_in(value: Value, words: &Words) -> Value {
    match value {
        Value::String(text) => {
            let put = |text: String, (word, meant): &(&str, String)| text.replace(word, meant);
            words.iter().fold(text, put).into()
        }
        Value::Array(all) => all.into_iter().map(|value| put_in(value, words)).collect(),
        Value::Object(all) => {
            let put = |(key, value)| (key, put_in(value, words));
            Value::Object(all.into_iter().map(put).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Two ports on which nobody listens when this returns, so that the web servers can.
fn free_ports() -> io::Result<[u16; 2]> {
    let listeners = [
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
    ];
    let [first, second] = &listeners;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}

fn introduce(root: &Path) -> io::Result<()> {
    let shown = env::current_dir()
        .ok()
        .and_then(|here| root.strip_prefix(here).ok())
        .unwrap_or(root)
        .display();
    writeln!(
        io::stdout(),
        "In {shown} a worker does its work, another one gets stuck, a web server hangs
after a while, another one answers with errors, and a greeter greets every 3 seconds. Whoever is
well no more is restarted within seconds, by beatcheck or by httpcheck.

  What happens:     cargo run -q -p ncolony-ctl -- --root {shown} events -f
  What runs:        cargo run -q -p ncolony-ctl -- --root {shown} status
  What they print:  {shown}/logs
  What should run:  {shown}/config

Ctrl-C ends all of it."
    )
}
