//! Starting a binary that is asked something: a child that is no program's.

use std::os::fd::BorrowedFd;

use super::account::Credentials;
use super::exec::Successor;
use super::spawn::Launch;
use super::spawn::granted::Granted;

/// Its standard input is what it is asked about, and both its outputs are its answer.
pub(crate) fn launch<'a>(
    successor: &Successor,
    question: BorrowedFd<'a>,
    answer: BorrowedFd<'a>,
) -> Launch<'a> {
    let (path, argv, envp) = successor.parts();
    Launch {
        candidates: vec![path.clone()],
        argv: argv.to_vec(),
        envp: envp.to_vec(),
        cwd: None,
        umask: None,
        credentials: Credentials {
            uid: None,
            gid: None,
            groups: None,
        },
        granted: Granted::nothing(),
        stdin: question,
        stdout: answer,
        stderr: answer,
        sockets: Vec::new(),
        dies_with_us: false,
    }
}
