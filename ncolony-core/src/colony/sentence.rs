//! What people are told: why a program is in the state that it is in, in plain words.

use std::time::Duration;

use super::io::SpawnFailure;
use super::program::Why;
use crate::descriptor::{Ready, Restart};
use crate::name::ProgramName;
use crate::policy::{Ended, Verdict};
use crate::spec::Policy;
use crate::status::FILE_NEVER_GOOD;
use crate::time::span_in_words;

pub(super) fn restarted_because(reason: String) -> String {
    format!("started on request: {reason}")
}

pub(super) const ON_REQUEST: &str = "started on request";

pub(super) const FILE_CAME: &str = "its file says that it is to run";

pub(super) const FILE_CHANGED: &str = "its file has changed";

pub(super) const OTHERS_CAME: &str = "what it waited for is there";

pub(super) fn wait_is_over(wait: Duration) -> String {
    if wait.is_zero() {
        return "it has ended and is started again at once".to_owned();
    }
    format!("its wait of {} is over", span_in_words(wait))
}

pub(super) const LOST_START: &str =
    "the monitor ended while it started this, and nothing of that is there; starting again at once";

pub(super) const ADOPTED: &str = "an earlier monitor had started it and died; it goes on";

pub(super) fn gone(ended: &Ended) -> String {
    format!(
        "it {} after {}",
        ended.exit,
        span_in_words(ended.lifetime())
    )
}

pub(super) fn shortage(failure: &SpawnFailure, wait: Duration) -> String {
    format!(
        "{}; that is the machine's lack and does not count against the program; trying again every {}",
        failure.sentence,
        span_in_words(wait)
    )
}

pub(super) fn cannot_start(failure: &SpawnFailure) -> String {
    format!(
        "{}; its restart policy is \"never\"; start or restart tries again",
        failure.sentence
    )
}

pub(super) fn failed(failure: &str, verdict: Verdict, deaths: u32) -> String {
    format!("{failure}; {}", outlook(verdict, deaths))
}

pub(super) fn ended(ended: &Ended, verdict: Verdict, policy: &Policy, deaths: u32) -> String {
    let life = span_in_words(ended.lifetime());
    let exit = ended.exit;
    match verdict {
        Verdict::StartAt {
            instant_death: None,
            ..
        } => {
            format!("it {exit} after {life}; starting again at once")
        }
        Verdict::StartAt {
            instant_death: Some(_),
            ..
        }
        | Verdict::GiveUp => {
            let threshold = span_in_words(policy.threshold);
            let outlook = outlook(verdict, deaths);
            format!("it {exit} after {life}, before its threshold of {threshold}; {outlook}")
        }
        Verdict::Exited => {
            let rule = match policy.restart {
                Restart::Always => "always",
                Restart::OnFailure => "on-failure",
                Restart::Never => "never",
            };
            format!("it {exit} after {life}, and its restart policy is \"{rule}\"")
        }
    }
}

fn outlook(verdict: Verdict, deaths: u32) -> String {
    match verdict {
        Verdict::StartAt {
            instant_death: Some(wait),
            ..
        } => {
            let times = in_a_row(deaths);
            format!("starting again {} after that{times}", span_in_words(wait))
        }
        Verdict::StartAt {
            instant_death: None,
            ..
        } => "starting again at once".to_owned(),
        Verdict::Exited => "it stays as it is".to_owned(),
        Verdict::GiveUp => {
            let times = if deaths == 1 {
                "once".to_owned()
            } else {
                format!("{deaths} times in a row")
            };
            format!("that was so {times}, so it is not tried again; start or restart tries again")
        }
    }
}

fn in_a_row(deaths: u32) -> String {
    if deaths > 1 {
        format!(" (instant death {deaths} in a row)")
    } else {
        String::new()
    }
}

pub(super) const WORD_LOST: &str = "it was taken up from an earlier monitor before it was ready, and may have said so while nobody listened";

pub(super) fn waits(ready: &Ready, obstacle: Option<&str>) -> String {
    let obstacle = obstacle.map_or_else(String::new, |why| format!(" ({why})"));
    format!("it waits until {}{obstacle}", ready.when)
}

pub(super) fn never_ready(ready: &Ready, obstacle: Option<&str>) -> String {
    let timeout = span_in_words(ready.timeout);
    let obstacle = obstacle.map_or_else(String::new, |why| format!(" ({why})"));
    let sentence = format!(
        "it was not ready within {timeout}, waiting until {}{obstacle}",
        ready.when
    );
    // What stands before the first semicolon is kept to the end.
    sentence.replace(';', ",")
}

pub(super) fn unwell(said_so: bool, watchdog: Option<Duration>) -> String {
    match watchdog.filter(|_| !said_so) {
        Some(watchdog) => format!("it did not say WATCHDOG=1 for {}", span_in_words(watchdog)),
        None => "it said WATCHDOG=trigger".to_owned(),
    }
}

pub(super) fn faulty(
    before: Option<&str>,
    ended: &Ended,
    verdict: Verdict,
    policy: &Policy,
    deaths: u32,
) -> String {
    let why = before.and_then(|text| text.split(';').next());
    let why = why.unwrap_or("it was not well");
    let (exit, life) = (ended.exit, span_in_words(ended.lifetime()));
    let outlook = if policy.restart == Restart::Never {
        "its restart policy is \"never\"; start or restart tries again".to_owned()
    } else {
        outlook(verdict, deaths)
    };
    format!("{why}; stopped for that, it {exit} after {life}; {outlook}")
}

pub(super) fn clearing(ended: &Ended) -> String {
    format!(
        "its main process {} after {}; ending what is left of its group",
        ended.exit,
        span_in_words(ended.lifetime())
    )
}

pub(super) fn out_of_date(by_message: bool, because: Option<&str>) -> String {
    match (by_message, because) {
        (true, Some(reason)) => format!("it is to be restarted: {reason}"),
        (true, None) => "it is to be restarted".to_owned(),
        (false, _) => FILE_CHANGED.to_owned(),
    }
}

pub(super) fn waits_for_turn(why: &str, held_by: Option<&ProgramName>) -> String {
    match held_by {
        None => format!("{why}; instances are restarted one at a time, and its turn comes"),
        Some(other) => format!(
            "{why}; {other} comes first and has failed, so it goes on as it is until {other} is RUNNING"
        ),
    }
}

pub(super) fn at_rest_because(why: Why) -> &'static str {
    match why {
        Why::Shutdown => "the monitor was told to shut down",
        Why::Removed => "its file was removed",
        Why::NeverGood => FILE_NEVER_GOOD,
        Why::ByHand => "it was stopped by hand; start, restart or a fresh monitor lets it run",
        Why::Disabled => {
            "its file says \"enabled\": false, which holds until the file says otherwise; start runs it once"
        }
    }
}

pub(super) fn stopping_because(why: Why, because: Option<&str>) -> String {
    match (why, because) {
        (Why::ByHand, Some(reason)) => format!("it is stopped by hand: {reason}"),
        (Why::ByHand, None) => "it is stopped by hand".to_owned(),
        (Why::Shutdown | Why::Removed | Why::NeverGood | Why::Disabled, _) => {
            at_rest_because(why).to_owned()
        }
    }
}

pub(super) fn asked(why: &str, policy: &Policy) -> String {
    format!(
        "{why}; it was sent {}, KILL follows after {}",
        policy.stop_signal,
        span_in_words(policy.killtime)
    )
}

pub(super) fn killed(before: Option<&str>) -> String {
    let why = before
        .and_then(|text| text.split(';').next())
        .unwrap_or("it is to stop");
    format!("{why}; it did not end in time and was sent SIGKILL")
}
