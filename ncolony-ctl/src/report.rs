//! The only place that prints. Data goes to standard output, as text or as JSON and never as a
//! mixture; talk goes to standard error.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use ncolony_core::errno;
use ncolony_core::status::SCHEMA;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;
use serde_json::value::RawValue;
use terminal_size::{Width, terminal_size_of};

use crate::ending::{Ending, Failure};
use crate::interruption::Interruption;
use crate::table::Table;

/// What a command that acts prints as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Acted<'a> {
    schema: u32,
    ok: bool,
    error: Option<&'a str>,
    programs: Vec<&'a RawValue>,
}

impl<'a> Acted<'a> {
    /// What has become of these programs; it is a success if there is no error.
    pub(crate) fn new(error: Option<&'a str>, programs: Vec<&'a RawValue>) -> Self {
        Self {
            schema: SCHEMA,
            ok: error.is_none(),
            error,
            programs,
        }
    }
}

/// Where a command says things.
pub(crate) struct Report {
    json: bool,
    out: AutoStream<io::Stdout>,
    talk: AutoStream<io::Stderr>,
    /// The first thing that went wrong with standard output.
    broken: Option<io::Error>,
}

impl Report {
    /// A report on standard output and standard error, as JSON or for people.
    pub(crate) fn new(json: bool, color: ColorChoice) -> Self {
        Self {
            json,
            out: AutoStream::new(io::stdout(), color),
            talk: AutoStream::new(io::stderr(), color),
            broken: None,
        }
    }

    /// Whether data is wanted as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a line of data, where it is wanted as text.
    pub(crate) fn line(&mut self, line: &str) {
        if !self.json {
            self.print(line);
        }
    }

    /// Prints bytes as they are, where data is wanted as text.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.json || self.broken.is_some() {
            return;
        }
        // Not through `out`: what belongs to a program is not searched for colours.
        if let Err(error) = io::stdout().write_all(bytes) {
            self.broken = Some(error);
        }
    }

    /// Hands over what was printed so far.
    pub(crate) fn flush(&mut self) {
        if let Err(error) = self.out.flush() {
            self.broken.get_or_insert(error);
        }
    }

    /// Hands over what was printed so far, waits, and says whether there is still a reader and
    /// nobody has interrupted.
    pub(crate) fn pause(&mut self, span: Duration, interruption: &Interruption) -> bool {
        self.flush();
        let stdout = io::stdout();
        // No event is asked for: an error, such as a reader that went away, is always told.
        let mut watched = [
            PollFd::new(stdout.as_fd(), PollFlags::empty()),
            PollFd::new(interruption.as_fd(), PollFlags::POLLIN),
        ];
        let timeout = PollTimeout::try_from(span).unwrap_or(PollTimeout::MAX);
        let is_over = poll(&mut watched, timeout).is_ok_and(|events| events > 0);
        self.broken.is_none() && !is_over
    }

    /// Prints a table, where data is wanted as text. It fits the terminal, where there is one.
    pub(crate) fn table<const N: usize>(&mut self, table: &Table<N>) {
        let width = if io::stdout().is_terminal() {
            terminal_size_of(io::stdout()).map(|(Width(width), _)| usize::from(width))
        } else {
            None
        };
        for line in table.lines(width) {
            self.line(&line);
        }
    }

    /// Prints the one document, or the next of a stream, where data is wanted as JSON.
    pub(crate) fn document(&mut self, document: &impl Serialize) {
        if !self.json {
            return;
        }
        match serde_json::to_string(document) {
            Ok(text) => self.print(&text),
            Err(error) => self.broken = Some(error.into()),
        }
    }

    /// Says something to whoever looks on.
    pub(crate) fn talk(&mut self, line: &str) {
        // If nobody can be told, nobody can be told that either.
        drop(writeln!(self.talk, "{line}"));
    }

    /// Says why the command ended early.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        self.talk(&format!("ncolony-ctl: {failure}"));
        self.document(&Acted::new(Some(&failure.message), Vec::new()));
    }

    /// Hands everything over.
    ///
    /// # Errors
    /// Data was lost, and somebody was there to read it.
    pub(crate) fn finish(&mut self) -> Result<(), ()> {
        self.flush();
        match self.broken.take() {
            // Who closed the pipe has read enough.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let why = errno::in_words(&error);
                self.talk(&format!(
                    "ncolony-ctl: cannot write to standard output: {why}"
                ));
                Err(())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn print(&mut self, line: &str) {
        if self.broken.is_none()
            && let Err(error) = writeln!(self.out, "{line}")
        {
            self.broken = Some(error);
        }
    }
}

/// Prints what is wrong with a command line, or the help that it asked for; gives the exit status,
/// `wrong` where it makes no sense.
pub(crate) fn usage(error: &clap::Error, wrong: Ending) -> u8 {
    let printed = error.print();
    let is_lost = printed.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
    match error.exit_code() {
        0 if is_lost => Ending::Failed.code(),
        0 => Ending::Done.code(),
        _ => wrong.code(),
    }
}
