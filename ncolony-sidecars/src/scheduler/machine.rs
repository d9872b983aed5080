//! What is done when: it decides, and does nothing. Clocks, chance and processes are arguments;
//! what is to be done comes back as orders.

use std::time::Duration;

use ncolony_core::time::span_in_words;
use ncolony_core::{Exit, Mono, Signal};

use super::timetable::{COUNTED_MAX, Point, Timetable};

/// A run that could not be started this long after its time is missed.
const TOO_LATE: Duration = Duration::from_secs(60);

/// A run that started this long after its time is said to be late.
const LATE: Duration = Duration::from_secs(1);

/// After a step back of the wall clock by at most this, no time of day comes twice. A longer one
/// mends a clock that was wrong, and the timetable begins anew.
const SMALL_STEP: Duration = Duration::from_secs(3 * 3600);

/// A wall clock that went back by less than this is being kept right, and nothing is said.
const STEP_SAID: Duration = Duration::from_secs(1);

/// What is left of a group that was killed is killed again this often.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// What happens to a run that is due while the one before is still running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Overlap {
    /// It is left out
    Skip,
    /// It starts when the one before has ended; at most one waits
    Queue,
}

/// What was asked for on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// When runs are due.
    pub(crate) timetable: Timetable,
    /// How long a run may take before it is told to end.
    pub(crate) timeout: Option<Duration>,
    /// How long it has from then on before it is killed.
    pub(crate) grace: Duration,
    /// Each run starts up to this much after its time.
    pub(crate) jitter: Duration,
    /// What happens to a run that meets another.
    pub(crate) overlap: Overlap,
    /// Whether the first run is at once.
    pub(crate) at_start: bool,
}

/// The present, read together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// What lengths of time are measured on.
    pub(crate) mono: Mono,
    /// The clock that the timetable goes by.
    pub(crate) clock: Point,
    /// Chance: from 0 to 1.
    pub(crate) chance: f64,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    /// Start the command, and say how that went.
    Start,
    /// Send this to the whole group of the run.
    Signal(Signal),
    /// Tell people.
    Say(String),
}

/// A run to come.
#[derive(Clone, Copy, Debug)]
struct Planned {
    due: Point,
    /// How much later it starts.
    jitter: Duration,
}

/// The run that is.
#[derive(Clone, Copy, Debug)]
struct Run {
    since: Mono,
    term_at: Option<Mono>,
    kill_at: Option<Mono>,
    /// Whether it was sent KILL.
    is_killed: bool,
    /// How the command itself ended, while what it has started is still there.
    command: Option<Exit>,
    /// Runs that were left out because of this one.
    skipped: u64,
}

/// The scheduler, but for its hands.
#[derive(Debug)]
pub(crate) struct Machine {
    settings: Settings,
    planned: Option<Planned>,
    /// The last due point that was dealt with.
    dealt: Option<Point>,
    /// The latest that the timetable's clock has shown since it was last set back.
    seen: Point,
    run: Option<Run>,
    /// The number of the latest run.
    number: u64,
    is_one_waiting: bool,
    is_stopping: bool,
}

impl Machine {
    /// A scheduler that begins now.
    pub(crate) fn new(settings: Settings, now: Reading) -> Self {
        let mut machine = Self {
            settings,
            planned: None,
            dealt: None,
            seen: now.clock,
            run: None,
            number: 0,
            is_one_waiting: false,
            is_stopping: false,
        };
        if machine.settings.at_start {
            machine.plan(Some(now.clock), now.chance);
        } else {
            machine.plan(machine.settings.timetable.next(now.clock), now.chance);
        }
        machine
    }

    /// When the next run starts, on the timetable's clock.
    pub(crate) fn next_start(&self) -> Option<Point> {
        let planned = self.planned.filter(|_| !self.is_stopping)?;
        Some(planned.due.after(planned.jitter))
    }

    /// When something is to be done about the run that is.
    pub(crate) fn next_deadline(&self) -> Option<Mono> {
        let run = self.run?;
        [run.term_at, run.kill_at].into_iter().flatten().min()
    }

    /// Whether it was told to stop, and nothing is left to be done.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_stopping && self.run.is_none()
    }

    /// When the next run starts, for people; nothing where that clock is not theirs.
    pub(crate) fn next_in_words(&self) -> Option<String> {
        let start = self.next_start()?;
        let when = self.settings.timetable.in_words(start)?;
        Some(format!("the next run is at {when}"))
    }

    /// What time itself brings about.
    pub(crate) fn time_passes(&mut self, now: Reading) -> Vec<Order> {
        let mut orders = Vec::new();
        self.end_what_is_late(now.mono, &mut orders);
        self.look_at_clock(now, &mut orders);
        // What was left out is followed by its successor, which chance may have made due as well.
        while !orders.contains(&Order::Start)
            && self.next_start().is_some_and(|start| start <= now.clock)
        {
            self.come_due(now, &mut orders);
        }
        orders
    }

    fn end_what_is_late(&mut self, now: Mono, orders: &mut Vec<Order>) {
        let (timeout, grace) = (self.settings.timeout, self.settings.grace);
        let number = self.number;
        let Some(run) = &mut self.run else { return };
        if run.kill_at.is_some_and(|at| at <= now) {
            run.is_killed = true;
            run.kill_at = Some(now.after(KILL_AGAIN));
            let words = format!(
                "run {number} did not end within {} of SIGTERM: it is killed",
                span_in_words(grace)
            );
            orders.push(Order::Say(words));
            orders.push(Order::Signal(Signal::KILL));
        } else if run.term_at.is_some_and(|at| at <= now) {
            let allowed = timeout.map(span_in_words).unwrap_or_default();
            let words = format!("run {number} is late: it has taken {allowed}, and is told to end");
            orders.push(Order::Say(words));
            run.terminate(now, grace, orders);
        }
    }

    fn look_at_clock(&mut self, now: Reading, orders: &mut Vec<Order>) {
        let back = self.seen.since(now.clock);
        if back < STEP_SAID {
            self.seen = self.seen.max(now.clock);
            return;
        }
        self.seen = now.clock;
        let by = span_in_words(back);
        let ahead = self.dealt.map(|dealt| dealt.since(now.clock));
        if ahead.unwrap_or_default() <= SMALL_STEP {
            orders.push(Order::Say(format!(
                "the clock was set back by {by}: no run comes a second time"
            )));
            let from = self.dealt.map_or(now.clock, |dealt| dealt.max(now.clock));
            return self.plan(self.settings.timetable.next(from), now.chance);
        }
        orders.push(Order::Say(format!(
            "the clock was set back by {by}: the timetable begins anew"
        )));
        self.plan(self.settings.timetable.next(now.clock), now.chance);
    }

    fn come_due(&mut self, now: Reading, orders: &mut Vec<Order>) {
        let Some(planned) = self.planned else { return };
        let shifted = now.clock.before(planned.jitter);
        let timetable = &self.settings.timetable;
        let last = timetable
            .last(shifted)
            .map_or(planned.due, |last| last.max(planned.due));
        let late = shifted.since(last);
        let mut missed = timetable.count(planned.due, last);
        let next = timetable.next(last);
        self.dealt = Some(last);
        if late >= TOO_LATE {
            missed += 1;
        }
        if missed > 0 {
            orders.push(Order::Say(self.missed_in_words(missed, planned.due)));
        }
        self.plan(next, now.chance);
        if late < TOO_LATE {
            self.start_or_meet(late, orders);
        }
    }

    fn missed_in_words(&self, missed: u64, first: Point) -> String {
        let at_least = if missed >= COUNTED_MAX && self.settings.timetable.is_calendar() {
            "at least "
        } else {
            ""
        };
        let since = self.settings.timetable.in_words(first);
        let since = since
            .map(|first| format!(" since {first}"))
            .unwrap_or_default();
        let what = if missed == 1 {
            "1 run was"
        } else {
            &format!("{missed} runs were")
        };
        format!(
            "{at_least}{what} missed{since}: this program or the machine stood still, or the clock was set; \
             they are not made up for"
        )
    }

    fn start_or_meet(&mut self, late: Duration, orders: &mut Vec<Order>) {
        let number = self.number;
        let Some(run) = &mut self.run else {
            if late >= LATE {
                let words = format!("run {} starts {} late", number + 1, span_in_words(late));
                orders.push(Order::Say(words));
            }
            return orders.push(Order::Start);
        };
        match self.settings.overlap {
            Overlap::Queue if !self.is_one_waiting => {
                self.is_one_waiting = true;
                let words = format!("a run is due and waits: run {number} is still running");
                orders.push(Order::Say(words));
            }
            Overlap::Queue | Overlap::Skip => {
                if run.skipped == 0 {
                    let words = format!("a run is due and left out: run {number} is still running");
                    orders.push(Order::Say(words));
                }
                run.skipped += 1;
            }
        }
    }

    /// The command was started.
    pub(crate) fn started(&mut self, now: Mono) {
        self.number += 1;
        self.run = Some(Run {
            since: now,
            term_at: self.settings.timeout.map(|timeout| now.after(timeout)),
            kill_at: None,
            is_killed: false,
            command: None,
            skipped: 0,
        });
    }

    /// The command could not be started.
    pub(crate) fn start_failed(&mut self, why: &str) -> Vec<Order> {
        self.number += 1;
        let words = format!("run {} could not be started: {why}", self.number);
        vec![Order::Say(words)]
    }

    /// The command has ended, and some of what it has started has not.
    pub(crate) fn command_ended(&mut self, exit: Exit) -> Vec<Order> {
        let number = self.number;
        let Some(run) = self.run.as_mut().filter(|run| run.command.is_none()) else {
            return Vec::new();
        };
        run.command = Some(exit);
        // Of a group that is being killed nothing goes on, though the last of it may end later.
        if run.is_killed {
            return Vec::new();
        }
        vec![Order::Say(format!(
            "the command of run {number} {exit}, and processes that it has started go on: so does the run"
        ))]
    }

    /// Nothing of the run is left.
    pub(crate) fn ended(&mut self, exit: Exit, now: Mono) -> Vec<Order> {
        let Some(run) = self.run.take() else {
            return Vec::new();
        };
        let lived = span_in_words(now.since(run.since));
        let skipped = match run.skipped {
            0 => String::new(),
            1 => "; 1 run was left out meanwhile".to_owned(),
            more => format!("; {more} runs were left out meanwhile"),
        };
        let words = format!("run {} {exit} after {lived}{skipped}", self.number);
        let mut orders = vec![Order::Say(words)];
        if std::mem::take(&mut self.is_one_waiting) && !self.is_stopping {
            orders.push(Order::Start);
        }
        orders
    }

    /// It was told to stop; told twice, it does not wait.
    pub(crate) fn stop(&mut self, now: Mono) -> Vec<Order> {
        let mut orders = Vec::new();
        let is_second = std::mem::replace(&mut self.is_stopping, true);
        if let Some(run) = &mut self.run {
            if is_second {
                run.is_killed = true;
                run.kill_at = Some(now.after(KILL_AGAIN));
                orders.push(Order::Signal(Signal::KILL));
            } else if run.kill_at.is_none() {
                run.terminate(now, self.settings.grace, &mut orders);
            }
        }
        orders
    }

    fn plan(&mut self, due: Option<Point>, chance: f64) {
        let jitter = self.settings.jitter.mul_f64(chance.clamp(0.0, 1.0));
        self.planned = due.map(|due| Planned { due, jitter });
    }
}

impl Run {
    fn terminate(&mut self, now: Mono, grace: Duration, orders: &mut Vec<Order>) {
        self.term_at = None;
        self.kill_at = Some(now.after(grace));
        // A process that is stopped would not notice.
        orders.extend([Order::Signal(Signal::TERM), Order::Signal(Signal::CONT)]);
    }
}

#[cfg(test)]
mod tests;
