//! Starting a binary that is asked something: a child that is no program's.

use std::fs::File;
use std::sync::Arc;

use super::account::Credentials;
use super::exec::Successor;
use super::spawn::granted::Granted;
use super::spawn::{Launch, Streams};

/// Its standard input is what it is asked about, and both its outputs are its answer.
pub(crate) fn launch(successor: &Successor, question: File, answer: File) -> Launch<'static> {
    let answer = Arc::new(answer);
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
        streams: Streams {
            stdin: Arc::new(question),
            stdout: Arc::clone(&answer),
            stderr: answer,
        },
        sockets: Vec::new(),
        dies_with_us: false,
    }
}
