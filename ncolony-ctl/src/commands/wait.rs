//! `wait`: until programs are in a state.

use crate::act::{conclude, need_monitor};
use crate::cli::WaitArgs;
use crate::effect::Goal;
use crate::ending::{Ending, Failure};
use crate::selection::{Existence, choose, processes};
use crate::session::Session;
use crate::watch::{Watched, effects};

pub(super) fn run(session: &mut Session<'_>, args: &WaitArgs) -> Result<Ending, Failure> {
    need_monitor(session, "wait")?;
    let names = choose(&session.places, &args.names, Existence::FileOrRecord)?;
    let watched = processes(&session.places, &names)?
        .into_iter()
        .map(|name| Watched {
            name,
            goal: Goal::Reached(args.aim),
        });
    let outcomes = effects(session, watched.collect())?;
    Ok(conclude(session, &[], &outcomes))
}
