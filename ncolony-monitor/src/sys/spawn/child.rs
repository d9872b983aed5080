//! What a child does between the clone and its program: system calls on what was prepared before,
//! and nothing else. It shares the parent's memory, so it neither allocates nor locks.

use std::ffi::{c_char, c_int, c_void};

use super::super::account::Credentials;
use super::granted::Granted;
use super::passed::Passed;
use super::{LaunchError, Stage, last_errno};

/// What the child works on. It lives on the parent's stack while the parent is suspended.
pub(super) struct Order<'a> {
    pub(super) candidates: &'a [*const c_char],
    pub(super) argv: &'a [*const c_char],
    pub(super) envp: &'a [*const c_char],
    pub(super) cwd: *const c_char,
    pub(super) umask: Option<u32>,
    pub(super) credentials: &'a Credentials,
    pub(super) granted: &'a Granted,
    pub(super) slots: [c_int; 3],
    pub(super) drop_from: Option<c_int>,
    /// Where there is something to hand on, the table of descriptors is the child's own from the
    /// beginning.
    pub(super) passed: Option<&'a Passed>,
    pub(super) drops_range: bool,
    pub(super) dies_with_us: bool,
    /// The signals whose effect is not the default one yet.
    pub(super) inherited: &'a [c_int],
    /// Whether the child has run at all.
    pub(super) begun: bool,
    pub(super) failure: Option<LaunchError>,
}

/// Where the child begins.
pub(super) extern "C" fn begin(order: *mut c_void) -> c_int {
    // SAFETY: the parent has passed its `Order` and is suspended while we use it.
    let order = unsafe { &mut *order.cast::<Order<'_>>() };
    order.begun = true;
    // SAFETY: we are the child, on a stack of our own, with every signal blocked.
    let failure = unsafe { become_program(order) };
    order.failure = Some(failure);
    // SAFETY: leaves without running anything of the parent's.
    unsafe { libc::_exit(127) }
}

/// Where a child begins that is made only to see whether it can be.
pub(super) extern "C" fn leave(_: *mut c_void) -> c_int {
    // SAFETY: leaves without running anything of the parent's.
    unsafe { libc::_exit(0) }
}

/// Turns the child into the program; comes back only with what failed.
///
/// # Safety
/// To be called in the child alone. It makes system calls and nothing else: it neither allocates
/// nor locks, since it shares the parent's memory.
unsafe fn become_program(order: &Order<'_>) -> LaunchError {
    // SAFETY: system calls on numbers and on what the parent keeps alive for us.
    unsafe {
        match prepare(order) {
            Ok(()) => execute(order),
            Err(failure) => failure,
        }
    }
}

/// # Safety
/// As for [`become_program`].
unsafe fn prepare(order: &Order<'_>) -> Result<(), LaunchError> {
    // SAFETY: system calls on numbers and on what the parent keeps alive for us.
    unsafe {
        if let Some(first) = order.drop_from {
            let unshare = libc::CLOSE_RANGE_UNSHARE;
            let dropped = libc::syscall(libc::SYS_close_range, first, u32::MAX, unshare);
            check(dropped, Stage::Descriptors)?;
        }
        check(libc::setsid().into(), Stage::Session)?;
        default_signals(order.inherited);
        for (target, slot) in (0..).zip(order.slots) {
            check(libc::dup2(slot, target).into(), Stage::Descriptors)?;
        }
        if let Some(passed) = order.passed {
            passed.arrange(order.drops_range)?;
        }
        order.granted.set()?;
        if let Some(mask) = order.umask {
            libc::umask(mask);
        }
        take_identity(order.credentials)?;
        if order.dies_with_us {
            // After the identity: a change of that takes it back. It cannot fail.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        if !order.cwd.is_null() {
            check(libc::chdir(order.cwd).into(), Stage::Directory)?;
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
    Ok(())
}

/// Gives signals back their default effect: a handler of ours would run on the parent's memory, and
/// what is ignored would stay ignored in the program. The C library keeps 32 and 33 to itself, so the
/// kernel is asked directly.
///
/// # Safety
/// As for [`become_program`].
unsafe fn default_signals(inherited: &[c_int]) {
    // The kernel's structure is the handler, flags, restorer and mask; zeroes mean the default.
    let action = [0_u64; 4];
    for number in inherited {
        let none = std::ptr::null_mut::<c_void>();
        // SAFETY: the structure is as large as the kernel reads; for signals that cannot be set
        // the call fails and changes nothing.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, *number, action.as_ptr(), none, 8) };
    }
}

/// The kernel's own calls: those of the C library would tell the parent's threads.
///
/// # Safety
/// As for [`become_program`].
unsafe fn take_identity(credentials: &Credentials) -> Result<(), LaunchError> {
    // SAFETY: system calls on numbers and on a slice that the parent keeps alive for us.
    unsafe {
        if let Some(groups) = &credentials.groups {
            let set = libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr());
            check(set, Stage::Groups)?;
        }
        if let Some(gid) = credentials.gid {
            check(
                libc::syscall(libc::SYS_setresgid, gid, gid, gid),
                Stage::Groups,
            )?;
        }
        if let Some(uid) = credentials.uid {
            check(
                libc::syscall(libc::SYS_setresuid, uid, uid, uid),
                Stage::User,
            )?;
        }
    }
    Ok(())
}

/// Tries the candidates as a search along PATH does: what is not there or not permitted is passed
/// over, and "not permitted" is what is reported if nothing else was found.
///
/// # Safety
/// As for [`become_program`].
unsafe fn execute(order: &Order<'_>) -> LaunchError {
    let mut failure = LaunchError {
        stage: Stage::Execute(0),
        errno: libc::ENOENT,
    };
    for (index, candidate) in order.candidates.iter().enumerate() {
        if candidate.is_null() {
            break;
        }
        // SAFETY: the strings and the arrays of pointers to them end in null and are kept alive by
        // the parent.
        unsafe { libc::execve(*candidate, order.argv.as_ptr(), order.envp.as_ptr()) };
        let errno = last_errno();
        let passed_over = matches!(errno, libc::ENOENT | libc::ENOTDIR);
        if !passed_over {
            failure = LaunchError {
                stage: Stage::Execute(index),
                errno,
            };
        }
        if !passed_over && errno != libc::EACCES {
            break;
        }
    }
    failure
}

pub(super) fn check(result: libc::c_long, stage: Stage) -> Result<(), LaunchError> {
    if result >= 0 {
        Ok(())
    } else {
        Err(LaunchError {
            stage,
            errno: last_errno(),
        })
    }
}
