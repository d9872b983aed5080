//! Searching small worlds whole: every history of a few moves up to a depth, breadth first. Worlds
//! with the same future are the same state, and are followed once.

mod succession;
mod themes;

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use crate::action::{Action, Plan};
use crate::cast::Cast;
use crate::invariant::Violation;
use crate::world::World;

pub use themes::themes;

/// Actions that are taken together.
pub type Move = Vec<Action>;

/// A small world.
#[derive(Clone, Debug)]
pub struct Theme {
    /// What it is about.
    pub name: &'static str,
    /// What comes of a start about which nothing was settled.
    pub usual: Plan,
    /// What has happened before.
    pub opening: Move,
    /// What can happen.
    pub moves: Vec<Move>,
    /// So many moves.
    pub depth: usize,
}

/// What a search has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// States, no two with the same future.
    pub states: usize,
    /// Moves that were tried.
    pub moves: usize,
}

/// A history of moves that went wrong. No shorter one does.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The small world.
    pub theme: &'static str,
    /// What was broken.
    pub violation: Violation,
    /// What happens.
    pub story: Vec<String>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "in the world of {}: {}", self.theme, self.violation)?;
        for line in &self.story {
            writeln!(out, "  {line}")?;
        }
        Ok(())
    }
}

/// How a state was reached: from which earlier one, by which move.
#[derive(Clone, Copy)]
struct Step {
    from: usize,
    by: usize,
}

struct Search<'a> {
    theme: &'a Theme,
    cast: Rc<Cast>,
    steps: Vec<Option<Step>>,
    known: HashSet<u64>,
    seen: Seen,
}

/// Searches a small world whole.
///
/// # Errors
/// The shortest history that goes wrong.
pub fn search(cast: &Rc<Cast>, theme: &Theme) -> Result<Seen, Box<Counterexample>> {
    let mut search = Search {
        theme,
        cast: Rc::clone(cast),
        steps: vec![None],
        known: HashSet::new(),
        seen: Seen::default(),
    };
    let mut world = search.world();
    take(&mut world, &theme.opening).map_err(|violation| search.tell(violation, &[]))?;
    search.known.insert(world.essence());
    let mut frontier = vec![(0, world)];
    for _ in 0..theme.depth {
        let mut next = Vec::new();
        for (place, world) in frontier {
            search.follow(place, &world, &mut next)?;
        }
        frontier = next;
    }
    search.seen.states = search.known.len();
    Ok(search.seen)
}

fn take(world: &mut World, actions: &[Action]) -> Result<(), Violation> {
    actions.iter().try_for_each(|action| world.act(*action))
}

/// What is settled about a start need not be settled again before the start.
fn is_idle(world: &World, action: &Move) -> bool {
    matches!(action.as_slice(), [Action::Plan(who, _)] if world.is_planned(*who))
}

impl Search<'_> {
    fn world(&self) -> World {
        let mut world = World::new(Rc::clone(&self.cast), None);
        world.set_usual(self.theme.usual);
        world
    }

    /// Tries every move from a state.
    fn follow(
        &mut self,
        from: usize,
        world: &World,
        next: &mut Vec<(usize, World)>,
    ) -> Result<(), Box<Counterexample>> {
        for (by, action) in self.theme.moves.iter().enumerate() {
            if is_idle(world, action) {
                continue;
            }
            self.seen.moves += 1;
            let mut later = world.clone();
            let outcome = take(&mut later, action);
            let place = self.steps.len();
            if let Err(violation) = outcome {
                self.steps.push(Some(Step { from, by }));
                return Err(self.tell(violation, &self.path(place)));
            }
            if !self.known.insert(later.essence()) {
                continue;
            }
            self.steps.push(Some(Step { from, by }));
            if let Err(violation) = later.clone().act(Action::Calm) {
                let mut path = self.path(place);
                path.push(Action::Calm);
                return Err(self.tell(violation, &path));
            }
            next.push((place, later));
        }
        Ok(())
    }

    fn path(&self, place: usize) -> Move {
        let mut moves = Vec::new();
        let mut place = place;
        while let Some(step) = self.steps[place] {
            moves.push(step.by);
            place = step.from;
        }
        let actions = moves.iter().rev().map(|by| &self.theme.moves[*by]);
        actions.flatten().copied().collect()
    }

    /// Acts the history out once more and writes down what happens.
    fn tell(&self, violation: Violation, path: &[Action]) -> Box<Counterexample> {
        let mut world = self.world();
        world.tell_story();
        let mut history = self.theme.opening.clone();
        history.extend_from_slice(path);
        // It goes wrong again, where it went wrong before.
        let again = take(&mut world, &history);
        debug_assert_eq!(again.as_ref(), Err(&violation));
        Box::new(Counterexample {
            theme: self.theme.name,
            violation,
            story: world.story(),
        })
    }
}
