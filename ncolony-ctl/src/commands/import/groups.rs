//! The groups of processes that supervisord would run, in its order.

use std::collections::BTreeSet;

use super::configuration::Configuration;
use super::ini::Section;
use super::origin::Refusal;
use super::process::{self, Process};
use super::values;

/// The priority of whatever has none.
pub(super) const PRIORITY: i64 = 999;

/// A group: that of a `[group:x]`, or the one that a program is by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) priority: i64,
    /// By program, in the order of the section.
    pub(super) programs: Vec<Vec<Process>>,
}

/// Reads all groups.
pub(super) fn groups(configuration: &mut Configuration<'_>) -> Result<Vec<Group>, Refusal> {
    let sections: Vec<Section> = configuration.sections().to_vec();
    let mut groups = Vec::new();
    let mut grouped = BTreeSet::new();
    for section in of_kind(&sections, "group:") {
        groups.push(group(configuration, section, &mut grouped)?);
    }
    for section in of_kind(&sections, "program:") {
        if grouped.contains(&section.name) {
            continue;
        }
        let name = process::section_name(section)?;
        groups.push(Group {
            priority: priority(configuration, section)?,
            programs: vec![process::processes(configuration, section, &name)?],
            name,
        });
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    drop_repeated(configuration, &sections, &mut groups);
    Ok(groups)
}

/// The sections of a kind.
pub(super) fn of_kind<'a>(
    sections: &'a [Section],
    kind: &'a str,
) -> impl Iterator<Item = &'a Section> {
    sections
        .iter()
        .filter(move |section| section.name.starts_with(kind))
}

fn priority(configuration: &Configuration<'_>, section: &Section) -> Result<i64, Refusal> {
    let fields = configuration.here_field();
    let found = configuration.value(&section.name, "priority", &fields, values::number)?;
    Ok(found.unwrap_or(PRIORITY))
}

fn group(
    configuration: &mut Configuration<'_>,
    section: &Section,
    grouped: &mut BTreeSet<String>,
) -> Result<Group, Refusal> {
    let name = process::section_name(section)?;
    let fields = configuration.here_field();
    let text = configuration.text(&section.name, "programs", &fields)?;
    let mut programs = Vec::new();
    for program in values::words(text.as_deref().unwrap_or_default()) {
        let plain = configuration
            .section(&format!("program:{program}"))
            .cloned();
        let fcgi = configuration
            .section(&format!("fcgi-program:{program}"))
            .cloned();
        let refuse = |why: String| Err(configuration.refuse(&section.name, "programs", &why));
        match (plain, fcgi) {
            (None, None) => {
                return refuse(format!("there is no program or fcgi-program {program}"));
            }
            (Some(_), Some(_)) => {
                return refuse(format!("{program} is both a program and an fcgi-program"));
            }
            (Some(plain), None) => {
                programs.push(process::processes(configuration, &plain, &name)?);
                grouped.insert(plain.name);
            }
            (None, Some(fcgi)) => {
                process::processes(configuration, &fcgi, &name)?;
            }
        }
    }
    let priority = priority(configuration, section)?;
    Ok(Group {
        name,
        priority,
        programs,
    })
}

/// Of groups of one name supervisord runs the first, and of processes of one name in a group the
/// last.
fn drop_repeated(
    configuration: &mut Configuration<'_>,
    sections: &[Section],
    groups: &mut Vec<Group>,
) {
    let mut seen = BTreeSet::new();
    groups.retain(|group| {
        let is_first = seen.insert(group.name.clone());
        if !is_first {
            let message = format!("a group {} comes before it, so supervisord does not run this one, and it is not imported", group.name);
            let names = [format!("group:{}", group.name), format!("program:{}", group.name)];
            let found = sections.iter().rev().find(|section| names.contains(&section.name));
            if let Some(section) = found {
                configuration.notes.of_section(section, &message);
            }
        }
        is_first
    });
    for group in groups {
        let mut names = BTreeSet::new();
        for program in group.programs.iter_mut().rev() {
            program.reverse();
            program.retain(|process| names.insert(process.name.clone()));
            program.reverse();
        }
    }
}
