//! What a program file says of other programs: whether there are such, and whether they wait for
//! each other. None of that makes a file bad: a program that is not there may come.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ncolony_core::descriptor::{FILE_BYTES_MAX, Named, Order, named};
use ncolony_core::files::{list, read_regular};
use ncolony_core::name::{FileRole, config_role};
use ncolony_core::rings::{Ring, rings};
use ncolony_core::{Descriptor, ProgramName};

use super::Findings;

/// The programs that the files which are checked may name.
#[derive(Debug, Default)]
pub(super) struct Others {
    names: BTreeSet<ProgramName>,
    orders: BTreeMap<ProgramName, Order>,
}

impl Others {
    /// All that have a file in this directory, which is checked itself.
    pub(super) fn are_in(&mut self, directory: &Path) {
        self.names.extend(names_in(directory));
    }

    /// Those beside a file, and those of the place into which it may be put.
    pub(super) fn may_be_beside(&mut self, file: &Path, config: Option<&Path>) {
        let beside = file.parent().map(|directory| {
            let is_here = directory.as_os_str().is_empty();
            if is_here { Path::new(".") } else { directory }
        });
        self.names.extend(beside.into_iter().flat_map(names_in));
        let Some(config) = config else {
            return;
        };
        for name in names_in(config) {
            let files = [name.to_string(), format!("{name}.json")];
            let mut bytes = files
                .iter()
                .filter_map(|file| read_regular(&config.join(file), FILE_BYTES_MAX).ok());
            if let Some(order) = bytes.next().and_then(|bytes| order_of(&bytes)) {
                self.orders.insert(name.clone(), order);
            }
            self.names.insert(name);
        }
    }

    /// Says of each file what is to be said of those that it names.
    pub(super) fn remark_on(mut self, files: &mut [Findings]) {
        let checked: Vec<_> = files.iter().map(program).collect();
        for (findings, name) in files.iter().zip(&checked) {
            let text = findings.text.as_deref();
            let order = text.and_then(|text| order_of(text.as_bytes()));
            if let Some(name) = name {
                self.names.insert(name.clone());
                self.orders.extend(order.map(|order| (name.clone(), order)));
            }
        }
        let rings = rings(&self.orders);
        for (findings, name) in files.iter_mut().zip(checked) {
            let ring = name.and_then(|name| rings.get(&name));
            let text = findings.text.clone().filter(|_| findings.ok);
            let all = text.map(|text| named(text.as_bytes()));
            for it in all.iter().flatten() {
                self.remark(findings, it);
            }
            if let (Some(ring), Some(all)) = (ring, all) {
                findings.warnings.extend(said_of(ring, &all));
            }
        }
    }

    fn remark(&self, findings: &mut Findings, named: &Named) {
        let other = &named.other;
        if self.names.contains(other) {
            return;
        }
        if named.requires {
            let message = format!(
                "there is no program file {other} here, and without {other} this program is not \
                 started"
            );
            findings.warnings.push(named.finding(message));
        } else {
            let message = format!(
                "there is no program file {other} here; it is not waited for, which is allowed"
            );
            findings.notes.push(named.finding(message));
        }
    }
}

/// What is said of a ring, at the name by which it goes on.
fn said_of(ring: &Ring, all: &[Named]) -> Option<ncolony_core::ConfigError> {
    let place = all.iter().find(|it| it.other == ring.next)?;
    Some(place.finding(format!(
        "these programs wait for each other, {}, and none of them is started; take one of the \
         names out of \"after\" or \"requires\"",
        ring.words
    )))
}

/// The program that a file is of, by its name.
fn program(findings: &Findings) -> Option<ProgramName> {
    match config_role(findings.file.file_name()?) {
        FileRole::Program(name) => Some(name),
        FileRole::Hidden | FileRole::Ignored(_) => None,
    }
}

fn order_of(bytes: &[u8]) -> Option<Order> {
    Some(Descriptor::parse(bytes).ok()?.order)
}

/// The programs that have files in a directory. Where it cannot be listed, there are none.
fn names_in(directory: &Path) -> Vec<ProgramName> {
    let listing = list(directory).map(|listing| listing.entries);
    let roles = listing.unwrap_or_default();
    let roles = roles.iter().map(|entry| config_role(&entry.file));
    let name = |role| match role {
        FileRole::Program(name) => Some(name),
        FileRole::Hidden | FileRole::Ignored(_) => None,
    };
    roles.filter_map(name).collect()
}
