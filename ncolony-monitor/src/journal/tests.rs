use std::sync::Arc;

use ncolony_core::colony::{Colony, Observation, Reading};
use ncolony_core::time::Now;
use ncolony_core::{Defaults, ProgramName, ProgramSpec};

use super::*;

fn header() -> Header {
    Header::new("c0ffee00c0ffee00", "boot", 7)
}

fn colony(programs: &[&str]) -> Colony {
    let mut colony = Colony::new();
    for name in programs {
        let name = ProgramName::new(name).unwrap();
        let text = br#"{"args": ["cat"], "note": "a text that is long enough to be told apart"}"#;
        let spec = ProgramSpec::parse(name.clone(), text, &Defaults::default()).unwrap();
        let reading = Reading::Good(Arc::new(spec));
        colony.observe(Now::default(), Observation::Config { name, reading });
    }
    colony.settle(Now::default());
    colony
}

fn everything(colony: &Colony) -> Everything {
    Everything {
        snapshot: colony.snapshot(),
        standing: BTreeMap::new(),
    }
}

fn append(journal: &mut Journal, colony: &mut Colony) {
    let changes = colony.take_changes();
    journal.append(changes, BTreeMap::new(), || everything(colony));
}

#[test]
fn what_is_appended_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read(dir.path()), Ok(None));
    let mut journal = Journal::begin(dir.path(), header(), Entry::default());
    let mut colony = colony(&["a", "b"]);
    append(&mut journal, &mut colony);
    let state = read(dir.path()).unwrap().unwrap();
    assert_eq!(state.snapshot, colony.snapshot());
    let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
    assert_eq!(
        text.matches("long enough").count(),
        1,
        "each text is there once"
    );
    journal.retire();
    assert_eq!(read(dir.path()), Ok(None));
}

#[test]
fn a_journal_that_has_grown_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(dir.path(), header(), Entry::default());
    let mut colony = colony(&["a"]);
    append(&mut journal, &mut colony);
    journal.length = SMALL + 1;
    colony.republish_all();
    append(&mut journal, &mut colony);
    assert!(journal.length < SMALL);
    let state = read(dir.path()).unwrap().unwrap();
    assert_eq!(state.snapshot, colony.snapshot());
}

#[test]
fn a_journal_that_was_removed_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(dir.path(), header(), Entry::default());
    let mut colony = colony(&["a"]);
    append(&mut journal, &mut colony);
    fs::remove_file(dir.path().join(FILE)).unwrap();
    journal.keep(|| everything(&colony));
    let state = read(dir.path()).unwrap().unwrap();
    assert_eq!(state.snapshot, colony.snapshot());
}

#[test]
fn a_directory_that_is_none_is_a_problem_until_it_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let status = dir.path().join("status");
    fs::write(&status, "").unwrap();
    let mut journal = Journal::begin(&status, header(), Entry::default());
    assert!(journal.problem().unwrap().starts_with("cannot write"));
    fs::remove_file(&status).unwrap();
    fs::create_dir(&status).unwrap();
    let mut colony = colony(&["a"]);
    append(&mut journal, &mut colony);
    journal.keep(|| everything(&colony));
    assert_eq!(journal.problem(), None);
    let state = read(&status).unwrap().unwrap();
    assert_eq!(state.snapshot, colony.snapshot());
}

/// A message that was acted on, and what the machine changed for it.
fn acted_on(file: &str) -> Changes {
    let acted_on = ActedOn {
        file: file.to_owned(),
        reply: None,
        rejected: None,
    };
    Changes {
        acted_on: vec![acted_on],
        ..Changes::default()
    }
}

#[test]
fn a_message_that_stands_is_known_however_often_the_journal_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(dir.path(), header(), Entry::default());
    let mark = |inode| Mark {
        inode,
        changed: (1, 2),
    };
    let all = |files: &[(&str, u64)]| {
        let marks = files
            .iter()
            .map(|(file, inode)| ((*file).to_owned(), mark(*inode)));
        marks.collect::<BTreeMap<_, _>>()
    };
    for (file, inode) in [("stays", 1), ("goes", 2), ("replaced", 3)] {
        journal.append(acted_on(file), all(&[(file, inode)]), || {
            panic!("it is not written anew")
        });
    }
    for _ in 0..2 {
        journal.file = None;
        journal.keep(|| Everything {
            snapshot: Snapshot::default(),
            standing: all(&[("stays", 1), ("replaced", 4)]),
        });
        let settled = read(dir.path()).unwrap().unwrap().settled;
        assert_eq!(settled.keys().collect::<Vec<_>>(), ["stays"]);
    }
}

#[test]
fn what_could_not_be_appended_is_written_anew_with_its_messages() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(dir.path(), header(), Entry::default());
    journal.file = Some(File::options().write(true).open("/dev/full").unwrap());
    let mark = Mark {
        inode: 1,
        changed: (1, 2),
    };
    let marks = BTreeMap::from([("1".to_owned(), mark)]);
    journal.append(acted_on("1"), marks.clone(), || panic!("it is tried later"));
    assert!(journal.problem().unwrap().contains("ENOSPC"));
    journal.keep(|| Everything {
        snapshot: Snapshot::default(),
        standing: marks,
    });
    let settled = read(dir.path()).unwrap().unwrap().settled;
    assert_eq!(settled.keys().collect::<Vec<_>>(), ["1"]);
    assert_eq!(journal.problem(), None);
}
