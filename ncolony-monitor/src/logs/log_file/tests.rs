use ncolony_core::descriptor::output::Rotation;

use super::*;
use crate::sys::fifo;

#[test]
fn nobody_is_waited_for_who_has_put_a_fifo_in_the_place_of_a_backup() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("l");
    let target = Target::of(&log, Rotation::default());
    fifo::make(&rotate::backup(&log, 1)).unwrap();
    assert!(before_it(&target, 0, 10).is_empty());
    std::fs::remove_file(rotate::backup(&log, 1)).unwrap();
    std::fs::write(rotate::backup(&log, 1), "before\n").unwrap();
    assert_eq!(before_it(&target, 0, 4), b"ore\n");
}
