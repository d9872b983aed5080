use super::*;
use crate::records::tests::status;
use ncolony_core::ConfigError;

/// A record of a process: state, starts, pid, and a `since` of its own.
fn record(state: State, starts: u64, pid: Option<u32>, since: i64) -> ProgramStatus {
    ProgramStatus {
        starts,
        pid,
        since: Wall::from_millis(since),
        ..status("web", state)
    }
}

fn seen(goal: &Goal, record: &ProgramStatus) -> Judgement {
    judge(goal, Some(record), &|| vec![0])
}

fn is_failed(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::Failed(_))
}

fn restart_of(before: &ProgramStatus) -> Goal {
    Goal::Restarted(Some(Mark::of(before)))
}

fn start_of(before: &ProgramStatus) -> Goal {
    Goal::Started(Some(Mark::of(before)))
}

#[test]
fn a_restart_is_seen_when_another_process_runs() {
    let before = record(State::Running, 1, Some(10), 0);
    let goal = restart_of(&before);
    let steps = [
        before.clone(),
        record(State::Stopping, 1, Some(10), 1),
        record(State::Starting, 1, None, 2),
        record(State::Starting, 2, Some(11), 2),
    ];
    for step in &steps {
        assert_eq!(seen(&goal, step), Judgement::Pending, "{step:?}");
    }
    assert_eq!(
        seen(&goal, &record(State::Running, 2, Some(11), 3)),
        Judgement::Seen
    );
}

#[test]
fn a_crash_right_after_a_restart_fails_it() {
    let goal = restart_of(&record(State::Running, 1, Some(10), 0));
    assert!(is_failed(&seen(&goal, &record(State::Backoff, 2, None, 3))));
    assert!(is_failed(&seen(&goal, &record(State::Fatal, 2, None, 3))));
}

#[test]
fn a_back_off_from_before_tells_nothing_and_one_from_after_tells_all() {
    for state in [State::Backoff, State::Fatal] {
        let before = record(state, 4, None, 0);
        for goal in [restart_of(&before), start_of(&before)] {
            assert_eq!(seen(&goal, &before), Judgement::Pending, "{goal:?}");
            // Spawning failed again: not a start, but the state was entered anew.
            assert!(
                is_failed(&seen(&goal, &record(state, 4, None, 7))),
                "{goal:?}"
            );
            assert!(
                is_failed(&seen(&goal, &record(state, 5, None, 7))),
                "{goal:?}"
            );
        }
    }
}

#[test]
fn what_is_printed_late_does_not_make_a_record_new() {
    let before = record(State::Backoff, 4, None, 0);
    let mut later = before.clone();
    later.output = Some(vec!["boom".to_owned()]);
    assert_eq!(seen(&restart_of(&before), &later), Judgement::Pending);
}

#[test]
fn an_exit_is_judged_by_its_code() {
    let before = record(State::Exited, 1, None, 0);
    for goal in [restart_of(&before), start_of(&before)] {
        assert_eq!(seen(&goal, &before), Judgement::Pending);
        let mut after = record(State::Exited, 2, None, 5);
        after.exit = Some(Exit::Code(0));
        assert_eq!(seen(&goal, &after), Judgement::Seen);
        after.exit = Some(Exit::Code(3));
        assert!(is_failed(&seen(&goal, &after)));
        assert_eq!(judge(&goal, Some(&after), &|| vec![0, 3]), Judgement::Seen);
        after.exit = Some(Exit::Unknown);
        assert!(is_failed(&seen(&goal, &after)));
    }
}

#[test]
fn somebody_elses_stop_ends_the_wait() {
    let goal = restart_of(&record(State::Running, 1, Some(10), 0));
    let mut stopped = record(State::Stopped, 1, None, 4);
    assert_eq!(
        seen(&goal, &stopped),
        Judgement::Pending,
        "it waits for another"
    );
    stopped.want = WantWord::Down;
    stopped.reason = Some("it was stopped by hand".to_owned());
    let judgement = seen(&goal, &stopped);
    assert_eq!(
        judgement,
        Judgement::Failed("STOPPED: it was stopped by hand".to_owned())
    );
}

#[test]
fn a_stop_from_before_does_not_end_the_wait_of_a_start() {
    let mut before = record(State::Stopped, 1, None, 0);
    before.want = WantWord::Down;
    assert_eq!(seen(&start_of(&before), &before), Judgement::Pending);
    assert_eq!(seen(&restart_of(&before), &before), Judgement::Pending);
}

#[test]
fn a_start_of_what_runs_is_seen_at_once() {
    let before = record(State::Running, 1, Some(10), 0);
    assert_eq!(seen(&start_of(&before), &before), Judgement::Seen);
    assert_eq!(seen(&restart_of(&before), &before), Judgement::Pending);
}

#[test]
fn a_stop_is_seen_when_nothing_is_wanted_and_nothing_is_there() {
    let mut record = record(State::Stopped, 1, None, 0);
    assert_eq!(seen(&Goal::Stopped, &record), Judgement::Pending);
    record.want = WantWord::Down;
    assert_eq!(seen(&Goal::Stopped, &record), Judgement::Seen);
    record.state = State::Stopping;
    assert_eq!(seen(&Goal::Stopped, &record), Judgement::Pending);
}

fn add_of(digest: &str, error_before: Option<ConfigError>) -> Goal {
    Goal::Added {
        digest: digest.to_owned(),
        before: None,
        error_before,
    }
}

#[test]
fn an_addition_is_seen_when_the_digest_is_there() {
    let goal = add_of("d2", None);
    let mut running = record(State::Running, 1, Some(10), 0);
    running.config_digest = Some("d1".to_owned());
    assert_eq!(seen(&goal, &running), Judgement::Pending);
    running.config_digest = Some("d2".to_owned());
    assert_eq!(seen(&goal, &running), Judgement::Seen, "a change in place");
    running.state = State::Backoff;
    assert!(is_failed(&seen(&goal, &running)));
    running.state = State::Stopped;
    running.want = WantWord::Down;
    assert_eq!(seen(&goal, &running), Judgement::Seen, "it is disabled");
}

#[test]
fn an_addition_that_is_refused_has_failed() {
    let mut record = record(State::Stopped, 0, None, 0);
    record.want = WantWord::Down;
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
fn a_program_that_is_gone() {
    let before = record(State::Running, 1, Some(10), 0);
    let gone = |goal: &Goal| judge(goal, None, &Vec::new);
    assert_eq!(gone(&Goal::Removed), Judgement::Seen);
    assert_eq!(gone(&Goal::Stopped), Judgement::Seen);
    assert!(is_failed(&gone(&restart_of(&before))));
    assert_eq!(gone(&add_of("d", None)), Judgement::Pending);
    assert_eq!(seen(&Goal::Removed, &before), Judgement::Pending);
}

#[test]
fn a_state_is_waited_for_until_it_cannot_come() {
    let wait = |state| Goal::Reached(Aim::State(state));
    let running = record(State::Running, 1, Some(10), 0);
    assert_eq!(seen(&wait(State::Running), &running), Judgement::Seen);
    assert_eq!(seen(&wait(State::Exited), &running), Judgement::Pending);
    assert_eq!(
        seen(&Goal::Reached(Aim::Ready), &running),
        Judgement::Pending
    );
    let fatal = record(State::Fatal, 1, None, 0);
    assert!(is_failed(&seen(&wait(State::Running), &fatal)));
    assert_eq!(seen(&wait(State::Fatal), &fatal), Judgement::Seen);
    assert_eq!(seen(&wait(State::Stopped), &fatal), Judgement::Pending);
    let backoff = record(State::Backoff, 1, None, 0);
    assert_eq!(seen(&wait(State::Running), &backoff), Judgement::Pending);
}

#[test]
fn output_is_shown_only_of_a_process_that_the_command_started() {
    let before = record(State::Backoff, 4, None, 0);
    let goal = restart_of(&before);
    let mut after = record(State::Backoff, 4, None, 7);
    after.exit = Some(Exit::Code(1));
    assert!(
        !goal.is_about_new_process(&after),
        "spawning failed: the exit is an older one"
    );
    after.starts = 5;
    assert!(goal.is_about_new_process(&after));
}
