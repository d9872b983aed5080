//! Who goes down with a program: what runs and requires it, and what requires that in its turn.

use std::collections::{BTreeMap, BTreeSet};

use ncolony_core::{Places, ProgramName, Target};

use crate::commands::read_descriptor;
use crate::ending::Failure;
use crate::records;
use crate::session::Session;

/// A program that is about to come to rest, and those that stop because they require it.
#[derive(Debug, PartialEq, Eq)]
struct Fall {
    of: ProgramName,
    with: Vec<ProgramName>,
}

/// Says which others stop when these do; `again` says when they are started again, behind the name
/// of what they require. What cannot be read is left out: it is the monitor that decides.
///
/// # Errors
/// The records cannot be listed.
pub(crate) fn announce(
    session: &mut Session<'_>,
    targets: &[Target],
    again: &str,
) -> Result<(), Failure> {
    for Fall { of, with } in falls(&session.places, targets)? {
        let names = joined(&with);
        let said = match with.len() {
            1 => format!("{names} requires {of} and stops with it; it is"),
            _ => format!("{names} require {of} and stop with it; they are"),
        };
        let said = format!("{said} started again when {of} {again}");
        session.report.talk(&said);
    }
    Ok(())
}

fn falls(places: &Places, targets: &[Target]) -> Result<Vec<Fall>, Failure> {
    let records = records::programs(places)?.by_name;
    let runs = |name: &ProgramName| records.get(name).is_some_and(|it| it.status.pid.is_some());
    let is_meant = |name: &ProgramName| {
        let groups = records.get(name).map(|record| &record.status.groups);
        targets.iter().any(|target| match target {
            Target::All => true,
            Target::Name(meant) => meant == name || *meant == name.family(),
            Target::Group(group) => groups.is_some_and(|groups| groups.contains(group)),
        })
    };
    let running: Vec<&ProgramName> = records.keys().filter(|name| runs(name)).collect();
    let go_on: BTreeSet<ProgramName> = running
        .iter()
        .filter(|name| !is_meant(name))
        .map(|name| name.family())
        .collect();
    // Of several instances one is enough for those who require the program.
    let falling: BTreeSet<ProgramName> = running
        .iter()
        .map(|name| name.family())
        .filter(|name| !go_on.contains(name))
        .collect();
    Ok(spread(falling, &requirements(places, &go_on)))
}

/// What each of these programs requires, by their files.
fn requirements(
    places: &Places,
    programs: &BTreeSet<ProgramName>,
) -> BTreeMap<ProgramName, Vec<ProgramName>> {
    let requires = |name: &ProgramName| {
        let (_, descriptor) = read_descriptor(places, name).ok()?;
        Some((name.clone(), descriptor.ok()?.order.requires))
    };
    programs.iter().filter_map(requires).collect()
}

/// Follows the requirements from those that fall to those that fall with them.
fn spread(
    falling: BTreeSet<ProgramName>,
    requirements: &BTreeMap<ProgramName, Vec<ProgramName>>,
) -> Vec<Fall> {
    let mut fallen = falling.clone();
    let mut next: Vec<ProgramName> = falling.into_iter().rev().collect();
    let mut falls = Vec::new();
    while let Some(of) = next.pop() {
        let needs = |(name, needs): (&ProgramName, &Vec<ProgramName>)| {
            (needs.contains(&of) && !fallen.contains(name)).then(|| name.clone())
        };
        let with: Vec<ProgramName> = requirements.iter().filter_map(needs).collect();
        if with.is_empty() {
            continue;
        }
        fallen.extend(with.iter().cloned());
        next.extend(with.iter().rev().cloned());
        falls.push(Fall { of, with });
    }
    falls
}

/// Names as in a sentence: `a, b and c`.
fn joined(names: &[ProgramName]) -> String {
    match names {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(ProgramName::as_str).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ProgramName {
        ProgramName::new(text).unwrap()
    }

    fn names(all: &[&str]) -> Vec<ProgramName> {
        all.iter().map(|text| name(text)).collect()
    }

    #[test]
    fn those_fall_that_require_what_falls() {
        let requirements = [
            ("api", &["db"][..]),
            ("web", &["api"]),
            ("mail", &["db", "net"]),
            ("ring", &["web", "ring2"]),
            ("ring2", &["ring"]),
            ("other", &["net"]),
        ];
        let requirements = requirements.map(|(it, needs)| (name(it), names(needs)));
        let falls = spread([name("db")].into(), &requirements.into());
        let said: Vec<(&str, String)> = falls
            .iter()
            .map(|fall| (fall.of.as_str(), joined(&fall.with)))
            .collect();
        let wanted = [
            ("db", "api and mail"),
            ("api", "web"),
            ("web", "ring"),
            ("ring", "ring2"),
        ];
        assert_eq!(said, wanted.map(|(of, with)| (of, with.to_owned())));
        assert_eq!(joined(&names(&["a", "b", "c"])), "a, b and c");
    }
}
