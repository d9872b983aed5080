//! A program that shows that it is well: its loop beats its heart.

use std::error::Error;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use ncolony_core::heart::Heart;

/// Works for ever; or for some seconds, and then sits there with a process that looks as before.
pub(crate) fn run(words: &[&str]) -> Result<(), Box<dyn Error>> {
    let lasts = match words {
        [] => Duration::MAX,
        ["--for", seconds] => Duration::try_from_secs_f64(seconds.parse()?)?,
        _ => return Err(format!("{words:?} is not understood; say --for SECONDS").into()),
    };
    let heart = Heart::from_environment()?.ok_or("nobody watches this program")?;
    let begun = Instant::now();
    while begun.elapsed() < lasts {
        heart.beat()?;
        thread::sleep(heart.interval());
    }
    writeln!(io::stdout(), "I am stuck, and beat my heart no more")?;
    loop {
        thread::park();
    }
}
