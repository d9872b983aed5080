//! What follows from all edges together: which programs are in rings, and each one's rank and depth.

use super::Graph;
use crate::name::ProgramName;
use crate::rings::{self, components};

impl Graph {
    /// Finds rings, ranks and depths again if edges have changed so that they may be others, and
    /// says whose are.
    pub(in crate::colony::order) fn renew(&mut self) -> Vec<ProgramName> {
        if !std::mem::take(&mut self.is_stale) {
            return Vec::new();
        }
        let names: Vec<ProgramName> = self.nodes.keys().cloned().collect();
        let number = |name: &ProgramName| names.binary_search(name).ok();
        let needs: Vec<Vec<usize>> = (self.nodes.values())
            .map(|node| node.needs.keys().filter_map(number).collect())
            .collect();
        let component = components(&needs);
        let ranks = self.ranks(&needs, &component);
        let rings = rings::words(&names, &needs, &component);
        let mut changed = Vec::new();
        for (number, node) in self.nodes.values_mut().enumerate() {
            let own = component[number];
            let ring = rings[number].clone();
            let mut differs = (node.rank, &node.ring) != (ranks[own], &ring);
            differs |= node.kept_by.is_some();
            (node.rank, node.depth, node.ring) = (ranks[own], own, ring);
            node.leaving_dependents = 0;
            for (need, other) in node.needs.values_mut().zip(&needs[number]) {
                let in_ring = component[*other] == own;
                differs |= std::mem::replace(&mut need.in_ring, in_ring) != in_ring;
            }
            if differs {
                changed.push(names[number].clone());
            }
        }
        self.recount();
        changed
    }

    /// The rank of each component. What a component needs has a lower number, so its rank is known.
    fn ranks(&self, needs: &[Vec<usize>], component: &[usize]) -> Vec<i32> {
        let mut members: Vec<usize> = (0..component.len()).collect();
        members.sort_by_key(|number| component[*number]);
        let mut ranks = vec![i32::MIN; component.len()];
        let priorities: Vec<i32> = self.nodes.values().map(|node| node.priority).collect();
        for number in members {
            let needed = needs[number].iter().map(|need| ranks[component[*need]]);
            let rank = needed.chain([priorities[number]]).max().unwrap_or(i32::MIN);
            let all = &mut ranks[component[number]];
            *all = (*all).max(rank);
        }
        ranks
    }

    fn recount(&mut self) {
        let leaving = self.nodes.values().filter(|node| node.standing.leaving);
        let kept: Vec<ProgramName> = leaving
            .flat_map(|node| node.needs.iter())
            .filter(|(_, need)| !need.in_ring)
            .map(|(name, _)| name.clone())
            .collect();
        for name in kept {
            if let Some(node) = self.nodes.get_mut(&name) {
                node.leaving_dependents += 1;
            }
        }
    }
}
