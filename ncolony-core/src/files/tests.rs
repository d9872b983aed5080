use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web");
    for (content, durability) in [("old", Durability::Renamed), ("new", Durability::Synced)] {
        replace_file(&path, content.as_bytes(), durability).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(list(dir.path()).unwrap().entries.len(), 1);
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & !0o644, 0, "{mode:o}");
    assert_eq!(mode & 0o400, 0o400);
}

#[test]
fn a_replacement_that_fails_leaves_the_old_content_and_names_the_path() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("web")).unwrap();
    let error = replace_file(&dir.path().join("web"), b"x", Durability::Renamed).unwrap_err();
    assert!(error.to_string().contains("/web"), "{error}");
    assert_eq!(
        list(dir.path()).unwrap().entries.len(),
        1,
        "the temporary file is gone"
    );
}

#[test]
fn why_nothing_could_be_written_stays_an_error_number() {
    let nowhere = Path::new("/proc/self/web");
    let error = replace_file(nowhere, b"x", Durability::Renamed).unwrap_err();
    assert_eq!(error.source.raw_os_error(), Some(libc::ENOENT));
}

#[test]
fn only_regular_files_of_a_bearable_size_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("ok"), "12345").unwrap();
    symlink("ok", at("link")).unwrap();
    fs::create_dir(at("dir")).unwrap();
    File::create(at("sparse"))
        .unwrap()
        .set_len(8 << 30)
        .unwrap();
    assert_eq!(read_regular(&at("link"), 5).unwrap(), b"12345");
    assert!(
        read_regular(&at("ok"), 4)
            .unwrap_err()
            .to_string()
            .contains("larger than 4")
    );
    assert!(read_regular(&at("sparse"), 100).is_err());
    assert!(
        read_regular(&at("dir"), 5)
            .unwrap_err()
            .to_string()
            .contains("a directory")
    );
    assert!(read_regular(&at("none"), 5).unwrap_err().is_absent());
}

#[test]
fn a_listing_says_what_everything_is() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "x").unwrap();
    fs::create_dir(at("dir")).unwrap();
    symlink("file", at("to-file")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let listing = list(dir.path()).unwrap();
    let kind = |name: &str| {
        listing
            .entries
            .iter()
            .find(|entry| entry.file == name)
            .unwrap()
            .kind
    };
    let EntryKind::Regular(linked) = kind("to-file") else {
        panic!("{:?}", kind("to-file"));
    };
    let direct = Fingerprint { way: 0, ..linked };
    assert_eq!(kind("file"), EntryKind::Regular(direct));
    assert_eq!(kind("dir"), EntryKind::Directory);
    assert!(matches!(kind("dangling"), EntryKind::Other(why) if why.contains("nowhere")));
    assert!(matches!(kind("loop"), EntryKind::Other(why) if why.contains("itself")));
    assert_eq!(look(&at("file")).unwrap(), Some(kind("file")));
    assert_eq!(look(&at("none")).unwrap(), None);
}

#[test]
fn a_link_that_leads_astray_does_not_hide_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "x").unwrap();
    symlink("file/below", at("through")).unwrap();
    symlink("x".repeat(300), at("long")).unwrap();
    let listing = list(dir.path()).unwrap();
    assert_eq!(listing.entries.len(), 3);
    let kind = |name: &str| look(&at(name)).unwrap().unwrap();
    assert!(matches!(kind("through"), EntryKind::Other(why) if why.contains("directory")));
    assert!(matches!(kind("long"), EntryKind::Other(why) if why.contains("too long")));
}

#[test]
fn a_directory_that_is_not_there_is_an_error_and_not_empty() {
    let dir = tempfile::tempdir().unwrap();
    assert!(list(&dir.path().join("none")).unwrap_err().is_absent());
}

#[test]
fn directories_are_made_with_their_parents() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    make_directory(&path, 0o700).unwrap();
    make_directory(&path, 0o755).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(make_directory(&dir.path().join("file"), 0o755).is_err());
}
