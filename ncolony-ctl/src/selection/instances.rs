//! From the names of programs to those of their processes: a program with instances has a record
//! for each of them, and none of its own name.

use std::collections::BTreeSet;

use ncolony_core::files::list;
use ncolony_core::{Places, ProgramName};

use super::Existence;
use crate::commands::read_descriptor;
use crate::ending::Failure;

/// Every name that there is a record of.
pub(super) fn recorded(places: &Places) -> Result<BTreeSet<ProgramName>, Failure> {
    let listing = match list(&places.program_statuses()) {
        Ok(listing) => listing,
        Err(error) if error.is_absent() => return Ok(BTreeSet::new()),
        Err(error) => return Err(error.into()),
    };
    let name = |file: &str| ProgramName::parse(file.strip_suffix(".json")?).ok();
    let files = listing.entries.iter();
    Ok(files
        .filter_map(|entry| name(&entry.file.to_string_lossy()))
        .collect())
}

/// How many processes the file of a program asks for; `None`: it cannot be read, or is not good.
fn asked_for(places: &Places, program: &ProgramName) -> Option<u32> {
    let (_, descriptor) = read_descriptor(places, program).ok()?;
    Some(descriptor.ok()?.instances)
}

/// The names of so many processes of a program.
pub(crate) fn numbered(program: &ProgramName, instances: u32) -> Vec<ProgramName> {
    if instances > 1 {
        let numbers = 0..instances;
        numbers.map(|number| program.instance(number)).collect()
    } else {
        vec![program.clone()]
    }
}

/// Which instances the program of one has that is not among them; `None`: it is none, or nothing is
/// known of its program.
pub(super) fn those_there_are(places: &Places, instance: &ProgramName) -> Option<String> {
    instance.instance_number()?;
    let family = instance.family_str();
    let count = asked_for(places, &instance.family())?;
    Some(if count > 1 {
        format!(
            "{family} has {count} instances, {family}:0 to {family}:{}",
            count - 1
        )
    } else {
        format!(
            "{family} has no instances, it is one program; \"instances\" in its file would change that"
        )
    })
}

/// Whether the file of an instance's program asks for it.
pub(super) fn is_asked_for(places: &Places, instance: &ProgramName) -> bool {
    let asked_for = asked_for(places, instance);
    let number = instance.instance_number();
    asked_for.is_some_and(|all| all > 1 && number.is_some_and(|number| number < all))
}

/// The instances of these programs that there are.
pub(super) fn of_all(
    places: &Places,
    programs: &BTreeSet<ProgramName>,
    existence: Existence,
) -> Result<BTreeSet<ProgramName>, Failure> {
    let mut all = match existence {
        Existence::FileOrRecord => recorded(places)?,
        Existence::File => {
            let numbered =
                |program| numbered(program, asked_for(places, program).unwrap_or_default());
            programs.iter().flat_map(numbered).collect()
        }
    };
    all.retain(ProgramName::is_instance);
    Ok(all)
}

/// The processes that names mean, in the order of their numbers: each has a record, or will have
/// one.
///
/// # Errors
/// The records cannot be listed.
pub(crate) fn processes(
    places: &Places,
    names: &[ProgramName],
) -> Result<Vec<ProgramName>, Failure> {
    let recorded = recorded(places)?;
    let mut processes = Vec::new();
    for name in names {
        let is_of_it =
            |it: &&ProgramName| *it == name || (!name.is_instance() && it.family() == *name);
        let before = processes.len();
        processes.extend(recorded.iter().filter(is_of_it).cloned());
        if processes.len() == before && name.is_instance() {
            processes.push(name.clone());
        } else if processes.len() == before {
            processes.extend(numbered(name, asked_for(places, name).unwrap_or(1)));
        }
    }
    processes.sort_by(by_number);
    processes.dedup();
    Ok(processes)
}

/// The order of names in which instances stand by their numbers.
pub(crate) fn by_number(one: &ProgramName, other: &ProgramName) -> std::cmp::Ordering {
    let key = |name: &ProgramName| (name.family(), name.instance_number());
    key(one).cmp(&key(other))
}
