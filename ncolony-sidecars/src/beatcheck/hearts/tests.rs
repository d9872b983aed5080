use std::fs;
use std::time::Duration;

use super::*;

struct Field {
    dir: tempfile::TempDir,
    hearts: Hearts,
}

impl Field {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            hearts: Hearts::default(),
        }
    }

    fn status(&self) -> PathBuf {
        self.dir.path().join("hearts")
    }

    /// A turn in which one heart is felt.
    fn turn(&mut self, name: &str) -> Option<Option<Mark>> {
        let watched = Watched {
            period: Duration::from_secs(1),
            grace: Duration::from_secs(1),
            status: self.status(),
        };
        self.hearts.turn();
        let name = ProgramName::new(name).unwrap();
        self.hearts.feel(&watched, &name, &mut Voice::new("test"))
    }
}

#[test]
fn a_directory_that_is_gone_or_something_else_says_nothing_of_its_hearts() {
    let mut field = Field::new();
    fs::create_dir(field.status()).unwrap();
    fs::write(field.status().join("web"), "").unwrap();
    assert!(matches!(field.turn("web"), Some(Some(_))));
    assert_eq!(field.turn("silent"), Some(None));

    fs::remove_dir_all(field.status()).unwrap();
    assert_eq!(field.turn("web"), None);
    fs::write(field.status(), "").unwrap();
    assert_eq!(field.turn("web"), None);

    fs::remove_file(field.status()).unwrap();
    fs::create_dir(field.status()).unwrap();
    assert_eq!(field.turn("web"), Some(None));
}

#[test]
fn a_file_that_is_gone_is_no_heart_and_a_directory_in_its_place_is_asked_for_one() {
    let mut field = Field::new();
    assert_eq!(field.turn("web"), Some(None));
    fs::write(field.status(), "").unwrap();
    assert!(matches!(field.turn("web"), Some(Some(_))));
    fs::remove_file(field.status()).unwrap();
    assert_eq!(field.turn("web"), Some(None));

    fs::create_dir(field.status()).unwrap();
    assert_eq!(field.turn("web"), None);
    fs::write(field.status().join("web"), "").unwrap();
    assert!(matches!(field.turn("web"), Some(Some(_))));
}

#[test]
fn a_directory_that_comes_late_is_a_directory_from_then_on() {
    let mut field = Field::new();
    assert_eq!(field.turn("web"), Some(None));
    fs::create_dir(field.status()).unwrap();
    assert_eq!(field.turn("web"), Some(None));
    fs::remove_dir(field.status()).unwrap();
    assert_eq!(field.turn("web"), None);
}

#[test]
fn what_nobody_asks_for_any_more_is_forgotten() {
    let mut field = Field::new();
    fs::create_dir(field.status()).unwrap();
    assert_eq!(field.turn("web"), Some(None));
    fs::remove_dir(field.status()).unwrap();
    field.hearts.turn();
    assert_eq!(field.turn("web"), Some(None));
}
