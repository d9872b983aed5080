//! Sockets that a child hands on to its program, as `sd_listen_fds(3)` finds them: descriptors from
//! 3 on, and the number of the process in the variable `LISTEN_PID`.
//!
//! The number is known only when the process is there, so the variable is made with room for it,
//! and the child writes it.

use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::child::check;
use super::{LaunchError, Stage};

/// The first descriptor after the standard streams.
const FIRST: c_int = 3;

/// The variable, and room for the digits of any number and the byte that ends them.
const VARIABLE: [u8; 22] = *b"LISTEN_PID=\0\0\0\0\0\0\0\0\0\0\0";
const DIGITS_AT: usize = 11;

/// What the child works on. It is written to through shared references, since the environment
/// points into it.
pub(super) struct Passed {
    sources: Vec<Cell<c_int>>,
    variable: [Cell<u8>; VARIABLE.len()],
}

impl Passed {
    /// `None` if there is nothing to hand on.
    pub(super) fn new(sockets: &[BorrowedFd<'_>]) -> Option<Self> {
        let source = |socket: &BorrowedFd<'_>| Cell::new(socket.as_raw_fd());
        (!sockets.is_empty()).then(|| Self {
            sources: sockets.iter().map(source).collect(),
            variable: VARIABLE.map(Cell::new),
        })
    }

    /// The variable as the kernel reads it, once the child has written its number.
    pub(super) fn variable(&self) -> *const c_char {
        self.variable.as_ptr().cast()
    }

    /// Puts the sockets where the program looks for them, open beyond the execution, and has
    /// everything above dropped: in the moment of the execution, or before where the kernel
    /// cannot (before Linux 5.11).
    ///
    /// # Safety
    /// To be called in a child with a table of descriptors of its own. It makes system calls and
    /// writes to what was prepared before.
    pub(super) unsafe fn arrange(&self, drops_range: bool) -> Result<(), LaunchError> {
        let above = (FIRST..).nth(self.sources.len()).unwrap_or(c_int::MAX);
        // SAFETY: system calls on numbers, in a table of descriptors that nobody shares.
        unsafe {
            // None of them may be overwritten before it is where it belongs.
            for source in self.sources.iter().filter(|source| source.get() < above) {
                let moved = libc::fcntl(source.get(), libc::F_DUPFD_CLOEXEC, above);
                check(moved.into(), Stage::Descriptors)?;
                source.set(moved);
            }
            for (target, source) in (FIRST..).zip(&self.sources) {
                let placed = libc::dup2(source.get(), target);
                check(placed.into(), Stage::Descriptors)?;
            }
            if drops_range {
                let then = libc::CLOSE_RANGE_CLOEXEC;
                if libc::syscall(libc::SYS_close_range, above, u32::MAX, then) < 0 {
                    let dropped = libc::syscall(libc::SYS_close_range, above, u32::MAX, 0);
                    check(dropped, Stage::Descriptors)?;
                }
            }
            self.write_number(libc::getpid().unsigned_abs());
        }
        Ok(())
    }

    /// Without leading zeros: some readers would take it for octal.
    fn write_number(&self, number: u32) {
        let count = number.checked_ilog10().unwrap_or(0) + 1;
        let powers = (0..count).rev().map(|place| 10_u32.pow(place));
        for (power, cell) in powers.zip(&self.variable[DIGITS_AT..]) {
            cell.set(b'0' + u8::try_from(number / power % 10).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_number_has_room_and_no_leading_zeros() {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(Passed::new(&[]).is_none());
        for number in [1, 9, 10, 100, 4_194_304, u32::MAX] {
            let passed = Passed::new(&[null.as_fd()]).unwrap();
            passed.write_number(number);
            // SAFETY: the variable ends in a zero byte that no number reaches.
            let written = unsafe { CStr::from_ptr(passed.variable()) };
            assert_eq!(written.to_str().unwrap(), format!("LISTEN_PID={number}"));
        }
    }
}
