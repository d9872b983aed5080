//! The section `[supervisord]`: what it says for every program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::configuration::Configuration;
use super::origin::{Origin, Refusal};
use super::percent;
use super::shlex;
use super::values;

/// The section's name.
const SECTION: &str = "supervisord";

/// supervisord's own mask, where none is given.
const UMASK: i64 = 0o022;

/// How many open files supervisord asks for, where it is not said.
const OPEN_FILES: i64 = 1024;

/// How many processes supervisord asks for, where it is not said.
const PROCESSES: i64 = 200;

/// Its options that are about supervisord itself, and what there is instead.
const OF_ITSELF: [(&str, &str); 12] = [
    (
        "logfile",
        "the monitor writes its own log to its standard error; with --daemonize, to --logfile",
    ),
    (
        "logfile_maxbytes",
        "the monitor does not rotate its own log; whatever collects its standard error does",
    ),
    (
        "logfile_backups",
        "the monitor does not rotate its own log; whatever collects its standard error does",
    ),
    ("loglevel", "start the monitor with --log-level"),
    (
        "pidfile",
        "the monitor's number is in status/monitor.json; with --daemonize also in --pidfile",
    ),
    (
        "nodaemon",
        "the monitor stays in the foreground, unless it is started with --daemonize",
    ),
    (
        "silent",
        "the monitor's log goes to its standard error alone",
    ),
    ("nocleanup", "logs have a program's name and are kept"),
    ("childlogdir", "start the monitor with --logs DIR"),
    (
        "strip_ansi",
        "logs hold what a program prints, byte for byte; nothing is taken out",
    ),
    (
        "identifier",
        "there is no such name; a colony is known by its directories",
    ),
    ("profile_options", "there is nothing like it"),
];

/// What supervisord passes to every program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Global {
    /// Variables under those of each program.
    pub(super) environment: BTreeMap<String, String>,
    /// The mask, where supervisord sets it.
    pub(super) umask: Option<i64>,
    /// The user.
    pub(super) user: Option<String>,
    /// Where supervisord, and so each program, is: what relative paths are relative to.
    pub(super) directory: PathBuf,
    /// The same, where the file says it.
    pub(super) own_directory: Option<PathBuf>,
    /// How many open files supervisord asks for.
    pub(super) open_files: i64,
    /// How many processes it asks for.
    pub(super) processes: i64,
}

impl Global {
    /// Reads the section, and makes its variables known to all others.
    pub(super) fn read(configuration: &mut Configuration<'_>) -> Result<Self, Refusal> {
        if configuration.section(SECTION).is_none() {
            let origin = Origin::whole(&configuration.file);
            let why =
                "there is no [supervisord] section; give the main file, which includes the others";
            return Err(Refusal::new(&origin, why));
        }
        check_own(configuration)?;
        let environment = environment(configuration)?;
        configuration.extend_environment(&environment);
        let reader = Reader(configuration);
        let is_daemon = !reader.value("nodaemon", values::boolean)?.unwrap_or(false);
        let machine = configuration.machine;
        let user = reader.value("user", |user| machine.user(user).map(|_| user.to_owned()))?;
        let umask = reader.value("umask", values::mask)?;
        let open_files = reader
            .value("minfds", values::number)?
            .unwrap_or(OPEN_FILES);
        let processes = reader
            .value("minprocs", values::number)?
            .unwrap_or(PROCESSES);
        let own_directory = reader
            .value("directory", |text| values::directory(machine, text))?
            .map(|text| machine.absolute(Path::new(&text)));
        note_foreground(configuration, is_daemon);
        let own_directory = own_directory.filter(|_| is_daemon);
        Ok(Self {
            environment,
            umask: is_daemon.then_some(umask.unwrap_or(UMASK)),
            user,
            directory: own_directory
                .clone()
                .unwrap_or_else(|| machine.current_dir.clone()),
            own_directory,
            open_files,
            processes,
        })
    }
}

/// Reads options of the section.
struct Reader<'a, 'm>(&'a Configuration<'m>);

impl Reader<'_, '_> {
    fn value<T>(
        &self,
        option: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Refusal> {
        self.0.value(SECTION, option, &self.0.here_field(), read)
    }
}

/// Checks and notes what is about supervisord itself.
fn check_own(configuration: &mut Configuration<'_>) -> Result<(), Refusal> {
    let machine = configuration.machine;
    let reader = Reader(configuration);
    for option in ["silent", "nocleanup", "strip_ansi"] {
        reader.value(option, values::boolean)?;
    }
    for option in ["logfile", "pidfile"] {
        reader.value(option, |text| values::path(machine, text))?;
    }
    reader.value("logfile_maxbytes", values::bytes)?;
    reader.value("logfile_backups", values::number)?;
    reader.value("loglevel", log_level)?;
    reader.value("childlogdir", |text| values::directory(machine, text))?;
    reader.value("identifier", |_| Ok(()))?;
    for (option, instead) in OF_ITSELF {
        let found = configuration.setting(SECTION, option).cloned();
        if let Some(setting) = found.filter(|setting| !is_so_anyway(option, &setting.text)) {
            configuration.notes.add(&setting, SECTION, instead);
        }
    }
    Ok(())
}

/// Whether an option asks for what is so here without it.
fn is_so_anyway(option: &str, text: &str) -> bool {
    match option {
        "nodaemon" | "nocleanup" => values::boolean(text) == Ok(true),
        "silent" | "strip_ansi" => values::boolean(text) == Ok(false),
        _ => false,
    }
}

fn log_level(text: &str) -> Result<(), String> {
    let known = [
        "critical", "error", "warn", "info", "debug", "trace", "blather",
    ];
    if known.contains(&text.to_lowercase().as_str()) {
        return Ok(());
    }
    Err(format!("{text:?} is not a level of logging"))
}

fn environment(configuration: &Configuration<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    const OPTION: &str = "environment";
    let Some(text) = configuration.text(SECTION, OPTION, &configuration.here_field())? else {
        return Ok(BTreeMap::new());
    };
    // Supervisord expands it a second time.
    let mut fields = configuration.environment().clone();
    fields.extend(configuration.common_fields());
    let variables = percent::expand(&text, &fields).and_then(|text| shlex::variables(&text));
    match variables {
        Ok(variables) => Ok(variables.into_iter().collect()),
        Err(why) => Err(configuration.refuse(SECTION, OPTION, &why)),
    }
}

/// In the foreground supervisord leaves its mask and directory as they are.
fn note_foreground(configuration: &mut Configuration<'_>, is_daemon: bool) {
    for option in ["umask", "directory"] {
        let found = configuration.setting(SECTION, option).cloned();
        if let Some(setting) = found.filter(|_| !is_daemon) {
            let message = "supervisord does this only when it goes to the background, which nodaemon=true forbids; so it is not done here either";
            configuration.notes.add(&setting, SECTION, message);
        }
    }
}
