//! The sections that no program file can be made of: what supervisord would refuse in them, and what
//! there is instead.

use super::configuration::Configuration;
use super::groups::of_kind;
use super::ini::Section;
use super::origin::Refusal;
use super::percent::{Field, Fields};
use super::process;
use super::values;

/// What can be listened for.
const EVENTS: [&str; 27] = [
    "EVENT",
    "PROCESS_STATE",
    "PROCESS_STATE_STOPPED",
    "PROCESS_STATE_EXITED",
    "PROCESS_STATE_STARTING",
    "PROCESS_STATE_STOPPING",
    "PROCESS_STATE_BACKOFF",
    "PROCESS_STATE_FATAL",
    "PROCESS_STATE_RUNNING",
    "PROCESS_STATE_UNKNOWN",
    "PROCESS_COMMUNICATION",
    "PROCESS_COMMUNICATION_STDOUT",
    "PROCESS_COMMUNICATION_STDERR",
    "PROCESS_LOG",
    "PROCESS_LOG_STDOUT",
    "PROCESS_LOG_STDERR",
    "REMOTE_COMMUNICATION",
    "SUPERVISOR_STATE_CHANGE",
    "SUPERVISOR_STATE_CHANGE_RUNNING",
    "SUPERVISOR_STATE_CHANGE_STOPPING",
    "TICK",
    "TICK_5",
    "TICK_60",
    "TICK_3600",
    "PROCESS_GROUP",
    "PROCESS_GROUP_ADDED",
    "PROCESS_GROUP_REMOVED",
];

/// Checks and notes all sections that are no programs.
pub(super) fn read(configuration: &mut Configuration<'_>) -> Result<(), Refusal> {
    let sections: Vec<Section> = configuration.sections().to_vec();
    for section in &sections {
        let kind = section.name.split(':').next().unwrap_or_default();
        let advice = match kind {
            "eventlistener" if section.name.contains(':') => {
                event_listener(configuration, section)?;
                "not imported: events are lines of status/events.jsonl, which `ncolony-ctl events -f` follows; a listener is any program that reads them".to_owned()
            }
            "fcgi-program" if section.name.contains(':') => fcgi_program(configuration, section)?,
            "unix_http_server" => {
                unix_server(configuration, section)?;
                "there is no server: ncolony-ctl writes files, and who may do so is a matter of the rights of the messages and config directories".to_owned()
            }
            "inet_http_server" => {
                inet_server(configuration, section)?;
                "there is no server and no web page; from another machine, use ncolony-ctl over ssh"
                    .to_owned()
            }
            "rpcinterface" if section.name.contains(':') => {
                plugin(configuration, section, "supervisor.rpcinterface_factory")?;
                "there is no XML-RPC; programs drive a colony through its files, or by ncolony_core::ctllib".to_owned()
            }
            "supervisorctl" => {
                "ncolony-ctl finds a colony by --root or NCOLONY_ROOT, or by the usual places"
                    .to_owned()
            }
            "ctlplugin" => "ncolony-ctl has no plugins".to_owned(),
            "supervisord" | "include" | "program" | "group" => continue,
            _ => "supervisord passes over this section, and so does the import".to_owned(),
        };
        configuration.notes.of_section(section, &advice);
    }
    Ok(())
}

fn event_listener(configuration: &Configuration<'_>, section: &Section) -> Result<(), Refusal> {
    let fields = configuration.here_field();
    let name = &section.name;
    configuration.value(name, "priority", &fields, values::number)?;
    configuration.value(name, "buffer_size", &fields, |text| {
        match values::number(text)? {
            ..=0 => Err(format!("{text} is less than 1")),
            1.. => Ok(()),
        }
    })?;
    let events = configuration
        .text(name, "events", &fields)?
        .unwrap_or_default();
    let events = values::words(&events);
    if events.is_empty() {
        return Err(configuration.refuse(name, "events", "the listener names no events"));
    }
    for event in events {
        if !EVENTS.contains(&event.to_uppercase().as_str()) {
            let why = format!("{event:?} is not an event");
            return Err(configuration.refuse(name, "events", &why));
        }
    }
    configuration.value(
        name,
        "redirect_stderr",
        &fields,
        |text| match values::boolean(text)? {
            true => Err(
                "a listener answers on its standard output, so nothing else may go there"
                    .to_owned(),
            ),
            false => Ok(()),
        },
    )?;
    let group = name.split_once(':').map_or("", |(_, group)| group);
    process::processes(configuration, section, group).map(drop)
}

/// Checks an fcgi-program, and says how to write it by hand.
fn fcgi_program(configuration: &Configuration<'_>, section: &Section) -> Result<String, Refusal> {
    let machine = configuration.machine;
    let name = &section.name;
    let program = process::section_name(section)?;
    let mut fields = configuration.here_field();
    fields.insert("program_name".to_owned(), Field::Text(program.clone()));
    configuration.value(
        name,
        "socket_backlog",
        &fields,
        |text| match values::number(text)? {
            1..=65535 => Ok(()),
            _ => Err(format!("{text} is not from 1 to 65535")),
        },
    )?;
    let owner = configuration.value(name, "socket_owner", &fields, |text| {
        values::owner(machine, text)
    })?;
    let mode = configuration.value(name, "socket_mode", &fields, values::mask)?;
    let Some(socket) = configuration
        .text(name, "socket", &fields)?
        .filter(|text| !text.is_empty())
    else {
        return Err(configuration.refuse(name, "socket", "the program names no socket"));
    };
    check_socket(&socket, owner.is_some() || mode.is_some())
        .map_err(|why| configuration.refuse(name, "socket", &why))?;
    let processes = process::processes(configuration, section, &program)?;
    let command = processes.first().map_or("", |process| &process.command);
    let mode = if socket.starts_with("unix:") {
        format!(", \"mode\": \"{:04o}\"", mode.unwrap_or(0o700) & 0o777)
    } else {
        String::new()
    };
    let script = serde_json::Value::from(format!("exec {command} <&3 3<&-"));
    let socket = serde_json::Value::from(socket);
    Ok(format!(
        "not imported: a program finds its sockets from descriptor 3 on, and FastCGI wants descriptor 0. Write it by hand with \
         \"sockets\": [{{\"name\": \"fcgi\", \"listen\": {socket}{mode}}}] and \"args\": [\"sh\", \"-c\", {script}]"
    ))
}

fn check_socket(socket: &str, has_owner: bool) -> Result<(), String> {
    if let Some(path) = socket.strip_prefix("unix://") {
        return match path.starts_with('/') {
            true => Ok(()),
            false => Err(format!("the path {path} is not absolute")),
        };
    }
    if has_owner {
        return Err("socket_owner and socket_mode are of a unix socket alone".to_owned());
    }
    let place = socket
        .strip_prefix("tcp://")
        .and_then(|place| place.split_once(':'));
    let is_good = place.is_some_and(|(host, port)| {
        let host_is_good = !host.is_empty() && !host.contains(super::python::is_space);
        let digits = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
        host_is_good && digits && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if is_good {
        return Ok(());
    }
    Err(format!(
        "{socket:?} is neither unix:///PATH nor tcp://HOST:PORT"
    ))
}

fn unix_server(configuration: &Configuration<'_>, section: &Section) -> Result<(), Refusal> {
    let machine = configuration.machine;
    let fields = configuration.here_field();
    if configuration
        .text(&section.name, "file", &fields)?
        .is_none()
    {
        return Err(configuration.refuse(&section.name, "file", "the server names no file"));
    }
    let nothing = Fields::new();
    configuration.value(&section.name, "chown", &nothing, |text| {
        values::owner(machine, text)
    })?;
    configuration.value(&section.name, "chmod", &nothing, values::mask)?;
    password(configuration, section)
}

fn inet_server(configuration: &Configuration<'_>, section: &Section) -> Result<(), Refusal> {
    let nothing = Fields::new();
    let port = configuration.value(&section.name, "port", &nothing, |text| {
        let port = text.rsplit_once(':').map_or(text, |(_, port)| port);
        match values::number(port)? {
            1..=65535 => Ok(()),
            _ => Err(format!("{port} is no port")),
        }
    })?;
    if port.is_none() {
        return Err(configuration.refuse(&section.name, "port", "the server names no port"));
    }
    password(configuration, section)
}

fn password(configuration: &Configuration<'_>, section: &Section) -> Result<(), Refusal> {
    let nothing = Fields::new();
    let username = configuration.text(&section.name, "username", &nothing)?;
    let password = configuration.text(&section.name, "password", &nothing)?;
    if username.is_some() == password.is_some() {
        return Ok(());
    }
    let why = "username and password go together";
    Err(configuration.refuse(&section.name, "username", why))
}

fn plugin(
    configuration: &Configuration<'_>,
    section: &Section,
    factory: &str,
) -> Result<(), Refusal> {
    let nothing = Fields::new();
    if configuration
        .text(&section.name, factory, &nothing)?
        .is_some()
    {
        return Ok(());
    }
    Err(configuration.refuse(&section.name, factory, "the interface names no factory"))
}

/// The options that a program's section can have.
const OPTIONS: [&str; 33] = [
    "command",
    "process_name",
    "numprocs",
    "numprocs_start",
    "priority",
    "autostart",
    "startsecs",
    "startretries",
    "autorestart",
    "exitcodes",
    "stopsignal",
    "stopwaitsecs",
    "stopasgroup",
    "killasgroup",
    "user",
    "redirect_stderr",
    "stdout_logfile",
    "stdout_logfile_maxbytes",
    "stdout_logfile_backups",
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_syslog",
    "stderr_logfile",
    "stderr_logfile_maxbytes",
    "stderr_logfile_backups",
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_syslog",
    "environment",
    "directory",
    "umask",
    "serverurl",
    "socket",
];

/// Notes the options of programs that have no equivalent, and those that nobody knows.
pub(super) fn note_options(configuration: &mut Configuration<'_>) {
    let sections: Vec<Section> = configuration.sections().to_vec();
    let mut found = Vec::new();
    for section in of_kind(&sections, "program:") {
        for setting in configuration.settings(section) {
            if let Some(message) = option_note(&setting.option, &setting.text) {
                found.push((setting.clone(), section.name.clone(), message));
            }
        }
    }
    for (setting, section, message) in found {
        configuration.notes.add(&setting, &section, message);
    }
}

fn option_note(option: &str, text: &str) -> Option<&'static str> {
    match option {
        "stdout_capture_maxbytes" | "stderr_capture_maxbytes" if values::bytes(text) != Ok(0) => {
            Some("nothing is captured between marks; the program's lines are all in its log")
        }
        "stdout_events_enabled" | "stderr_events_enabled" if values::boolean(text) == Ok(true) => {
            Some(
                "there is no event for what a program prints; follow its log with `ncolony-ctl logs -f`",
            )
        }
        "serverurl" => Some("there is no server, and no SUPERVISOR_SERVER_URL"),
        known if OPTIONS.contains(&known) => None,
        _ => Some("supervisord does not know this option and passes over it; so does the import"),
    }
}
