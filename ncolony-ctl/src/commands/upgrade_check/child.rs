//! A child process that is asked for something and must answer in time.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// More than any answer has.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Between two looks at a child that has closed its output and not ended yet.
const INTERVAL: Duration = Duration::from_millis(2);

/// What a child said, and how it ended.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Why a child gave no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// It could not be started.
    NotStarted(io::Error),
    /// It had not ended in time, and was killed with all that it had started.
    TooLate,
}

/// Which of the two outputs was read to its end, and what it held.
type Output = (Stream, Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Out,
    Error,
}

/// Runs a command to its end, without input, and gives what it printed.
///
/// # Errors
/// It cannot be started, or `limit` has passed.
pub(super) fn ask(command: &mut Command, limit: Duration) -> Result<Answer, NoAnswer> {
    let deadline = Instant::now() + limit;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What it starts can be ended together with it.
        .process_group(0)
        .spawn()
        .map_err(NoAnswer::NotStarted)?;
    let outputs = read_outputs(&mut child);
    let answer = collect(&mut child, &outputs, deadline);
    if answer.is_none() {
        end(&mut child);
    }
    answer.ok_or(NoAnswer::TooLate)
}

/// Reads both outputs at once: a child that fills one of them must not wait for the other.
fn read_outputs(child: &mut Child) -> Receiver<Output> {
    let (sender, receiver) = channel();
    let readers: [(Stream, Option<Box<dyn Read + Send>>); 2] = [
        (
            Stream::Out,
            child.stdout.take().map(|out| Box::new(out) as _),
        ),
        (
            Stream::Error,
            child.stderr.take().map(|out| Box::new(out) as _),
        ),
    ];
    for (stream, reader) in readers {
        let Some(reader) = reader else { continue };
        let sender = sender.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before an error is still what was said.
            drop(reader.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes));
            // Nobody listens any more when time was up.
            drop(sender.send((stream, bytes)));
        });
    }
    receiver
}

/// Waits for both outputs and the end. `None`: time is up.
fn collect(child: &mut Child, outputs: &Receiver<Output>, deadline: Instant) -> Option<Answer> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match outputs.recv_timeout(left) {
            Ok((Stream::Out, bytes)) => stdout = bytes,
            Ok((Stream::Error, bytes)) => stderr = bytes,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => return None,
        }
    }
    loop {
        if let Some(status) = child.try_wait().ok()? {
            return Some(Answer {
                status,
                stdout,
                stderr,
            });
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(INTERVAL);
    }
}

/// Ends a child and all that it has started, and waits for it.
fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // It has not been waited for, so the number is still its own.
        let _all_gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_and_the_status_are_given() {
        let long = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 3";
        let answer = ask(&mut shell(long), Duration::from_secs(20)).unwrap();
        assert_eq!(answer.status.code(), Some(3));
        assert_eq!(
            (answer.stdout.len(), answer.stderr.len()),
            (300_000, 300_000)
        );
    }

    #[test]
    fn a_child_that_hangs_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let alive = dir.path().join("alive");
        let made = Command::new("mkfifo").arg(&alive).status().unwrap();
        assert!(made.success());
        // Read-write, so that neither side waits for the other to open it.
        let script = format!("sleep 1000 9<>'{}' & wait", alive.display());
        let begun = Instant::now();
        let answer = ask(&mut shell(&script), Duration::from_millis(200));
        assert!(matches!(answer, Err(NoAnswer::TooLate)), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(60));
        // Nobody has it open any more: a writer that does not wait finds no reader.
        let deadline = Instant::now() + Duration::from_secs(20);
        let opened = || {
            use std::os::unix::fs::OpenOptionsExt;
            let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
            std::fs::OpenOptions::new()
                .write(true)
                .custom_flags(flags)
                .open(&alive)
        };
        while opened().is_ok() {
            assert!(Instant::now() < deadline, "what it started is still there");
        }
    }

    #[test]
    fn what_cannot_be_started_is_said() {
        let answer = ask(&mut Command::new("/nosuch"), Duration::from_secs(20));
        assert!(matches!(answer, Err(NoAnswer::NotStarted(_))), "{answer:?}");
    }
}
