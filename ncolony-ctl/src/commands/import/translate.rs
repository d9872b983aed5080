//! Program files of what supervisord would run.

use std::collections::BTreeSet;

use ncolony_core::ProgramName;
use serde_json::{Value, json};

use super::configuration::Configuration;
use super::global::Global;
use super::groups::{Group, PRIORITY};
use super::instances;
use super::machine::Limit;
use super::names;
use super::order::Priorities;
use super::origin::Origin;
use super::output;
use super::process::Process;
use super::program_file::ProgramFile;
use super::shlex;
use super::values::AutoRestart;

/// supervisord waits a second longer after each start that failed; this is as far as we go with it.
const LONGEST_DELAY: i64 = 60;

/// Where supervisord looks for programs when there is no PATH.
const USUAL_PATH: &str = "/bin:/usr/bin:/usr/local/bin";

/// Variables that a shell sets for itself.
const OF_THE_SHELL: [&str; 4] = ["_", "OLDPWD", "PWD", "SHLVL"];

/// How the variables begin that a supervisor or service manager sets for one process.
const OF_A_SUPERVISOR: [&str; 5] = [
    "LISTEN_",
    "NCOLONY_",
    "NOTIFY_SOCKET",
    "SUPERVISOR_",
    "WATCHDOG_",
];

/// A program file that was made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Imported {
    /// The program's name.
    pub(super) name: ProgramName,
    /// The section that it was made of.
    pub(super) section: String,
    /// What supervisorctl calls the processes that it runs.
    pub(super) processes: Vec<String>,
    /// The file.
    pub(super) file: ProgramFile,
}

/// What all programs are translated with.
struct Translator<'a, 'm> {
    configuration: &'a mut Configuration<'m>,
    global: &'a Global,
    priorities: Priorities,
    taken: BTreeSet<ProgramName>,
}

/// Makes the program files of all groups.
pub(super) fn translate(
    configuration: &mut Configuration<'_>,
    global: &Global,
    groups: &[Group],
) -> Vec<Imported> {
    let mut translator = Translator {
        priorities: Priorities::new(groups),
        configuration,
        global,
        taken: BTreeSet::new(),
    };
    let mut all = Vec::new();
    for group in groups {
        for program in &group.programs {
            translator.program(group, program, &mut all);
        }
    }
    let is_new = translator.priorities.are_new;
    if is_new {
        translator.note_all("priorities of programs and of groups cannot both be kept in one number; they were numbered anew, in the same order");
    }
    all
}

impl Translator<'_, '_> {
    fn note_all(&mut self, message: &str) {
        let origin = Origin::whole(&self.configuration.file);
        self.configuration.notes.of_all(&origin, message);
    }

    /// Notes something about an option of a process, or about its section where it does not say it.
    fn note(&mut self, process: &Process, option: &str, message: &str) {
        let configuration = &mut *self.configuration;
        match configuration.setting(&process.section, option).cloned() {
            Some(setting) => configuration.notes.add(&setting, &process.section, message),
            None => {
                if let Some(section) = configuration.section(&process.section).cloned() {
                    configuration.notes.of_section(&section, message);
                }
            }
        }
    }

    fn program(&mut self, group: &Group, processes: &[Process], all: &mut Vec<Imported>) {
        let mut files = Vec::new();
        for process in processes {
            match shlex::split(&process.command) {
                Ok(words) if words.first().is_some_and(|word| !word.is_empty()) => {
                    files.push((process, self.file(group, process, words)));
                }
                Ok(_) => self.note(
                    process,
                    "command",
                    "not imported: the command is empty, and supervisord could not start it",
                ),
                Err(why) => {
                    let message =
                        format!("not imported: {why}, and supervisord could not start it");
                    self.note(process, "command", &message);
                }
            }
        }
        if let Some(one) = self.as_instances(group, processes, &files) {
            all.push(one);
            return;
        }
        for (process, file) in files {
            let spec = specification(group, process);
            let wanted = [
                process.name.clone(),
                format!("{}.{}", group.name, process.name),
            ];
            self.push(group, process, &wanted, vec![spec], file, all);
        }
    }

    /// One file for all processes, where they differ in nothing but their names and the number in
    /// their commands.
    fn as_instances(
        &mut self,
        group: &Group,
        processes: &[Process],
        files: &[(&Process, ProgramFile)],
    ) -> Option<Imported> {
        let [(first, file), others @ ..] = files else {
            return None;
        };
        if others.is_empty() || files.len() != processes.len() {
            return None;
        }
        let nothing = || json!([]);
        let bare = file.clone().with("args", nothing());
        if others
            .iter()
            .any(|(_, other)| other.clone().with("args", nothing()) != bare)
        {
            return None;
        }
        let arguments = instances::arguments(processes)?;
        let specs = processes
            .iter()
            .map(|process| specification(group, process))
            .collect();
        let file = file
            .clone()
            .with("args", arguments)
            .with("instances", processes.len());
        let wanted = [
            first.program.clone(),
            format!("{}.{}", group.name, first.program),
        ];
        let mut all = Vec::new();
        self.push(group, first, &wanted, specs, file, &mut all);
        all.pop()
    }

    fn push(
        &mut self,
        group: &Group,
        process: &Process,
        wanted: &[String],
        processes: Vec<String>,
        file: ProgramFile,
        all: &mut Vec<Imported>,
    ) {
        let Some(name) = names::choose(wanted, &mut self.taken) else {
            return;
        };
        if wanted
            .first()
            .is_some_and(|wanted| *wanted != name.as_str())
        {
            let first = wanted.first().map_or("", String::as_str);
            let message = format!(
                "{first:?} is called {name} here: the other name is taken, or is not allowed"
            );
            self.note(process, "process_name", &message);
        }
        // A group of which it is the only member, and whose name it has, says nothing.
        let file = match group.name == name.as_str() {
            true => file.without("group"),
            false => file,
        };
        let section = process.section.clone();
        all.push(Imported {
            name,
            section,
            processes,
            file,
        });
    }

    fn file(&mut self, group: &Group, process: &Process, words: Vec<String>) -> ProgramFile {
        let mut file = ProgramFile::default();
        if let Some(program) = words
            .first()
            .filter(|program| !self.finds(process, program))
        {
            let message = format!("{program} is not found on this machine");
            self.note(process, "command", &message);
        }
        file.set("args", words);
        self.surroundings(process, &mut file);
        file.set("group", json!([group.name]));
        let priority = self.priorities.get(group, process);
        file.set_unless("priority", priority, PRIORITY);
        policy(process, &mut file);
        let output = output::translate(process, &self.global.directory);
        file.set_unless("stdout", output.stdout, "log");
        file.set_unless("stderr", output.stderr, "stdout");
        for (option, message) in output.notes {
            self.note(process, &option, &message);
        }
        file
    }

    /// Whether supervisord would find a program: as a path, or in the PATH of the process.
    fn finds(&self, process: &Process, program: &str) -> bool {
        let machine = self.configuration.machine;
        if program.contains('/') {
            return machine.absolute(program.as_ref()).exists();
        }
        let environments = [
            &process.environment,
            &self.global.environment,
            &machine.environment,
        ];
        let path = environments
            .iter()
            .find_map(|variables| variables.get("PATH"));
        let mut directories = path.map_or(USUAL_PATH, String::as_str).split(':');
        directories.any(|directory| machine.absolute(directory.as_ref()).join(program).exists())
    }

    /// Environment, user, directory, mask and limits.
    fn surroundings(&mut self, process: &Process, file: &mut ProgramFile) {
        let mut environment = self.global.environment.clone();
        environment.extend(process.environment.clone());
        let machine = self.configuration.machine;
        let inherited: Vec<&String> = machine
            .variables
            .iter()
            .filter(|name| !environment.contains_key(*name) && is_passed_on(name))
            .collect();
        file.set_unless("env", json!(environment), json!({}));
        file.set_unless("env_inherit", json!(inherited), json!([]));
        let user = process.user.as_ref().or(self.global.user.as_ref());
        // Who has that number already stays as he is, with the groups that he has.
        let is_other = |user: &&String| machine.user(user) != Ok(machine.uid);
        if let Some(user) = user.filter(is_other) {
            file.set("user", user.as_str());
        }
        self.directory(process, file);
        if let Some(mask) = process.umask.or(self.global.umask) {
            file.set("umask", format!("{:03o}", mask & 0o777));
        }
        let limits = [
            ("nofile", machine.open_files, self.global.open_files),
            ("nproc", machine.processes, self.global.processes),
        ];
        let raised: serde_json::Map<String, Value> = limits
            .into_iter()
            .filter_map(|(name, limit, least)| Some((name.to_owned(), raised(limit, least)?)))
            .collect();
        file.set_unless("rlimits", raised, json!({}));
    }

    fn directory(&mut self, process: &Process, file: &mut ProgramFile) {
        let Some(directory) = &process.directory else {
            if let Some(directory) = &self.global.own_directory {
                file.set("cwd", directory.to_string_lossy());
            }
            return;
        };
        let whole = self.global.directory.join(directory);
        if whole.as_path() != std::path::Path::new(directory) {
            let base = self.global.directory.display();
            let message = format!(
                "{directory:?} is relative to the directory that supervisord is in, taken to be {base}"
            );
            self.note(process, "directory", &message);
        }
        file.set("cwd", whole.to_string_lossy());
    }
}

/// What supervisorctl calls a process.
fn specification(group: &Group, process: &Process) -> String {
    if group.name == process.name {
        return process.name.clone();
    }
    format!("{}:{}", group.name, process.name)
}

/// Whether a variable of this command's environment is one that supervisord would pass on.
pub(super) fn is_passed_on(name: &str) -> bool {
    !name.is_empty()
        && !OF_THE_SHELL.contains(&name)
        && !OF_A_SUPERVISOR
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Soft and hard limit, where supervisord would raise the soft one.
fn raised(limit: Limit, least: i64) -> Option<Value> {
    let soft = limit.soft?;
    (soft < least).then(|| match limit.hard {
        Some(hard) => json!([least, hard.max(least)]),
        None => json!([least, "unlimited"]),
    })
}

/// When it is started, stopped and given up.
fn policy(process: &Process, file: &mut ProgramFile) {
    file.set_unless("enabled", process.autostart, true);
    let restart = match process.autorestart {
        AutoRestart::Always => "always",
        AutoRestart::Unexpected => "on-failure",
        AutoRestart::Never => "never",
    };
    file.set_unless("restart", restart, "always");
    file.set_unless("exit_codes", json!(process.exit_codes), json!([0]));
    file.set("threshold", process.startsecs.max(0));
    // supervisord gives up when more starts than these retries have failed.
    let retries = process.startretries.clamp(0, i64::from(u32::MAX) - 1);
    file.set("give_up_after", retries + 1);
    file.set("minrestartdelay", 1);
    file.set("maxrestartdelay", retries.clamp(1, LONGEST_DELAY));
    let signal = process.stop_signal.to_string();
    let signal = signal.strip_prefix("SIG").unwrap_or(&signal);
    file.set_unless("stop_signal", signal, "TERM");
    file.set("killtime", process.stopwaitsecs.max(0));
}
