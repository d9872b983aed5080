//! Rings: programs that wait for each other, so that none of them can be the first.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::name::ProgramName;

/// In a larger ring nobody looks for the shortest way round, and not all are named.
const NAMED: usize = 64;

/// For each program that is in a ring, the ring in words, beginning and ending with it.
pub(super) fn words(
    names: &[ProgramName],
    needs: &[Vec<usize>],
    component: &[usize],
) -> Vec<Option<Arc<str>>> {
    let mut size = vec![0_usize; names.len()];
    for component in component {
        size[*component] += 1;
    }
    let ring = |start: usize| match size[component[start]] {
        0 | 1 => None,
        2..=NAMED => {
            let way: Vec<&str> = (shortest(start, needs, component).into_iter())
                .map(|member| names[member].as_str())
                .collect();
            Some(way.join(" → ").into())
        }
        many => {
            let own = component[start];
            let next = needs[start].iter().find(|next| component[**next] == own);
            let next = next.map_or("…", |next| names[*next].as_str());
            let start = &names[start];
            Some(format!("{start} → {next} → … → {start} ({many} in all)").into())
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
        let component = super::super::components::components(needs);
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
    fn a_large_ring_is_not_told_whole() {
        let needs: Vec<Vec<usize>> = (0..1000).map(|from| vec![(from + 1) % 1000]).collect();
        assert_eq!(said(&needs)[7], "p7 → p8 → … → p7 (1000 in all)");
    }
}
