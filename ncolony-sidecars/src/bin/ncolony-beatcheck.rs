//! `ncolony-beatcheck`: restarts programs whose hearts have stopped.

use std::process::ExitCode;

fn main() -> ExitCode {
    ncolony_sidecars::beatcheck::main()
}
