//! What a program that is to be started waits for in its turn: whoever waits for the program is told
//! while there is still time to do something about it.

use std::time::{Duration, Instant};

use ncolony_core::State;
use ncolony_core::status::WantWord;

use crate::effect::Goal;
use crate::note::one_line;
use crate::records::ProgramRecord;
use crate::watch::Watched;

/// Those who only wait for their turn mostly wait less: what they wait for has begun, and counts as up
/// when it has lived for its threshold.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is said of those that wait, each sentence once.
#[derive(Debug, Default)]
pub(crate) struct WaitingRoom {
    /// What was last seen, and since when.
    seen: Option<(String, Instant)>,
    /// What was last said.
    said: Option<String>,
}

impl WaitingRoom {
    /// What is to be said now of a program whose effect has not come yet.
    pub(crate) fn news(
        &mut self,
        watched: &Watched,
        record: Option<&ProgramRecord>,
    ) -> Option<String> {
        let sentence = sentence(watched, record?)?;
        let now = Instant::now();
        let since = match &self.seen {
            Some((seen, since)) if *seen == sentence => *since,
            Some(_) | None => {
                self.seen = Some((sentence.clone(), now));
                now
            }
        };
        let is_news = self.said.as_ref() != Some(&sentence) && now >= since + PATIENCE;
        is_news.then(|| self.said.insert(sentence).clone())
    }
}

/// What a program waits for that is held back, although it is to be started.
fn sentence(watched: &Watched, ProgramRecord { status, .. }: &ProgramRecord) -> Option<String> {
    let is_start = match watched.goal {
        Goal::Started(_) | Goal::Added { .. } => true,
        Goal::Stopped(_) | Goal::Removed | Goal::Reached(_) => false,
    };
    let is_held = status.state == State::Stopped && status.want == WantWord::Up;
    let reason = status.reason.as_ref().filter(|_| is_start && is_held)?;
    Some(format!(
        "{} is not started yet: {}",
        watched.name,
        one_line(reason)
    ))
}

#[cfg(test)]
mod tests {
    use ncolony_core::ProgramName;

    use super::*;
    use crate::effect::Promise;
    use crate::records::tests::{record, status};

    fn watched(goal: Goal) -> Watched {
        let name = ProgramName::new("web").unwrap();
        Watched { name, goal }
    }

    fn held(reason: Option<&str>) -> ProgramRecord {
        let mut status = status("web", State::Stopped);
        status.reason = reason.map(str::to_owned);
        record(status)
    }

    #[test]
    fn only_what_is_held_back_from_its_start_waits() {
        let said = |goal, record: &ProgramRecord| sentence(&watched(goal), record);
        let start = || Goal::Started(Promise::default());
        let waits = held(Some("it waits for db"));
        let wanted = Some("web is not started yet: it waits for db".to_owned());
        assert_eq!(said(start(), &waits), wanted);
        assert_eq!(said(start(), &held(None)), None);
        assert_eq!(said(Goal::Stopped(Promise::default()), &waits), None);
        let mut down = waits.status.clone();
        down.want = WantWord::Down;
        assert_eq!(said(start(), &record(down)), None);
        let mut starting = waits.status;
        starting.state = State::Starting;
        assert_eq!(said(start(), &record(starting)), None);
    }

    #[test]
    fn it_is_said_once_when_it_has_been_so_for_a_while() {
        let mut room = WaitingRoom::default();
        let watched = watched(Goal::Started(Promise::default()));
        let waits = held(Some("it waits for db"));
        assert_eq!(room.news(&watched, Some(&waits)), None);
        let long_ago = Instant::now().checked_sub(PATIENCE).unwrap();
        room.seen = room.seen.map(|(seen, _)| (seen, long_ago));
        assert!(room.news(&watched, Some(&waits)).is_some());
        assert_eq!(room.news(&watched, Some(&waits)), None);
        assert_eq!(room.news(&watched, None), None);
    }
}
