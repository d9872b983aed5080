//! Runs a command again and again. See [`ncolony_sidecars::scheduler`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ncolony_sidecars::scheduler::main()
}
