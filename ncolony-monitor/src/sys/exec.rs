//! Replacing this process by another program: same number, same children, same open descriptors.

use std::ffi::{CString, c_char};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

use super::limits::Limit;

/// A program, ready to take our place.
#[derive(Debug)]
pub(crate) struct Successor {
    path: CString,
    argv: Vec<CString>,
    envp: Vec<CString>,
}

impl Successor {
    /// `variables` are added to our own environment.
    ///
    /// # Errors
    /// Something has a NUL byte in it.
    pub(crate) fn new(
        path: &Path,
        args: &[std::ffi::OsString],
        variables: &[(&str, String)],
    ) -> io::Result<Self> {
        let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::other);
        let argv = args.iter().map(|arg| text(arg.as_bytes()));
        let is_ours = |name: &std::ffi::OsStr| variables.iter().any(|(ours, _)| name == *ours);
        let inherited = std::env::vars_os()
            .filter(|(name, _)| !is_ours(name))
            .map(|(name, value)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat()));
        let added = variables
            .iter()
            .map(|(name, value)| text(format!("{name}={value}").as_bytes()));
        Ok(Self {
            path: text(path.as_os_str().as_bytes())?,
            argv: argv.collect::<io::Result<_>>()?,
            envp: inherited.chain(added).collect::<io::Result<_>>()?,
        })
    }

    /// Its environment, and its arguments, for a trial.
    pub(crate) fn parts(&self) -> (&CString, &[CString], &[CString]) {
        (&self.path, &self.argv, &self.envp)
    }

    /// Takes our place; comes back only if it cannot. Signals are to be held back: their default
    /// would be to end it before it listens.
    pub(crate) fn take_our_place(&self, open_files: Option<Limit>) -> io::Error {
        set_open_files(open_files.map(|limit| (limit.soft, limit.hard)));
        let argv = ended(&self.argv);
        let envp = ended(&self.envp);
        // SAFETY: the strings, and the arrays of pointers to them that end in null, live until the
        // call comes back, if it does.
        unsafe { libc::execve(self.path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
        let error = io::Error::last_os_error();
        set_open_files(open_files.map(|limit| (limit.hard, limit.hard)));
        error
    }
}

/// While this lives, what signals say waits. A successor that takes our place meanwhile begins with
/// them held back, and takes them with [`release_signals`].
#[derive(Debug)]
pub(crate) struct HeldSignals(());

impl HeldSignals {
    /// Holds back what the monitor listens to.
    pub(crate) fn hold() -> Self {
        mask(SigmaskHow::SIG_BLOCK);
        Self(())
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        release_signals();
    }
}

/// Listens again to what the image before this one had held back.
pub(crate) fn release_signals() {
    mask(SigmaskHow::SIG_UNBLOCK);
}

fn mask(how: SigmaskHow) {
    let all = [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGUSR2,
        Signal::SIGCHLD,
    ];
    let set: SigSet = all.into_iter().collect();
    // The kernel refuses only what is no way to change a mask.
    let _done = pthread_sigmask(how, Some(&set), None);
}

fn set_open_files(limit: Option<(u64, u64)>) {
    if let Some((soft, hard)) = limit {
        // It only says how many programs may have open that are started after this.
        let _refused = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
    }
}

fn ended(strings: &[CString]) -> Vec<*const c_char> {
    let all = strings.iter().map(|text| text.as_ptr());
    all.chain(std::iter::once(std::ptr::null())).collect()
}
