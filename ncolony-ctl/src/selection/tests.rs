use super::*;
use std::fs;

fn world(files: &[&str], records: &[&str]) -> (tempfile::TempDir, Places) {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let places = Places {
        config: at("config"),
        messages: at("messages"),
        status: at("status"),
        logs: None,
    };
    fs::create_dir_all(&places.config).unwrap();
    fs::create_dir_all(places.program_statuses()).unwrap();
    for file in files {
        fs::write(places.config.join(file), "{}").unwrap();
    }
    for name in records {
        let status = crate::records::tests::status(name, ncolony_core::State::Running);
        let text = serde_json::to_string(&status).unwrap();
        fs::write(places.program_status(name), text).unwrap();
    }
    (dir, places)
}

fn chosen(places: &Places, words: &[&str], existence: Existence) -> Result<Vec<String>, Failure> {
    let words: Vec<Word> = words.iter().map(|word| word.parse().unwrap()).collect();
    let names = choose(places, &words, existence)?;
    Ok(names.into_iter().map(String::from).collect())
}

#[test]
fn names_and_patterns_stand_for_what_exists() {
    let (_dir, places) = world(&["web-1", "web-2.json", "web-3~", "db"], &["web-1", "old"]);
    let both = Existence::FileOrRecord;
    assert_eq!(
        chosen(&places, &["web-*"], both).unwrap(),
        ["web-1", "web-2"]
    );
    assert_eq!(
        chosen(&places, &["web-?", "db", "web-1"], both).unwrap(),
        ["db", "web-1", "web-2"]
    );
    assert_eq!(
        chosen(&places, &["web-[2-9]", "old"], both).unwrap(),
        ["old", "web-2"]
    );
    assert_eq!(
        chosen(&places, &["all"], both).unwrap(),
        ["db", "old", "web-1", "web-2"]
    );
    assert_eq!(
        chosen(&places, &["*"], Existence::File).unwrap(),
        ["db", "web-1", "web-2"]
    );
}

#[test]
fn one_that_does_not_exist_fails_all() {
    let (_dir, places) = world(&["web"], &["old"]);
    for words in [&["web", "nosuch"][..], &["web", "no*"]] {
        let failure = chosen(&places, words, Existence::FileOrRecord).unwrap_err();
        assert_eq!(failure.ending, Ending::NoSuchProgram);
    }
    let failure = chosen(&places, &["old"], Existence::File).unwrap_err();
    assert_eq!(failure.ending, Ending::NoSuchProgram);
}

#[test]
fn all_of_nothing_is_nothing() {
    let (_dir, places) = world(&[], &[]);
    assert!(
        chosen(&places, &["all"], Existence::FileOrRecord)
            .unwrap()
            .is_empty()
    );
    fs::remove_dir(&places.config).unwrap();
    assert!(
        chosen(&places, &["all"], Existence::File)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn words_that_are_neither_names_nor_patterns_are_refused() {
    for text in ["a/b", "", ".web", "web.json", "a**b", "[a"] {
        assert!(text.parse::<Word>().is_err(), "{text:?}");
    }
}
