//! A command that goes on until it is interrupted.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::Signal;

use crate::colony::Colony;
use crate::processes;

/// A command of `ncolony-ctl` that goes on, and ends with the test.
pub(crate) struct Following {
    child: Child,
    reader: BufReader<ChildStdout>,
}

impl Following {
    pub(crate) fn begin(colony: &Colony, words: &[&str]) -> Self {
        let ctl = colony.ctl_command(words);
        // A shell in the background has its children ignore what Ctrl-C sends.
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(ctl.get_program());
        command.args(ctl.get_args()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let reader = BufReader::new(child.stdout.take().unwrap());
        Self { child, reader }
    }

    /// The next line, which is waited for.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        processes::signal(self.child.id(), Signal::SIGINT);
    }

    /// Which signal has ended it; it is waited for.
    pub(crate) fn ended_by(&mut self) -> Option<i32> {
        self.child.wait().unwrap().signal()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
