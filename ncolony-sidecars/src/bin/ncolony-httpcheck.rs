//! `ncolony-httpcheck`: restarts programs whose servers do not answer.

use std::process::ExitCode;

fn main() -> ExitCode {
    ncolony_sidecars::httpcheck::main()
}
