//! Rings: programs that wait for each other, so that none of them can be the first.

mod components;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::descriptor::Order;
use crate::name::ProgramName;

pub(crate) use components::components;

/// In a larger ring nobody looks for the shortest way round, and not all are named.
const NAMED: usize = 64;

/// A ring, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The member that this one waits for.
    pub next: ProgramName,
    /// The ring in words, beginning and ending with the member: `a → b → a`.
    pub words: Arc<str>,
}

/// The rings that programs with these `after` and `requires` are in, by their members.
#[must_use]
pub fn rings(orders: &BTreeMap<ProgramName, Order>) -> BTreeMap<ProgramName, Ring> {
    let names: Vec<ProgramName> = orders.keys().cloned().collect();
    let numbers: BTreeMap<&ProgramName, usize> = names.iter().zip(0..).collect();
    let needs = |order: &Order| {
        let needed = order.after.iter().chain(&order.requires);
        needed
            .filter_map(|name| numbers.get(name).copied())
            .collect()
    };
    let needs: Vec<Vec<usize>> = orders.values().map(needs).collect();
    let rings = find(&names, &needs, &components(&needs));
    let found = names.iter().cloned().zip(rings);
    found
        .filter_map(|(name, ring)| Some((name, ring?)))
        .collect()
}

/// For each program that is in a ring, the ring in words.
pub(crate) fn words(
    names: &[ProgramName],
    needs: &[Vec<usize>],
    component: &[usize],
) -> Vec<Option<Arc<str>>> {
    let rings = find(names, needs, component).into_iter();
    rings.map(|ring| Some(ring?.words)).collect()
}

fn find(names: &[ProgramName], needs: &[Vec<usize>], component: &[usize]) -> Vec<Option<Ring>> {
    let mut size = vec![0_usize; names.len()];
    for component in component {
        size[*component] += 1;
    }
    let ring = |start: usize| match size[component[start]] {
        0 | 1 => None,
        2..=NAMED => {
            let way = shortest(start, needs, component);
            let members: Vec<&str> = way.iter().map(|member| names[*member].as_str()).collect();
            Some(Ring {
                next: names[*way.get(1)?].clone(),
                words: members.join(" → ").into(),
            })
        }
        many => {
            let own = component[start];
            let next = needs[start].iter().find(|next| component[**next] == own)?;
            let (start, next) = (&names[start], &names[*next]);
            Some(Ring {
                next: next.clone(),
                words: format!("{start} → {next} → … → {start} ({many} in all)").into(),
            })
        }
    };
    (0..names.len()).map(ring).collect()
}

/// The shortest way from a node through its component back to it, with the node at both ends.
fn shortest(start: usize, needs: &[Vec<usize>], component: &[usize]) -> Vec<usize> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut seen = std::collections::BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way.last().copied().unwrap_or(start);
        for next in &needs[last] {
            let mut longer = way.clone();
            longer.push(*next);
            if *next == start {
                return longer;
            }
            if component[*next] == component[start] && seen.insert(*next) {
                ways.push_back(longer);
            }
        }
    }
    vec![start]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(needs: &[Vec<usize>]) -> Vec<String> {
        let names: Vec<ProgramName> = (0..needs.len())
            .map(|number| ProgramName::new(&format!("p{number}")).unwrap())
            .collect();
        let component = components(needs);
        let words = words(&names, needs, &component);
        let said = |ring: Option<Arc<str>>| ring.as_deref().unwrap_or("none").to_owned();
        words.into_iter().map(said).collect()
    }

    #[test]
    fn each_member_is_told_the_shortest_ring_that_it_is_in() {
        // 0 → 1 → 2 → 0, 1 → 0, 3 → 0.
        let said = said(&[vec![1], vec![0, 2], vec![0], vec![0]]);
        assert_eq!(
            said,
            ["p0 → p1 → p0", "p1 → p0 → p1", "p2 → p0 → p1 → p2", "none"]
        );
    }

    #[test]
    fn the_rings_of_files_are_found_and_other_names_are_no_matter() {
        let name = |name: &str| ProgramName::new(name).unwrap();
        let order = |after: &[&str], requires: &[&str]| Order {
            after: after.iter().map(|text| name(text)).collect(),
            requires: requires.iter().map(|text| name(text)).collect(),
            ..Order::default()
        };
        let orders = [
            ("a", order(&["gone", "b"], &[])),
            ("b", order(&[], &["a"])),
            ("c", order(&["a"], &["gone"])),
        ];
        let rings = rings(
            &orders
                .into_iter()
                .map(|(it, order)| (name(it), order))
                .collect(),
        );
        assert_eq!(rings.len(), 2);
        assert_eq!(
            (&rings["a"].next, &*rings["a"].words),
            (&name("b"), "a → b → a")
        );
        assert_eq!(&*rings["b"].words, "b → a → b");
    }

    #[test]
    fn a_large_ring_is_not_told_whole() {
        let needs: Vec<Vec<usize>> = (0..1000).map(|from| vec![(from + 1) % 1000]).collect();
        assert_eq!(said(&needs)[7], "p7 → p8 → … → p7 (1000 in all)");
    }
}
