use super::*;
use crate::listing::Fingerprint;

const LATER: Wall = Wall::from_millis(1_000_000);

fn regular(number: u64) -> EntryKind {
    EntryKind::Regular(Fingerprint::of_number(number))
}

fn listing(inode: u64, files: &[(&str, EntryKind)]) -> Listing {
    let entry = |(file, kind): &(&str, EntryKind)| Entry {
        file: file.into(),
        kind: *kind,
    };
    Listing {
        directory: DirectoryId {
            device: 1,
            inode,
            born: None,
        },
        entries: files.iter().map(entry).collect(),
    }
}

fn look(catalogue: &mut Catalogue, inode: u64, files: &[(&str, EntryKind)]) -> Vec<String> {
    shown(&catalogue.look(listing(inode, files), Emptiness::Doubted, LATER))
}

fn shown(diff: &Diff) -> Vec<String> {
    let show = |(name, found): &(ProgramName, Found)| match found {
        Found::File(file) => format!("{name}={}", file.to_string_lossy()),
        Found::Unusable(why) => format!("{name}!{why}"),
        Found::Nothing => format!("{name}-"),
    };
    diff.changes.iter().map(show).collect()
}

#[test]
fn added_changed_and_removed() {
    let mut catalogue = Catalogue::default();
    assert_eq!(
        look(
            &mut catalogue,
            1,
            &[("a", regular(1)), ("b.json", regular(2))]
        ),
        ["a=a", "b=b.json"]
    );
    assert!(
        look(
            &mut catalogue,
            1,
            &[("a", regular(1)), ("b.json", regular(2))]
        )
        .is_empty()
    );
    assert_eq!(
        look(
            &mut catalogue,
            1,
            &[("a", regular(3)), ("b.json", regular(2))]
        ),
        ["a=a"]
    );
    assert_eq!(look(&mut catalogue, 1, &[("b.json", regular(2))]), ["a-"]);
}

#[test]
fn two_files_of_one_program_are_unusable_until_one_goes() {
    let mut catalogue = Catalogue::default();
    look(&mut catalogue, 1, &[("a", regular(1))]);
    let both = look(
        &mut catalogue,
        1,
        &[("a", regular(1)), ("a.json", regular(2))],
    );
    assert!(both[0].starts_with("a!there are two files"), "{both:?}");
    assert_eq!(
        look(&mut catalogue, 1, &[("a.json", regular(2))]),
        ["a=a.json"]
    );
}

#[test]
fn what_is_no_file_is_unusable_and_what_is_ignored_is_listed() {
    let mut catalogue = Catalogue::default();
    let files = [
        ("a", EntryKind::Directory),
        ("b", EntryKind::Other("a FIFO")),
        ("c~", regular(1)),
        (".d", regular(2)),
    ];
    let diff = look(&mut catalogue, 1, &files);
    assert!(diff[0].starts_with("a!it is a directory"), "{diff:?}");
    assert!(diff[1].starts_with("b!it is a FIFO"), "{diff:?}");
    let ignored: Vec<String> = catalogue
        .ignored()
        .into_iter()
        .map(|file| file.file)
        .collect();
    assert_eq!(ignored, ["c~"]);
}

#[test]
fn what_cannot_be_listed_changes_nothing() {
    let mut catalogue = Catalogue::default();
    look(&mut catalogue, 1, &[("a", regular(1))]);
    catalogue.unknown("permission denied".to_owned());
    assert_eq!(
        catalogue.known(),
        &Known::No("permission denied".to_owned())
    );
    assert!(look(&mut catalogue, 1, &[("a", regular(1))]).is_empty());
    assert_eq!(catalogue.known(), &Known::Yes);
}

#[test]
fn another_directory_that_is_empty_is_doubted() {
    let mut catalogue = Catalogue::default();
    look(&mut catalogue, 1, &[("a", regular(1))]);
    assert!(look(&mut catalogue, 2, &[("..data", EntryKind::Directory)]).is_empty());
    assert!(matches!(catalogue.known(), Known::No(_)));
    assert_eq!(
        look(&mut catalogue, 2, &[("b", regular(2))]),
        ["a-", "b=b"],
        "not empty any more"
    );
}

#[test]
fn another_directory_that_is_empty_is_believed_when_it_is_meant() {
    let mut catalogue = Catalogue::default();
    look(&mut catalogue, 1, &[("a", regular(1))]);
    let diff = catalogue.look(listing(2, &[]), Emptiness::Meant, LATER);
    assert_eq!(shown(&diff), ["a-"]);
}

#[test]
fn the_same_directory_may_be_emptied() {
    let mut catalogue = Catalogue::default();
    look(&mut catalogue, 1, &[("a", regular(1))]);
    assert_eq!(look(&mut catalogue, 1, &[]), ["a-"]);
}

#[test]
fn a_young_file_is_read_again() {
    let mut catalogue = Catalogue::default();
    let mut reads = |now| {
        let files = listing(1, &[("a", regular(1))]);
        catalogue.look(files, Emptiness::Doubted, now).changes.len()
    };
    assert_eq!(reads(Wall::from_millis(0)), 1, "it is new");
    assert_eq!(
        reads(LATER),
        1,
        "it may have been changed while it was young"
    );
    assert_eq!(reads(LATER), 0, "it is old enough to be believed");
}

#[test]
fn a_glance_says_what_a_whole_look_would() {
    let mut catalogue = Catalogue::default();
    look(&mut catalogue, 1, &[("a", regular(1)), ("b", regular(2))]);
    let looks = vec![
        ("a".into(), Some(regular(9))),
        ("b".into(), None),
        ("c.json".into(), Some(regular(3))),
        ("x.tmp".into(), Some(regular(4))),
        ("gone".into(), None),
    ];
    let diff = catalogue.glance(looks, LATER);
    assert_eq!(shown(&diff), ["a=a", "b-", "c=c.json"]);
    let now = [
        ("a", regular(9)),
        ("c.json", regular(3)),
        ("x.tmp", regular(4)),
    ];
    assert!(
        look(&mut catalogue, 1, &now).is_empty(),
        "the whole look finds nothing more"
    );
}

#[test]
fn a_new_file_system_with_the_numbers_of_the_old_is_not_an_emptied_directory() {
    let mounted_at = |seconds, files: &[(&str, EntryKind)]| {
        let mut mounted = listing(1, files);
        let born = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        mounted.directory.born = Some(born);
        mounted
    };
    let mut catalogue = Catalogue::default();
    let first = mounted_at(5, &[("web", regular(1))]);
    catalogue.look(first, Emptiness::Doubted, LATER);
    let diff = catalogue.look(mounted_at(6, &[]), Emptiness::Doubted, LATER);
    assert_eq!(diff.changes, []);
    assert!(matches!(catalogue.known(), Known::No(_)));
    let diff = catalogue.look(mounted_at(5, &[]), Emptiness::Doubted, LATER);
    assert_eq!(shown(&diff), ["web-"]);
}

fn remembering(names: &[&str], inode: Option<u64>) -> Catalogue {
    let names = names.iter().map(|name| ProgramName::new(name).unwrap());
    Catalogue::expecting(names, inode.map(|inode| listing(inode, &[]).directory))
}

#[test]
fn what_a_predecessor_knew_is_reported_whatever_became_of_it() {
    let mut catalogue = remembering(&["a", "b", "c"], Some(1));
    assert!(matches!(catalogue.known(), Known::No(_)));
    let files = [("b", regular(1)), ("c.json", regular(2))];
    assert_eq!(look(&mut catalogue, 1, &files), ["a-", "b=b", "c=c.json"]);
    assert!(look(&mut catalogue, 1, &files).is_empty());
    // Another directory that holds files is believed, as it would be while a monitor lives.
    let mut moved = remembering(&["a"], Some(1));
    assert_eq!(look(&mut moved, 2, &[("b", regular(1))]), ["a-", "b=b"]);
}

#[test]
fn a_directory_that_was_emptied_while_nobody_looked_is_believed_if_it_is_the_same() {
    let mut same = remembering(&["a"], Some(1));
    assert_eq!(look(&mut same, 1, &[]), ["a-"]);
    for directory in [Some(1), None] {
        let mut another = remembering(&["a"], directory);
        assert!(look(&mut another, 2, &[]).is_empty());
        assert!(matches!(another.known(), Known::No(_)));
        let meant = another.look(listing(2, &[]), Emptiness::Meant, LATER);
        assert_eq!(shown(&meant), ["a-"]);
    }
    // Where nothing is remembered nothing is lost.
    let mut fresh = remembering(&[], None);
    assert!(look(&mut fresh, 2, &[]).is_empty());
    assert_eq!(*fresh.known(), Known::Yes);
}

#[test]
fn what_is_remembered_and_cannot_be_listed_stays() {
    let mut catalogue = remembering(&["a"], None);
    catalogue.unknown("it cannot be listed".to_owned());
    assert_eq!(look(&mut catalogue, 1, &[("b", regular(1))]), ["a-", "b=b"]);
}
