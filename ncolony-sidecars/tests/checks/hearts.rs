//! The hearts of the companions themselves: beaten by the loop that does their work, so that one
//! that hangs falls silent.

use std::fs;
use std::io::{PipeReader, Read, Write, pipe};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serde_json::json;

use crate::playing::{Field, until};

/// A pipe that takes nothing more: who writes to it hangs. Nobody reads what this gives.
fn full() -> (PipeReader, Stdio) {
    let (reader, mut writer) = pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (reader, writer.into())
}

/// Starts a companion that beats a heart, and lets it go on until it hangs.
#[track_caller]
fn falls_silent(field: &Field, command: &mut Command, has_to_speak: impl FnOnce()) {
    let heart = field.path("heart");
    let file = json!({"args": ["x"], "ncolony.beatcheck":
        {"period": 0.3, "grace": 1, "status": heart}});
    let mut companion = Ended(
        command
            .env("NCOLONY_CONFIG", file.to_string())
            .env("NCOLONY_NAME", "companion")
            .spawn()
            .unwrap(),
    );
    let touched = || fs::metadata(&heart).ok()?.modified().ok();
    let first = until("its heart beats", touched);
    until("its heart beats again", || {
        touched().filter(|next| *next > first)
    });
    has_to_speak();
    until("its heart has stopped", || {
        let age = touched()?.elapsed().ok()?;
        (age > Duration::from_secs(2)).then_some(())
    });
    assert_eq!(companion.0.try_wait().unwrap(), None);
}

/// A process that ends with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_check_that_hangs_falls_silent() {
    for binary in [
        env!("CARGO_BIN_EXE_ncolony-beatcheck"),
        env!("CARGO_BIN_EXE_ncolony-httpcheck"),
    ] {
        let field = Field::new();
        let (_unread, output) = full();
        let mut command = field.command(binary);
        falls_silent(&field, command.stderr(output), || {
            fs::write(field.path("config/torn"), "{").unwrap();
        });
    }
}

#[test]
fn a_scheduler_that_hangs_falls_silent() {
    let field = Field::new();
    let (mut reader, output) = pipe().unwrap();
    let (end, ended) = channel::<()>();
    // It reads until it is told to end, and gives back what then nobody reads.
    let reading = thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while ended.try_recv() == Err(TryRecvError::Empty) {
            assert_ne!(reader.read(&mut buffer).unwrap(), 0);
        }
        reader
    });
    let much = "head -c 100000 /dev/zero | tr '\\0' '\\n'";
    let mut command = Command::new(env!("CARGO_BIN_EXE_ncolony-scheduler"));
    command
        .args([
            "--frequency",
            "0.1",
            "--timeout",
            "10",
            "--grace",
            "1",
            "--",
        ])
        .args(["sh", "-c", much])
        .stdin(Stdio::null())
        .stdout(output);
    let mut unread = None;
    falls_silent(&field, &mut command, || {
        drop(end);
        unread = Some(reading.join().unwrap());
    });
}
