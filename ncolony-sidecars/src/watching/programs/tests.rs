use std::fs;

use serde_json::json;

use super::*;

const KEY: &str = "ncolony.test";

struct Field {
    dir: tempfile::TempDir,
    programs: Programs,
    voice: Voice,
}

impl Field {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("config")).unwrap();
        Self {
            dir,
            programs: Programs::with_key(KEY),
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

    fn look(&mut self) -> Option<BTreeMap<ProgramName, Seen>> {
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
    Life::Runs(Run { pid, started: None })
}

#[test]
fn only_programs_with_the_key_are_seen_and_a_bad_file_is_passed_over() {
    let mut field = Field::new();
    field.file("web", r#"{"args": ["x"], "ncolony.test": {"a": 1}}"#);
    field.file("plain", r#"{"args": ["x"]}"#);
    field.file("broken", "{");
    field.file("web.bak", r#"{"args": ["x"], "ncolony.test": 1}"#);
    let all = field.look().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all["web"].extra, json!({"a": 1}));
    assert_eq!(all["web"].life, Life::Untold);
}

#[test]
fn a_changed_file_is_read_again_and_a_second_one_ends_the_check() {
    let mut field = Field::new();
    field.file("web", r#"{"ncolony.test": 1}"#);
    assert_eq!(field.look().unwrap()["web"].extra, json!(1));
    field.file("web", r#"{"ncolony.test":  22}"#);
    assert_eq!(field.look().unwrap()["web"].extra, json!(22));
    field.file("web.json", r#"{"ncolony.test": 1}"#);
    assert!(field.look().unwrap().is_empty());
    fs::remove_file(field.places().config.join("web")).unwrap();
    assert_eq!(field.look().unwrap()["web"].extra, json!(1));
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
