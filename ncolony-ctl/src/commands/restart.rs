//! `restart`, `restart-all`, `restart-group`: stop, then start.

use ncolony_core::{Request, Target};

use crate::act::{Answers, Patience, ask, await_known, conclude, groups, leave, marks};
use crate::act::{print_records, targets};
use crate::cli::{GroupsArgs, NoWaitArgs, TargetArgs};
use crate::effect::Goal;
use crate::ending::{Ending, Failure};
use crate::session::Session;
use crate::watch::{Watched, effects};

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
    if session.monitor.is_none() || patience == Patience::DoesNotWait {
        leave(session, targets, Request::Restart)?;
        if session.monitor.is_none() {
            session.report.talk(
                "no monitor is alive; the request was written, and the next one will act on it",
            );
        }
        print_records(session, &[], std::iter::empty());
        return Ok(Ending::Done);
    }
    await_known(session, targets)?;
    let before = marks(session, targets)?;
    let Answers { programs, refusals } = ask(session, targets, Request::Restart)?;
    let watched = programs.into_iter().map(|name| {
        let goal = Goal::Restarted(before.get(&name).copied());
        Watched { name, goal }
    });
    let outcomes = effects(session, watched.collect())?;
    Ok(conclude(session, &refusals, &outcomes))
}
