//! `stop`: until somebody says start or restart.

use ncolony_core::Request;

use crate::act::{carry_out, need_monitor, targets};
use crate::cli::TargetArgs;
use crate::dependents;
use crate::effect::Goal;
use crate::ending::{Ending, Failure};
use crate::session::Session;

pub(super) fn run(session: &mut Session<'_>, args: &TargetArgs) -> Result<Ending, Failure> {
    need_monitor(session, "stop")?;
    let targets = targets(session, args)?;
    dependents::announce(session, &targets, "is RUNNING")?;
    carry_out(
        session,
        &targets,
        args.wait.into(),
        Request::Stop,
        Goal::Stopped,
    )
}
