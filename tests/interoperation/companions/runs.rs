//! What the schedulers do, NColony's and ours, case by case, as in the table of the checks.

use super::row::Marks::{First, Only};
use super::row::{Expected, Run, Then};

/// Seconds: frequency, timeout and grace.
const LONG: [u32; 3] = [1, 30, 1];

/// Command lines that make no sense.
pub(crate) const REFUSED: &[&[&str]] = &[
    &[],
    &["--frequency=1", "--timeout=1", "--grace=1"],
    &["--frequency=1", "--timeout=1", "--arg=/bin/true"],
    &[
        "--frequency=1",
        "--timeout=0",
        "--grace=1",
        "--arg=/bin/true",
    ],
    &[
        "--frequency=0",
        "--timeout=1",
        "--grace=1",
        "--arg=/bin/true",
    ],
    &[
        "--frequency=1",
        "--timeout=soon",
        "--grace=1",
        "--arg=/bin/true",
    ],
];

/// What is printed differs everywhere: NColony's prints Python's `b'line'`, and says of each run
/// how it has ended in Twisted's words.
pub(crate) const SCHEDULER: &[Run] = &[
    Run {
        name: "at-once-and-at-every-period",
        times: LONG,
        script: "mark begun; echo a line; echo another >&2",
        then: Then::Nothing,
        theirs: Expected {
            marks: First(&[("begun", 0), ("begun", 1), ("begun", 2), ("begun", 3)]),
            says: &[
                "[1] b'a line'",
                "[2] b'another'",
                "finished with exit code 0",
            ],
        },
        ours: Expected {
            marks: First(&[("begun", 0), ("begun", 1), ("begun", 2), ("begun", 3)]),
            says: &["[1] a line", "[2] another"],
        },
        why: "",
    },
    Run {
        name: "longer-than-the-period",
        times: LONG,
        script: "mark begun; sleep 1.4",
        then: Then::Nothing,
        theirs: Expected {
            marks: First(&[("begun", 0), ("begun", 2), ("begun", 4)]),
            says: &[],
        },
        ours: Expected {
            marks: First(&[("begun", 0), ("begun", 2), ("begun", 4)]),
            says: &["a run is due and left out"],
        },
        why: "",
    },
    Run {
        name: "late-and-ends-when-told",
        times: [1, 1, 30],
        script: "trap 'mark term; exit 0' TERM; mark begun; forever",
        then: Then::Nothing,
        theirs: Expected {
            marks: First(&[("begun", 0), ("term", 1), ("begun", 2), ("term", 3)]),
            says: &["finished with exit code 0"],
        },
        ours: Expected {
            marks: First(&[("begun", 0), ("term", 1), ("begun", 2), ("term", 3)]),
            says: &["run 1 is late"],
        },
        why: "",
    },
    Run {
        name: "late-and-does-not-end",
        times: [1, 1, 1],
        script: "trap 'mark term' TERM; mark begun; forever",
        then: Then::Nothing,
        theirs: Expected {
            marks: First(&[("begun", 0), ("term", 1), ("begun", 3), ("term", 4)]),
            says: &["process ended by signal 9"],
        },
        ours: Expected {
            marks: First(&[("begun", 0), ("term", 1), ("begun", 3), ("term", 4)]),
            says: &[
                "run 1 did not end within 1 s of SIGTERM",
                "run 1 was ended by SIGKILL",
            ],
        },
        why: "",
    },
    Run {
        name: "fails",
        times: LONG,
        script: "mark begun; exit 3",
        then: Then::Nothing,
        theirs: Expected {
            marks: First(&[("begun", 0), ("begun", 1), ("begun", 2)]),
            says: &["process ended with exit code 3"],
        },
        ours: Expected {
            marks: First(&[("begun", 0), ("begun", 1), ("begun", 2)]),
            says: &["run 1 exited with code 3", "run 2 exited with code 3"],
        },
        why: "",
    },
    Run {
        name: "cannot-be-executed-at-first",
        times: LONG,
        script: "mark begun",
        then: Then::CommandComes,
        theirs: Expected {
            marks: Only(&[]),
            says: &["FileNotFoundError", ", in runProcess\n"],
        },
        ours: Expected {
            marks: First(&[("begun", 0), ("begun", 1)]),
            says: &["run 1 could not be started", "No such file or directory"],
        },
        why: "NColony's runs nothing any more, in silence; ours says so and tries again at the next time",
    },
    Run {
        name: "lines-in-parts",
        times: LONG,
        script: "printf 'two '; sleep 0.4; printf 'parts\\n\\n\\303\\251\\n'; mark printed; printf 'no end'",
        then: Then::Nothing,
        theirs: Expected {
            marks: First(&[("printed", 0)]),
            says: &[
                "[1] b'two '",
                "[1] b'parts'",
                "[1] b''",
                "[1] b'\\xc3\\xa9'",
                "[1] b'no end'",
            ],
        },
        ours: Expected {
            marks: First(&[("printed", 0)]),
            says: &["[1] two parts\n", "[1] \n", "[1] \u{e9}\n", "[1] no end\n"],
        },
        why: "a line is a line however it comes, and is printed as it is",
    },
    Run {
        name: "reads",
        times: LONG,
        script: "read word; mark read",
        then: Then::Nothing,
        theirs: Expected {
            marks: Only(&[]),
            says: &[],
        },
        ours: Expected {
            marks: First(&[("read", 0), ("read", 1)]),
            says: &[],
        },
        why: "NColony's gives it a pipe that nobody writes to, so that it waits until it is late",
    },
    Run {
        name: "leaves-somebody-behind",
        times: [1, 1, 1],
        script: "(trap 'mark term; exit 0' TERM; mark begun; forever) & wait",
        then: Then::Nothing,
        theirs: Expected {
            marks: Only(&[("begun", 0)]),
            says: &["ProcessExitedAlready"],
        },
        ours: Expected {
            marks: First(&[("begun", 0), ("term", 1), ("begun", 2)]),
            says: &["run 1 is late"],
        },
        why: "the whole group is told to end: NColony's tells one process, and then waits for ever for the others",
    },
    Run {
        name: "the-scheduler-is-stopped",
        times: LONG,
        script: "trap 'mark term; exit 0' TERM; mark begun; forever",
        then: Then::IsStopped,
        theirs: Expected {
            marks: Only(&[("begun", 0)]),
            says: &["Received SIGTERM"],
        },
        ours: Expected {
            marks: Only(&[("begun", 0), ("term", 0)]),
            says: &[],
        },
        why: "the run is told to end with its scheduler: NColony's waits for it, and leaves it behind when it is killed for that",
    },
];
