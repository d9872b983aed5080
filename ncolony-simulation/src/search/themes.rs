//! The small worlds that are searched: two programs, and the moves of one part of the contract.

use ncolony_core::Exit;

use super::{Move, Theme, succession};
use crate::action::{
    Action, Aim, Content, Manner, Members, Plan, Recipe, Slot, Start, Temper, Who, Word,
};
use crate::world::FAULTLESS;

const BOTH: [Who; 2] = [Who(0), Who(1)];

/// Policies of [`crate::cast`], by number.
pub(super) const PLAIN: u8 = 0;
const NEVER: u8 = 2;
const GIVES_UP: u8 = 6;
const LOOKED_AT: u8 = 8;
const SAYS_SO: u8 = 9;

/// The process of [`crate::cast`] that has to say that it is well.
const WATCHED: u8 = 3;

fn recipe(process: u8, policy: u8) -> Recipe {
    Recipe {
        process,
        policy,
        groups: 0,
        order: 0,
        enabled: true,
        instances: 1,
    }
}

fn write(who: Who, content: Content) -> Move {
    let write = Action::Write(who, Slot::Plain, content);
    vec![write, Action::Look, Action::Turn]
}

pub(super) fn file(who: Who, process: u8, policy: u8) -> Move {
    write(who, Content::Good(recipe(process, policy)))
}

pub(super) fn erase(who: Who) -> Move {
    vec![Action::Erase(who, Slot::Plain), Action::Look, Action::Turn]
}

pub(super) fn word(word: impl Fn(Aim) -> Word, who: Who) -> Move {
    vec![
        Action::Send(word(Aim::One(who)), false),
        Action::Look,
        Action::Turn,
    ]
}

pub(super) fn die(who: Who) -> Move {
    vec![Action::Die(who, Exit::Code(1)), Action::Turn]
}

pub(super) fn scatter(who: Who) -> Move {
    vec![Action::Scatter(who), Action::Turn]
}

pub(super) fn plan(who: Who, start: Start, takes: u32) -> Move {
    vec![Action::Plan(who, Plan { start, takes })]
}

/// Both programs are there, and run.
fn opening(policy: u8) -> Move {
    BOTH.into_iter()
        .flat_map(|who| file(who, 0, policy))
        .collect()
}

/// A program that ends when a move says so, or by KILL.
pub(super) fn stubborn(members: Option<Members>) -> Plan {
    let temper = Temper {
        life: Manner::Ignores,
        exit: Exit::Code(1),
        asked: Manner::Ignores,
        killed: Manner::Ends(0),
        frozen: false,
        members,
        rises: Manner::Ignores,
        well: true,
    };
    Plan {
        start: Start::Lives(temper),
        takes: 0,
    }
}

fn theme(name: &'static str, policy: u8, depth: usize, moves: &[&dyn Fn(Who) -> Move]) -> Theme {
    let mut all = vec![vec![Action::Await]];
    for who in BOTH {
        all.extend(moves.iter().map(|action| action(who)));
    }
    Theme {
        name,
        usual: stubborn(None),
        opening: opening(policy),
        moves: all,
        depth,
    }
}

fn groups(depth: usize) -> Theme {
    let members = Members {
        asked: Manner::Ignores,
        linger: Manner::Ignores,
    };
    let moves: [&dyn Fn(Who) -> Move; 4] =
        [&die, &scatter, &|who| word(Word::Restart, who), &|who| {
            word(Word::Stop, who)
        }];
    Theme {
        usual: stubborn(Some(members)),
        ..theme("groups that outlive their leader", PLAIN, depth, &moves)
    }
}

fn closing(depth: usize) -> Theme {
    let moves: [&dyn Fn(Who) -> Move; 4] =
        [&die, &erase, &|who| word(Word::Restart, who), &|who| {
            plan(who, FAULTLESS.start, 1000)
        }];
    let mut theme = theme("the end of the colony", PLAIN, depth, &moves);
    for action in [Action::Shutdown, Action::KillNow] {
        theme.moves.push(vec![action, Action::Turn]);
    }
    theme
}

/// Two instances of one file, which take turns.
fn instances(depth: usize) -> Theme {
    let program = BOTH[0];
    let [first, second] = [0, 1].map(|number| program.with_instance(number));
    let two = |process| {
        let recipe = recipe(process, PLAIN);
        let instances = 2;
        write(
            program,
            Content::Good(Recipe {
                instances,
                ..recipe
            }),
        )
    };
    Theme {
        name: "instances that take turns",
        usual: stubborn(None),
        opening: two(0),
        moves: vec![
            vec![Action::Await],
            two(1),
            word(Word::Restart, program),
            word(Word::Start, program),
            word(Word::Restart, second),
            word(Word::Stop, first),
            die(first),
            die(second),
            plan(second, Start::CannotExecute, 0),
        ],
        depth,
    }
}

/// Programs that are ready at some time, or never, or have to say that they are well.
fn readiness(depth: usize) -> Theme {
    let rise: &dyn Fn(Who) -> Move = &|who| vec![Action::Rise(who), Action::Turn];
    let restart: &dyn Fn(Who) -> Move = &|who| word(Word::Restart, who);
    let stop: &dyn Fn(Who) -> Move = &|who| word(Word::Stop, who);
    let looked_at: &dyn Fn(Who) -> Move = &|who| file(who, 0, LOOKED_AT);
    let says_so: &dyn Fn(Who) -> Move = &|who| file(who, 0, SAYS_SO);
    let watched: &dyn Fn(Who) -> Move = &|who| file(who, WATCHED, PLAIN);
    let moves = [&die, rise, restart, stop, looked_at, says_so, watched];
    let mut theme = theme("readiness", LOOKED_AT, depth, &moves);
    let Start::Lives(temper) = stubborn(None).start else {
        return theme;
    };
    theme.usual.start = Start::Lives(Temper {
        well: false,
        ..temper
    });
    theme.moves.push(vec![Action::Replace]);
    theme
}

/// Of two programs the one requires the other, or the other way round, or both, or neither.
fn order(depth: usize) -> Theme {
    let [first, second] = BOTH;
    let says = |who, order| {
        let recipe = Recipe {
            order,
            ..recipe(0, PLAIN)
        };
        write(who, Content::Good(recipe))
    };
    // The first names the one behind it, the second the one three behind.
    let requires = [says(first, 2), says(second, 4)];
    let moves: [&dyn Fn(Who) -> Move; 4] = [
        &die,
        &|who| word(Word::Restart, who),
        &|who| word(Word::Stop, who),
        &|who| says(who, 0),
    ];
    let mut theme = theme("the order of two", PLAIN, depth, &moves);
    theme.opening.extend(requires[0].clone());
    theme.moves.extend(requires);
    theme.moves.push(vec![Action::Shutdown, Action::Turn]);
    theme
}

/// All pairs of facts and words that come together, for one program.
fn breaths(depth: usize) -> Theme {
    let who = BOTH[0];
    let singles = [
        die(who),
        word(Word::Restart, who),
        word(Word::Stop, who),
        word(Word::Start, who),
        file(who, 0, NEVER),
        file(who, 1, NEVER),
        file(who, 0, GIVES_UP),
        erase(who),
    ];
    let single = |one: &Move| one[..one.len() - 1].to_vec();
    let mut moves = vec![vec![Action::Await]];
    for first in &singles {
        moves.push(first.clone());
        for second in &singles {
            moves.push([single(first), second.clone()].concat());
        }
    }
    moves.push(plan(who, FAULTLESS.start, 500));
    moves.push(plan(who, Start::CannotExecute, 500));
    let members = Members {
        asked: Manner::Ends(10),
        linger: Manner::Ignores,
    };
    Theme {
        name: "facts that come together",
        usual: stubborn(Some(members)),
        opening: file(who, 0, PLAIN),
        moves,
        depth,
    }
}

/// The small worlds, searched to `depth` moves; the one of pairs to half as many, and those with
/// more than one monitor to three quarters.
#[must_use]
pub fn themes(depth: usize) -> Vec<Theme> {
    let restart: &dyn Fn(Who) -> Move = &|who| word(Word::Restart, who);
    let start: &dyn Fn(Who) -> Move = &|who| word(Word::Start, who);
    let stop: &dyn Fn(Who) -> Move = &|who| word(Word::Stop, who);
    let old: &dyn Fn(Who) -> Move = &|who| file(who, 0, PLAIN);
    let new: &dyn Fn(Who) -> Move = &|who| file(who, 1, PLAIN);
    let broken: &dyn Fn(Who) -> Move = &|who| write(who, Content::Broken);
    let never: &dyn Fn(Who) -> Move = &|who| file(who, 0, NEVER);
    let gives_up: &dyn Fn(Who) -> Move = &|who| file(who, 0, GIVES_UP);
    let cannot: &dyn Fn(Who) -> Move = &|who| plan(who, Start::CannotExecute, 0);
    let no_room: &dyn Fn(Who) -> Move = &|who| plan(who, Start::NoRoom, 0);
    let slow: &dyn Fn(Who) -> Move = &|who| plan(who, FAULTLESS.start, 700);
    vec![
        theme("words", PLAIN, depth, &[&die, restart, start, stop]),
        theme("files", PLAIN, depth, &[&die, old, new, broken, &erase]),
        theme("policies", NEVER, depth, &[&die, never, gives_up, restart]),
        theme(
            "starts that fail",
            GIVES_UP,
            depth,
            &[cannot, no_room, slow, restart, stop],
        ),
        groups(depth),
        closing(depth),
        instances(depth),
        order(depth),
        readiness(depth * 3 / 4),
        breaths(depth / 2),
        succession::crashes(depth * 3 / 4),
        succession::successions(depth * 3 / 4),
    ]
}
