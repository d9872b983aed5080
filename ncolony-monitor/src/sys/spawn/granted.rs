//! What the kernel is to grant a process: prepared before the child is made, and set by it while
//! it still has our rights.

use std::ffi::c_int;

use ncolony_core::descriptor::{Amount, Limits, Resource, ResourceLimit};
use nix::sys::resource::{Resource as KernelResource, setrlimit};

use super::super::limits::Limit;
use super::child::check;
use super::{LaunchError, Stage};

/// What is to be granted, ready for the kernel.
#[derive(Debug)]
pub(crate) struct Granted {
    nice: Option<c_int>,
    /// As the kernel reads it.
    oom_score_adj: Option<String>,
    /// Our own limit of open files as it was before we raised it, where the process has none of
    /// its own.
    open_files: Option<Limit>,
    resources: Vec<(Resource, KernelResource, Limit)>,
}

impl Granted {
    /// Prepares what a program's file asks for; `open_files` is the limit that it has otherwise.
    pub(crate) fn new(limits: &Limits, open_files: Option<Limit>) -> Self {
        let resources = limits.resources.iter();
        let own_files = limits.resources.contains_key(&Resource::OpenFiles);
        Self {
            nice: limits.nice,
            oom_score_adj: limits.oom_score_adj.map(|number| number.to_string()),
            open_files: open_files.filter(|_| !own_files),
            resources: resources
                .map(|(resource, limit)| (*resource, kernels(*resource), numbers(*limit)))
                .collect(),
        }
    }

    /// As we are, for what is no program's.
    pub(crate) fn nothing() -> Self {
        Self::new(&Limits::default(), None)
    }

    /// Which resource stands at this place among those that are limited.
    pub(crate) fn resource(&self, index: usize) -> Option<Resource> {
        self.resources.get(index).map(|(resource, _, _)| *resource)
    }

    /// Sets all of it.
    ///
    /// # Safety
    /// To be called in the child alone. It makes system calls and nothing else: it neither
    /// allocates nor locks, since it shares the parent's memory.
    pub(super) unsafe fn set(&self) -> Result<(), LaunchError> {
        // First what needs a descriptor.
        if let Some(number) = &self.oom_score_adj {
            // SAFETY: we are the child.
            unsafe { set_oom_score(number)? };
        }
        if let Some(limit) = self.open_files {
            set_limit(KernelResource::RLIMIT_NOFILE, limit, Stage::OpenFiles)?;
        }
        for (index, (_, resource, limit)) in self.resources.iter().enumerate() {
            set_limit(*resource, *limit, Stage::Limit(index))?;
        }
        if let Some(nice) = self.nice {
            // SAFETY: the call takes three numbers, and is about this process alone.
            let set = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
            check(set.into(), Stage::Nice)?;
        }
        Ok(())
    }
}

fn set_limit(resource: KernelResource, limit: Limit, stage: Stage) -> Result<(), LaunchError> {
    setrlimit(resource, limit.soft, limit.hard).map_err(|errno| LaunchError {
        stage,
        errno: errno as i32,
    })
}

/// # Safety
/// As for [`Granted::set`].
unsafe fn set_oom_score(number: &str) -> Result<(), LaunchError> {
    let flags = libc::O_WRONLY | libc::O_CLOEXEC;
    // SAFETY: the path ends in NUL, the text is as long as is said, and the descriptor is ours.
    unsafe {
        let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), flags);
        check(file.into(), Stage::OomScore)?;
        let written = libc::write(file, number.as_ptr().cast(), number.len());
        let checked = check(i64::from(written >= 0) - 1, Stage::OomScore);
        libc::close(file);
        checked
    }
}

fn numbers(limit: ResourceLimit) -> Limit {
    let number = |amount| match amount {
        Amount::Number(number) => number,
        Amount::Infinity => libc::RLIM_INFINITY,
    };
    Limit {
        soft: number(limit.0),
        hard: number(limit.1),
    }
}

fn kernels(resource: Resource) -> KernelResource {
    match resource {
        Resource::AddressSpace => KernelResource::RLIMIT_AS,
        Resource::Core => KernelResource::RLIMIT_CORE,
        Resource::Cpu => KernelResource::RLIMIT_CPU,
        Resource::Data => KernelResource::RLIMIT_DATA,
        Resource::FileSize => KernelResource::RLIMIT_FSIZE,
        Resource::Locks => KernelResource::RLIMIT_LOCKS,
        Resource::LockedMemory => KernelResource::RLIMIT_MEMLOCK,
        Resource::MessageQueues => KernelResource::RLIMIT_MSGQUEUE,
        Resource::Nice => KernelResource::RLIMIT_NICE,
        Resource::OpenFiles => KernelResource::RLIMIT_NOFILE,
        Resource::Processes => KernelResource::RLIMIT_NPROC,
        Resource::ResidentMemory => KernelResource::RLIMIT_RSS,
        Resource::RealTimePriority => KernelResource::RLIMIT_RTPRIO,
        Resource::RealTimeTime => KernelResource::RLIMIT_RTTIME,
        Resource::PendingSignals => KernelResource::RLIMIT_SIGPENDING,
        Resource::Stack => KernelResource::RLIMIT_STACK,
    }
}
