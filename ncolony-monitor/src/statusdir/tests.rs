use std::os::unix::fs::PermissionsExt;

use super::*;

fn status(dir: &tempfile::TempDir) -> StatusDir {
    let at = |name: &str| dir.path().join(name);
    let places = Places {
        config: at("c"),
        messages: at("m"),
        status: at("s"),
        logs: Some(at("l")),
    };
    let mut status = StatusDir::new(&places, Some(at("pids")));
    status.prepare().unwrap();
    status.sweep(&BTreeSet::new());
    status
}

#[test]
fn only_the_newest_rejected_messages_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut status = status(&dir);
    for number in 0..REJECTED_MAX + 5 {
        let path = dir.path().join(format!("{number:04}"));
        fs::write(&path, "x").unwrap();
        assert!(status.reject(&path, "it is bad").is_ok());
    }
    let count = fs::read_dir(dir.path().join("s/rejected")).unwrap().count();
    assert_eq!(count, 2 * REJECTED_MAX);
    let reason = fs::read_to_string(dir.path().join("s/rejected/0104.reason")).unwrap();
    assert_eq!(reason, "it is bad\n");
}

#[test]
fn directories_and_links_can_be_rejected_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut status = status(&dir);
    for _twice in 0..2 {
        let path = dir.path().join("sub");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "").unwrap();
        assert!(status.reject(&path, "it is a directory").is_ok());
    }
    std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
    assert!(
        status
            .reject(&dir.path().join("link"), "it leads nowhere")
            .is_ok()
    );
}

#[test]
fn directories_that_were_removed_are_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut status = status(&dir);
    assert!(!status.restore());
    fs::remove_dir_all(dir.path().join("s")).unwrap();
    assert!(status.restore() && dir.path().join("s/programs").is_dir());
    let mode = fs::metadata(dir.path().join("s")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
    for one in ["s/replies", "s/rejected", "pids"] {
        fs::remove_dir(dir.path().join(one)).unwrap();
        assert!(!status.restore(), "the records are there");
        assert!(dir.path().join(one).is_dir(), "{one}");
    }
}

fn reply(id: &str) -> Reply {
    Reply {
        id: ProgramName::new(id).unwrap(),
        ok: true,
        error: None,
        programs: Vec::new(),
        heard: 1,
        generations: std::collections::BTreeMap::new(),
    }
}

#[test]
fn what_could_not_be_answered_is_answered_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut status = status(&dir);
    fs::remove_dir(dir.path().join("s/replies")).unwrap();
    status.answer(reply("a1"), Mono::default());
    assert!(status.write_text(&dir.path().join("other"), b"x"));
    assert!(status.problem().unwrap().contains("s/replies/a1.json"));
    status.restore();
    status.answer_again(Mono::default());
    assert!(dir.path().join("s/replies/a1.json").exists());
    status.write_text(&dir.path().join("other"), b"x");
    assert_eq!(status.problem(), None);
}

#[test]
fn old_replies_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut status = status(&dir);
    let reply = reply("a1");
    status.answer(reply, Mono::default());
    let path = dir.path().join("s/replies/a1.json");
    status.forget_old_replies(Mono::default());
    assert!(path.exists());
    status.forget_old_replies(Mono::default().after(REPLY_LIFE));
    assert!(!path.exists());
}

#[test]
fn a_shared_directory_of_pid_files_loses_only_what_was_ours() {
    let dir = tempfile::tempdir().unwrap();
    drop(status(&dir));
    fs::write(dir.path().join("s/programs/web.json"), "{}").unwrap();
    for file in ["web", "nginx.pid", "other"] {
        fs::write(dir.path().join("pids").join(file), "77").unwrap();
    }
    status(&dir).sweep(&BTreeSet::new());
    let mut left: Vec<_> = fs::read_dir(dir.path().join("pids"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["nginx.pid", "other"]);
}

#[test]
fn pid_files_hold_digits_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut status = status(&dir);
    let name = ProgramName::new("web").unwrap();
    status.write_pid(&name, 77);
    assert_eq!(
        fs::read_to_string(dir.path().join("pids/web")).unwrap(),
        "77"
    );
    status.remove_pid(&name);
    assert!(!dir.path().join("pids/web").exists());
}

#[test]
fn what_a_killed_monitor_left_half_written_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut status = status(&dir);
    let half = dir.path().join("s/programs/.web.json.Xy12.new");
    let other = dir.path().join("pids/.web.Xy12.new");
    for path in [&half, &other] {
        fs::write(path, "{").unwrap();
    }
    status.sweep(&BTreeSet::new());
    assert!(!half.exists() && other.exists());
}
