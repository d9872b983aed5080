//! `remove`: delete program files, which stops what they describe.

use ncolony_core::{Target, ctllib};

use crate::act::{Patience, conclude, print_records};
use crate::cli::RemoveArgs;
use crate::dependents;
use crate::effect::Goal;
use crate::ending::{Ending, Failure};
use crate::selection::{Existence, Word, choose, has_file, processes};
use crate::session::Session;
use crate::watch::{Watched, effects};

pub(super) fn run(session: &mut Session<'_>, args: &RemoveArgs) -> Result<Ending, Failure> {
    if args.names.contains(&Word::All) {
        return Err(Failure::usage(
            "\"all\" is not taken here; if every program is meant, say '*'",
        ));
    }
    let existence = Existence::under(session.monitor);
    let names = choose(&session.places, &args.names, existence)?;
    if let Some(instance) = names.iter().find(|name| name.is_instance()) {
        return Err(Failure::usage(format!(
            "{instance} has no file of its own; \"instances\" in the file of {} says how many there are",
            instance.family_str()
        )));
    }
    if session.monitor.is_some() {
        let targets: Vec<Target> = names.iter().cloned().map(Target::Name).collect();
        dependents::announce(session, &targets, "is there again and RUNNING")?;
    }
    let watched = processes(&session.places, &names)?.into_iter();
    for name in &names {
        // One whose file is gone already may still be stopping.
        if has_file(&session.places, name)? {
            ctllib::remove(&session.places, name)?;
        }
    }
    if session.monitor.is_none() {
        session
            .report
            .talk("no monitor is alive; the files were removed, and nothing else");
    }
    if session.monitor.is_none() || Patience::from(args.wait) == Patience::DoesNotWait {
        print_records(session, &[], std::iter::empty());
        return Ok(Ending::Done);
    }
    let watched = watched.map(|name| Watched {
        name,
        goal: Goal::Removed,
    });
    let outcomes = effects(session, watched.collect())?;
    Ok(conclude(session, &[], &outcomes))
}
