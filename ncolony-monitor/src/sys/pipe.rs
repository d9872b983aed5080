//! Pipes for programs.

use std::fs::File;
use std::io::{self, PipeReader};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// A pipe for what a child answers. Its reading end does not wait.
pub(crate) fn for_answer() -> io::Result<(PipeReader, File)> {
    let (reader, writer) = io::pipe()?;
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader, File::from(OwnedFd::from(writer))))
}

/// A standard input that nobody writes to and that never ends, also when we are gone: a pipe whose
/// only holder has it open for both. One page is room enough for nothing.
pub(crate) fn for_endless_input() -> io::Result<File> {
    let (reader, _writer) = io::pipe()?;
    let both = File::options()
        .read(true)
        .write(true)
        .open(format!("/proc/self/fd/{}", reader.as_raw_fd()))?;
    // A smaller pipe leaves more of a user's share to the pipes that carry something. It is no
    // loss if the kernel does not want to.
    let _smaller = fcntl(&both, FcntlArg::F_SETPIPE_SZ(4096));
    Ok(both)
}
