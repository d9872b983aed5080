//! Who comes after whom, and who requires whom: the programs that name others or are named, each
//! with both directions of its edges, so that an event touches a program and its neighbours only.

mod renewal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::standing::{Lack, Standing};
use crate::descriptor::Order;
use crate::name::ProgramName;
use crate::spec::ProgramSpec;

/// An edge, from a program to one that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Need {
    /// Whether the program is not to run without the other.
    requires: bool,
    /// Whether it lies in a ring: then it holds starts and nothing else.
    in_ring: bool,
}

/// A program that names others or is named.
#[derive(Clone, Debug)]
struct Node {
    /// What its edges were taken from.
    learned: Option<Arc<ProgramSpec>>,
    needs: BTreeMap<ProgramName, Need>,
    dependents: BTreeSet<ProgramName>,
    priority: i32,
    /// The highest priority among itself and all that it needs: as it is stopped before these, it
    /// has their turn at the latest.
    rank: i32,
    /// Greater than that of everything outside its ring that it needs.
    depth: usize,
    /// The ring that it is in, in words.
    ring: Option<Arc<str>>,
    standing: Standing,
    /// How many programs outside its ring that need it are to go and are not gone.
    leaving_dependents: usize,
    /// The one that its start waits for.
    waits_for: Option<ProgramName>,
    /// The one whose end its stop waits for.
    kept_by: Option<ProgramName>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            learned: None,
            needs: BTreeMap::new(),
            dependents: BTreeSet::new(),
            priority: i32::MIN,
            rank: i32::MIN,
            depth: 0,
            ring: None,
            standing: Standing::ABSENT,
            leaving_dependents: 0,
            waits_for: None,
            kept_by: None,
        }
    }
}

/// The programs that name others or are named.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    nodes: BTreeMap<ProgramName, Node>,
    /// Whether rings, ranks and depths are to be found again.
    is_stale: bool,
}

fn edges(order: Option<&Order>) -> BTreeMap<ProgramName, Need> {
    let mut edges = BTreeMap::new();
    let Some(order) = order else {
        return edges;
    };
    for (names, requires) in [(&order.after, false), (&order.requires, true)] {
        let need = Need {
            requires,
            in_ring: false,
        };
        edges.extend(names.iter().map(|name| (name.clone(), need)));
    }
    edges
}

impl Graph {
    /// Whether no program names another.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether this one names others or is named.
    pub(super) fn knows(&self, name: &ProgramName) -> bool {
        self.nodes.contains_key(name)
    }

    /// How many programs name others or are named.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    // ----- edges ---------------------------------------------------------------------------

    /// Takes in what a program's file says, or that the program is gone, and says who else has to be
    /// looked at because of that.
    pub(super) fn learn(
        &mut self,
        name: &ProgramName,
        spec: Option<&Arc<ProgramSpec>>,
    ) -> Vec<ProgramName> {
        let mut touched = Vec::new();
        let order = spec.map(|spec| &spec.policy.order);
        let names_others = order.is_some_and(Order::names_others);
        let node = match self.nodes.get_mut(name) {
            Some(node) => node,
            None if names_others => self.nodes.entry(name.clone()).or_default(),
            None => return touched,
        };
        match (&node.learned, spec) {
            (None, None) => return touched,
            (Some(old), Some(new)) if Arc::ptr_eq(old, new) => return touched,
            (Some(_) | None, Some(_) | None) => {}
        }
        node.learned = spec.cloned();
        let priority = order.map_or(i32::MIN, |order| order.priority);
        let other_priority = std::mem::replace(&mut node.priority, priority) != priority;
        let edges = edges(order);
        let same = edges.len() == node.needs.len()
            && (edges.iter()).all(|(name, need)| {
                node.needs
                    .get(name)
                    .is_some_and(|old| old.requires == need.requires)
            });
        if same && !other_priority {
            return touched;
        }
        let was_in_ring = node.ring.is_some();
        let gains = edges.keys().any(|name| !node.needs.contains_key(name));
        if !same {
            self.replace_edges(name, edges, &mut touched);
        }
        let others_change = was_in_ring || gains || spec.is_some() || self.lends_rank(name);
        self.place(name, others_change);
        touched
    }

    /// Finds a program's place after its edges or its priority have changed. One that nobody
    /// depends on is in no ring and changes nobody else's place; and where edges only go, every
    /// place remains good enough, so that many programs can go one by one.
    fn place(&mut self, name: &ProgramName, others_change: bool) {
        let Some(node) = self.nodes.get(name) else {
            return;
        };
        if !node.dependents.is_empty() {
            self.is_stale |= others_change;
            return;
        }
        if node.needs.is_empty() {
            self.nodes.remove(name);
            return;
        }
        let needed = node.needs.keys().filter_map(|need| self.nodes.get(need));
        let (rank, depth) = needed.fold((node.priority, 0), |(rank, depth), need| {
            (rank.max(need.rank), depth.max(need.depth + 1))
        });
        if let Some(node) = self.nodes.get_mut(name) {
            (node.rank, node.depth, node.ring) = (rank, depth, None);
            for need in node.needs.values_mut() {
                need.in_ring = false;
            }
        }
    }

    /// Whether others may owe this program the rank that they have.
    fn lends_rank(&self, name: &ProgramName) -> bool {
        let owes = |other: &ProgramName| {
            let other = self.nodes.get(other);
            other.is_some_and(|other| other.rank > other.priority)
        };
        let node = self.nodes.get(name);
        node.is_some_and(|node| node.dependents.iter().any(owes))
    }

    fn replace_edges(
        &mut self,
        name: &ProgramName,
        edges: BTreeMap<ProgramName, Need>,
        touched: &mut Vec<ProgramName>,
    ) {
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        let leaving = usize::from(node.standing.leaving);
        let old = std::mem::replace(&mut node.needs, edges.clone());
        for (need, edge) in old {
            let Some(node) = self.nodes.get_mut(&need) else {
                continue;
            };
            if !edge.in_ring {
                node.leaving_dependents -= leaving;
            }
            node.dependents.remove(name);
            if node.kept_by.as_ref() == Some(name) {
                touched.push(need.clone());
            }
            let is_named = !node.dependents.is_empty() || edges.contains_key(&need);
            if !is_named && node.needs.is_empty() {
                self.nodes.remove(&need);
            }
        }
        for need in edges.into_keys() {
            if !self.nodes.contains_key(&need) {
                touched.push(need.clone());
            }
            let node = self.nodes.entry(need).or_default();
            node.dependents.insert(name.clone());
            node.leaving_dependents += leaving;
        }
    }

    // ----- standings -----------------------------------------------------------------------

    /// Takes in how a program stands, and says who has to be looked at because of that.
    pub(super) fn stand(&mut self, name: &ProgramName, standing: Standing) -> Vec<ProgramName> {
        let mut touched = Vec::new();
        let Some(node) = self.nodes.get_mut(name) else {
            return touched;
        };
        let old = std::mem::replace(&mut node.standing, standing);
        if old == standing {
            return touched;
        }
        let node = &self.nodes[name];
        if old.lack != standing.lack {
            touched.extend(node.dependents.iter().cloned());
        } else if (old.started, old.running) != (standing.started, standing.running) {
            let waits = |other: &&ProgramName| {
                let other = self.nodes.get(*other);
                other.is_some_and(|other| other.waits_for.as_ref() == Some(name))
            };
            touched.extend(node.dependents.iter().filter(waits).cloned());
        }
        if old.leaving != standing.leaving {
            self.leave(name, standing.leaving, &mut touched);
        }
        touched
    }

    /// A program is to go, or is gone: those that it needs count it.
    fn leave(&mut self, name: &ProgramName, leaving: bool, touched: &mut Vec<ProgramName>) {
        let needs: Vec<ProgramName> = (self.nodes[name].needs.iter())
            .filter(|(_, need)| !need.in_ring)
            .map(|(name, _)| name.clone())
            .collect();
        for need in needs {
            let Some(node) = self.nodes.get_mut(&need) else {
                continue;
            };
            if leaving {
                node.leaving_dependents += 1;
                continue;
            }
            node.leaving_dependents -= 1;
            if node.kept_by.as_ref() == Some(name) {
                touched.push(need);
            }
        }
    }

    // ----- questions -----------------------------------------------------------------------

    /// Greater than that of everything outside its ring that the program needs.
    pub(super) fn depth(&self, name: &ProgramName) -> usize {
        self.nodes.get(name).map_or(0, |node| node.depth)
    }

    /// The highest priority among the program and all that it needs.
    pub(super) fn rank(&self, name: &ProgramName) -> Option<i32> {
        self.nodes.get(name).map(|node| node.rank)
    }

    /// The ring that the program is in, in words.
    pub(super) fn ring(&self, name: &ProgramName) -> Option<&Arc<str>> {
        self.nodes.get(name)?.ring.as_ref()
    }

    /// What the program requires and cannot count on. In a ring that decides nothing, so that a
    /// ring stops nobody.
    pub(super) fn lack(&self, name: &ProgramName) -> Option<(ProgramName, Lack)> {
        let needs = self.nodes.get(name)?.needs.iter();
        let mut required = needs.filter(|(_, need)| need.requires && !need.in_ring);
        required.find_map(|(other, _)| {
            let lack = self.standing(other).lack?;
            Some((other.clone(), lack))
        })
    }

    /// Whether this program names that one.
    pub(super) fn depends(&self, name: &ProgramName, on: &ProgramName) -> bool {
        let node = self.nodes.get(name);
        node.is_some_and(|node| node.needs.contains_key(on))
    }

    fn standing(&self, name: &ProgramName) -> Standing {
        let node = self.nodes.get(name);
        node.map_or(Standing::ABSENT, |node| node.standing)
    }

    /// The first that the program's start has to wait for, whether the program requires it, and why
    /// nobody can count on it. It is remembered: the program is looked at again when that one stands
    /// differently.
    pub(super) fn first_to_wait_for(
        &mut self,
        name: &ProgramName,
    ) -> Option<(ProgramName, bool, Option<Lack>)> {
        let node = self.nodes.get(name)?;
        let unmet = |(other, need): (&ProgramName, &Need)| {
            let standing = self.standing(other);
            let met = if need.requires {
                standing.running && standing.lack.is_none()
            } else {
                standing.started || standing.is_passed_over()
            };
            (!met).then(|| (other.clone(), need.requires, standing.lack))
        };
        let found = in_turn(&node.needs, node.waits_for.as_ref()).find_map(unmet);
        if let Some(node) = self.nodes.get_mut(name) {
            node.waits_for = found.as_ref().map(|(other, ..)| other.clone());
        }
        found
    }

    /// One that has to be gone before the program is told to stop. It is remembered: the program
    /// is looked at again when that one is gone.
    pub(super) fn first_to_be_gone(&mut self, name: &ProgramName) -> Option<ProgramName> {
        let node = self.nodes.get(name)?;
        let found = if node.leaving_dependents == 0 {
            None
        } else {
            let after = node.kept_by.as_ref();
            let from = after.map(|after| node.dependents.range(after.clone()..));
            let rest = node.dependents.iter();
            let all = from.into_iter().flatten().chain(rest);
            let mut leaving = all.filter(|other| self.leaves_before(other, name));
            leaving.next().cloned()
        };
        if let Some(node) = self.nodes.get_mut(name) {
            node.kept_by.clone_from(&found);
        }
        found
    }

    fn leaves_before(&self, dependent: &ProgramName, name: &ProgramName) -> bool {
        self.nodes.get(dependent).is_some_and(|node| {
            node.standing.leaving && node.needs.get(name).is_some_and(|need| !need.in_ring)
        })
    }
}

/// All edges, beginning with the one that was waited for.
fn in_turn<'a>(
    needs: &'a BTreeMap<ProgramName, Need>,
    first: Option<&ProgramName>,
) -> impl Iterator<Item = (&'a ProgramName, &'a Need)> {
    let from = first.map(|first| needs.range(first.clone()..));
    from.into_iter().flatten().chain(needs.iter())
}
