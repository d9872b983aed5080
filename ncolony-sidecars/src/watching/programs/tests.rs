use std::fs;

use serde_json::json;

use super::super::records::Run;
use super::*;

/// The number under the key `ncolony.test`.
#[derive(Clone, Debug, PartialEq)]
struct Number(u64);

impl Asked for Number {
    const KEY: &'static str = "ncolony.test";

    fn of_file(bytes: &[u8]) -> Result<Option<Self>, String> {
        let file: Value = serde_json::from_slice(bytes).unwrap();
        let number = file[Self::KEY].as_u64().map(Self);
        number.map(Some).ok_or_else(|| "it is no number".to_owned())
    }
}

struct Field {
    dir: tempfile::TempDir,
    programs: Programs<Number>,
    voice: Voice,
}

impl Field {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("config")).unwrap();
        Self {
            dir,
            programs: Programs::new(),
            voice: Voice::new("test"),
        }
    }

    fn places(&self) -> Places {
        let at = |name: &str| self.dir.path().join(name);
        Places {
            config: at("config"),
            messages: at("messages"),
            status: at("status"),
            logs: None,
        }
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.places().config.join(name), text).unwrap();
    }

    fn record(&self, name: &str, changes: &Value) {
        let mut record = json!({
            "schema": 1, "name": name, "state": "RUNNING", "want": "up", "pid": 7,
            "since": "2026-01-01T00:00:00Z", "starts": 1, "exit": null, "output": null,
            "delay": 1.0, "next_start": null, "ready": false, "note": null, "reason": null,
            "config_error": null, "groups": [], "log": null, "adopted": false,
            "config_digest": null, "process": null
        });
        for (key, value) in changes.as_object().unwrap() {
            record[key] = value.clone();
        }
        fs::create_dir_all(self.places().program_statuses()).unwrap();
        fs::write(self.places().program_status(name), record.to_string()).unwrap();
    }

    fn look(&mut self) -> Option<BTreeMap<ProgramName, Seen<Number>>> {
        let places = self.places();
        self.programs.look(&places, &mut self.voice)
    }

    fn lives(&mut self) -> Vec<(String, Life)> {
        let all = self.look().unwrap().into_iter();
        all.map(|(name, seen)| (name.to_string(), seen.life))
            .collect()
    }
}

fn runs(pid: u32) -> Life {
    let started = None;
    Life::Runs(Run::Process { pid, started })
}

#[test]
fn only_programs_with_the_key_are_seen_and_a_bad_file_is_passed_over() {
    let mut field = Field::new();
    field.file("web", r#"{"args": ["x"], "ncolony.test": 5}"#);
    field.file("plain", r#"{"args": ["x"]}"#);
    field.file("broken", "{");
    field.file("web.bak", r#"{"args": ["x"], "ncolony.test": 1}"#);
    let all = field.look().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all["web"].asked, Ok(Number(5)));
}

#[test]
fn without_records_a_changed_file_is_another_start_and_an_unchanged_one_is_not() {
    let mut field = Field::new();
    field.file("web", r#"{"args": ["x"], "ncolony.test": 5}"#);
    let first = field.lives();
    assert!(matches!(first[0].1, Life::Runs(Run::Unrecorded(_))));
    assert_eq!(field.lives(), first);
    let places = field.places();
    let web = ProgramName::new("web").unwrap();
    let life = field.programs.life(&places, &web, &mut field.voice);
    assert_eq!(life, first[0].1);
    field.file("web", r#"{"args": ["other"], "ncolony.test": 5}"#);
    assert_ne!(field.lives(), first);
}

#[test]
fn a_changed_file_is_read_again_and_a_second_one_ends_the_check() {
    let mut field = Field::new();
    field.file("web", r#"{"ncolony.test": 1}"#);
    assert_eq!(field.look().unwrap()["web"].asked, Ok(Number(1)));
    field.file("web", r#"{"ncolony.test":  22}"#);
    assert_eq!(field.look().unwrap()["web"].asked, Ok(Number(22)));
    field.file("web.json", r#"{"ncolony.test": 1}"#);
    assert!(field.look().unwrap().is_empty());
    fs::remove_file(field.places().config.join("web")).unwrap();
    assert_eq!(field.look().unwrap()["web"].asked, Ok(Number(1)));
}

#[test]
fn a_key_that_makes_no_sense_is_seen_with_what_is_wrong() {
    let mut field = Field::new();
    field.file("web", r#"{"ncolony.test": "many"}"#);
    let wrong = "it is no number".to_owned();
    assert_eq!(field.look().unwrap()["web"].asked, Err(wrong));
}

#[test]
fn a_directory_that_cannot_be_read_is_not_an_empty_one() {
    let mut field = Field::new();
    fs::remove_dir(field.places().config).unwrap();
    assert_eq!(field.look(), None);
}

#[test]
fn only_what_runs_and_is_wanted_up_is_to_be_checked() {
    let mut field = Field::new();
    field.file("web", r#"{"ncolony.test": 1}"#);
    let mut with = |changes: Value| {
        field.record("web", &changes);
        field.lives()[0].1.clone()
    };
    assert_eq!(with(json!({})), runs(7));
    assert_eq!(with(json!({"state": "STARTING", "pid": 8})), runs(8));
    assert_eq!(with(json!({"want": "down"})), Life::Rests);
    for state in ["STOPPED", "BACKOFF", "STOPPING", "EXITED", "FATAL"] {
        assert_eq!(with(json!({"state": state})), Life::Rests);
    }
    assert_eq!(with(json!({"pid": null})), Life::Rests);
    assert_eq!(with(json!({"state": "UNHEARD-OF"})), Life::Rests);
}

#[test]
fn where_there_are_records_a_program_without_one_rests() {
    let mut field = Field::new();
    field.file("web", r#"{"ncolony.test": 1}"#);
    field.record("other", &json!({}));
    assert_eq!(field.lives(), [("web".to_owned(), Life::Rests)]);
}

#[test]
fn every_instance_is_seen_for_itself() {
    let mut field = Field::new();
    field.file("web", r#"{"instances": 2, "ncolony.test": 1}"#);
    field.record("web:0", &json!({"pid": 5}));
    field.record("web:1", &json!({"want": "down"}));
    let expected = [
        ("web:0".to_owned(), runs(5)),
        ("web:1".to_owned(), Life::Rests),
    ];
    assert_eq!(field.lives(), expected);
}

#[test]
fn one_program_is_looked_at_again_without_all_others() {
    let mut field = Field::new();
    field.file("web", r#"{"ncolony.test": 1}"#);
    field.record("web", &json!({}));
    assert_eq!(field.lives()[0].1, runs(7));
    let name = ProgramName::new("web").unwrap();
    let places = field.places();
    let life = |field: &mut Field| field.programs.life(&places, &name, &mut field.voice);
    assert_eq!(life(&mut field), runs(7));
    field.record("web", &json!({"pid": 1234}));
    assert_eq!(life(&mut field), runs(1234));
    fs::remove_file(places.program_status("web")).unwrap();
    assert_eq!(life(&mut field), Life::Rests);
}
