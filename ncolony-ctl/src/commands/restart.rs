//! `restart`, `restart-all`, `restart-group`: stop, then start.

use ncolony_core::{Request, Target};

use crate::act::{Patience, carry_out, groups, leave, print_records, targets};
use crate::cli::{GroupsArgs, NoWaitArgs, TargetArgs};
use crate::effect::Goal;
use crate::ending::{Ending, Failure};
use crate::session::Session;

pub(super) fn run(session: &mut Session<'_>, args: &TargetArgs) -> Result<Ending, Failure> {
    let targets = targets(session, args)?;
    restart(session, &targets, args.wait.into())
}

pub(super) fn run_all(session: &mut Session<'_>, args: NoWaitArgs) -> Result<Ending, Failure> {
    restart(session, &[Target::All], args.into())
}

pub(super) fn run_groups(session: &mut Session<'_>, args: &GroupsArgs) -> Result<Ending, Failure> {
    let targets = groups(session, &args.groups)?;
    restart(session, &targets, args.wait.into())
}

fn restart(
    session: &mut Session<'_>,
    targets: &[Target],
    patience: Patience,
) -> Result<Ending, Failure> {
    if session.monitor.is_some() {
        return carry_out(session, targets, patience, Request::Restart, Goal::Started);
    }
    leave(session, targets, Request::Restart)?;
    let text = "no monitor is alive; the request was written, and the next one will act on it";
    session.report.talk(text);
    print_records(session, &[], std::iter::empty());
    Ok(Ending::Done)
}
