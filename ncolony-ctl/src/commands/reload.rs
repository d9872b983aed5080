//! `reload`: send programs the signal that tells them to read their own configuration again.

use ncolony_core::Request;

use super::signal;
use crate::cli::TargetArgs;
use crate::ending::{Ending, Failure};
use crate::session::Session;

pub(super) fn run(session: &mut Session<'_>, args: &TargetArgs) -> Result<Ending, Failure> {
    signal::send(
        session,
        "reload",
        "its reload signal",
        args,
        Request::Reload,
    )
}
