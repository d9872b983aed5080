//! When a server is to be asked, and what follows from its answers. Nothing here has a clock.

use std::borrow::Cow;
use std::time::Duration;

use ncolony_core::Mono;
use ncolony_core::checks::HttpCheck;

use crate::watching::{Patient, Run};

/// The number of a check: an answer to an earlier one than the last counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) u64);

/// The checks of one program.
#[derive(Debug)]
pub(crate) struct Schedule {
    settings: HttpCheck,
    run: Run,
    next: Mono,
    under_way: Option<Ticket>,
    /// Whether what the check under way finds says nothing: we stood still meanwhile.
    spoilt: bool,
    bad: u32,
}

impl Patient for Schedule {
    type Asked = HttpCheck;

    /// Checks begin when grace is over.
    fn new(settings: HttpCheck, run: Run, now: Mono) -> Self {
        Self {
            next: now.after(settings.grace),
            settings,
            run,
            under_way: None,
            spoilt: false,
            bad: 0,
        }
    }

    fn asked(&self) -> &HttpCheck {
        &self.settings
    }

    fn is_about(&self, settings: &HttpCheck, run: &Run) -> bool {
        self.settings == *settings && self.run == *run
    }
}

impl Schedule {
    /// When the next check is to begin. `None`: one is under way.
    pub(crate) fn due(&self) -> Option<Mono> {
        self.under_way.is_none().then_some(self.next)
    }

    /// A check begins. The next one is due a period after the time of this one, but never at once
    /// because this one was late.
    pub(crate) fn begun(&mut self, now: Mono, ticket: Ticket) {
        self.under_way = Some(ticket);
        self.spoilt = false;
        let in_step = self.next.after(self.settings.period);
        self.next = if in_step > now {
            in_step
        } else {
            now.after(self.settings.period)
        };
    }

    /// The check that had begun could not be made after all, and says nothing.
    pub(crate) fn not_made(&mut self, ticket: Ticket) {
        if self.under_way == Some(ticket) {
            self.under_way = None;
        }
    }

    /// We stood still for this long, and perhaps everybody did: it does not count.
    pub(crate) fn missed(&mut self, span: Duration) {
        self.spoilt = true;
        self.next = self.next.after(span);
    }

    /// A check has ended; whether the program is to be restarted. Then its grace begins again.
    pub(crate) fn ended(&mut self, now: Mono, ticket: Ticket, failed: bool) -> bool {
        if self.under_way != Some(ticket) {
            return false;
        }
        self.under_way = None;
        if self.spoilt {
            return false;
        }
        self.bad = if failed {
            self.bad.saturating_add(1)
        } else {
            0
        };
        if self.bad <= self.settings.max_bad {
            return false;
        }
        self.bad = 0;
        self.next = now.after(self.settings.grace.max(self.settings.period));
        true
    }

    /// How many checks in a row have to fail.
    pub(crate) fn failures_before_a_restart(&self) -> u32 {
        self.settings.max_bad.saturating_add(1)
    }
}

/// Why a program is restarted, for its record.
pub(crate) fn reason(settings: &HttpCheck, failures: u32, wrong: &str) -> String {
    let url = without_password(&settings.url);
    if failures > 1 {
        format!("its server at {url} has failed {failures} checks in a row, the last one: {wrong}")
    } else {
        format!("its server at {url} has failed a check: {wrong}")
    }
}

/// A URL as it may stand in records and events, which more may read than the program's file.
fn without_password(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.into();
    };
    let (server, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match server
        .rsplit_once('@')
        .map(|(who, server)| (who.split_once(':'), server))
    {
        Some((Some((user, _)), server)) => format!("{scheme}://{user}:…@{server}{path}").into(),
        Some((None, _)) | None => url.into(),
    }
}

#[cfg(test)]
mod tests {
    use ncolony_core::listing::Fingerprint;
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::default().after(Duration::from_secs(seconds))
    }

    /// Seen at second 100, first asked at 120, every 10 seconds, restarted at the third failure.
    fn schedule() -> Schedule {
        let file = json!({HttpCheck::KEY: {
            "url": "http://localhost/", "period": 10, "timeout": 3, "grace": 2, "maxBad": 2
        }});
        let settings = HttpCheck::of_file(file.to_string().as_bytes());
        let run = Run::Unrecorded(Fingerprint::of_number(1));
        Schedule::new(settings.unwrap().unwrap(), run, at(100))
    }

    fn check(schedule: &mut Schedule, now: u64, failed: bool) -> bool {
        let ticket = Ticket(now);
        schedule.begun(at(now), ticket);
        schedule.ended(at(now + 1), ticket, failed)
    }

    #[test]
    fn the_first_check_comes_after_grace_and_then_one_every_period() {
        let mut schedule = schedule();
        assert_eq!(schedule.due(), Some(at(120)));
        schedule.begun(at(120), Ticket(1));
        assert_eq!(schedule.due(), None);
        schedule.ended(at(122), Ticket(1), false);
        assert_eq!(schedule.due(), Some(at(130)));
        schedule.begun(at(175), Ticket(2));
        schedule.ended(at(176), Ticket(2), false);
        assert_eq!(schedule.due(), Some(at(185)));
    }

    #[test]
    fn as_many_failures_in_a_row_as_are_too_many_restart_it_and_begin_anew() {
        let mut schedule = schedule();
        assert!(!check(&mut schedule, 120, true));
        assert!(!check(&mut schedule, 130, true));
        assert!(!check(&mut schedule, 140, false));
        assert!(!check(&mut schedule, 150, true));
        assert!(!check(&mut schedule, 160, true));
        assert!(check(&mut schedule, 170, true));
        assert_eq!(schedule.due(), Some(at(191)));
        assert!(!check(&mut schedule, 191, true));
    }

    #[test]
    fn a_check_during_which_we_stood_still_counts_for_nothing() {
        let mut schedule = schedule();
        assert!(!check(&mut schedule, 120, true));
        assert!(!check(&mut schedule, 130, true));
        schedule.begun(at(140), Ticket(3));
        schedule.missed(Duration::from_secs(60));
        assert!(!schedule.ended(at(201), Ticket(3), true));
        assert_eq!(schedule.due(), Some(at(210)));
        assert!(check(&mut schedule, 210, true));
    }

    #[test]
    fn a_check_that_could_not_be_made_is_neither_good_nor_bad() {
        let mut schedule = schedule();
        assert!(!check(&mut schedule, 120, true));
        assert!(!check(&mut schedule, 130, true));
        schedule.begun(at(140), Ticket(140));
        schedule.not_made(Ticket(130));
        assert_eq!(schedule.due(), None);
        schedule.not_made(Ticket(140));
        assert_eq!(schedule.due(), Some(at(150)));
        assert!(check(&mut schedule, 150, true));
    }

    #[test]
    fn the_answer_to_another_check_is_not_heard() {
        let mut schedule = schedule();
        schedule.begun(at(120), Ticket(2));
        assert!(!schedule.ended(at(121), Ticket(1), true));
        assert_eq!(schedule.due(), None);
    }

    #[test]
    fn the_reason_says_who_how_often_and_why() {
        let schedule = schedule();
        let said = reason(schedule.asked(), schedule.failures_before_a_restart(), "no");
        assert_eq!(
            said,
            "its server at http://localhost/ has failed 3 checks in a row, the last one: no"
        );
    }
    #[test]
    fn a_password_stays_in_the_programs_file() {
        for (url, shown) in [
            ("http://me:secret@a:80/x@y", "http://me:…@a:80/x@y"),
            ("http://me:se@cret@a", "http://me:…@a"),
            ("https://me@a/x", "https://me@a/x"),
            ("http://a:80/me:secret@b", "http://a:80/me:secret@b"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
