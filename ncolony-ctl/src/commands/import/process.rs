//! A process as supervisord would run it, read from the section of its program.

use std::collections::BTreeMap;

use ncolony_core::Signal;

use super::configuration::Configuration;
use super::ini::Section;
use super::origin::Refusal;
use super::percent::{self, Field, Fields};
use super::shlex;
use super::values::{self, AutoRestart, LogFile};

/// More processes of one program than anybody runs.
const NUMPROCS_MAX: i64 = 10_000;

/// supervisord's size of a log, where it is not said.
pub(super) const MAX_BYTES: i64 = 50 << 20;

/// supervisord's number of kept logs, where it is not said.
pub(super) const BACKUPS: i64 = 10;

/// The expansion that tells a program's processes apart.
const PROCESS_NUM: &str = "process_num";

/// One of the two streams that a process prints to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) log: LogFile,
    pub(super) max_bytes: i64,
    pub(super) backups: i64,
    pub(super) syslog: bool,
}

/// What supervisord would run, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// Its name in its group.
    pub(super) name: String,
    /// Its program's section.
    pub(super) section: String,
    /// Its program's name.
    pub(super) program: String,
    /// The command, not yet split.
    pub(super) command: String,
    /// The same, with the format of the number in the number's place.
    pub(super) template: Option<String>,
    /// The first number of the program's processes.
    pub(super) first: i64,
    pub(super) directory: Option<String>,
    pub(super) umask: Option<i64>,
    pub(super) priority: i64,
    pub(super) autostart: bool,
    pub(super) autorestart: AutoRestart,
    pub(super) startsecs: i64,
    pub(super) startretries: i64,
    pub(super) user: Option<String>,
    pub(super) stop_signal: Signal,
    pub(super) stopwaitsecs: i64,
    pub(super) stopasgroup: bool,
    pub(super) exit_codes: Vec<u8>,
    pub(super) redirect_stderr: bool,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) stdout: Stream,
    pub(super) stderr: Stream,
}

/// Reads the options of one section.
struct Reader<'a, 'm> {
    configuration: &'a Configuration<'m>,
    section: &'a str,
}

impl Reader<'_, '_> {
    fn value<T>(
        &self,
        option: &str,
        fields: &Fields,
        default: T,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Refusal> {
        let found = self
            .configuration
            .value(self.section, option, fields, read)?;
        Ok(found.unwrap_or(default))
    }

    fn refuse<T>(&self, option: &str, result: Result<T, String>) -> Result<T, Refusal> {
        result.map_err(|why| self.configuration.refuse(self.section, option, &why))
    }

    /// The text of an option, without any expansion.
    fn raw(&self, option: &str) -> &str {
        let setting = self.configuration.setting(self.section, option);
        setting.map_or("", |setting| setting.text.as_str())
    }
}

/// The name of a section behind its colon, as a name of a program.
pub(super) fn section_name(section: &Section) -> Result<String, Refusal> {
    let name = section.name.split_once(':').map_or("", |(_, name)| name);
    values::name(name)
        .map_err(|why| Refusal::new(&section.origin, format!("[{}]: {why}", section.name)))
}

/// All processes of a section, for a group of this name, in the order of their names.
pub(super) fn processes(
    configuration: &Configuration<'_>,
    section: &Section,
    group: &str,
) -> Result<Vec<Process>, Refusal> {
    let program = section_name(section)?;
    let mut fields = configuration.common_fields();
    for (name, value) in [("program_name", program.as_str()), ("group_name", group)] {
        fields.insert(name.to_owned(), Field::Text(value.to_owned()));
    }
    let reader = Reader {
        configuration,
        section: &section.name,
    };
    let pattern = process(&reader, program, &fields)?;
    let numprocs = reader.value("numprocs", &fields, 1, values::number)?;
    let first = reader.value("numprocs_start", &fields, 0, values::number)?;
    let name = match configuration.setting(&section.name, "process_name") {
        Some(setting) => reader.refuse("process_name", values::name(&setting.text))?,
        None => "%(program_name)s".to_owned(),
    };
    if numprocs > 1 && !name.contains("%(process_num)") {
        let why = "%(process_num) must be in process_name where numprocs is more than 1";
        return Err(configuration.refuse(&section.name, "process_name", why));
    }
    if numprocs > NUMPROCS_MAX {
        let why = format!("more than {NUMPROCS_MAX} processes of one program are not imported");
        return Err(configuration.refuse(&section.name, "numprocs", &why));
    }
    let mut all = Vec::new();
    for offset in 0..numprocs {
        fields.insert("numprocs".to_owned(), Field::Number(numprocs));
        let number = Field::Number(first.saturating_add(offset));
        fields.insert(PROCESS_NUM.to_owned(), number);
        fields.extend(configuration.environment().clone());
        let mut one = Process {
            first,
            ..pattern.clone()
        };
        numbered(&reader, &mut one, &mut fields, numprocs)?;
        one.name = reader.refuse("process_name", percent::expand(&name, &fields))?;
        all.push(one);
    }
    Ok(all)
}

/// What all processes of a section have in common.
fn process(reader: &Reader<'_, '_>, program: String, fields: &Fields) -> Result<Process, Refusal> {
    let machine = reader.configuration.machine;
    let get = |option, default| reader.value(option, fields, default, values::number);
    let yes = |option, default| reader.value(option, fields, default, values::boolean);
    let stopasgroup = yes("stopasgroup", false)?;
    if stopasgroup && !yes("killasgroup", stopasgroup)? {
        let why = "stopasgroup=true and killasgroup=false cannot be had together";
        return reader.refuse("killasgroup", Err(why.to_owned()));
    }
    for option in ["stdout_capture_maxbytes", "stderr_capture_maxbytes"] {
        reader.value(option, fields, 0, values::bytes)?;
    }
    for option in [
        "killasgroup",
        "stdout_events_enabled",
        "stderr_events_enabled",
    ] {
        yes(option, false)?;
    }
    reader.value("serverurl", fields, (), |_| Ok(()))?;
    let user = |user: &str| {
        machine
            .user(user)
            .map(|_| Some(super::python::strip(user).to_owned()))
    };
    let stream = Stream {
        log: LogFile::Auto,
        max_bytes: MAX_BYTES,
        backups: BACKUPS,
        syslog: false,
    };
    Ok(Process {
        name: String::new(),
        section: reader.section.to_owned(),
        program,
        command: String::new(),
        template: None,
        first: 0,
        directory: None,
        umask: reader.value("umask", fields, None, |text| values::mask(text).map(Some))?,
        priority: get("priority", 999)?,
        autostart: yes("autostart", true)?,
        autorestart: reader.value(
            "autorestart",
            fields,
            AutoRestart::Unexpected,
            values::auto_restart,
        )?,
        startsecs: get("startsecs", 1)?,
        startretries: get("startretries", 3)?,
        user: reader.value("user", fields, None, user)?,
        stop_signal: reader.value("stopsignal", fields, Signal::TERM, values::signal)?,
        stopwaitsecs: get("stopwaitsecs", 10)?,
        stopasgroup,
        exit_codes: reader.value("exitcodes", fields, vec![0], values::exit_codes)?,
        redirect_stderr: yes("redirect_stderr", false)?,
        environment: BTreeMap::new(),
        stdout: stream.clone(),
        stderr: stream,
    })
}

/// What may differ from process to process.
fn numbered(
    reader: &Reader<'_, '_>,
    one: &mut Process,
    fields: &mut Fields,
    numprocs: i64,
) -> Result<(), Refusal> {
    let text = percent::expand(reader.raw("environment"), fields);
    let variables = text.and_then(|text| shlex::variables(&text));
    one.environment = reader
        .refuse("environment", variables)?
        .into_iter()
        .collect();
    for (name, value) in &one.environment {
        fields.insert(format!("ENV_{name}"), Field::Text(value.clone()));
    }
    one.directory = reader.value("directory", fields, None, |text| Ok(Some(text.to_owned())))?;
    one.stdout = stream(reader, "stdout", fields)?;
    one.stderr = stream(reader, "stderr", fields)?;
    let configuration = reader.configuration;
    let Some(command) = configuration.text(reader.section, "command", fields)? else {
        let why = "the program has no command";
        return Err(configuration.refuse(reader.section, "command", why));
    };
    one.command = command;
    if numprocs > 1 {
        let mut unnumbered = fields.clone();
        unnumbered.insert(PROCESS_NUM.to_owned(), Field::Instance);
        // Where its format is one that cannot be kept, there is no template.
        one.template = configuration
            .text(reader.section, "command", &unnumbered)
            .unwrap_or_default();
    }
    Ok(())
}

fn stream(reader: &Reader<'_, '_>, name: &str, fields: &Fields) -> Result<Stream, Refusal> {
    let machine = reader.configuration.machine;
    let option = |end: &str| format!("{name}_{end}");
    let logfile = option("logfile");
    let log = reader.value(&logfile, fields, LogFile::Auto, |text| {
        // Supervisord expands it a second time.
        let text = if text.contains('%') {
            let mut all = reader.configuration.environment().clone();
            all.extend(fields.clone());
            percent::expand(text, &all)?
        } else {
            text.to_owned()
        };
        values::log_file(machine, &text)
    })?;
    let syslog = reader.value(&option("syslog"), fields, false, values::boolean)?;
    let max_bytes = reader.value(
        &option("logfile_maxbytes"),
        fields,
        MAX_BYTES,
        values::bytes,
    )?;
    let backups = reader.value(&option("logfile_backups"), fields, BACKUPS, values::number)?;
    let is_old_spelling = log == LogFile::Syslog;
    Ok(Stream {
        log: if is_old_spelling { LogFile::None } else { log },
        max_bytes,
        backups,
        syslog: syslog || is_old_spelling,
    })
}
