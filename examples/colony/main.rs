//! A colony that runs as it is: a small web server, a clock, and a program that crashes.
//!
//! `cargo run --example colony` starts it and says where to look; Ctrl-C ends it and everything in
//! it. The monitor is inside this program. The three programs are this program too, called with
//! another word, so that nothing has to be installed: what runs is said by the files in
//! `programs/`, which are copied into the colony with this program's path in place of the word
//! `colony`. `--root DIR` puts the colony elsewhere than `target/colony`.

mod clock;
mod colony;
mod crash;
mod web;

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What this program was called to be.
enum Role {
    Colony { root: PathBuf },
    Web,
    Clock,
    Crash,
}

fn role(words: &[String]) -> Result<Role, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(Role::Colony {
            root: Path::new(env!("CARGO_MANIFEST_DIR")).join("target/colony"),
        }),
        ["--root", root] => Ok(Role::Colony { root: root.into() }),
        ["web"] => Ok(Role::Web),
        ["clock"] => Ok(Role::Clock),
        ["crash"] => Ok(Role::Crash),
        _ => Err(format!(
            "{words:?} is not understood; say nothing, --root DIR, web, clock or crash"
        )),
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done: Result<ExitCode, Box<dyn Error>> = match role(&words) {
        Err(error) => Err(error.into()),
        Ok(Role::Colony { root }) => colony::run(&root).map(|()| ExitCode::SUCCESS),
        Ok(Role::Web) => web::run().map(|()| ExitCode::SUCCESS),
        Ok(Role::Clock) => clock::run().map(|()| ExitCode::SUCCESS),
        Ok(Role::Crash) => crash::run(),
    };
    done.unwrap_or_else(|error| {
        // There is nowhere else to say it when standard error is gone as well.
        let _said = writeln!(io::stderr(), "colony: {error}");
        ExitCode::FAILURE
    })
}
