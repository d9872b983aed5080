use super::*;
use crate::files::list;
use std::fs;

fn places(dir: &tempfile::TempDir) -> Places {
    let at = |name: &str| dir.path().join(name);
    Places {
        config: at("c"),
        messages: at("m"),
        status: at("s"),
        logs: None,
    }
}

fn name(text: &str) -> ProgramName {
    ProgramName::new(text).unwrap()
}

#[test]
fn a_program_is_written_as_the_original_would_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::new("cat")
        .arg("-u")
        .env("A", "b")
        .env_inherit("HOME")
        .set("uid", json!(5));
    let path = add(&places(&dir), &name("my-cat"), &program).unwrap();
    assert_eq!(path, dir.path().join("c/my-cat"));
    let written: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let wanted =
        json!({"args": ["cat", "-u"], "env": {"A": "b"}, "env_inherit": ["HOME"], "uid": 5});
    assert_eq!(written, wanted);
}

#[test]
fn the_file_that_is_there_is_the_one_that_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let places = places(&dir);
    fs::create_dir(&places.config).unwrap();
    fs::write(places.config.join("web.json"), "{}").unwrap();
    add(&places, &name("web"), &Program::new("cat")).unwrap();
    assert_eq!(list(&places.config).unwrap().entries.len(), 1);
    fs::write(places.config.join("web"), "{}").unwrap();
    let error = add(&places, &name("web"), &Program::new("cat")).unwrap_err();
    assert!(matches!(error, CtlError::TwoFiles { .. }));
    remove(&places, &name("web")).unwrap();
    assert!(list(&places.config).unwrap().entries.is_empty());
}

#[test]
fn what_would_not_be_good_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let places = places(&dir);
    let program = Program::new("cat").set("killtime", json!("soon"));
    assert!(matches!(
        add(&places, &name("web"), &program),
        Err(CtlError::Invalid(_))
    ));
    let program = Program::new("cat").set("after", json!(["web"]));
    assert!(matches!(
        add(&places, &name("web"), &program),
        Err(CtlError::Invalid(error)) if error.key.as_deref() == Some("after")
    ));
    assert!(!places.config.exists());
    assert!(matches!(
        remove(&places, &name("web")),
        Err(CtlError::NoSuchProgram { .. })
    ));
}

#[test]
fn messages_stand_in_the_order_of_sending() {
    let dir = tempfile::tempdir().unwrap();
    let places = places(&dir);
    let sent: Vec<PathBuf> = (0..50)
        .map(|turn| restart_group(&places, &turn.to_string()).unwrap())
        .collect();
    let mut sorted = sent.clone();
    sorted.sort();
    assert_eq!(sent, sorted);
    assert_eq!(list(&places.messages).unwrap().entries.len(), 50);
}
