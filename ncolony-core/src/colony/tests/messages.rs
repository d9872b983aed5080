//! What becomes of messages themselves: disposals, replies, and whom they are about.

use super::driver::Driver;
use crate::status::State;

/// `web` runs in group `front`, `db` was stopped by hand, `old` is disabled; both are in `back`.
fn three() -> Driver {
    let mut three = Driver::new();
    three.file("web", r#""group": ["front"]"#);
    three.file("db", r#""group": ["back"]"#);
    three.file("old", r#""group": ["back"], "enabled": false"#);
    three.tell("STOP", "db");
    three.exits("db", 0);
    three.wait(2000);
    three.orders();
    three
}

fn about(driver: &mut Driver, text: &str) -> Vec<String> {
    driver.say(text);
    let reply = driver.replies().pop().unwrap();
    assert!(reply.ok, "{reply:?}");
    reply.programs.iter().map(ToString::to_string).collect()
}

fn refused(driver: &mut Driver, text: &str) -> String {
    driver.say(text);
    let reply = driver.replies().pop().unwrap();
    assert!(!reply.ok, "{reply:?}");
    assert!(reply.programs.is_empty());
    reply.error.unwrap()
}

#[test]
fn a_message_is_removed_when_it_was_acted_on_and_answered_if_it_has_an_id() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "STOP", "name": "web"}"#);
    assert!(web.replies().is_empty());
    web.exits("web", 0);
    web.say(r#"{"type": "START", "name": "web", "id": "x1"}"#);
    let replies = web.replies();
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].id.as_str(), "x1");
    assert!(replies[0].ok);
    let orders = web.orders();
    for file in ["m1", "m2"] {
        let disposals = orders.iter().filter(|order| order.ends_with(file));
        assert_eq!(disposals.count(), 1, "{orders:?}");
    }
}

#[test]
fn what_is_no_message_or_about_nobody_is_moved_aside() {
    let mut web = Driver::running("web", "");
    for text in [
        "{",
        r#"{"type": "DANCE"}"#,
        r#"{"type": "STOP", "name": "nobody"}"#,
        r#"{"type": "RESTART-GROUP", "group": "nobody"}"#,
    ] {
        web.say(text);
        let orders = web.orders();
        assert!(orders[0].starts_with("reject m"), "{orders:?}");
        assert_eq!(orders.len(), 1, "{orders:?}");
    }
    assert_eq!(web.state("web"), State::Running);
    assert!(web.replies().is_empty());
    let why = refused(&mut web, r#"{"type": "DANCE", "id": "x1"}"#);
    assert!(why.contains("DANCE"), "{why}");
}

#[test]
fn restart_all_leaves_out_what_is_not_wanted_up() {
    let mut three = three();
    let told = about(&mut three, r#"{"type": "RESTART-ALL", "id": "x"}"#);
    assert_eq!(told, ["web"]);
    let orders = three.orders();
    assert_eq!(orders, ["discard m2", "SIGTERM web", "SIGCONT web"]);
}

#[test]
fn restart_all_means_what_ended_and_gave_up_too() {
    let mut both = Driver::with("job", r#""restart": "never""#);
    both.exits("job", 0);
    both.file("web", r#""give_up_after": 1"#);
    both.exits("web", 0);
    both.orders();
    let told = about(&mut both, r#"{"type": "RESTART-ALL", "id": "x"}"#);
    assert_eq!(told, ["job", "web"]);
    assert_eq!(both.orders(), ["discard m1", "spawn job", "spawn web"]);
}

#[test]
fn restart_group_means_every_member() {
    let mut three = three();
    let text = r#"{"type": "RESTART-GROUP", "group": "back", "id": "x"}"#;
    assert_eq!(about(&mut three, text), ["db", "old"]);
    assert_eq!(three.orders(), ["discard m2", "spawn db", "spawn old"]);
}

#[test]
fn start_and_stop_of_all_leave_out_what_is_disabled() {
    let mut three = three();
    let start = r#"{"type": "START", "all": true, "id": "x"}"#;
    assert_eq!(about(&mut three, start), ["db", "web"]);
    let stop = r#"{"type": "STOP", "all": true, "id": "x"}"#;
    assert_eq!(about(&mut three, stop), ["db", "web"]);
}

#[test]
fn a_program_without_a_good_file_cannot_be_started() {
    let mut web = Driver::new();
    web.observe(Driver::bad("web"));
    for word in ["START", "RESTART"] {
        let text = format!(r#"{{"type": "{word}", "name": "web", "id": "x"}}"#);
        let why = refused(&mut web, &text);
        assert!(why.contains("it is spoilt"), "{why}");
    }
    assert_eq!(web.orders(), ["discard m1", "discard m2"]);
}

#[test]
fn reload_and_signal_go_to_the_main_process_of_what_runs() {
    let mut web = Driver::running("web", r#""reload_signal": "USR2""#);
    web.tell("RELOAD", "web");
    web.say(r#"{"type": "SIGNAL", "all": true, "signal": "WINCH"}"#);
    assert_eq!(
        web.orders(),
        [
            "SIGUSR2 web (leader)",
            "SIGWINCH web (leader)",
            "discard m2"
        ]
    );
    web.exits("web", 1);
    web.exits_leaving_members("web", 1);
    web.orders();
    let why = refused(&mut web, r#"{"type": "RELOAD", "name": "web", "id": "x"}"#);
    assert!(why.contains("not running"), "{why}");
    assert_eq!(
        web.orders(),
        ["discard m3"],
        "nothing is sent to what is left of its group"
    );
}

#[test]
fn a_signal_to_several_leaves_out_what_does_not_run() {
    let mut three = three();
    let text = r#"{"type": "SIGNAL", "all": true, "signal": "HUP", "id": "x"}"#;
    assert_eq!(about(&mut three, text), ["web"]);
    assert_eq!(three.orders(), ["SIGHUP web (leader)", "discard m2"]);
}

#[test]
fn rescan_asks_for_a_look() {
    let mut none = Driver::new();
    none.say(r#"{"type": "RESCAN"}"#);
    assert_eq!(none.orders(), ["rescan", "discard m1"]);
}
