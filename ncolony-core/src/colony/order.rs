//! The order of starts and stops: what `after`, `requires` and `priority` say.
//!
//! A program that is to start is *held* while one that it comes after has not started, or one that
//! it requires is not RUNNING. One that is to stop is held while one that depends on it is to go
//! and is not gone. Where these say nothing, priorities decide among what is due at the same time:
//! the lower is started first, and stopped last. What runs and requires what comes to rest is told
//! to stop, as if it were wanted down, and stays wanted up.
//!
//! Nothing waits in a circle. Edges inside a ring of programs that wait for each other hold starts
//! and nothing else, and the [rank](graph::Graph::rank) of a program is never lower than that of
//! one that it needs, so that what has to be gone first never has a later turn. Second words of
//! whoever wants everything killed take no heed of order.
//!
//! The graph is one of files: several instances have the edges of their file, and stand together.
//! One that is out of date and waits for its turn goes on, and counts as what it is until then.
//!
//! The graph of edges, how each program in it stands and what it waits for are not written down:
//! they follow from what the programs are, and a colony that is restored finds them again.

mod graph;
mod hold;
mod standing;
mod turns;

use std::collections::BTreeSet;
use std::sync::Arc;

use graph::Graph;
pub(crate) use hold::Hold;
use standing::Standing;
pub(crate) use turns::Place;
use turns::{ALL, Batch, Turns};

use super::Colony;
use super::phase::Phase;
use super::program::Program;
use crate::event::Cause;
use crate::name::ProgramName;
use crate::spec::ProgramSpec;
use crate::time::Now;

/// What the colony knows of the order among its programs.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    graph: Graph,
    turns: Turns,
    /// How often the colony has settled: what comes to be stopped in the same settling belongs
    /// together.
    settlings: Batch,
}

impl Order {
    /// Another settling begins.
    pub(super) fn begin(&mut self) {
        self.settlings += 1;
    }

    /// How many programs it remembers, as part of the graph or because they wait for their turn.
    pub(super) fn remembers(&self) -> usize {
        self.graph.len().max(self.turns.waiting())
    }

    /// Takes in what of a program matters to those whose turn comes with it.
    fn count(&mut self, program: &mut Program, shutting_down: bool) {
        let name = &program.name.family();
        let lacks = self.graph.lack(name).is_some();
        let in_ring = self.graph.ring(name).is_some();
        let standing = Standing::of(program, shutting_down, lacks, in_ring);
        let starting = match &program.phase {
            Phase::Ordered { spec, .. } => Some(spec.policy.order.priority),
            Phase::Idle(_)
            | Phase::Delayed { .. }
            | Phase::Starting(_)
            | Phase::Running(_)
            | Phase::Stopping { .. }
            | Phase::Clearing { .. } => None,
        };
        let leaving = standing.leaving.then(|| {
            let known = program.place.leaving().map(|(batch, _)| batch);
            let batch = if shutting_down {
                ALL
            } else {
                known.unwrap_or(self.settlings)
            };
            let rank = self.graph.rank(name);
            (batch, rank.unwrap_or_else(|| priority(program)))
        });
        self.turns.count(&mut program.place, starting, leaving);
    }

    /// What the others mean for a program that is about to be settled. It does not wait for its
    /// turn any longer: whether it has to is found anew. Who is not patient waits for nobody.
    pub(super) fn leave_of(&mut self, program: &mut Program, patient: bool) -> Leave {
        let name = &program.name.family();
        self.turns.wait_no_more(&program.name, &mut program.place);
        let lacks = self.graph.lack(name);
        let lacks = lacks.map(|(other, lack)| hold::lacks(&other, lack));
        let hold = match program.place.leaving() {
            Some(class) if patient => (self.graph.first_to_be_gone(name))
                .map(Hold::Dependent)
                .or_else(|| self.turns.higher_leave(class).then_some(Hold::HigherFirst)),
            Some(_) => None,
            None => self.graph.ring(name).cloned().map(Hold::Kept),
        };
        Leave { lacks, hold }
    }

    /// A program was settled: it may wait for its turn.
    fn stands_now(&mut self, program: &mut Program, shutting_down: bool) {
        if program.place.hold == Some(Hold::HigherFirst) {
            self.turns.wait_to_stop(&program.name, &mut program.place);
        }
        self.count(program, shutting_down);
    }

    /// Why a start that is due does not happen yet.
    fn start_hold(&mut self, program: &mut Program, priority: i32) -> Option<Hold> {
        let name = &program.name.family();
        if let Some(ring) = self.graph.ring(name) {
            return Some(Hold::Ring(Arc::clone(ring)));
        }
        if let Some((other, requires, lack)) = self.graph.first_to_wait_for(name) {
            return Some(if requires {
                Hold::Requires(other, lack)
            } else {
                Hold::After(other)
            });
        }
        if !self.turns.lower_start(priority) {
            return None;
        }
        self.turns
            .wait_to_start(&program.name, &mut program.place, priority);
        Some(Hold::LowerFirst)
    }
}

/// What the others mean for a program that runs.
#[derive(Debug, Default)]
pub(crate) struct Leave {
    /// Why it has to stop although it is wanted up.
    pub(crate) lacks: Option<String>,
    /// Why it is not told to stop yet.
    pub(crate) hold: Option<Hold>,
}

/// A start that is due if nothing holds it.
pub(super) struct Due {
    priority: i32,
    name: ProgramName,
    spec: Arc<ProgramSpec>,
    cause: Cause,
}

impl Due {
    /// The start of a program with this description, and what has brought it about.
    pub(super) fn new(spec: Arc<ProgramSpec>, cause: Cause) -> Self {
        Self {
            priority: spec.policy.order.priority,
            name: spec.name.clone(),
            spec,
            cause,
        }
    }
}

impl Colony {
    /// Takes in what has changed of the programs that were touched, and says who has to be settled:
    /// these, those to whom it matters, and those whose turn has come, so that whoever is due now
    /// as well is not ahead of them.
    pub(super) fn survey(&mut self) -> BTreeSet<ProgramName> {
        let mut round = self.look_around();
        round.extend(self.order.turns.next());
        round
    }

    fn look_around(&mut self) -> BTreeSet<ProgramName> {
        let mut round = std::mem::take(&mut self.touched);
        if self.order.graph.is_empty() && self.stand_without_edges(&round) {
            return round;
        }
        let mut unread = Vec::new();
        for name in &round {
            unread.extend(self.learn(name));
        }
        while let Some(name) = unread.pop() {
            unread.extend(self.learn(&name));
            round.insert(name);
        }
        let renewed = self.order.graph.renew();
        round.extend(self.all_of(renewed));
        // What a program needs comes before it, so that each is looked at once.
        let deep = |graph: &Graph, name: ProgramName| (graph.depth(&name.family()), name);
        let mut open: BTreeSet<(usize, ProgramName)> = (round.iter())
            .map(|name| deep(&self.order.graph, name.clone()))
            .collect();
        while let Some((_, name)) = open.pop_first() {
            for other in self.stand(&name) {
                let graph = &self.order.graph;
                let depends = graph.depends(&other.family(), &name.family());
                if round.insert(other.clone()) || depends {
                    open.insert(deep(&self.order.graph, other));
                }
            }
        }
        round
    }

    /// The same where nobody names anybody, which most colonies are spared the rest for; says whether
    /// that is so.
    fn stand_without_edges(&mut self, round: &BTreeSet<ProgramName>) -> bool {
        let shutting_down = self.is_closing();
        round.iter().all(|name| {
            let Some(program) = self.programs.get_mut(name) else {
                return true;
            };
            self.order.count(program, shutting_down);
            let spec = program.spec.as_ref().or(program.started_with());
            spec.is_none_or(|spec| !spec.policy.order.names_others())
        })
    }

    /// Takes in the edges of a program: those of its file, or, when that was removed, those that
    /// its process was started with.
    fn learn(&mut self, name: &ProgramName) -> Vec<ProgramName> {
        let family = name.family();
        let described = self.members(&family).find_map(|it| it.spec.clone());
        let of_process = || {
            let mut members = self.members(&family);
            members.find_map(|it| it.started_with().cloned())
        };
        let spec = described.or_else(of_process);
        let others = self.order.graph.learn(&family, spec.as_ref());
        self.all_of(others)
    }

    /// The programs that files stand for, by the names of these; and the names themselves, under
    /// which there may be nobody.
    fn all_of(&self, files: Vec<ProgramName>) -> Vec<ProgramName> {
        let members = |file: &ProgramName| -> Vec<ProgramName> {
            self.members(file).map(|it| it.name.clone()).collect()
        };
        let all: Vec<ProgramName> = files.iter().flat_map(members).collect();
        files.into_iter().chain(all).collect()
    }

    /// Takes in how a program stands, and says to whom that matters.
    fn stand(&mut self, name: &ProgramName) -> Vec<ProgramName> {
        let shutting_down = self.is_closing();
        if let Some(program) = self.programs.get_mut(name) {
            self.order.count(program, shutting_down);
        }
        self.stand_together(&name.family())
    }

    /// A program was settled: whoever that matters to is looked at next.
    pub(super) fn stands_now(&mut self, name: &ProgramName) {
        let shutting_down = self.is_closing();
        if let Some(program) = self.programs.get_mut(name) {
            self.order.stands_now(program, shutting_down);
        }
        let others = self.stand_together(&name.family());
        self.touched.extend(others);
    }

    /// Takes in how the programs of a file stand, and says to whom that matters.
    fn stand_together(&mut self, family: &ProgramName) -> Vec<ProgramName> {
        let graph = &self.order.graph;
        if !graph.knows(family) {
            return Vec::new();
        }
        let shutting_down = self.is_closing();
        let (lacks, in_ring) = (graph.lack(family).is_some(), graph.ring(family).is_some());
        let members = self.members(family);
        let standings = members.map(|it| Standing::of(it, shutting_down, lacks, in_ring));
        let standing = Standing::together(standings).unwrap_or(Standing::ABSENT);
        let others = self.order.graph.stand(family, standing);
        self.all_of(others)
    }

    /// A program is gone, and its edges with it.
    pub(super) fn forget(&mut self, name: &ProgramName) {
        let mut others = self.stand(name);
        others.extend(self.learn(name));
        self.touched.extend(others);
    }

    /// Orders the starts that are due and that nothing holds, the lowest priority first.
    pub(super) fn start_in_order(&mut self, now: Now, mut due: Vec<Due>) {
        due.sort_by(|one, other| (one.priority, &one.name).cmp(&(other.priority, &other.name)));
        for Due {
            priority,
            name,
            spec,
            cause,
        } in due
        {
            if let Some(program) = self.programs.get_mut(&name) {
                match self.order.start_hold(program, priority) {
                    None => program.order(now, spec, cause, &mut self.effects),
                    Some(hold) => program.wait_for(now, hold),
                }
            }
            self.conclude(now, name);
        }
    }

    /// Touches those whose turn has come; says whether there are any. When everything is to be left
    /// as it is, nobody's turn comes.
    pub(super) fn next_turn(&mut self) -> bool {
        if self.is_detaching() {
            return false;
        }
        self.touched.extend(self.order.turns.next());
        !self.touched.is_empty()
    }
}

/// The priority of a program that names nobody and is not named.
fn priority(program: &Program) -> i32 {
    let spec = program.spec.as_ref().or(program.started_with());
    spec.map_or(crate::descriptor::DEFAULT_PRIORITY, |spec| {
        spec.policy.order.priority
    })
}
