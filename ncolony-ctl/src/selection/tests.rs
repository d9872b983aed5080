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

#[test]
fn a_word_stands_for_a_program_with_all_its_instances_or_for_some() {
    let stands = |word: &str, name| stands_for(&word.parse().unwrap(), name);
    for (word, meant, other) in [
        ("web", "web:1", "webs:1"),
        ("web:1", "web:1", "web:11"),
        ("w*", "web:1", "a:1"),
        ("*1", "a1:0", "web:1"),
        ("web:*", "web:1", "web"),
        ("all", "web:1", ""),
    ] {
        assert!(stands(word, meant), "{word}");
        assert!(other.is_empty() || !stands(word, other), "{word}");
    }
}

#[test]
fn instances_are_chosen_by_name_or_by_a_pattern_with_a_colon() {
    let (_dir, places) = world(&["web", "db"], &["web:0", "web:1", "web:10", "db", "old:3"]);
    let (both, file) = (Existence::FileOrRecord, Existence::File);
    let chosen = |words: &[&str]| chosen(&places, words, both).unwrap();
    assert_eq!(chosen(&["web"]), ["web"]);
    assert_eq!(chosen(&["web:1", "old"]), ["old", "web:1"]);
    assert_eq!(chosen(&["*"]), ["db", "old", "web"]);
    assert_eq!(chosen(&["web:1*"]), ["web:1", "web:10"]);
    assert_eq!(chosen(&["w*:*"]), ["web"], "all of its own are the program");
    for word in ["web:2", "db:0", "db:*", "web:3*"] {
        let failure = super::tests::chosen(&places, &[word], both).unwrap_err();
        assert_eq!(failure.ending, Ending::NoSuchProgram, "{word}");
    }
    // Without a monitor the files say which instances there are.
    let two = r#"{"args": ["x"], "instances": 2}"#;
    fs::write(places.config.join("web"), two).unwrap();
    let by_file = |word| super::tests::chosen(&places, &[word], file);
    assert_eq!(by_file("web:1").unwrap(), ["web:1"]);
    assert_eq!(by_file("*:[1-9]").unwrap(), ["web:1"]);
    assert!(by_file("web:10").is_err() && by_file("old").is_err());
}

#[test]
fn a_program_has_a_process_or_one_for_each_instance() {
    let (_dir, places) = world(&["web", "db", "new"], &["web:0", "web:10", "web:2", "db"]);
    let two = r#"{"args": ["x"], "instances": 2}"#;
    fs::write(places.config.join("new"), two).unwrap();
    let of = |names: &[&str]| -> Vec<String> {
        let names: Vec<ProgramName> = names
            .iter()
            .map(|name| ProgramName::parse(name).unwrap())
            .collect();
        let all = processes(&places, &names).unwrap();
        all.into_iter().map(String::from).collect()
    };
    assert_eq!(of(&["web", "web:2"]), ["web:0", "web:2", "web:10"]);
    assert_eq!(
        of(&["db", "new", "web:7"]),
        ["db", "new:0", "new:1", "web:7"]
    );
}
