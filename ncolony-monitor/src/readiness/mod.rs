//! Whether programs are ready, as far as it takes looking or listening to know.
//!
//! - A program may say so itself, and that it goes on being well: [`notices`] has the sockets that
//!   it speaks to, [`words`] what it can say.
//! - Or it is looked again and again until the condition in its file holds: [`probes`] knows who is
//!   looked at. Knocking at a port and asking for a page ([`knock`]) wait in the loop like
//!   everything else; a look at a file is made by a thread ([`thread`]), since a file system may
//!   not answer; a command ([`commands`]) is a child of ours, reaped with all others; a log is
//!   watched where it passes through anyway ([`crate::logs`]).
//!
//! The loop never waits for any of them. What comes of it are facts; how long it may take is for
//! the machine to decide. Once a program is ready nothing looks at it any more.

mod commands;
mod knock;
mod mailing;
mod notices;
mod probes;
mod thread;
mod words;

use std::time::Duration;

use ncolony_core::ProgramName;
use ncolony_core::colony::{Generation, Observation};
use ncolony_core::descriptor::Ready;
use ncolony_core::time::Mono;

pub(crate) use commands::Commands;
pub(crate) use mailing::Addresses;
pub(crate) use notices::{Notices, Speaker};
pub(crate) use probes::Probes;

/// After the first look the next follows soon, since most programs are ready soon; then each takes
/// twice as long, up to the interval of the file.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// A look that has taken so long, or a whole interval if that is longer, is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// No interval is shorter.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// A start that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: ProgramName,
    pub(crate) generation: Generation,
}

/// What a look came to: it holds, or why it does not, in a few words.
type Finding = Result<(), String>;

impl Subject {
    fn observe(&self, finding: Finding) -> Observation {
        let (name, generation) = (self.name.clone(), self.generation);
        match finding {
            Ok(()) => Observation::Ready { name, generation },
            Err(why) => Observation::NotReady {
                name,
                generation,
                why,
            },
        }
    }
}

/// When it is looked again.
#[derive(Clone, Copy, Debug)]
struct Pace {
    pause: Duration,
    interval: Duration,
}

impl Pace {
    fn of(ready: &Ready) -> Self {
        let interval = ready.interval.max(INTERVAL_MIN);
        Self {
            pause: FIRST_PAUSE.min(interval),
            interval,
        }
    }

    /// The wait until the next look.
    fn next(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(self.interval);
        pause
    }

    /// How long one look may take.
    fn patience(&self) -> Duration {
        self.interval.max(PATIENCE)
    }

    /// That it took so long, for people.
    fn gave_up(&self) -> String {
        let patience = ncolony_core::time::span_in_words(self.patience());
        format!("no answer within {patience}")
    }
}

/// Keeps to itself what was said already.
#[derive(Debug, Default)]
struct News(Option<String>);

impl News {
    /// The finding, if it is not the same as the last one.
    fn take(&mut self, finding: Finding) -> Option<Finding> {
        match finding {
            Ok(()) => Some(Ok(())),
            Err(why) if self.0.as_ref() == Some(&why) => None,
            Err(why) => {
                self.0 = Some(why.clone());
                Some(Err(why))
            }
        }
    }
}

/// When the next thing is due, of several that may be.
fn earliest(all: impl IntoIterator<Item = Option<Mono>>) -> Option<Mono> {
    all.into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ncolony_core::descriptor::Condition;

    #[test]
    fn looks_follow_each_other_ever_more_slowly_up_to_the_interval() {
        let mut pace = Pace::of(&Ready {
            when: Condition::Notify,
            timeout: Duration::from_secs(60),
            interval: Duration::from_millis(100),
        });
        let pauses: Vec<u128> = (0..5).map(|_| pace.next().as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 100, 100]);
        assert_eq!(pace.gave_up(), "no answer within 5 s");
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let mut news = News::default();
        let refused = || Err("refused".to_owned());
        assert!(news.take(refused()).is_some() && news.take(refused()).is_none());
        assert!(news.take(Err("no route".to_owned())).is_some());
        assert_eq!(news.take(Ok(())), Some(Ok(())));
    }
}
