//! Starting a process.
//!
//! The child shares our memory until it executes (`CLONE_VM | CLONE_VFORK`), so a start costs the
//! same however large we are, and the failing stage and its errno come back through that memory
//! exactly as they were. What the child does between the two is bound by strict rules: no
//! allocation, no lock, nothing but system calls on what was prepared before.
//!
//! The descriptors of a program are copied into three low slots before the clone; the child then
//! drops everything above them in one call, so a start does not cost more for every program that
//! runs already. A program that is given sockets begins with a copy of the whole table instead.

mod child;
mod clone;
pub(crate) mod granted;
pub(crate) mod launchers;
mod passed;

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use ncolony_core::Exit;

use self::granted::Granted;
use self::passed::Passed;
use super::account::Credentials;
use super::signal::with_signals_blocked;
use super::{errno, reap};

const STACK_BYTES: usize = 256 * 1024;
const GUARD_BYTES: usize = 4096;

/// Every signal there is, by number.
const ALL_SIGNALS: [c_int; 64] = {
    let mut all = [0; 64];
    let mut number = 1;
    while number <= 64 {
        all[number as usize - 1] = number;
        number += 1;
    }
    all
};

/// All that a process is started with, ready for the kernel.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// Paths of the program, tried in order as a search along PATH does.
    pub(crate) candidates: Vec<CString>,
    pub(crate) argv: Vec<CString>,
    pub(crate) envp: Vec<CString>,
    pub(crate) cwd: Option<CString>,
    pub(crate) umask: Option<u32>,
    pub(crate) credentials: Credentials,
    pub(crate) granted: Granted,
    pub(crate) streams: Streams,
    /// Sockets that it finds from descriptor 3 on, in this order; with any, its environment also
    /// says `LISTEN_PID`.
    pub(crate) sockets: Vec<BorrowedFd<'a>>,
    /// Whether it is killed when the monitor ends, whatever ends that.
    pub(crate) dies_with_us: bool,
}

/// The three descriptors that a program begins with. Who prepares a start and who makes it share
/// them.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: Arc<File>,
    pub(crate) stdout: Arc<File>,
    pub(crate) stderr: Arc<File>,
}

/// What the child was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Making the process.
    Fork,
    /// Its first step: somebody has killed it before. The kernel does that to a process which begins
    /// in a control group that was killed, however long ago that was: it takes it for one of those
    /// that it was told to end.
    Birth,
    /// Arranging its descriptors.
    Descriptors,
    /// Making it the leader of a session.
    Session,
    /// Setting how readily it is killed when memory ends.
    OomScore,
    /// Setting the limit of open files that programs have whose files say none.
    OpenFiles,
    /// Setting this one of its limits.
    Limit(usize),
    /// Setting how far it gives way to others.
    Nice,
    /// Setting its groups.
    Groups,
    /// Setting its user.
    User,
    /// Entering its working directory.
    Directory,
    /// Executing this candidate.
    Execute(usize),
}

/// Why a process was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LaunchError {
    pub(crate) stage: Stage,
    pub(crate) errno: c_int,
}

/// A process that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Launched {
    pub(crate) pid: u32,
    /// Whether it began in the control group that was given.
    pub(crate) joined: bool,
}

/// What starts processes: the stack that a child begins on and the slots for its descriptors.
#[derive(Debug)]
pub(crate) struct Launcher {
    stack: Stack,
    slots: [OwnedFd; 3],
    /// What a child holds open until it executes its program.
    company: OwnedFd,
    null: Arc<File>,
    /// Whether the kernel can drop a range of descriptors from a table of the child's own.
    drops_range: bool,
    /// The signals that were ignored when we began, which a child would go on to ignore.
    ignored: Vec<c_int>,
}

impl Launcher {
    /// Prepares for starting processes; best before other descriptors are opened.
    pub(crate) fn new() -> io::Result<Self> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let slots = [low_copy(&null)?, low_copy(&null)?, low_copy(&null)?];
        let company = low_copy(&null)?;
        // SAFETY: the call takes three numbers, and the empty range at the end closes nothing.
        let probe = unsafe { libc::syscall(libc::SYS_close_range, u32::MAX, u32::MAX, 0) };
        Ok(Self {
            stack: Stack::new()?,
            slots,
            company,
            null: Arc::new(null),
            drops_range: probe == 0,
            ignored: ignored_signals(),
        })
    }

    /// Has every child hold this open, whatever becomes of us, until it executes its program. With
    /// our lock nobody can take our place who would not see yet whose child it is, and start the
    /// same program once more.
    pub(crate) fn accompany(&self, with: &impl AsFd) {
        // It cannot fail: both are open.
        let _done = duplicate(with.as_fd().as_raw_fd(), self.company.as_raw_fd());
    }

    /// What a program without input reads.
    pub(crate) fn null(&self) -> Arc<File> {
        Arc::clone(&self.null)
    }

    /// Starts a process, the leader of a session and group of its own, in a control group where one
    /// is given and can be entered. It has executed its program when this returns.
    pub(crate) fn launch(
        &mut self,
        launch: &Launch<'_>,
        cgroup: Option<BorrowedFd<'_>>,
    ) -> Result<Launched, LaunchError> {
        let filled = self.fill_slots(launch);
        let result = filled.and_then(|()| self.clone_and_exec(launch, cgroup));
        for slot in &self.slots {
            // The slots must not keep a program's pipe open. It cannot fail: both are open.
            let _kept = duplicate(self.null.as_raw_fd(), slot.as_raw_fd());
        }
        result
    }

    fn fill_slots(&self, launch: &Launch<'_>) -> Result<(), LaunchError> {
        let Streams {
            stdin,
            stdout,
            stderr,
        } = &launch.streams;
        let sources = [stdin, stdout, stderr];
        for (source, slot) in sources.iter().zip(&self.slots) {
            duplicate(source.as_raw_fd(), slot.as_raw_fd()).map_err(|errno| LaunchError {
                stage: Stage::Descriptors,
                errno,
            })?;
        }
        Ok(())
    }

    /// Whether a process can be started into this control group: one is, and ends at once.
    pub(crate) fn can_enter(&mut self, cgroup: BorrowedFd<'_>) -> bool {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let nothing = std::ptr::null_mut();
        let made = with_signals_blocked(|| {
            // SAFETY: the stack is ours alone, and `leave` uses nothing and does not return.
            unsafe { clone::clone(child::leave, self.stack.whole(), flags, nothing, cgroup) }
        });
        match made {
            // The kernel may make it and kill it, when our own group was killed before we were in it.
            Ok(pid) => reap::wait_for(pid) == Exit::Code(0),
            Err(_) => false,
        }
    }

    fn clone_and_exec(
        &mut self,
        launch: &Launch<'_>,
        cgroup: Option<BorrowedFd<'_>>,
    ) -> Result<Launched, LaunchError> {
        let argv = pointers(&launch.argv);
        let passed = Passed::new(&launch.sockets);
        let variables = launch.envp.iter().map(|text| text.as_ptr());
        let envp = ended(variables.chain(passed.as_ref().map(Passed::variable)));
        let candidates = pointers(&launch.candidates);
        let slots = [0, 1, 2].map(|index: usize| self.slots[index].as_raw_fd());
        let kept = slots.into_iter().chain([self.company.as_raw_fd()]);
        // The child then takes what it needs and has the rest dropped, in one call.
        let shares_table = self.drops_range && passed.is_none();
        let mut order = child::Order {
            candidates: &candidates,
            argv: &argv,
            envp: &envp,
            cwd: launch
                .cwd
                .as_ref()
                .map_or(std::ptr::null(), |cwd| cwd.as_ptr()),
            umask: launch.umask,
            credentials: &launch.credentials,
            granted: &launch.granted,
            slots,
            drop_from: shares_table.then(|| kept.into_iter().max().unwrap_or(2) + 1),
            passed: passed.as_ref(),
            drops_range: self.drops_range,
            dies_with_us: launch.dies_with_us,
            inherited: &self.ignored,
            begun: false,
            failure: None,
        };
        let files = if shares_table { libc::CLONE_FILES } else { 0 };
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | files;
        let made = with_signals_blocked(|| self.make(flags, &mut order, cgroup));
        let launched = made.map_err(|error| LaunchError {
            stage: Stage::Fork,
            errno: error.raw_os_error().unwrap_or(libc::EAGAIN),
        })?;
        let stillborn = LaunchError {
            stage: Stage::Birth,
            errno: libc::ESRCH,
        };
        let failure = order.failure.or((!order.begun).then_some(stillborn));
        failure.map_or(Ok(launched), |failure| {
            // It is on its way out, and nobody will hear of it.
            let _code_of_a_failed_start = reap::wait_for(launched.pid);
            Err(failure)
        })
    }

    /// Makes the child, which is on its way to its program when this returns.
    fn make(
        &self,
        flags: c_int,
        order: &mut child::Order<'_>,
        cgroup: Option<BorrowedFd<'_>>,
    ) -> io::Result<Launched> {
        if let Some(cgroup) = cgroup {
            let argument = (&raw mut *order).cast::<c_void>();
            // SAFETY: as below.
            let made =
                unsafe { clone::clone(child::begin, self.stack.whole(), flags, argument, cgroup) };
            match made {
                Ok(pid) => return Ok(Launched { pid, joined: true }),
                Err(error) if error.raw_os_error().is_some_and(errno::is_shortage) => {
                    return Err(error);
                }
                // It was refused the group, and no child was made.
                Err(_) => {}
            }
        }
        order.inherited = &ALL_SIGNALS;
        let argument = (&raw mut *order).cast::<c_void>();
        // SAFETY: the stack is ours alone and large enough, `order` outlives the call because
        // CLONE_VFORK suspends us until the child executes or exits, and `begin` keeps to system
        // calls on what `order` points to.
        let pid = unsafe { libc::clone(child::begin, self.stack.top(), flags, argument) };
        let pid = u32::try_from(pid).map_err(|_| io::Error::last_os_error())?;
        Ok(Launched { pid, joined: false })
    }
}

/// The signals that are ignored in this process. The C library hides two of them, so the kernel is
/// asked itself.
fn ignored_signals() -> Vec<c_int> {
    let is_ignored = |number: &c_int| {
        let mut action = [0_u64; 4];
        let none = std::ptr::null_mut::<c_void>();
        // SAFETY: the structure is as large as the kernel writes; a number that is none makes the
        // call fail.
        let asked =
            unsafe { libc::syscall(libc::SYS_rt_sigaction, *number, none, &raw mut action, 8) };
        asked == 0 && action[0] == libc::SIG_IGN as u64
    };
    ALL_SIGNALS.into_iter().filter(is_ignored).collect()
}

fn low_copy(file: &File) -> io::Result<OwnedFd> {
    let number = nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn duplicate(source: c_int, target: c_int) -> Result<(), c_int> {
    // SAFETY: the call takes three numbers; both descriptors are open and the target is ours.
    let result = unsafe { libc::dup3(source, target, libc::O_CLOEXEC) };
    if result >= 0 {
        Ok(())
    } else {
        Err(last_errno())
    }
}

/// Reads a thread-local number: it neither allocates nor locks, so the child may call it too.
fn last_errno() -> c_int {
    io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EINVAL)
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    ended(strings.iter().map(|text| text.as_ptr()))
}

/// An array of pointers as the kernel takes it: the last one is null.
fn ended(pointers: impl Iterator<Item = *const c_char>) -> Vec<*const c_char> {
    pointers.chain(std::iter::once(std::ptr::null())).collect()
}

/// The stack that children begin on, one at a time, with a page below it that nothing may touch.
#[derive(Debug)]
struct Stack {
    base: *mut c_void,
}

// SAFETY: the mapping belongs to this value alone, whichever thread holds it.
unsafe impl Send for Stack {}

impl Stack {
    fn new() -> io::Result<Self> {
        let length = STACK_BYTES + GUARD_BYTES;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: a new anonymous mapping, wherever the kernel likes, overlaps nothing.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the range is the lowest page of the mapping that we have just made.
        unsafe { libc::mprotect(base, GUARD_BYTES, libc::PROT_NONE) };
        Ok(Self { base })
    }

    /// Its lowest address above the page that nothing may touch, and its length.
    fn whole(&self) -> (*mut c_void, usize) {
        // SAFETY: the first byte above the lowest page is inside the mapping.
        (unsafe { self.base.byte_add(GUARD_BYTES) }, STACK_BYTES)
    }

    fn top(&self) -> *mut c_void {
        // SAFETY: the end of the mapping is one past its last byte, and page-aligned.
        unsafe { self.base.byte_add(STACK_BYTES + GUARD_BYTES) }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no child is on it: a start is over when it returns.
        unsafe { libc::munmap(self.base, STACK_BYTES + GUARD_BYTES) };
    }
}

#[cfg(test)]
mod tests;
