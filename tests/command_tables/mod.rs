//! The tables of commands in the documents for people who come from elsewhere, read for the tests
//! that run them.

use std::fs;
use std::path::Path;

/// A command of a table, with the exit status that the table promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    /// The words behind the program's name.
    pub(crate) words: Vec<String>,
    pub(crate) exit: i32,
}

/// A line of a table: what was done before, and what is done now. Either may be no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) before: Option<Promise>,
    pub(crate) now: Option<Promise>,
}

/// The lines of the table in a document whose head has a column of exit statuses.
pub(crate) fn lines(document: &str, before: &str) -> Vec<Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(document);
    let text = fs::read_to_string(path).unwrap();
    let table: Vec<&str> = text
        .lines()
        .skip_while(|line| !(line.starts_with('|') && line.ends_with("| exit |")))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    assert!(table.len() > 5, "{document} has no table of commands");
    table.iter().map(|line| read(line, before)).collect()
}

fn read(line: &str, before: &str) -> Line {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    match cells[..] {
        [old, old_exit, new, new_exit] => Line {
            before: promise(old, before, old_exit),
            now: promise(new, "ncolony-ctl", new_exit),
        },
        [_, new, new_exit] => Line {
            before: None,
            now: promise(new, "ncolony-ctl", new_exit),
        },
        _ => panic!("{line:?} is no line of a table of commands"),
    }
}

/// The command that a cell begins with, if it is one of this program.
fn promise(cell: &str, program: &str, exit: &str) -> Option<Promise> {
    let (command, _) = cell.strip_prefix('`')?.split_once('`')?;
    let words = command.strip_prefix(program)?.split_whitespace();
    // A shell would take the quotes away.
    let words = words.map(|word| word.trim_matches('\'').to_owned());
    Some(Promise {
        words: words.collect(),
        exit: exit.parse().unwrap(),
    })
}
