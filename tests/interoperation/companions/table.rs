//! What the checks do, NColony's and ours, case by case. Where the two differ, the row says why
//! ours does something else, and so does `docs/companions.md`.
//!
//! Each row is one program of a colony: the name of its file, what stands in it, what happens
//! meanwhile, and what becomes of it.

use super::row::Act::{Answers, AnswersLate, Babbles, Begins, Closes, Hangs};
use super::row::File::{Dangling, Directory, Extra, NoExtra, OthersMayWrite, Text};
use super::row::Meanwhile::{
    BeatenInTheFuture, Beats, BeatsInThePast, FileIsMended, FileIsRemoved, FileIsRewritten,
    FileIsTouched, HeartVanishes, Nothing, Serves, ServesAtFirst, StopsBeating,
};
use super::row::Outcome::{
    Blind, EveryLook, LetBe, NoMore, OncePerGrace, Restarted, RestartedAfter, RestartedAs,
};
use super::row::{Row, both, other};

/// Why ours goes on where NColony's is dead.
const GOES_ON: &str = "what cannot be looked at restarts nobody, and is said; the others are \
    looked after as before";

/// Why ours leaves alone what NColony's takes for a program.
const NO_PROGRAM: &str = "our monitor takes that file for no program, so there is none to restart";

/// HEARTS is a directory, in which each program has the file FILE, of its own name.
#[rustfmt::skip]
pub(crate) const BEATCHECK: &[Row] = &[
    // Hearts.
    both("beats", Extra(r#"{"period": 3, "grace": 0.5, "status": "HEARTS/FILE"}"#), Beats, LetBe),
    both("beats-in-a-directory", Extra(r#"{"period": 3, "grace": 0.5, "status": "HEARTS"}"#), Beats, LetBe),
    both("beats-at-a-relative-path", Extra(r#"{"period": 3, "grace": 0.5, "status": "hearts/FILE"}"#), Beats, LetBe),
    both("stops", Extra(r#"{"period": 2, "grace": 0.5, "status": "HEARTS/FILE"}"#), StopsBeating, Restarted),
    both("stops-in-a-directory", Extra(r#"{"period": 2, "grace": 0.5, "status": "HEARTS"}"#), StopsBeating, Restarted),
    both("vanishes", Extra(r#"{"period": 2, "grace": 0.5, "status": "HEARTS/FILE"}"#), HeartVanishes, Restarted),
    both("never-began", Extra(r#"{"period": 0.5, "grace": 2, "status": "HEARTS/FILE"}"#), Nothing, Restarted),
    both("within-grace", Extra(r#"{"period": 0.5, "grace": 1000, "status": "HEARTS/FILE"}"#), Nothing, LetBe),
    both("no-grace", Extra(r#"{"period": 0.5, "grace": 0, "status": "HEARTS/FILE"}"#), Nothing, Restarted),
    both("directory-is-missing", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/none/FILE"}"#), Nothing, Restarted),
    other("directory-lacks-the-file", Extra(r#"{"period": 0.5, "grace": 0, "status": "HEARTS"}"#), Nothing,
        Blind, Restarted, "no file is no beat, in a directory as anywhere"),
    other("in-the-way", Extra(r#"{"period": 0.5, "grace": 1, "status": "/dev/null/FILE"}"#), Nothing,
        EveryLook, LetBe, "what cannot be looked at restarts nobody, and is said"),
    // Clocks.
    other("beaten-in-the-future", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/FILE"}"#), BeatenInTheFuture,
        LetBe, Restarted, "the file's time is compared with what it was, never with a clock: a step of the clock keeps no \
            dead heart alive"),
    other("beats-in-the-past", Extra(r#"{"period": 3, "grace": 0.5, "status": "HEARTS/FILE"}"#), BeatsInThePast,
        EveryLook, LetBe, "the same: the clock of a file server that is behind kills no heart that beats"),
    // Grace.
    other("stays-silent", Extra(r#"{"period": 0.5, "grace": 6, "status": "HEARTS/FILE"}"#), Nothing,
        EveryLook, OncePerGrace, "a program that was just restarted has its grace again, as at every start"),
    both("file-is-touched", Extra(r#"{"period": 0.5, "grace": 4, "status": "HEARTS/FILE"}"#), FileIsTouched, LetBe),
    both("file-is-rewritten", Extra(r#"{"period": 0.5, "grace": 4, "status": "HEARTS/FILE"}"#), FileIsRewritten, LetBe),
    both("file-is-removed", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/FILE"}"#), FileIsRemoved, NoMore),
    both("file-is-mended", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/FILE"}"#), FileIsMended, NoMore),
    // Who is asked about.
    both("no-key", NoExtra, Nothing, LetBe),
    both("null", Extra("null"), Nothing, LetBe),
    other("number", Extra("3"), Nothing, Blind, LetBe, GOES_ON),
    other("no-period", Extra(r#"{"grace": 0, "status": "HEARTS/FILE"}"#), Nothing, Blind, LetBe, GOES_ON),
    other("no-status", Extra(r#"{"period": 0.5, "grace": 0}"#), Nothing, Blind, LetBe, GOES_ON),
    other("period-in-words", Extra(r#"{"period": "often", "grace": 0, "status": "HEARTS/FILE"}"#), Nothing,
        Blind, LetBe, GOES_ON),
    // Files.
    other("no-json", Text("{"), Nothing, Blind, LetBe, GOES_ON),
    other("no-object", Text("[1]"), Nothing, Blind, LetBe, GOES_ON),
    other("empty", Text(""), Nothing, Blind, LetBe, GOES_ON),
    other("cannot-be-read", Dangling, Nothing, Blind, LetBe, GOES_ON),
    other("directory", Directory, Nothing, Blind, LetBe, NO_PROGRAM),
    other("others-may-write", OthersMayWrite(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/FILE"}"#), Nothing,
        EveryLook, LetBe, "our monitor does not obey that file as root, and neither does the check: it is said"),
    // Names.
    other("suffix.json", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/suffix"}"#), Nothing,
        EveryLook, RestartedAs("suffix"), "to our monitor the program is called that"),
    other("half-written.new", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/FILE"}"#), Nothing,
        EveryLook, LetBe, NO_PROGRAM),
    other("backup~", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/FILE"}"#), Nothing,
        EveryLook, LetBe, NO_PROGRAM),
    other(".hidden", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/FILE"}"#), Nothing,
        EveryLook, LetBe, NO_PROGRAM),
    other("a space", Extra(r#"{"period": 0.5, "grace": 1, "status": "HEARTS/FILE"}"#), Nothing,
        EveryLook, LetBe, NO_PROGRAM),
];

/// Its restart proves that all the others had time enough.
pub(crate) const BEATCHECK_WITNESS: Row = both(
    "witness",
    Extra(r#"{"period": 1, "grace": 7, "status": "HEARTS/FILE"}"#),
    Nothing,
    Restarted,
);

// The timeout is shorter than the period where a server hangs: elsewhere NColony's dies of it sooner
// or later, by an assertion, when its look comes before the end of the check.
const QUICK: &str = r#"{"url": "URL", "period": 0.8, "timeout": 0.4, "grace": 1, "maxBad": 2}"#;
const PATIENT: &str = r#"{"url": "URL", "period": 0.8, "timeout": 0.7, "grace": 1, "maxBad": 3}"#;

/// URL is that of the row's server; where it has none, nobody listens there.
#[rustfmt::skip]
pub(crate) const HTTPCHECK: &[Row] = &[
    // Servers.
    both("answers", Extra(PATIENT), Serves(&[Answers(200)]), LetBe),
    both("answers-not-found", Extra(PATIENT), Serves(&[Answers(404)]), LetBe),
    both("answers-error", Extra(PATIENT), Serves(&[Answers(500)]), LetBe),
    both("answers-elsewhere", Extra(PATIENT), Serves(&[Answers(302)]), LetBe),
    both("is-slow", Extra(PATIENT), Serves(&[AnswersLate(200)]), LetBe),
    both("begins-to-answer", Extra(PATIENT), Serves(&[Begins]), LetBe),
    both("is-too-slow", Extra(QUICK), Serves(&[AnswersLate(1500)]), RestartedAfter(3)),
    both("hangs", Extra(QUICK), Serves(&[Hangs]), RestartedAfter(3)),
    both("closes", Extra(QUICK), Serves(&[Closes]), RestartedAfter(3)),
    both("babbles", Extra(QUICK), Serves(&[Babbles]), RestartedAfter(3)),
    both("is-down", Extra(QUICK), Nothing, Restarted),
    both("recovers", Extra(QUICK), Serves(&[Closes, Closes, Answers(200)]), LetBe),
    both("goes-down", Extra(QUICK), ServesAtFirst(&[Answers(200), Answers(200)], Closes), RestartedAfter(5)),
    both("timeout-above-period", Extra(r#"{"url": "URL", "period": 0.8, "timeout": 60, "grace": 1, "maxBad": 2}"#),
        Serves(&[Closes]), RestartedAfter(3)),
    both("nothing-is-borne", Extra(r#"{"url": "URL", "period": 0.8, "timeout": 0.4, "grace": 1, "maxBad": 0}"#),
        Serves(&[Closes]), RestartedAfter(1)),
    // Grace.
    both("within-grace", Extra(r#"{"url": "URL", "period": 0.8, "timeout": 0.4, "grace": 1000, "maxBad": 0}"#),
        Serves(&[Closes]), LetBe),
    both("stays-down", Extra(r#"{"url": "URL", "period": 0.8, "timeout": 0.4, "grace": 3, "maxBad": 0}"#),
        Nothing, OncePerGrace),
    both("file-is-removed", Extra(QUICK), FileIsRemoved, NoMore),
    both("file-is-mended", Extra(QUICK), FileIsMended, NoMore),
    // URLs.
    other("no-url", Extra(r#"{"url": "nonsense", "period": 0.8, "timeout": 0.4, "grace": 1, "maxBad": 2}"#), Nothing,
        Restarted, LetBe, "a key that makes no sense is a fault of the file, which a restart does not mend; it is said"),
    other("other-scheme", Extra(r#"{"url": "gopher://127.0.0.1/", "period": 0.8, "timeout": 0.4, "grace": 1, "maxBad": 2}"#),
        Nothing, Restarted, LetBe, "the same"),
    other("url-with-a-space", Extra(r#"{"url": "http://local host/", "period": 0.8, "timeout": 0.4, "grace": 0, "maxBad": 2}"#),
        Nothing, Blind, LetBe, GOES_ON),
    // Keys.
    both("no-key", NoExtra, Nothing, LetBe),
    both("null", Extra("null"), Nothing, LetBe),
    other("number", Extra("3"), Nothing, Blind, LetBe, GOES_ON),
    other("only-what-is-needed", Extra(r#"{"url": "URL", "period": 0.5}"#), Serves(&[Closes]),
        Blind, RestartedAfter(3), "timeout, grace and maxBad may be left out"),
    // Files.
    other("no-json", Text("{"), Nothing, Blind, LetBe, GOES_ON),
    other("no-object", Text("[1]"), Nothing, Blind, LetBe, GOES_ON),
    other("cannot-be-read", Dangling, Nothing, Blind, LetBe, GOES_ON),
    other("directory", Directory, Nothing, Blind, LetBe, NO_PROGRAM),
];

/// Its restart proves that all the others had time enough.
pub(crate) const HTTPCHECK_WITNESS: Row = both(
    "witness",
    Extra(r#"{"url": "URL", "period": 1, "timeout": 0.5, "grace": 7, "maxBad": 0}"#),
    Nothing,
    Restarted,
);
