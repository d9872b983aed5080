//! Whether a heart has stopped. Nothing here has a clock or a file.

use std::time::Duration;

use ncolony_core::Mono;
use ncolony_core::checks::Watched;
use ncolony_core::time::span_in_words;

use crate::watching::{Patient, Run};

/// What tells the heart's file from what it was before it was touched.
pub(crate) type Mark = (u64, i64, i64);

/// What is thought of a heart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It beats.
    Alive,
    /// The program is young, and nobody looks yet.
    Grace,
    /// It has stopped.
    Silent(Silence),
}

/// How a heart is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Silence {
    /// For how long at least.
    pub(crate) lasted: Duration,
    /// The longest that was promised.
    pub(crate) period: Duration,
    /// Whether there is a file at all.
    pub(crate) has_file: bool,
}

/// Judges one heart.
#[derive(Debug)]
pub(crate) struct Judge {
    watched: Watched,
    run: Run,
    grace_until: Mono,
    last_beat: Mono,
    /// What the file was like at the last touch of the pulse; the outer `None`: never felt.
    mark: Option<Option<Mark>>,
}

impl Patient for Judge {
    type Asked = Watched;

    fn new(watched: Watched, run: Run, now: Mono) -> Self {
        Self {
            grace_until: now.after(watched.grace),
            watched,
            run,
            last_beat: now,
            mark: None,
        }
    }

    fn asked(&self) -> &Watched {
        &self.watched
    }

    fn is_about(&self, watched: &Watched, run: &Run) -> bool {
        self.watched == *watched && self.run == *run
    }
}

impl Judge {
    /// The pulse was felt: a file that is not what it was has been touched since.
    pub(crate) fn felt(&mut self, now: Mono, mark: Option<Mark>) {
        if mark.is_some() && self.mark != Some(mark) {
            self.last_beat = now;
        }
        self.mark = Some(mark);
    }

    /// We stood still for this long, and perhaps everybody did: it does not count.
    pub(crate) fn missed(&mut self, span: Duration) {
        self.last_beat = self.last_beat.after(span);
        self.grace_until = self.grace_until.after(span);
    }

    /// It cannot be said whether the heart beats.
    pub(crate) fn cannot_look(&mut self, now: Mono) {
        self.last_beat = now;
    }

    /// A restart was asked for: grace begins again.
    pub(crate) fn restarted(&mut self, now: Mono) {
        self.grace_until = now.after(self.watched.grace);
        self.last_beat = now;
    }

    /// How it is silent, if its heart has stopped.
    pub(crate) fn silence(&self, now: Mono) -> Option<Silence> {
        match self.verdict(now) {
            Verdict::Silent(silence) => Some(silence),
            Verdict::Alive | Verdict::Grace => None,
        }
    }

    /// When it will have been silent for too long, if it does not beat before.
    pub(crate) fn due(&self) -> Mono {
        let patience = self.last_beat.after(self.watched.period);
        // Until that very moment it is given.
        patience
            .max(self.grace_until)
            .after(Duration::from_millis(1))
    }

    /// What is to be thought of it.
    pub(crate) fn verdict(&self, now: Mono) -> Verdict {
        if now <= self.grace_until {
            return Verdict::Grace;
        }
        let lasted = now.since(self.last_beat);
        if lasted <= self.watched.period {
            return Verdict::Alive;
        }
        Verdict::Silent(Silence {
            lasted,
            period: self.watched.period,
            has_file: self.mark.flatten().is_some(),
        })
    }
}

/// Why a program is restarted, for its record.
pub(crate) fn reason(silence: &Silence, file: &str) -> String {
    let period = span_in_words(silence.period);
    if silence.has_file {
        format!(
            "its heart has stopped: {file} has not been touched for {}, and should be every {period}",
            span_in_words(silence.lasted)
        )
    } else {
        format!(
            "its heart does not beat: there is no {file}, and it should be touched every {period}"
        )
    }
}

#[cfg(test)]
mod tests {
    use ncolony_core::listing::Fingerprint;

    use super::*;

    const PERIOD: u64 = 10;

    fn at(seconds: u64) -> Mono {
        Mono::default().after(Duration::from_secs(seconds))
    }

    fn start(number: u64) -> Run {
        Run::Unrecorded(Fingerprint::of_number(number))
    }

    /// Watched from second 100 on; grace ends at 130.
    fn judge() -> Judge {
        let watched = Watched {
            period: Duration::from_secs(PERIOD),
            grace: Duration::from_secs(3 * PERIOD),
            status: "/hearts".into(),
        };
        Judge::new(watched, start(1), at(100))
    }

    fn mark(number: i64) -> Option<Mark> {
        Some((1, number, 0))
    }

    fn is_silent(judge: &Judge, now: u64) -> bool {
        matches!(judge.verdict(at(now)), Verdict::Silent(_))
    }

    #[test]
    fn a_heart_that_beats_is_alive_and_one_that_stops_is_silent_after_a_period() {
        let mut judge = judge();
        for second in 100..200 {
            judge.felt(at(second), mark(i64::try_from(second / 5).unwrap()));
            assert!(!is_silent(&judge, second));
        }
        assert_eq!(judge.verdict(at(205)), Verdict::Alive);
        assert_eq!(judge.due(), at(205).after(Duration::from_millis(1)));
        assert!(judge.silence(judge.due()).is_some());
        let Verdict::Silent(silence) = judge.verdict(at(206)) else {
            panic!("it is silent");
        };
        assert_eq!(silence.lasted, Duration::from_secs(11));
        let said = reason(&silence, "/hearts/web");
        assert!(
            said.contains("/hearts/web") && said.contains("11 s"),
            "{said}"
        );
    }

    #[test]
    fn nobody_looks_during_grace_and_a_heart_that_never_was_is_silent_after_it() {
        let mut judge = judge();
        judge.felt(at(100), None);
        assert_eq!(judge.verdict(at(130)), Verdict::Grace);
        assert_eq!(judge.due(), at(130).after(Duration::from_millis(1)));
        assert!(judge.silence(judge.due()).is_some());
        let Verdict::Silent(silence) = judge.verdict(at(131)) else {
            panic!("it is silent");
        };
        assert!(!silence.has_file && reason(&silence, "/x").contains("there is no /x"));
    }

    #[test]
    fn a_touch_of_any_time_is_a_beat_so_a_step_of_the_clock_is_none_of_its_business() {
        let mut judge = judge();
        judge.felt(at(135), mark(1_000_000));
        judge.felt(at(144), mark(5));
        assert!(!is_silent(&judge, 154));
        judge.felt(at(154), mark(9_000_000));
        assert!(!is_silent(&judge, 164) && is_silent(&judge, 165));
    }

    /// A heart that beats every `beat` milliseconds until `last`, as a check sees it that feels once
    /// a second and acts every `freq` seconds; the file bears what a wall clock shows that is set
    /// by `step` seconds at second 200. Gives the time of the restart.
    fn restarted_at(beat: u64, last: u64, freq: u64, step: i64) -> Option<u64> {
        let mut judge = judge();
        for second in 100..400 {
            let beaten = (second.min(last) * 1000 / beat) * beat;
            let shown = i64::try_from(beaten).unwrap();
            // No step leads to the very moment of a beat before.
            let stepped = if beaten >= 200_000 {
                step * 1000 + 7
            } else {
                0
            };
            judge.felt(at(second), mark(shown + stepped));
            if second % freq == 0 && is_silent(&judge, second) {
                return Some(second);
            }
        }
        None
    }

    #[test]
    fn a_step_of_the_wall_clock_restarts_nobody_who_is_well_and_hides_nobody_who_is_not() {
        for step in [0, 3600, -3600, 1, -1, 86_400 * 365, -11, 11] {
            // The slowest heart that keeps its promise, and one as fast as the library's.
            for beat in [9_000, 3_333] {
                assert_eq!(restarted_at(beat, 1000, 1, step), None, "{step} {beat}");
            }
            for last in 190..230 {
                let restarted = restarted_at(1000, last, 10, step).unwrap();
                // Its period, the time to the next look, and what one feels too late by.
                let silent = restarted - last;
                assert!(
                    (PERIOD + 1..=PERIOD + 10 + 1).contains(&silent),
                    "{step} {last} {silent}"
                );
            }
        }
    }

    #[test]
    fn a_file_that_vanishes_is_no_beat_and_no_death_by_itself() {
        let mut judge = judge();
        judge.felt(at(140), mark(1));
        judge.felt(at(141), None);
        assert!(!is_silent(&judge, 150) && is_silent(&judge, 151));
        judge.felt(at(152), mark(1));
        assert!(!is_silent(&judge, 162));
    }

    #[test]
    fn time_that_was_missed_does_not_count() {
        let mut judge = judge();
        judge.felt(at(140), mark(1));
        judge.missed(Duration::from_secs(60));
        judge.felt(at(202), mark(1));
        assert!(!is_silent(&judge, 210) && is_silent(&judge, 211));

        let mut young = super::tests::judge();
        young.missed(Duration::from_secs(60));
        assert_eq!(young.verdict(at(190)), Verdict::Grace);
    }

    #[test]
    fn a_heart_that_cannot_be_looked_at_has_not_stopped() {
        let mut judge = judge();
        judge.felt(at(140), mark(1));
        judge.cannot_look(at(1000));
        assert!(!is_silent(&judge, 1010) && is_silent(&judge, 1011));
    }

    #[test]
    fn after_a_restart_there_is_grace_again() {
        let mut judge = judge();
        judge.felt(at(140), mark(1));
        assert!(is_silent(&judge, 151));
        judge.restarted(at(151));
        assert_eq!(judge.verdict(at(181)), Verdict::Grace);
        assert!(is_silent(&judge, 182));
    }

    #[test]
    fn another_process_or_another_promise_is_another_watch() {
        let judge = judge();
        let process = Run::Process {
            pid: 7,
            started: None,
        };
        assert!(judge.is_about(&judge.watched, &start(1)));
        assert!(!judge.is_about(&judge.watched, &start(2)));
        assert!(!judge.is_about(&judge.watched, &process));
        let other = Watched {
            period: Duration::from_secs(1),
            ..judge.watched.clone()
        };
        assert!(!judge.is_about(&other, &start(1)));
    }
}
