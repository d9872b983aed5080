//! From a program's description to what the kernel needs to start it, and from what the kernel
//! says back to a sentence for people.

mod granting;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::Arc;

use ncolony_core::ProgramSpec;
use ncolony_core::colony::{Blame, SpawnFailure};
use ncolony_core::descriptor::SocketSpec;

use crate::sys::account;
use crate::sys::errno;
use crate::sys::limits::Limit;
use crate::sys::notifier;
use crate::sys::spawn::granted::Granted;
use crate::sys::spawn::{Launch, LaunchError, Stage, Streams};

/// Where a program is looked for that has no PATH of its own.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the monitor adds to a program's description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Additions<'a> {
    /// What proves later that a process was started by us.
    pub(crate) run_id: &'a str,
    /// The limit of open files that we were started with.
    pub(crate) open_files: Option<Limit>,
}

/// Puts together all that the kernel needs.
///
/// # Errors
/// An account that there is not, or a text that the kernel cannot take.
pub(crate) fn prepare(
    spec: &ProgramSpec,
    additions: Additions<'_>,
    streams: Streams,
) -> Result<Launch<'static>, SpawnFailure> {
    let process = &spec.process;
    let credentials = account::resolve(&process.identity).map_err(|why| {
        let key = process.identity.key.as_deref().unwrap_or("user");
        blame_program(format!("cannot start it, key {key:?}: {why}"))
    })?;
    let environment = environment(spec, additions.run_id, own_variable);
    let path = environment.get(OsStr::new("PATH"));
    let path = path.map_or(DEFAULT_PATH.as_bytes(), |path| path.as_bytes());
    Ok(Launch {
        candidates: c_strings(candidates(&process.args[0], path))?,
        argv: c_strings(process.args.iter().map(|arg| arg.clone().into_bytes()))?,
        envp: c_strings(
            environment
                .iter()
                .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat()),
        )?,
        cwd: process
            .cwd
            .as_ref()
            .map(|cwd| c_string(cwd.as_os_str().as_bytes()))
            .transpose()?,
        umask: process.umask,
        credentials,
        granted: Granted::new(&process.limits, additions.open_files),
        streams,
        sockets: Vec::new(),
        dies_with_us: false,
    })
}

/// Puts together all that the kernel needs for a command that looks whether a program is ready: it
/// is what the program would be, with other arguments. What a successor of the monitor would take
/// for the program itself by its environment it is not.
///
/// # Errors
/// As for [`prepare`].
pub(crate) fn prepare_look(
    spec: &ProgramSpec,
    args: &[String],
    open_files: Option<Limit>,
    null: &Arc<File>,
) -> Result<Launch<'static>, SpawnFailure> {
    let mut look = spec.clone();
    look.process.args = args.to_vec();
    look.process.sockets = Vec::new();
    look.process.notifies = false;
    look.process.watchdog = None;
    let additions = Additions {
        run_id: "",
        open_files,
    };
    let streams = Streams {
        stdin: Arc::clone(null),
        stdout: Arc::clone(null),
        stderr: Arc::clone(null),
    };
    let mut launch = prepare(&look, additions, streams)?;
    let is_mark = |text: &CString| text.as_bytes().starts_with(b"NCOLONY_RUN_ID=");
    launch.envp.retain(|text| !is_mark(text));
    launch.dies_with_us = true;
    Ok(launch)
}

/// Says in the environment where the program can speak to the monitor.
pub(crate) fn say_where_to_notify(
    launch: &mut Launch<'_>,
    address: &str,
) -> Result<(), SpawnFailure> {
    let variable = format!("NOTIFY_SOCKET={address}");
    launch.envp.push(c_string(variable.as_bytes())?);
    Ok(())
}

/// A variable of our own environment, unless it is meant for us alone.
fn own_variable(name: &str) -> Option<OsString> {
    let is_ours_alone = notifier::VARIABLES.contains(&name);
    std::env::var_os(name).filter(|_| !is_ours_alone)
}

/// The whole environment of a program. Later words win: the file's own, what it inherits, what
/// the monitor says.
fn environment(
    spec: &ProgramSpec,
    run_id: &str,
    ours: impl Fn(&str) -> Option<OsString>,
) -> BTreeMap<OsString, OsString> {
    let own = spec
        .process
        .env
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    let mut all: BTreeMap<OsString, OsString> = own.collect();
    for name in &spec.process.env_inherit {
        all.insert(name.into(), ours(name).unwrap_or_default());
    }
    all.insert("NCOLONY_NAME".into(), spec.name.family_str().into());
    if let Some(number) = spec.name.instance_number() {
        all.insert("NCOLONY_INSTANCE".into(), number.to_string().into());
    }
    all.insert("NCOLONY_CONFIG".into(), spec.source.as_ref().into());
    all.insert("NCOLONY_RUN_ID".into(), run_id.into());
    if spec.is_heard() {
        // Where it speaks is known when the socket is there, and is added then.
        all.remove(OsStr::new("NOTIFY_SOCKET"));
    }
    if let Some(watchdog) = spec.process.watchdog {
        let micros = watchdog.as_micros().to_string();
        all.insert("WATCHDOG_USEC".into(), micros.into());
        all.remove(OsStr::new("WATCHDOG_PID"));
    }
    if spec.listens() {
        say_sockets(&spec.process.sockets, &mut all);
    }
    all
}

/// What `sd_listen_fds_with_names(3)` reads. The number of the process is known only when it is
/// there, and is added then.
fn say_sockets(sockets: &[SocketSpec], all: &mut BTreeMap<OsString, OsString>) {
    let names: Vec<&str> = sockets.iter().map(|socket| socket.name.as_str()).collect();
    all.insert("LISTEN_FDS".into(), sockets.len().to_string().into());
    all.insert("LISTEN_FDNAMES".into(), names.join(":").into());
    all.remove(OsStr::new("LISTEN_PID"));
}

/// The paths that a program's name may mean.
fn candidates(program: &str, path: &[u8]) -> Vec<Vec<u8>> {
    if program.contains('/') {
        return vec![program.as_bytes().to_vec()];
    }
    let join = |directory: &[u8]| {
        // An empty part of PATH is the working directory.
        let directory = if directory.is_empty() {
            OsStr::new(".")
        } else {
            OsStr::from_bytes(directory)
        };
        Path::new(directory)
            .join(program)
            .into_os_string()
            .into_vec()
    };
    path.split(|byte| *byte == b':').map(join).collect()
}

fn c_string(bytes: &[u8]) -> Result<CString, SpawnFailure> {
    CString::new(bytes).map_err(|_| {
        let text = String::from_utf8_lossy(bytes);
        blame_program(format!("cannot start it: {text:?} contains a NUL byte"))
    })
}

fn c_strings(all: impl IntoIterator<Item = Vec<u8>>) -> Result<Vec<CString>, SpawnFailure> {
    all.into_iter().map(|bytes| c_string(&bytes)).collect()
}

/// A failure that is the doing of the program, or of its file.
pub(crate) fn blame_program(sentence: String) -> SpawnFailure {
    SpawnFailure {
        sentence,
        blame: Blame::Program,
    }
}

/// Says in a sentence why a start failed, and who is to blame.
pub(crate) fn failure(spec: &ProgramSpec, launch: &Launch<'_>, error: LaunchError) -> SpawnFailure {
    let limits = &spec.process.limits;
    let own_limit = granting::own_limit(limits, error);
    let is_shortage = errno::is_shortage(error.errno) || error.stage == Stage::Birth;
    let blame = if is_shortage && own_limit.is_none() {
        Blame::Machine
    } else {
        Blame::Program
    };
    let why = errno::in_words(error.errno);
    let sentence = match error.stage {
        Stage::Fork => format!("cannot make a process: {why}"),
        Stage::Birth => "it was killed before it began".to_owned(),
        Stage::Descriptors => format!("cannot arrange its descriptors: {why}"),
        Stage::Session => format!("cannot make it lead a session: {why}"),
        Stage::OpenFiles => format!("cannot set its limit of open files: {why}"),
        Stage::OomScore => granting::cannot_set_oom_score(limits, error.errno),
        Stage::Limit(index) => {
            granting::cannot_set_limit(limits, launch.granted.resource(index), error.errno)
        }
        Stage::Nice => granting::cannot_set_nice(limits, error.errno),
        Stage::Groups => format!("cannot set its groups to {}: {why}", groups(launch)),
        Stage::User => {
            let uid = launch.credentials.uid.unwrap_or_default();
            format!("cannot become user {uid}: {why}")
        }
        Stage::Directory => {
            let cwd = spec.process.cwd.as_deref().unwrap_or(Path::new("."));
            format!(
                "cannot enter its working directory {}: {why}",
                cwd.display()
            )
        }
        Stage::Execute(candidate) => cannot_execute(spec, launch, candidate, error.errno),
    };
    SpawnFailure {
        sentence: granting::with_cause(sentence, own_limit),
        blame,
    }
}

fn groups(launch: &Launch<'_>) -> String {
    let supplementary = launch.credentials.groups.iter().flatten();
    let all: BTreeSet<u32> = launch
        .credentials
        .gid
        .iter()
        .chain(supplementary)
        .copied()
        .collect();
    all.iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn cannot_execute(spec: &ProgramSpec, launch: &Launch<'_>, candidate: usize, errno: i32) -> String {
    let program = &spec.process.args[0];
    let why = errno::in_words(errno);
    if errno == errno::NOT_THERE && !program.contains('/') {
        let path = path_in(&launch.envp).unwrap_or_else(|| DEFAULT_PATH.to_owned());
        return format!("cannot execute {program:?}: it is nowhere in PATH={path}: {why}");
    }
    let path = launch
        .candidates
        .get(candidate)
        .map(|path| path.to_string_lossy().into_owned());
    let path = path.unwrap_or_else(|| program.clone());
    format!("cannot execute {path}: {why}{}", hint(&path, errno))
}

/// The PATH that a program has of its own, from its file or inherited.
fn path_in(environment: &[CString]) -> Option<String> {
    let path = |variable: &CString| {
        let value = variable.to_bytes().strip_prefix(b"PATH=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    environment.iter().find_map(path)
}

/// What the errno alone does not say.
fn hint(path: &str, errno: i32) -> &'static str {
    match errno {
        errno::NOT_THERE if Path::new(path).exists() => {
            "; it is there, so what is missing is the interpreter that it names"
        }
        errno::NOT_PERMITTED if Path::new(path).is_dir() => "; it is a directory",
        errno::NOT_EXECUTABLE => {
            "; it is neither a binary for this machine nor a script with a #! line"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests;
