use super::*;
use crate::records::tests::status;

/// A record of a start: state, generation, and how many messages were heard.
fn record(state: State, generation: u64, heard: u64) -> ProgramStatus {
    ProgramStatus {
        generation,
        heard,
        ..status("web", state)
    }
}

/// The same of a program that nobody wants up.
fn unwanted(state: State, generation: u64, heard: u64) -> ProgramStatus {
    ProgramStatus {
        want: WantWord::Down,
        ..record(state, generation, heard)
    }
}

fn seen(goal: &Goal, record: &ProgramStatus) -> Judgement {
    judge(goal, record, &|| vec![0])
}

fn is_failed(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::Failed(_))
}

/// A RESTART or START that was the seventh message and promised the second start.
const SECOND: Promise = Promise {
    heard: 7,
    generation: 2,
};

/// A START of a process that is there.
const FIRST: Promise = Promise {
    heard: 7,
    generation: 1,
};

#[test]
fn a_restart_is_seen_when_the_promised_process_runs() {
    let goal = Goal::Started(SECOND);
    let steps = [
        record(State::Running, 1, 6),
        record(State::Stopping, 1, 7),
        record(State::Stopped, 1, 7),
        record(State::Starting, 2, 7),
    ];
    for step in &steps {
        assert_eq!(seen(&goal, step), Judgement::Pending, "{step:?}");
    }
    for (generation, heard) in [(2, 7), (2, 9), (3, 7)] {
        let running = record(State::Running, generation, heard);
        assert_eq!(seen(&goal, &running), Judgement::Seen);
    }
}

#[test]
fn whatever_a_record_from_before_says_tells_nothing() {
    for state in State::ALL {
        let mut before = record(state, 1, 6);
        before.exit = Some(Exit::Code(0));
        assert_eq!(seen(&Goal::Started(SECOND), &before), Judgement::Pending);
        assert_eq!(seen(&Goal::Started(FIRST), &before), Judgement::Pending);
        let before = unwanted(state, 1, 6);
        assert_eq!(seen(&Goal::Started(SECOND), &before), Judgement::Pending);
        assert_eq!(seen(&Goal::Stopped(FIRST), &before), Judgement::Pending);
    }
}

#[test]
fn a_failure_of_the_promised_start_is_one_whether_it_was_executed_or_not() {
    for state in [State::Backoff, State::Fatal] {
        for generation in [2, 3] {
            let after = record(state, generation, 7);
            assert!(is_failed(&seen(&Goal::Started(SECOND), &after)));
        }
    }
}

#[test]
fn an_exit_is_judged_by_its_code() {
    let goal = Goal::Started(SECOND);
    let mut after = record(State::Exited, 2, 7);
    after.exit = Some(Exit::Code(0));
    assert_eq!(seen(&goal, &after), Judgement::Seen);
    after.exit = Some(Exit::Code(3));
    assert!(is_failed(&seen(&goal, &after)));
    assert_eq!(judge(&goal, &after, &|| vec![0, 3]), Judgement::Seen);
    after.exit = Some(Exit::Unknown);
    assert!(is_failed(&seen(&goal, &after)));
}

#[test]
fn a_later_word_that_takes_it_back_ends_the_wait() {
    let goal = Goal::Started(SECOND);
    let mut stopped = unwanted(State::Stopping, 1, 8);
    assert_eq!(seen(&goal, &stopped), Judgement::Pending);
    stopped.state = State::Stopped;
    stopped.reason = Some("it was stopped by hand".to_owned());
    let judgement = seen(&goal, &stopped);
    assert_eq!(
        judgement,
        Judgement::Failed("STOPPED: it was stopped by hand".to_owned())
    );
    // RESTART, STOP and START in one breath leave the process alone.
    assert!(is_failed(&seen(&goal, &record(State::Running, 1, 9))));
    // A STOP that came when the process was there already.
    assert!(is_failed(&seen(&goal, &unwanted(State::Stopped, 2, 8))));
}

#[test]
fn a_start_of_what_is_there_is_seen_when_that_runs() {
    let goal = Goal::Started(FIRST);
    assert_eq!(
        seen(&goal, &record(State::Starting, 1, 7)),
        Judgement::Pending
    );
    assert_eq!(seen(&goal, &record(State::Running, 1, 7)), Judgement::Seen);
    assert!(is_failed(&seen(&goal, &record(State::Backoff, 1, 7))));
}

#[test]
fn of_two_promises_both_hold() {
    let late = Promise {
        heard: 9,
        generation: 1,
    };
    let both = Goal::Started(SECOND.and(late));
    assert_eq!(
        seen(&both, &record(State::Running, 2, 8)),
        Judgement::Pending
    );
    assert_eq!(
        seen(&both, &record(State::Starting, 1, 9)),
        Judgement::Pending
    );
    assert_eq!(seen(&both, &record(State::Running, 2, 9)), Judgement::Seen);
}

#[test]
fn a_stop_is_seen_when_nothing_is_wanted_and_nothing_is_there() {
    let goal = Goal::Stopped(FIRST);
    for pending in [
        record(State::Stopped, 1, 7),
        unwanted(State::Stopping, 1, 7),
    ] {
        assert_eq!(seen(&goal, &pending), Judgement::Pending);
    }
    assert_eq!(
        seen(&goal, &unwanted(State::Stopped, 1, 7)),
        Judgement::Seen
    );
}

fn add_of(digest: &str, error_before: Option<ConfigError>) -> Goal {
    Goal::Added {
        digest: digest.to_owned(),
        error_before,
    }
}

#[test]
fn an_addition_is_seen_when_the_digest_is_there() {
    let goal = add_of("d2", None);
    let mut running = record(State::Running, 1, 0);
    running.config_digest = Some("d1".to_owned());
    assert_eq!(seen(&goal, &running), Judgement::Pending);
    running.config_digest = Some("d2".to_owned());
    assert_eq!(seen(&goal, &running), Judgement::Seen, "a change in place");
    running.state = State::Stopped;
    running.want = WantWord::Down;
    assert_eq!(seen(&goal, &running), Judgement::Seen, "it is disabled");
}

#[test]
fn an_addition_to_what_rests_says_so_at_once() {
    let goal = add_of("d2", None);
    for state in [State::Backoff, State::Fatal] {
        let mut resting = record(state, 4, 0);
        resting.config_digest = Some("d1".to_owned());
        assert_eq!(seen(&goal, &resting), Judgement::Pending, "{state}");
        resting.config_digest = Some("d2".to_owned());
        assert!(is_failed(&seen(&goal, &resting)), "{state}");
    }
}

#[test]
fn an_addition_that_is_refused_has_failed() {
    let mut record = unwanted(State::Stopped, 0, 0);
    record.config_error = Some(ConfigError::whole("others can write it"));
    assert!(
        is_failed(&seen(&add_of("d2", None), &record)),
        "it was not even read"
    );
    let same = add_of("d2", record.config_error.clone());
    assert_eq!(seen(&same, &record), Judgement::Pending, "it was so before");
    record.config_digest = Some("d2".to_owned());
    assert!(is_failed(&seen(&same, &record)));
    record.config_digest = Some("d1".to_owned());
    assert_eq!(
        seen(&add_of("d2", None), &record),
        Judgement::Pending,
        "that is the old content"
    );
}

#[test]
fn a_program_without_a_record_is_gone_if_its_file_is() {
    let gone = |goal: &Goal| judge_absent(goal, false);
    let to_come = |goal: &Goal| judge_absent(goal, true);
    assert_eq!(gone(&Goal::Removed), Judgement::Seen);
    assert_eq!(
        to_come(&Goal::Removed),
        Judgement::Seen,
        "it came back since"
    );
    assert_eq!(gone(&Goal::Stopped(FIRST)), Judgement::Seen);
    assert_eq!(to_come(&Goal::Stopped(FIRST)), Judgement::Pending);
    for goal in [Goal::Started(SECOND), add_of("d", None)] {
        assert!(is_failed(&gone(&goal)));
        assert_eq!(to_come(&goal), Judgement::Pending);
    }
    let before = record(State::Running, 1, 0);
    assert_eq!(seen(&Goal::Removed, &before), Judgement::Pending);
}

#[test]
fn a_state_is_waited_for_until_it_cannot_come() {
    let wait = |state| Goal::Reached(Aim::State(state));
    let running = record(State::Running, 1, 0);
    assert_eq!(seen(&wait(State::Running), &running), Judgement::Seen);
    assert_eq!(seen(&wait(State::Exited), &running), Judgement::Pending);
    assert_eq!(
        seen(&Goal::Reached(Aim::Ready), &running),
        Judgement::Pending
    );
    let fatal = record(State::Fatal, 1, 0);
    assert!(is_failed(&seen(&wait(State::Running), &fatal)));
    assert_eq!(seen(&wait(State::Fatal), &fatal), Judgement::Seen);
    assert_eq!(seen(&wait(State::Stopped), &fatal), Judgement::Pending);
    let backoff = record(State::Backoff, 1, 0);
    assert_eq!(seen(&wait(State::Running), &backoff), Judgement::Pending);
}

#[test]
fn output_is_shown_only_of_the_start_that_failed() {
    let started = Goal::Started(SECOND);
    let mut after = record(State::Backoff, 2, 7);
    after.ended = 1;
    assert!(
        !started.is_explained_by_output(&after),
        "the second could not be executed: the output is that of the first"
    );
    assert!(!add_of("d", None).is_explained_by_output(&after));
    after.ended = 2;
    assert!(started.is_explained_by_output(&after));
    assert!(add_of("d", None).is_explained_by_output(&after));
    let mut taken_back = unwanted(State::Stopped, 1, 8);
    taken_back.ended = 1;
    assert!(!started.is_explained_by_output(&taken_back));
}

#[test]
fn what_is_to_be_replaced_is_waited_for_unless_it_is_in_a_ring_or_behind_one_that_failed() {
    let goals = [
        Goal::Started(SECOND),
        Goal::Added {
            digest: "d".to_owned(),
            error_before: None,
        },
    ];
    let old = |name: &str, turn| ProgramStatus {
        turn,
        config_digest: Some("d".to_owned()),
        generation: 1,
        heard: 7,
        ..status(name, State::Running)
    };
    for goal in &goals {
        for name in ["web", "web:1"] {
            let waits = seen(goal, &old(name, Some(TurnWord::Waits)));
            assert_eq!(waits, Judgement::Pending, "{name} {goal:?}");
        }
        let in_ring = seen(goal, &old("web", Some(TurnWord::Held)));
        assert!(is_failed(&in_ring), "{goal:?}");
        let behind = seen(goal, &old("web:1", Some(TurnWord::Held)));
        assert!(matches!(behind, Judgement::Held(_)), "{goal:?}");
    }
    let taken_back = seen(&goals[0], &old("web:1", None));
    assert!(is_failed(&taken_back));
}
