//! A program that drives a colony through the library: it adds a program, restarts it, removes it.
//!
//! `cargo run --example embed_ctllib -- DIR`, where a monitor runs: `cargo run -p ncolony-monitor
//! -- --root DIR`. The library writes files and needs no monitor for that. What came of them is
//! read from the monitor's records.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ncolony_core::ctllib::{self, Program};
use ncolony_core::places::{Caller, PlaceFlags, Surroundings};
use ncolony_core::status::{ProgramStatus, State};
use ncolony_core::{Places, ProgramName};

const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

fn main() -> Result<(), Box<dyn Error>> {
    let root = env::args_os()
        .nth(1)
        .ok_or("say in which directory the monitor runs")?;
    let flags = PlaceFlags {
        root: Some(root.into()),
        ..PlaceFlags::default()
    };
    let around = Surroundings {
        variable: &|name| env::var_os(name),
        caller: Caller::User,
        current_dir: env::current_dir()?,
    };
    let places = Places::resolve(&flags, &around)?;
    let name = ProgramName::new("sleeper")?;
    let mut out = io::stdout();

    let program = Program::new("sleep").arg("1000000").group("examples");
    let file = ctllib::add(&places, &name, &program)?;
    let first = wait_for(&places, &name, "start", process_that_runs)?;
    writeln!(out, "{} runs as process {first}", file.display())?;

    ctllib::restart(&places, &name)?;
    let second = wait_for(&places, &name, "start again", |record| {
        process_that_runs(record).filter(|pid| *pid != first)
    })?;
    writeln!(out, "restarted, it is process {second}")?;

    ctllib::remove(&places, &name)?;
    wait_for(&places, &name, "go", |record| {
        record.is_none().then_some(())
    })?;
    writeln!(out, "removed, it is gone")?;
    Ok(())
}

fn process_that_runs(record: Option<&ProgramStatus>) -> Option<u32> {
    record
        .filter(|record| matches!(record.state, State::Starting | State::Running))
        .and_then(|record| record.pid)
}

/// Looks at the program's record until `found` gives something.
fn wait_for<T>(
    places: &Places,
    name: &ProgramName,
    what: &str,
    found: impl Fn(Option<&ProgramStatus>) -> Option<T>,
) -> Result<T, Box<dyn Error>> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(value) = found(record(places, name)?.as_ref()) {
            return Ok(value);
        }
        sleep(BETWEEN_LOOKS);
    }
    Err(format!(
        "{name} did not {what} within {PATIENCE:?}; does a monitor run in {}?",
        places.status.display()
    )
    .into())
}

/// What the monitor says of a program. There is no record of a program that it does not know.
fn record(places: &Places, name: &ProgramName) -> Result<Option<ProgramStatus>, Box<dyn Error>> {
    match fs::read(places.program_status(name.as_str())) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
