//! Leaving the caller: it waits until the colony is up, or is told why it is not.

use std::io::{Read, Write, stderr};
use std::process::ExitCode;

use crate::sys::daemon::{Side, leave};
use crate::sys::errno;

/// What the daemon says first when it is up. Anything else is the reason why it is not.
const UP: u8 = b'+';

/// Which part of the process one is after [`crate::Options::part`].
#[derive(Debug)]
pub enum Part {
    /// The only one: nothing was to be left.
    Stays,
    /// That of the caller, who has his answer: the process is to exit with this.
    Caller(ExitCode),
    /// The daemon, whose caller waits for a word.
    Daemon(Verdict),
}

/// The word that the caller waits for. If it goes without one, the caller is told that the monitor
/// has ended.
#[derive(Debug)]
pub struct Verdict(std::io::PipeWriter);

impl Verdict {
    /// The colony is up.
    pub fn up(self) {
        self.say(&[UP]);
    }

    /// The colony is not, and will not be.
    pub fn failed(self, why: &str) {
        self.say(why.as_bytes());
    }

    fn say(mut self, word: &[u8]) {
        // A caller that has gone does not want to know.
        let _heard = self.0.write_all(word);
    }
}

/// Parts from the caller.
///
/// # Errors
/// A sentence: no process could be made.
pub(crate) fn part() -> Result<Part, String> {
    let side =
        leave().map_err(|error| format!("cannot leave its caller: {}", errno::of(&error)))?;
    Ok(match side {
        Side::Daemon(pipe) => Part::Daemon(Verdict(pipe)),
        Side::Caller(pipe) => Part::Caller(answer(pipe)),
    })
}

/// Waits for the word, and passes it on.
fn answer(mut pipe: impl Read) -> ExitCode {
    let mut word = Vec::new();
    // What cannot be read was not said.
    let _end = pipe.read_to_end(&mut word);
    if word.first() == Some(&UP) {
        return ExitCode::SUCCESS;
    }
    let said = String::from_utf8_lossy(&word);
    let why = if said.is_empty() {
        "the monitor ended before the colony was up; its log may say why"
    } else {
        &said
    };
    // Nobody else is left who could be told.
    let _told = writeln!(stderr(), "ncolony-monitor: {why}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_itself_is_a_success() {
        let success = format!("{:?}", ExitCode::SUCCESS);
        let answered = |word: &[u8]| format!("{:?}", answer(word));
        assert_eq!(answered(b"+"), success);
        assert_ne!(answered(b""), success);
        assert_ne!(answered(b"it cannot"), success);
    }
}
