//! Acts out histories until so many steps are done, or tells one of them.

use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use ncolony_simulation::cast::Cast;
use ncolony_simulation::history::{self, Count};
use ncolony_simulation::{generate, random::Random};

const USAGE: &str = "\
usage: ncolony-simulation [--steps N] [--seed N]
       ncolony-simulation --replay SEED

  --steps N      stop after so many steps of the machine (default 1000000)
  --seed N       the first seed; the others follow it (default: drawn from the clock)
  --replay SEED  tell the history of one seed, and shrink it if it goes wrong
";

/// So many histories between two lines of progress.
const PROGRESS: u64 = 10_000;

enum Task {
    Run { steps: u64, seed: u64 },
    Replay { seed: u64 },
}

fn task(arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let (mut steps, mut seed, mut replay) = (1_000_000, None, None);
    let mut arguments = arguments.peekable();
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or(format!("{flag} needs a number"));
        let number = value.and_then(|text| {
            let digits = text.replace('_', "");
            digits
                .parse::<u64>()
                .map_err(|_| format!("{text:?} is not a number"))
        });
        match flag.as_str() {
            "--steps" => steps = number?,
            "--seed" => seed = Some(number?),
            "--replay" => replay = Some(number?),
            _ => return Err(format!("there is no flag {flag}")),
        }
    }
    if let Some(seed) = replay {
        return Ok(Task::Replay { seed });
    }
    // The only thing here that is not the same every time; it is printed.
    let fresh = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = since.unwrap_or_default().as_nanos();
        Random::new(u64::try_from(nanos).unwrap_or_default()).number() >> 16
    };
    Ok(Task::Run {
        steps,
        seed: seed.unwrap_or_else(fresh),
    })
}

fn run(out: &mut impl Write, steps: u64, first: u64) -> io::Result<ExitCode> {
    let cast = Rc::new(Cast::new());
    let begun = Instant::now();
    let mut done = Count::default();
    writeln!(out, "{steps} steps from seed {first} on")?;
    for seed in first.. {
        match history::try_seed(&cast, seed) {
            Ok(count) => {
                done.steps += count.steps;
                done.orders += count.orders;
            }
            Err(failure) => {
                writeln!(out, "{failure}")?;
                return Ok(ExitCode::FAILURE);
            }
        }
        let histories = seed - first + 1;
        let over = done.steps >= steps;
        if over || histories.is_multiple_of(PROGRESS) {
            let seconds = begun.elapsed().as_secs_f64();
            let rate = u128::from(done.steps) * 1000 / begun.elapsed().as_millis().max(1);
            writeln!(
                out,
                "{histories} histories, {} steps, {} orders in {seconds:.1} s: {rate} steps a second",
                done.steps, done.orders
            )?;
        }
        if over {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn replay(out: &mut impl Write, seed: u64) -> io::Result<ExitCode> {
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

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let outcome = match task(std::env::args().skip(1)) {
        Ok(Task::Run { steps, seed }) => run(&mut out, steps, seed),
        Ok(Task::Replay { seed }) => replay(&mut out, seed),
        Err(why) => write!(io::stderr(), "{why}\n{USAGE}").map(|()| ExitCode::from(2)),
    };
    // Whoever closed our output does not want to hear more.
    outcome.unwrap_or(ExitCode::FAILURE)
}
