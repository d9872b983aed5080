//! x
mod launch;
#[expect(unsafe_code, reason = "every system call of the monitor is made here")]
mod sys;
