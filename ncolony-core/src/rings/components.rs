//! Which nodes of a directed graph can reach one another: Tarjan's algorithm, with a stack of its
//! own, so that no chain is too long for it.

/// What stands for a number that is not known yet.
const UNKNOWN: usize = usize::MAX;

/// The component of each node: nodes share one if each can reach the other. They are numbered so
/// that whatever a node points to has no higher number than the node.
pub(crate) fn components(points_to: &[Vec<usize>]) -> Vec<usize> {
    let unknown = vec![UNKNOWN; points_to.len()];
    let mut search = Search {
        points_to,
        entered: unknown.clone(),
        reaches: unknown.clone(),
        component: unknown,
        open: Vec::new(),
        path: Vec::new(),
        entries: 0,
        found: 0,
    };
    for root in 0..points_to.len() {
        if search.entered[root] == UNKNOWN {
            search.from(root);
        }
    }
    search.component
}

struct Search<'a> {
    points_to: &'a [Vec<usize>],
    /// When each node was entered, as a count of entries.
    entered: Vec<usize>,
    /// The earliest entry, of an open node, that each node is known to reach.
    reaches: Vec<usize>,
    component: Vec<usize>,
    /// Nodes that were entered and belong to no component yet.
    open: Vec<usize>,
    /// The way from the root to the present node, and how many of each one's edges were followed.
    path: Vec<(usize, usize)>,
    entries: usize,
    found: usize,
}

impl Search<'_> {
    fn from(&mut self, root: usize) {
        self.enter(root);
        while let Some((node, followed)) = self.path.last_mut() {
            let node = *node;
            let Some(&next) = self.points_to[node].get(*followed) else {
                self.leave(node);
                continue;
            };
            *followed += 1;
            if self.entered[next] == UNKNOWN {
                self.enter(next);
            } else if self.component[next] == UNKNOWN {
                self.reaches[node] = self.reaches[node].min(self.entered[next]);
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.entered[node] = self.entries;
        self.reaches[node] = self.entries;
        self.entries += 1;
        self.open.push(node);
        self.path.push((node, 0));
    }

    fn leave(&mut self, node: usize) {
        self.path.pop();
        if let Some((before, _)) = self.path.last() {
            self.reaches[*before] = self.reaches[*before].min(self.reaches[node]);
        }
        if self.reaches[node] < self.entered[node] {
            return;
        }
        while let Some(member) = self.open.pop() {
            self.component[member] = self.found;
            if member == node {
                break;
            }
        }
        self.found += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pointed_to_comes_first_and_a_circle_is_one() {
        // 0 → 1 → 2 → 1, 2 → 3, 4 alone.
        let graph = [vec![1], vec![2], vec![1, 3], vec![], vec![]];
        let of = components(&graph);
        assert_eq!(of[1], of[2]);
        assert!(of[3] < of[1] && of[1] < of[0]);
        assert_eq!(of.iter().filter(|it| **it == of[4]).count(), 1);
    }

    #[test]
    fn a_long_chain_and_a_long_circle_need_no_deep_stack() {
        let length = 200_000;
        let mut graph: Vec<Vec<usize>> = (1..=length).map(|next| vec![next]).collect();
        graph.push(Vec::new());
        let chain = components(&graph);
        assert!(chain.windows(2).all(|pair| pair[1] < pair[0]));
        graph[length] = vec![0];
        assert!(components(&graph).iter().all(|component| *component == 0));
    }
}
