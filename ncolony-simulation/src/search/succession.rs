//! Small worlds in which monitors die before any of their orders, exit and leave everything, or
//! replace their image, and others take their place.

use super::themes::{PLAIN, die, erase, file, plan, scatter, stubborn, word};
use super::{Move, Theme};
use crate::action::{Action, Aim, Manner, Members, Who, Word};
use crate::world::FAULTLESS;

const WHO: Who = Who(0);

/// Before which breaths and orders the next monitor to act dies: one that starts a program draws
/// breath, orders the start, and writes the record; one that stops it sends two signals, answers
/// and removes the message, and writes the record.
const FUSES: [u8; 6] = [0, 1, 2, 3, 4, 5];

fn say(word: Word) -> Move {
    vec![Action::Send(word, true), Action::Look, Action::Turn]
}

fn deaths() -> impl Iterator<Item = Move> {
    let fuses = FUSES.into_iter().map(|fuse| vec![Action::Crash(fuse)]);
    fuses.chain([vec![Action::Replace], vec![Action::Await]])
}

/// One program, and monitors that die.
pub(super) fn crashes(depth: usize) -> Theme {
    let moves = [
        die(WHO),
        word(Word::Restart, WHO),
        word(Word::Stop, WHO),
        word(Word::Start, WHO),
        file(WHO, 1, PLAIN),
        erase(WHO),
        plan(WHO, FAULTLESS.start, 700),
    ];
    Theme {
        name: "monitors that die",
        usual: stubborn(None),
        opening: file(WHO, 0, PLAIN),
        moves: deaths().chain(moves).collect(),
        depth,
    }
}

/// One program that leaves others behind in its group, and monitors that come and go.
pub(super) fn successions(depth: usize) -> Theme {
    let members = Members {
        asked: Manner::Ignores,
        linger: Manner::Ignores,
    };
    let moves = [
        die(WHO),
        scatter(WHO),
        word(Word::Restart, WHO),
        say(Word::Detach),
        say(Word::Upgrade),
        say(Word::Kill(Aim::One(WHO))),
        vec![Action::UpgradeEnds(true), Action::Turn],
        vec![Action::UpgradeEnds(false), Action::Turn],
        vec![Action::Shutdown, Action::Turn],
    ];
    Theme {
        name: "monitors that come and go",
        usual: stubborn(Some(members)),
        opening: file(WHO, 0, PLAIN),
        moves: deaths().chain(moves).collect(),
        depth,
    }
}
