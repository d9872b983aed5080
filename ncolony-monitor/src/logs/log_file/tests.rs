use super::*;
use crate::sys::fifo;

#[test]
fn nobody_is_waited_for_who_has_put_a_fifo_in_the_place_of_a_backup() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("l");
    fifo::make(&rotate::backup(&log, 1)).unwrap();
    assert!(before_it(&log, 0, 10).is_empty());
    std::fs::remove_file(rotate::backup(&log, 1)).unwrap();
    std::fs::write(rotate::backup(&log, 1), "before\n").unwrap();
    assert_eq!(before_it(&log, 0, 4), b"ore\n");
}
