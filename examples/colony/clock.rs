//! A program that prints the time, once a second.

use std::error::Error;
use std::io::{self, Write};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        writeln!(io::stdout(), "{}", time_of_day(now.as_secs()))?;
        let into_this_second = Duration::from_nanos(now.subsec_nanos().into());
        sleep(Duration::from_secs(1).saturating_sub(into_this_second));
    }
}

fn time_of_day(seconds: u64) -> String {
    let second = seconds % DAY;
    let (hours, minutes) = (second / 3600, second / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02} UTC", second % 60)
}
