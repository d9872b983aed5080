//! A scheduler that a test plays with. Nothing here waits for a time, only for what is to happen,
//! and not for ever.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Whatever takes longer is not going to happen.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running scheduler and the lines that it has printed.
pub(crate) struct Scheduler {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

/// The command line of a period.
pub(crate) fn every(frequency: &str, timeout: &str, grace: &str) -> Vec<String> {
    let words = [
        "--frequency",
        frequency,
        "--timeout",
        timeout,
        "--grace",
        grace,
    ];
    words.map(str::to_owned).to_vec()
}

impl Scheduler {
    /// One that runs this in a shell.
    pub(crate) fn of_script(options: &[String], script: &str) -> Self {
        let script = ["--", "sh", "-c", script].map(str::to_owned);
        Self::new(&[options, &script].concat())
    }

    /// One with these words on its command line.
    pub(crate) fn new(words: &[String]) -> Self {
        Self::with_variables(words, &[])
    }

    /// The same, with these variables in its environment.
    pub(crate) fn with_variables(words: &[String], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ncolony-scheduler"));
        command
            .args(words)
            .envs(variables.iter().copied())
            .stdin(Stdio::null());
        Self::of_command(command)
    }

    /// One that runs this, in a session of its own; with a terminal, that is the session's.
    pub(crate) fn in_session(options: &[String], script: &str, terminal: Option<OwnedFd>) -> Self {
        let mut command = Command::new("setsid");
        if terminal.is_some() {
            command.arg("--ctty");
        }
        command
            .arg(env!("CARGO_BIN_EXE_ncolony-scheduler"))
            .args(options)
            .args(["--", "sh", "-c", script])
            .stdin(terminal.map_or_else(Stdio::null, Stdio::from));
        Self::of_command(command)
    }

    fn of_command(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (give, lines) = channel();
        read(child.stdout.take().unwrap(), give.clone());
        read(child.stderr.take().unwrap(), give);
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// The next line that contains this.
    #[track_caller]
    pub(crate) fn line(&mut self, wanted: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(wanted) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no line has {wanted:?}: {:#?}", self.seen)
                }
            }
        }
    }

    /// A number that a run prints behind this word.
    #[track_caller]
    pub(crate) fn number(&mut self, word: &str) -> i32 {
        let line = self.line(word);
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// All lines that have been looked at.
    pub(crate) fn seen(&self) -> &[String] {
        &self.seen
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Its end, and the lines that are left.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = until(|| child.try_wait().unwrap());
        while let Ok(line) = self.lines.recv_timeout(DEADLINE) {
            self.seen.push(line);
        }
        status
    }
}

/// Gives the lines of an output, from a thread of its own.
fn read(output: impl Read + Send + 'static, give: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
            if give.send(line).is_err() {
                return;
            }
        }
    });
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // Told twice it leaves nothing of its run behind. It may have ended already.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::SIGTERM);
            self.signal(Signal::SIGINT);
        }
        let _gone = self.child.wait();
    }
}

/// Waits for this to be so.
#[track_caller]
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    let mut pause = Duration::from_micros(100);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it has not happened");
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// The state of a process, as `R`, `S`, `T`; none if it is gone or dead.
pub(crate) fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    (!"ZX".contains(state)).then_some(state)
}

/// Waits until this process is gone.
#[track_caller]
pub(crate) fn gone(pid: i32) {
    until(|| state(pid).is_none().then_some(()));
}
