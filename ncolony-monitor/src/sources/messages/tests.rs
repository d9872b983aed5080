use super::*;

#[test]
fn messages_come_in_order_and_everything_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("2"), r#"{"type": "RESCAN"}"#).unwrap();
    fs::write(at("1"), "x").unwrap();
    fs::write(at("0.new"), "ignored").unwrap();
    fs::create_dir(at("3")).unwrap();
    std::os::unix::fs::symlink("nowhere", at("4")).unwrap();
    fs::write(at("5"), vec![b' '; MESSAGE_BYTES_MAX + 1]).unwrap();
    let batch = Mailbox::new(dir.path()).read();
    let mut seen = Vec::new();
    for observation in batch.messages {
        let Observation::Message { file, message } = observation else {
            panic!()
        };
        seen.push((file, message.is_ok()));
    }
    let wanted = [
        ("1", false),
        ("2", true),
        ("3", false),
        ("4", false),
        ("5", false),
    ];
    assert_eq!(seen, wanted.map(|(file, ok)| (file.to_owned(), ok)));
}

#[test]
fn a_message_that_cannot_be_removed_is_not_read_again_until_it_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1");
    fs::write(&path, r#"{"type": "RESCAN"}"#).unwrap();
    let mut mailbox = Mailbox::new(dir.path());
    assert_eq!(mailbox.read().messages.len(), 1);
    mailbox.remember("1");
    assert!(mailbox.read().messages.is_empty());
    fs::rename(&path, dir.path().join("0.new")).unwrap();
    fs::write(&path, r#"{"type": "RESCAN"}"#).unwrap();
    assert_eq!(mailbox.read().messages.len(), 1);
}

#[test]
fn a_message_that_was_taken_away_is_forgotten_with_its_inode() {
    let dir = tempfile::tempdir().unwrap();
    let (path, aside) = (dir.path().join("1"), dir.path().join("0.new"));
    fs::write(&path, r#"{"type": "RESCAN"}"#).unwrap();
    let mut mailbox = Mailbox::new(dir.path());
    assert_eq!(mailbox.read().messages.len(), 1);
    mailbox.remember("1");
    fs::rename(&path, &aside).unwrap();
    assert!(mailbox.read().messages.is_empty());
    fs::rename(&aside, &path).unwrap();
    assert_eq!(mailbox.read().messages.len(), 1);
}

#[test]
fn a_message_that_took_the_place_of_another_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("1"), r#"{"type": "RESCAN"}"#).unwrap();
    let mut mailbox = Mailbox::new(dir.path());
    assert_eq!(mailbox.read().messages.len(), 1);
    fs::write(at("x.new"), r#"{"type": "RESTART-ALL"}"#).unwrap();
    fs::rename(at("x.new"), at("1")).unwrap();
    mailbox.discard("1");
    assert_eq!(mailbox.read().messages.len(), 1);
    mailbox.discard("1");
    assert!(!at("1").exists());
}

#[test]
fn a_message_that_is_still_being_written_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = Mailbox::new(dir.path());
    fs::write(dir.path().join("1"), "").unwrap();
    let batch = mailbox.read();
    assert!(batch.messages.is_empty() && batch.again_at.is_some());
    fs::write(dir.path().join("1"), r#"{"type": "RESCAN"}"#).unwrap();
    let batch = mailbox.read();
    assert!(batch.messages.len() == 1 && batch.again_at.is_none());
    fs::write(dir.path().join("2"), "{").unwrap();
    let deadline = clock::mono().after(Duration::from_secs(20));
    while mailbox.read().messages.is_empty() {
        assert!(clock::mono() < deadline, "it is not waited for for ever");
    }
}

#[test]
fn a_message_that_is_being_acted_on_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("1"), r#"{"type": "UPGRADE"}"#).unwrap();
    let mut mailbox = Mailbox::new(dir.path());
    assert_eq!(mailbox.read().messages.len(), 1);
    assert!(mailbox.read().messages.is_empty());
    mailbox.discard("1");
    fs::write(dir.path().join("1"), r#"{"type": "RESCAN"}"#).unwrap();
    assert_eq!(mailbox.read().messages.len(), 1);
}

#[test]
fn many_messages_are_read_in_batches() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..=BATCH {
        fs::write(dir.path().join(format!("{number:04}")), "x").unwrap();
    }
    let mut mailbox = Mailbox::new(dir.path());
    let mut read = || {
        let batch = mailbox.read();
        (batch.messages.len(), batch.more)
    };
    assert_eq!(read(), (BATCH, true));
    for number in 0..=BATCH {
        fs::remove_file(dir.path().join(format!("{number:04}"))).unwrap();
    }
    fs::write(dir.path().join("later"), "x").unwrap();
    assert_eq!(read(), (0, true), "the last one was taken away");
    assert_eq!(read(), (1, false));
}
