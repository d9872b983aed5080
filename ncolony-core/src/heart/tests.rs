use std::fs;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use super::*;

fn heart(status: &Path, instance: Option<u32>) -> Heart {
    let file = json!({"args": ["x"], Watched::KEY: {"period": 0.03, "grace": 2, "status": status}});
    let heart = Heart::of_program(&file.to_string(), "web", instance);
    heart.unwrap().unwrap()
}

#[test]
fn a_file_is_touched_and_a_directory_means_the_name_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alive");
    heart(&file, None).beat().unwrap();
    fs::write(&file, "content").unwrap();
    let old = SystemTime::now() - Duration::from_secs(100);
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(old)
        .unwrap();
    heart(&file, None).beat().unwrap();
    assert!(fs::metadata(&file).unwrap().modified().unwrap() > old + Duration::from_secs(50));
    assert_eq!(fs::read_to_string(&file).unwrap(), "content");

    let hearts = dir.path().join("hearts");
    fs::create_dir(&hearts).unwrap();
    heart(&hearts, None).beat().unwrap();
    heart(&hearts, Some(2)).beat().unwrap();
    assert!(hearts.join("web").exists() && hearts.join("web:2").exists());
}

#[test]
fn where_a_directory_of_hearts_has_gone_nothing_is_made_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let hearts = dir.path().join("hearts");
    fs::create_dir(&hearts).unwrap();
    let heart = heart(&hearts, None);
    heart.beat().unwrap();
    fs::remove_dir_all(&hearts).unwrap();
    let said = heart.beat().unwrap_err().to_string();
    assert!(said.contains("hearts/web") && !hearts.exists(), "{said}");
    fs::create_dir(&hearts).unwrap();
    heart.beat().unwrap();
    assert!(hearts.join("web").exists());
}

#[test]
fn a_program_that_nobody_watches_has_no_heart() {
    assert_eq!(
        Heart::of_program(r#"{"args": ["x"]}"#, "web", None),
        Ok(None)
    );
}

#[test]
fn what_is_wrong_is_said_with_its_key() {
    let file = json!({"args": ["x"], Watched::KEY: {"period": 1, "grace": 1}}).to_string();
    let said = Heart::of_program(&file, "web", None)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains(Watched::KEY) && said.contains("status"),
        "{said}"
    );
}

#[test]
fn a_thread_beats_until_it_is_dropped_and_tells_of_failures() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alive");
    let beating = heart(&file, None).keep_beating(|error| panic!("{error}"));
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 3 {
        assert!(Instant::now() < deadline, "it does not beat");
        seen.extend(fs::metadata(&file).and_then(|file| file.modified()));
        std::thread::yield_now();
    }
    drop(beating);
    fs::remove_file(&file).unwrap();

    let (tell, told) = channel();
    let nowhere = dir.path().join("absent/alive");
    let beating = heart(&nowhere, None).keep_beating(move |error| drop(tell.send(error)));
    let error = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(error.to_string().contains("absent/alive"), "{error}");
    drop(beating);
    assert!(!file.exists());
}
