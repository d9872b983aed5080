//! The companions, NColony's and ours, side by side: what the one does, the other does, or a table
//! says why not.

mod crossing;
mod row;
mod runs;
mod scheduler;
mod server;
mod table;
mod watch;

use crate::colony::Colony;
use crate::companions::row::{Outcome, Row};
use crate::companions::scheduler::Alone;
use crate::companions::watch::{Check, Make, Watch};
use crate::process::{Running, command, eventually};

/// Lets every check look at its rows until the witness of each has been restarted, and compares.
fn as_the_table_says(check: Check, table: &'static [Row], witness: &'static Row) {
    let (blind, others): (Vec<_>, Vec<_>) =
        table.iter().partition(|row| row.theirs == Outcome::Blind);
    // What kills NColony's check has a colony of its own there, in which the witness is let be.
    let blind: Vec<(&Row, Watch)> = blind
        .into_iter()
        .map(|row| (row, Watch::started(check, Make::Theirs, [row, witness])))
        .collect();
    let mut theirs = Watch::started(check, Make::Theirs, others.into_iter().chain([witness]));
    let mut ours = Watch::started(check, Make::Ours, table.iter().chain([witness]));
    eventually("the witnesses are restarted", || {
        for watch in [&mut theirs, &mut ours] {
            watch.live();
            watch.take();
        }
        let is_over = |watch: &Watch| watch.has_restarted(witness.name) || watch.is_blind();
        (is_over(&theirs) && is_over(&ours)).then_some(())
    });
    let mut wrong = theirs.differences(Make::Theirs);
    wrong.extend(ours.differences(Make::Ours));
    for (row, mut watch) in blind {
        watch.take();
        wrong.extend(watch.difference(row, Make::Theirs));
    }
    let said = [theirs.output(), ours.output()];
    assert!(wrong.is_empty(), "{wrong:#?}\n{}\n{}", said[0], said[1]);
}

#[test]
fn where_they_differ_the_table_says_why() {
    for row in table::BEATCHECK.iter().chain(table::HTTPCHECK) {
        assert_eq!(row.theirs == row.ours, row.why.is_empty(), "{}", row.name);
    }
    for run in runs::SCHEDULER {
        let same = run.theirs.marks == run.ours.marks;
        assert!(same || !run.why.is_empty(), "{}", run.name);
    }
}

#[test]
fn both_beatchecks_do_as_the_table_says() {
    as_the_table_says(Check::Beat, table::BEATCHECK, &table::BEATCHECK_WITNESS);
}

#[test]
fn both_httpchecks_do_as_the_table_says() {
    as_the_table_says(Check::Http, table::HTTPCHECK, &table::HTTPCHECK_WITNESS);
}

#[test]
fn both_schedulers_refuse_the_same_command_lines() {
    let colony = Colony::new();
    for words in runs::REFUSED {
        for make in [Make::Theirs, Make::Ours] {
            let program = scheduler::program(make);
            let mut command = command(&program[0]);
            command.args(&program[1..]).args(*words);
            let mut running = Running::start(command, &colony.path("output"));
            assert!(!running.end().success(), "{make:?} {words:?}");
        }
    }
}

#[test]
fn both_schedulers_do_as_the_table_says() {
    let colonies = [(Make::Theirs, Colony::new()), (Make::Ours, Colony::new())];
    let mut all: Vec<Alone> = Vec::new();
    for (make, colony) in &colonies {
        all.extend(
            runs::SCHEDULER
                .iter()
                .map(|run| Alone::start(colony, *make, run)),
        );
    }
    all.iter_mut().for_each(Alone::until_seen);
    // What is never to come has not come meanwhile either.
    assert!(all.iter().all(Alone::is_seen));
}
