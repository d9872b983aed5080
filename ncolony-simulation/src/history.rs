//! Acting out a history, and telling one that went wrong.

use std::fmt;
use std::ops::AddAssign;
use std::rc::Rc;
use std::time::Duration;

use crate::action::Action;
use crate::cast::Cast;
use crate::generate;
use crate::invariant::Violation;
use crate::shrink;
use crate::world::World;

/// How often the monitor looks at its directories by itself.
const FREQUENCY: Duration = Duration::from_secs(10);

/// What a history came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Count {
    /// Breaths of the machine.
    pub steps: u64,
    /// Orders that were carried out.
    pub orders: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, more: Self) {
        self.steps += more.steps;
        self.orders += more.orders;
    }
}

/// A history that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// What was broken, and after how many steps.
    pub violation: Violation,
    /// How many steps it took.
    pub steps: u64,
    /// The least that still breaks it.
    pub shrunk: Vec<Action>,
    /// What happens in that.
    pub story: Vec<String>,
}

/// Acts out a history in a world of its own.
///
/// # Errors
/// The first violation, and after how many steps it came.
pub fn act_out(cast: &Rc<Cast>, history: &[Action]) -> Result<Count, (Violation, u64)> {
    act_out_in(&mut World::new(Rc::clone(cast), Some(FREQUENCY)), history)
}

fn act_out_in(world: &mut World, history: &[Action]) -> Result<Count, (Violation, u64)> {
    for action in history {
        world
            .act(*action)
            .map_err(|violation| (violation, world.steps))?;
    }
    Ok(Count {
        steps: world.steps,
        orders: world.orders,
    })
}

/// Acts out a history and writes down what happens in it.
#[must_use]
pub fn tell(cast: &Rc<Cast>, history: &[Action]) -> Vec<String> {
    let mut world = World::new(Rc::clone(cast), Some(FREQUENCY));
    world.tell_story();
    let outcome = act_out_in(&mut world, history);
    let mut story = world.story();
    if let Err((violation, _)) = outcome {
        story.push(violation.to_string());
    }
    story
}

/// Acts out the history of a seed.
///
/// # Errors
/// It went wrong; its shortest form is told.
pub fn try_seed(cast: &Rc<Cast>, seed: u64) -> Result<Count, Box<Failure>> {
    let history = generate::history(seed);
    act_out(cast, &history).map_err(|(violation, steps)| {
        let same = |shorter: &[Action]| {
            let outcome = act_out(cast, shorter);
            outcome.is_err_and(|(other, _)| other.invariant == violation.invariant)
        };
        let shrunk = shrink::shrink(&history, same);
        let story = tell(cast, &shrunk);
        Box::new(Failure {
            seed,
            violation,
            steps,
            shrunk,
            story,
        })
    })
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "seed {}, step {}: {}",
            self.seed, self.steps, self.violation
        )?;
        writeln!(out, "shrunk to {} actions:", self.shrunk.len())?;
        for line in &self.story {
            writeln!(out, "  {line}")?;
        }
        write!(
            out,
            "replay it with: cargo run --release -p ncolony-simulation -- --replay {}",
            self.seed
        )
    }
}
