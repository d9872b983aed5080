//! What the monitor asks of the kernel for itself, once, before anything else.

use std::os::fd::RawFd;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A soft and a hard limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

/// So many descriptors are taken neither by starts nor by what is taken up: they are for stopping,
/// reaping and reporting.
const RESERVED: usize = 32;

impl Limit {
    /// Whether so many more descriptors may be taken, and those kept in reserve be left. The kernel
    /// gives the lowest number that is free, so that of the newest one tells how many are in use.
    pub(crate) fn allows(self, newest: RawFd, more: usize) -> bool {
        let taken = usize::try_from(newest).unwrap_or(0);
        let taken = taken.saturating_add(more).saturating_add(RESERVED);
        u64::try_from(taken).is_ok_and(|taken| taken < self.hard)
    }
}

/// Raises our own limit of open descriptors as far as it goes, and gives what it was: programs
/// get that one, because some of them still use `select`.
pub(crate) fn raise_open_files() -> Option<Limit> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_err() {
        return None;
    }
    Some(Limit { soft, hard })
}

/// Makes sure that no descriptor that we were started with reaches a program.
pub(crate) fn keep_descriptors_to_ourselves() {
    // SAFETY: the call takes three numbers and touches no memory of ours.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if result == 0 {
        return;
    }
    // Kernels before 5.11 do not know the call; there we ask for what is open.
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers = open
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for number in numbers.filter(|number| *number > 2_i32).collect::<Vec<_>>() {
        // SAFETY: setting a flag on a descriptor, open or not, touches no memory of ours.
        unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Lets everything else go before the calling thread.
pub(crate) fn give_way() {
    // SAFETY: the call takes three numbers; to the kernel a thread is what a process is to others.
    // It fails for nobody, and would do no harm if it did.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}

/// Makes orphaned descendants ours to reap. Whether it worked.
pub(crate) fn become_subreaper() -> bool {
    nix::sys::prctl::set_child_subreaper(true).is_ok()
}

/// The version of the kernel: its first two numbers.
pub(crate) fn kernel() -> Option<(u32, u32)> {
    let system = nix::sys::utsname::uname().ok()?;
    let mut numbers = system.release().to_str()?.split(['.', '-']);
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

/// The effective user.
pub(crate) fn own_user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Whether the effective user is root.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
