//! `start`: let programs run that were stopped, have exited or wait.

use ncolony_core::Request;

use crate::act::{carry_out, need_monitor, targets};
use crate::cli::TargetArgs;
use crate::effect::Goal;
use crate::ending::{Ending, Failure};
use crate::session::Session;

pub(super) fn run(session: &mut Session<'_>, args: &TargetArgs) -> Result<Ending, Failure> {
    need_monitor(session, "start")?;
    let targets = targets(session, args)?;
    carry_out(
        session,
        &targets,
        args.wait.into(),
        Request::Start,
        Goal::Started,
    )
}
