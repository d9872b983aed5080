//! Acts out histories until so many steps are done, tells one of them, or searches small worlds.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ncolony_simulation::cast::Cast;
use ncolony_simulation::generate;
use ncolony_simulation::history::{self, Count};
use ncolony_simulation::planning::{self, Cost};
use ncolony_simulation::search;

const USAGE: &str = "\
usage: ncolony-simulation [--steps N] [--seed N]
       ncolony-simulation --replay SEED
       ncolony-simulation --search DEPTH
       ncolony-simulation --plan PROGRAMS [--edges N]

  --steps N       stop after so many steps of the machine (default 1000000)
  --seed N        the first seed; the others follow it (default: a new one, which is printed)
  --replay SEED   tell the history of one seed, and shrink it if it goes wrong
  --search DEPTH  search the small worlds whole, to so many moves
  --plan PROGRAMS measure what the machine does with so many programs
  --edges N       of which so many name another one (default 0)
";

/// So many histories between two lines of progress.
const PROGRESS: u64 = 10_000;

/// The history that is being acted out, for the case that the machine panics in it.
static PRESENT: AtomicU64 = AtomicU64::new(0);

enum Task {
    Run { steps: u64, seed: u64 },
    Replay { seed: u64 },
    Search { depth: usize },
    Plan { programs: u64, edges: u64 },
}

fn task(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let (mut steps, mut seed, mut edges) = (1_000_000, None, 0);
    let mut other = None;
    while let Some(flag) = arguments.next() {
        let text = arguments.next().ok_or(format!("{flag} needs a number"))?;
        let number = text.replace('_', "").parse::<u64>();
        let number = number.map_err(|_| format!("{text:?} is not a number"))?;
        match flag.as_str() {
            "--steps" => steps = number,
            "--seed" => seed = Some(number),
            "--edges" => edges = number,
            "--plan" => {
                let programs = number.max(1);
                other = Some(Task::Plan { programs, edges });
            }
            "--replay" => other = Some(Task::Replay { seed: number }),
            "--search" => {
                let depth = usize::try_from(number).unwrap_or(usize::MAX);
                other = Some(Task::Search { depth });
            }
            _ => return Err(format!("there is no flag {flag}")),
        }
    }
    if let Some(Task::Plan { edges: wanted, .. }) = &mut other {
        *wanted = edges;
    }
    let fresh = || RandomState::new().build_hasher().finish() >> 16;
    Ok(other.unwrap_or_else(|| Task::Run {
        steps,
        seed: seed.unwrap_or_else(fresh),
    }))
}

fn run(out: &mut impl Write, steps: u64, first: u64) -> io::Result<ExitCode> {
    let cast = Rc::new(Cast::new());
    let begun = Instant::now();
    let mut done = Count::default();
    writeln!(out, "{steps} steps from seed {first} on")?;
    for seed in first.. {
        PRESENT.store(seed, Ordering::Relaxed);
        match history::try_seed(&cast, seed) {
            Ok(count) => done += count,
            Err(failure) => {
                writeln!(out, "{failure}")?;
                return Ok(ExitCode::FAILURE);
            }
        }
        let (histories, over) = (seed - first + 1, done.steps >= steps);
        if over || histories.is_multiple_of(PROGRESS) {
            let seconds = begun.elapsed().as_secs_f64();
            let rate = u128::from(done.steps) * 1000 / begun.elapsed().as_millis().max(1);
            let Count { steps, orders } = done;
            writeln!(
                out,
                "{histories} histories, {steps} steps, {orders} orders in {seconds:.1} s: \
                 {rate} steps a second"
            )?;
        }
        if over {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn replay(out: &mut impl Write, seed: u64) -> io::Result<ExitCode> {
    PRESENT.store(seed, Ordering::Relaxed);
    let cast = Rc::new(Cast::new());
    for line in history::tell(&cast, &generate::history(seed)) {
        writeln!(out, "{line}")?;
    }
    match history::try_seed(&cast, seed) {
        Ok(count) => {
            writeln!(out, "nothing is broken after {} steps", count.steps)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            writeln!(out, "\n{failure}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn search_all(out: &mut impl Write, depth: usize) -> io::Result<ExitCode> {
    let cast = Rc::new(Cast::new());
    for theme in search::themes(depth) {
        let begun = Instant::now();
        match search::search(&cast, &theme) {
            Ok(seen) => writeln!(
                out,
                "{}, {} moves deep: {} states, {} moves in {:.1} s",
                theme.name,
                theme.depth,
                seen.states,
                seen.moves,
                begun.elapsed().as_secs_f64()
            )?,
            Err(wrong) => {
                writeln!(out, "{wrong}")?;
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How often a plan is measured. The median is told.
const PLANS: usize = 9;

fn plan(out: &mut impl Write, programs: u64, edges: u64) -> io::Result<ExitCode> {
    let costs: Vec<Cost> = (0..PLANS)
        .map(|_| planning::measure(programs, edges))
        .collect();
    let median = |part: fn(&Cost) -> Duration| {
        let mut all: Vec<Duration> = costs.iter().map(part).collect();
        all.sort();
        all[PLANS / 2]
    };
    writeln!(
        out,
        "{programs} programs, {edges} edges: planned in {:.1?}, started in {:.1?}, \
         a crash in {:.1?}, stopped in {:.1?}",
        median(|cost| cost.plan),
        median(|cost| cost.start),
        median(|cost| cost.crash),
        median(|cost| cost.stop)
    )?;
    Ok(ExitCode::SUCCESS)
}

fn main() -> ExitCode {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let seed = PRESENT.load(Ordering::Relaxed);
        // There is nobody left to tell if this fails.
        let _told = writeln!(io::stderr(), "it was in the history of seed {seed}");
    }));
    let mut out = io::stdout().lock();
    let outcome = match task(std::env::args().skip(1)) {
        Ok(Task::Run { steps, seed }) => run(&mut out, steps, seed),
        Ok(Task::Replay { seed }) => replay(&mut out, seed),
        Ok(Task::Plan { programs, edges }) => plan(&mut out, programs, edges),
        Ok(Task::Search { depth }) => search_all(&mut out, depth),
        Err(why) => write!(io::stderr(), "{why}\n{USAGE}").map(|()| ExitCode::from(2)),
    };
    // Whoever closed our output does not want to hear more.
    outcome.unwrap_or(ExitCode::FAILURE)
}
