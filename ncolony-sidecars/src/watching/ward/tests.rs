use std::fs;

use ncolony_core::checks::Watched;
use serde_json::json;

use super::*;

#[derive(Debug)]
struct Kept(Watched, Run);

impl Patient for Kept {
    type Asked = Watched;

    fn new(asked: Watched, run: Run, _: Mono) -> Self {
        Self(asked, run)
    }

    fn asked(&self) -> &Watched {
        &self.0
    }

    fn is_about(&self, asked: &Watched, run: &Run) -> bool {
        self.0 == *asked && self.1 == *run
    }
}

struct Field {
    dir: tempfile::TempDir,
}

impl Field {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("config")).unwrap();
        Self { dir }
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

    fn file(&self, period: &str) {
        let extra = format!(r#"{{"period": {period}, "grace": 1, "status": "/x"}}"#);
        let text = format!(r#"{{"args": ["x"], "ncolony.beatcheck": {extra}}}"#);
        fs::write(self.dir.path().join("config/web"), text).unwrap();
    }

    fn record(&self, state: &str, pid: u32) {
        let record = json!({
            "schema": 1, "name": "web", "state": state, "want": "up", "pid": pid,
            "since": "2026-01-01T00:00:00Z", "starts": 1, "exit": null, "output": null,
            "delay": 1.0, "next_start": null, "ready": false, "note": null, "reason": null,
            "config_error": null, "groups": [], "log": null, "adopted": false,
            "config_digest": null, "process": null
        });
        fs::create_dir_all(self.places().program_statuses()).unwrap();
        fs::write(self.places().program_status("web"), record.to_string()).unwrap();
    }
}

#[test]
fn one_is_looked_at_alone_and_is_another_patient_as_another_process() {
    let field = Field::new();
    field.file("10");
    field.record("RUNNING", 7);
    let (places, mut voice) = (field.places(), Voice::new("test"));
    let mut ward: Ward<Kept> = Ward::new();
    ward.look(Mono::default(), &places, &mut voice);
    let web = ProgramName::new("web").unwrap();
    let mut look = || {
        ward.look_at(Mono::default(), &web, &places, &mut voice);
        let kept = ward.patients.get("web")?;
        match kept.1 {
            Run::Process { pid, .. } => Some(pid),
            Run::Unrecorded(_) => None,
        }
    };
    assert_eq!(look(), Some(7));
    field.record("RUNNING", 1234);
    assert_eq!(look(), Some(1234));
    field.record("BACKOFF", 1234);
    assert_eq!(look(), None);
}

#[test]
fn who_asks_is_admitted_who_errs_is_not_and_what_cannot_be_listed_changes_nothing() {
    let field = Field::new();
    let (places, file) = (field.places(), |period: &str| field.file(period));
    let at = |name: &str| field.dir.path().join(name);
    let mut ward: Ward<Kept> = Ward::new();
    let mut look = || {
        ward.look(Mono::default(), &places, &mut Voice::new("test"));
        ward.patients.get("web").map(|kept| kept.0.period.as_secs())
    };
    file("10");
    assert_eq!(look(), Some(10));
    file("2222");
    assert_eq!(look(), Some(2222));
    fs::rename(at("config"), at("away")).unwrap();
    assert_eq!(look(), Some(2222));
    fs::rename(at("away"), at("config")).unwrap();
    file(r#""often""#);
    assert_eq!(look(), None);
}
