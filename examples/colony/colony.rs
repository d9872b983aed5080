//! The colony itself: a monitor, and the files that say what it runs.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use ncolony_core::ctllib::{self, Program};
use ncolony_core::{Places, ProgramName};
use ncolony_monitor::{Monitor, Settings};
use serde_json::{Map, Value, json};

/// The colony's files, as they are in this directory.
const PROGRAMS: [(&str, &str); 3] = [
    ("web", include_str!("programs/web.json")),
    ("clock", include_str!("programs/clock.json")),
    ("crash", include_str!("programs/crash.json")),
];

/// Where the web server listens if nobody else does.
const USUAL_PORT: u16 = 8080;

/// Runs the colony until Ctrl-C.
pub(crate) fn run(root: &Path) -> Result<(), Box<dyn Error>> {
    let settings = Settings::at_root(root);
    let places = settings.places.clone();
    // From here on nobody else has a monitor here, and nothing runs yet.
    let monitor = Monitor::start(settings)?;
    let port = free_port()?;
    for (name, text) in PROGRAMS {
        let program = program(text, &places, port)?;
        ctllib::add(&places, &ProgramName::new(name)?, &program)?;
    }
    introduce(root, port)?;
    monitor.run()?;
    writeln!(io::stdout(), "Everything has stopped.")?;
    Ok(())
}

/// A program as its file describes it, except for what only this run knows.
fn program(text: &str, places: &Places, port: u16) -> Result<Program, Box<dyn Error>> {
    let mut keys: Map<String, Value> = serde_json::from_str(text)?;
    if let Some(args) = keys.get_mut("args") {
        args[0] = json!(env::current_exe()?);
    }
    if let Some(env) = keys.get_mut("env") {
        env["PORT"] = json!(port.to_string());
        env["STATUS"] = json!(places.status);
    }
    let unnamed = Program::new("");
    Ok(keys
        .into_iter()
        .fold(unnamed, |program, (key, value)| program.set(key, value)))
}

/// The usual port if it is free, else any other. Nobody listens on it when this returns, so that
/// the web server can.
fn free_port() -> io::Result<u16> {
    let usual = TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT));
    let listener = usual.or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}

fn introduce(root: &Path, port: u16) -> io::Result<()> {
    let shown = env::current_dir()
        .ok()
        .and_then(|here| root.strip_prefix(here).ok())
        .unwrap_or(root)
        .display();
    writeln!(
        io::stdout(),
        "A web server, a clock and a program that crashes are kept in {shown}.

  In a browser:     http://127.0.0.1:{port}/
  What runs:        cargo run -q -p ncolony-ctl -- --root {shown} status
  What they print:  {shown}/logs
  What should run:  {shown}/config

Ctrl-C ends all of it."
    )
}
