//! A colony with all companions: programs that fall silent or hang after a while, and those that
//! notice it.
//!
//! `cargo run -p ncolony-sidecars --example companions` starts it and says where to look; Ctrl-C
//! ends it and everything in it. The monitor is inside this program. All that it runs is this
//! program too: it is linked into the colony's `bin` under many names, and is what it is called, so
//! that nothing has to be installed and the files in `programs/` read as yours would. `--root DIR`
//! puts the colony elsewhere than `target/companions`.

mod colony;
mod web;
mod worker;

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The names that this program can be called by.
const NAMES: [&str; 6] = [
    "ncolony-beatcheck",
    "ncolony-httpcheck",
    "ncolony-scheduler",
    "worker",
    "web",
    "greeting",
];

fn main() -> ExitCode {
    let mut words = std::env::args();
    let called = words.next().unwrap_or_default();
    let name = Path::new(&called)
        .file_name()
        .and_then(|name| name.to_str());
    let words: Vec<String> = words.collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match name {
        Some("ncolony-beatcheck") => return ncolony_sidecars::beatcheck::main(),
        Some("ncolony-httpcheck") => return ncolony_sidecars::httpcheck::main(),
        Some("ncolony-scheduler") => return ncolony_sidecars::scheduler::main(),
        Some("worker") => worker::run(&words),
        Some("web") => web::run(&words),
        Some("greeting") => greet(),
        Some(_) | None => root(&words).and_then(|root| colony::run(&root)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nowhere else to say it when standard error is gone as well.
            let _said = writeln!(io::stderr(), "{}: {error}", name.unwrap_or("companions"));
            ExitCode::FAILURE
        }
    }
}

fn root(words: &[&str]) -> Result<PathBuf, Box<dyn Error>> {
    match words {
        [] => Ok(Path::new(env!("CARGO_MANIFEST_DIR"))
            .with_file_name("target")
            .join("companions")),
        ["--root", root] => Ok(std::path::absolute(root)?),
        _ => Err(format!("{words:?} is not understood; say nothing, or --root DIR").into()),
    }
}

/// What the scheduler runs.
fn greet() -> Result<(), Box<dyn Error>> {
    writeln!(io::stdout(), "hello")?;
    Ok(())
}
