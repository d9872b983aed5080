//! `stop`: until somebody says start or restart.

use ncolony_core::Request;

use crate::act::{Answers, Patience, ask, await_known, conclude, leave, need_monitor};
use crate::act::{print_records, targets};
use crate::cli::TargetArgs;
use crate::effect::Goal;
use crate::ending::{Ending, Failure};
use crate::session::Session;
use crate::watch::{Watched, effects};

pub(super) fn run(session: &mut Session<'_>, args: &TargetArgs) -> Result<Ending, Failure> {
    need_monitor(session, "stop")?;
    let targets = targets(session, args)?;
    if Patience::from(args.wait) == Patience::DoesNotWait {
        leave(session, &targets, Request::Stop)?;
        print_records(session, &[], std::iter::empty());
        return Ok(Ending::Done);
    }
    await_known(session, &targets)?;
    let Answers { programs, refusals } = ask(session, &targets, Request::Stop)?;
    let watched = programs.into_iter().map(|name| Watched {
        name,
        goal: Goal::Stopped,
    });
    let outcomes = effects(session, watched.collect())?;
    Ok(conclude(session, &refusals, &outcomes))
}
