//! A program that has a monitor inside, on a thread of its own.
//!
//! `cargo run --example embed_monitor` keeps a colony in a temporary directory, changes what
//! should run, and ends it with a message, as a program would that supervises others as part of
//! its work. TERM and INT sent to it end the colony too: the monitor listens to them. It also takes
//! the end of every child of this process, so such a program starts none of its own beside it.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use ncolony_core::ctllib::{self, Program};
use ncolony_core::status::ProgramStatus;
use ncolony_core::{Message, Places, ProgramName, Request};
use ncolony_monitor::{Monitor, Settings};

const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

fn main() -> Result<(), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let mut settings = Settings::at_root(root.path());
    settings.defaults.killtime = Duration::from_secs(2);
    let places = settings.places.clone();
    let mut out = io::stdout();

    let monitor = Monitor::start(settings)?;
    let monitor = spawn(move || monitor.run());

    let name = ProgramName::new("greeter")?;
    let program = Program::new("/bin/sh")
        .arg("-c")
        .arg("echo \"$GREETING\"; read forever")
        .env("GREETING", "hello from inside");
    ctllib::add(&places, &name, &program)?;
    let line = wait_for("its first line", || first_line(&places, &name))?;
    writeln!(out, "it says: {line}")?;
    let pid = wait_for("its record", || process(&places, &name))?;
    writeln!(out, "it is process {pid}")?;

    ctllib::send(&places, &Message::new(Request::Shutdown))?;
    monitor.join().map_err(|_| "the monitor has panicked")??;
    writeln!(out, "the monitor has ended, and everything with it")?;
    Ok(())
}

/// The first line in a program's log.
fn first_line(places: &Places, name: &ProgramName) -> Option<String> {
    let text = fs::read_to_string(places.program_log(name.as_str())?).ok()?;
    let (line, _) = text.split_once('\n')?;
    Some(line.to_owned())
}

/// The process that a program runs as. A record is written a moment after the start that it tells
/// of, and always whole.
fn process(places: &Places, name: &ProgramName) -> Option<u32> {
    let bytes = fs::read(places.program_status(name.as_str())).ok()?;
    serde_json::from_slice::<ProgramStatus>(&bytes).ok()?.pid
}

/// Looks until there is something.
fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> Result<T, String> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(found) = look() {
            return Ok(found);
        }
        sleep(BETWEEN_LOOKS);
    }
    Err(format!("{what} did not come within {PATIENCE:?}"))
}
