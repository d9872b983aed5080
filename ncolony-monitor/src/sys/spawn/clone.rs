//! A clone whose child begins in another control group, and without handlers of signals.
//!
//! The C library has no function for it. A child that moves itself, by a write to `cgroup.procs`,
//! waits until the kernel has held up every fork and exit of the machine, milliseconds on an idle
//! one; a child that begins there does not.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Where a child begins.
pub(super) type Entry = extern "C" fn(*mut c_void) -> c_int;

/// Makes a child as `libc::clone` does, but without our handlers, and gives its number. What we
/// ignore it goes on to ignore.
///
/// # Safety
/// As for `libc::clone`: `stack` is the lowest address of `length` bytes that are the child's
/// alone, `entry` never returns, and `argument` is what it expects.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn clone(
    entry: Entry,
    (stack, length): (*mut c_void, usize),
    flags: c_int,
    argument: *mut c_void,
    cgroup: BorrowedFd<'_>,
) -> io::Result<u32> {
    /// Linux 5.5.
    const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
    /// Linux 5.7.
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    // SAFETY: a structure of numbers, for which zero means "nothing".
    let mut order: libc::clone_args = unsafe { std::mem::zeroed() };
    // The lowest byte of the flags is the signal at the end, which has a field of its own here.
    let flags = u64::from(flags.cast_unsigned());
    order.flags = (flags & !0xff) | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP;
    order.exit_signal = flags & 0xff;
    order.stack = stack.addr() as u64;
    order.stack_size = length as u64;
    order.cgroup = u64::try_from(cgroup.as_raw_fd()).map_err(io::Error::other)?;
    let result: i64;
    // SAFETY: the parent comes out behind the call with the registers that the kernel changes named
    // below. The child has the same registers and a stack of its own, on which it calls `entry`,
    // which does not return; the rest is the caller's promise.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") &raw mut order,
            in("rsi") size_of::<libc::clone_args>(),
            in("r12") entry,
            in("r13") argument,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    u32::try_from(result).map_err(|_| {
        let errno = i32::try_from(-result).unwrap_or(libc::EINVAL);
        io::Error::from_raw_os_error(errno)
    })
}

/// On other machines nobody has written it, and programs stay in the monitor's own group.
///
/// # Safety
/// It does nothing.
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn clone(
    _: Entry,
    _: (*mut c_void, usize),
    _: c_int,
    _: *mut c_void,
    _: BorrowedFd<'_>,
) -> io::Result<u32> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
