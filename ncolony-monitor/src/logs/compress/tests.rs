use std::os::unix::fs::chown;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use ncolony_core::descriptor::output::Rotation;

use super::super::rotate::{compressed, rotate};
use super::*;
use crate::sys::fifo;

fn target(log: &Path) -> Target {
    Target::of(log, Rotation::default())
}

fn text(number: u32) -> Vec<u8> {
    format!("file {number}\n").repeat(50_000).into_bytes()
}

fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut decoder = GzDecoder::new(File::open(path).unwrap());
    decoder.read_to_end(&mut bytes).unwrap();
    bytes
}

fn wait_for(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come true");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn files_that_move_up_meanwhile_are_compressed_where_they_are() {
    const COUNT: u32 = 20;
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("l");
    let mut compressor = Compressor::default();
    let rotation = Rotation {
        backups: COUNT,
        ..Rotation::default()
    };
    let target = Target::of(&log, rotation);
    for number in 1..=COUNT {
        fs::write(&log, text(number)).unwrap();
        let names = compressor.hold_names();
        rotate(&log, COUNT).unwrap();
        drop(names);
        compressor.compress(&target);
    }
    let done = |number| compressed(&log, number).exists() && !backup(&log, number).exists();
    wait_for(|| {
        compressor.compress(&target);
        (1..=COUNT).all(done)
    });
    for number in 1..=COUNT {
        assert!(read(&compressed(&log, number)) == text(COUNT + 1 - number));
    }
}

#[test]
fn what_an_interrupted_one_left_is_put_right() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("l");
    let mut compressor = Compressor::default();
    fs::write(backup(&log, 1), text(1)).unwrap();
    fs::write(unfinished(&log), "half of it").unwrap();
    fs::write(backup(&log, 2), text(2)).unwrap();
    compressor.compress(&target(&log));
    wait_for(|| compressed(&log, 2).exists() && !backup(&log, 2).exists());
    compressor.stop();
    fs::write(backup(&log, 2), text(2)).unwrap();
    compressor.compress(&target(&log));
    wait_for(|| !backup(&log, 2).exists());
    assert!(read(&compressed(&log, 2)) == text(2) && read(&compressed(&log, 1)) == text(1));
    assert!(!unfinished(&log).exists());
}

#[test]
fn nobody_is_waited_for_who_has_put_a_fifo_in_the_place_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("l");
    fifo::make(&backup(&log, 1)).unwrap();
    let mut compressor = Compressor::default();
    compressor.compress(&target(&log));
    let other = dir.path().join("other");
    fs::write(backup(&other, 1), text(1)).unwrap();
    compressor.compress(&target(&other));
    wait_for(|| compressed(&other, 1).exists());
}

/// The owner of a directory can put there what takes for ever to compress.
#[test]
fn nobody_is_waited_for_who_has_put_what_is_endless_in_the_place_of_a_file() {
    const THEM: u32 = 54321;
    if !limits::is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    let log = theirs.join("l");
    let endless = File::create(backup(&log, 1)).unwrap();
    endless.set_len(1 << 40).unwrap();
    for path in [&backup(&log, 1), &theirs] {
        chown(path, Some(THEM), None).unwrap();
    }
    let mut compressor = Compressor::default();
    compressor.compress(&target(&log));
    let other = dir.path().join("other");
    fs::write(backup(&other, 1), text(1)).unwrap();
    compressor.compress(&target(&other));
    wait_for(|| compressed(&other, 1).exists());
    assert!(backup(&log, 1).exists() && !compressed(&log, 1).exists());
}

#[test]
fn only_those_that_are_kept_are_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("l");
    for number in 1..=4 {
        fs::write(backup(&log, number), text(number)).unwrap();
    }
    let mut compressor = Compressor::default();
    let rotation = Rotation {
        backups: 2,
        ..Rotation::default()
    };
    compressor.compress(&Target::of(&log, rotation));
    let other = dir.path().join("other");
    fs::write(backup(&other, 1), text(1)).unwrap();
    compressor.compress(&target(&other));
    wait_for(|| compressed(&other, 1).exists());
    assert!(compressed(&log, 2).exists() && backup(&log, 3).exists());
}
