//! The monitor, built to die where a test wants it to: see `crash_point` in the library.

use std::process::ExitCode;

#[path = "main.rs"]
mod monitor;

fn main() -> ExitCode {
    monitor::main()
}
