//! The only place that prints: what runs print, and what is said about them.

use std::io::{self, Write};

/// Which of its outputs a run has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A line of a run, as `[1] line` or `[2] line`.
pub(crate) fn line(source: Source, line: &[u8]) {
    let before: &[u8] = match source {
        Source::Out => b"[1] ",
        Source::Err => b"[2] ",
    };
    print(&[before, line, b"\n"].concat());
}

/// A sentence about runs.
pub(crate) fn say(words: &str) {
    print(format!("[scheduler] {words}\n").as_bytes());
}

/// Runs go on when nobody reads what is printed, so a failure changes nothing.
fn print(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let _nobody_reads = out.write_all(bytes).and_then(|()| out.flush());
}

/// What keeps this program from beginning.
pub(crate) fn failure(words: &str) {
    let _nobody_reads = writeln!(io::stderr().lock(), "ncolony-scheduler: {words}");
}
