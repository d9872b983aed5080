//! "Users" and "Commands": can every program be started again here?

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ncolony_core::descriptor::{Account, Identity};
use ncolony_core::errno;
use ncolony_core::{Descriptor, ProgramName};
use nix::unistd::{Group, Uid, User};

use super::subject::Subject;
use super::verdict::{Finding, Verdict, counted};

/// Where a program is looked for that has no PATH of its own; the monitor's rule.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where users and groups are looked up: the same data base that the monitor asks.
struct Accounts<'a> {
    has_user: &'a dyn Fn(&Account) -> Result<bool, String>,
    has_group: &'a dyn Fn(&str) -> Result<bool, String>,
}

/// "Users"
pub(super) fn users(subject: &Subject) -> Verdict {
    let accounts = Accounts {
        has_user: &|account| {
            let found = match account {
                Account::Id(id) => User::from_uid(Uid::from_raw(*id)),
                Account::Name(name) => User::from_name(name),
            };
            found
                .map(|user| user.is_some())
                .map_err(|errno| errno.desc().to_owned())
        },
        has_group: &|name| {
            let found = Group::from_name(name);
            found
                .map(|group| group.is_some())
                .map_err(|errno| errno.desc().to_owned())
        },
    };
    check_users(subject.programs(), &accounts)
}

fn check_users<'p>(
    programs: impl Iterator<Item = (&'p ProgramName, &'p Descriptor)>,
    accounts: &Accounts<'_>,
) -> Verdict {
    let mut named = 0_usize;
    let mut findings = Vec::new();
    for (name, descriptor) in programs {
        let identity = &descriptor.identity;
        named += usize::from(identity.key.is_some());
        let key = identity.key.as_deref().unwrap_or("user");
        if let Err(why) = check_identity(identity, accounts) {
            findings.push(Finding::failure(format!("{name}: key {key:?}: {why}")));
        }
    }
    let all_known = match named {
        0 => "no program names one".to_owned(),
        _ => format!("named by {}; all are known here", counted(named, "program")),
    };
    Verdict::of_or(findings, all_known)
}

fn check_identity(identity: &Identity, accounts: &Accounts<'_>) -> Result<(), String> {
    if let Some(Account::Name(group)) = &identity.group
        && !(accounts.has_group)(group)?
    {
        return Err(format!("there is no group {group:?}"));
    }
    let Some(user) = &identity.user else {
        return Ok(());
    };
    match (user, (accounts.has_user)(user)?) {
        (_, true) => Ok(()),
        (Account::Name(name), false) => Err(format!("there is no user {name:?}")),
        (Account::Id(_), false) if identity.group.is_some() => Ok(()),
        (Account::Id(id), false) => Err(format!(
            "user {id} has no account, so a group must be given"
        )),
    }
}

/// "Commands"
pub(super) fn commands(subject: &Subject) -> Verdict {
    let process = subject.process.as_ref();
    // Without a monitor the next one is probably started as this command was.
    let environment = process
        .and_then(|process| process.environment.clone())
        .unwrap_or_else(|| env::vars_os().collect());
    let directory = process
        .and_then(|process| process.directory.clone())
        .or_else(|| env::current_dir().ok())
        .unwrap_or_else(|| PathBuf::from("/"));
    check_commands(subject.programs(), &environment, &directory)
}

fn check_commands<'p>(
    programs: impl Iterator<Item = (&'p ProgramName, &'p Descriptor)>,
    environment: &BTreeMap<OsString, OsString>,
    directory: &Path,
) -> Verdict {
    let mut count = 0_usize;
    let mut findings = Vec::new();
    for (name, descriptor) in programs {
        count += 1;
        let finding = if descriptor.enabled {
            Finding::failure
        } else {
            // Nobody wants it to run.
            Finding::warning
        };
        let faults = [
            check_directory(descriptor),
            check_command(descriptor, environment, directory),
        ];
        findings.extend(
            faults
                .into_iter()
                .filter_map(Result::err)
                .map(|why| finding(format!("{name}: {why}"))),
        );
    }
    Verdict::of_or(
        findings,
        format!("those of {} are there", counted(count, "program")),
    )
}

fn check_directory(descriptor: &Descriptor) -> Result<(), String> {
    let Some(directory) = &descriptor.cwd else {
        return Ok(());
    };
    let shown = directory.display();
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(format!("its cwd {shown} is not a directory")),
        Err(error) => Err(format!("its cwd {shown}: {}", errno::in_words(&error))),
    }
}

fn check_command(
    descriptor: &Descriptor,
    environment: &BTreeMap<OsString, OsString>,
    directory: &Path,
) -> Result<(), String> {
    let Some(command) = descriptor.args.first() else {
        return Ok(());
    };
    let directory = descriptor.cwd.as_deref().unwrap_or(directory);
    if command.contains('/') {
        let path = directory.join(command);
        return check_executable(&path).map_err(|why| format!("{}: {why}", path.display()));
    }
    let path = search_path(descriptor, environment);
    let found = path.as_bytes().split(|byte| *byte == b':').any(|part| {
        // An empty part of PATH is the working directory, and joining nothing leaves it.
        let candidate = directory.join(OsStr::from_bytes(part)).join(command);
        check_executable(&candidate).is_ok()
    });
    if found {
        Ok(())
    } else {
        Err(format!("{command:?} is nowhere in PATH={}", path.display()))
    }
}

/// The PATH that a program has: what it inherits, else its own, else the monitor's rule.
fn search_path(descriptor: &Descriptor, environment: &BTreeMap<OsString, OsString>) -> OsString {
    if descriptor.env_inherit.iter().any(|name| name == "PATH") {
        // Absent there, it is the empty string, as for the monitor.
        return environment
            .get(OsStr::new("PATH"))
            .cloned()
            .unwrap_or_default();
    }
    let own = descriptor.env.get("PATH").map(OsString::from);
    own.unwrap_or_else(|| DEFAULT_PATH.into())
}

fn check_executable(path: &Path) -> Result<(), String> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err("it is not there".to_owned());
        }
        Err(error) => return Err(errno::in_words(&error)),
    };
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err("it is not executable".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
