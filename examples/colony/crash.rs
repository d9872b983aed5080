//! A program that fails as soon as it is started, to show what becomes of such a one.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

pub(crate) fn run() -> Result<ExitCode, Box<dyn Error>> {
    writeln!(io::stderr(), "I crash: that is all I do")?;
    Ok(ExitCode::from(3))
}
