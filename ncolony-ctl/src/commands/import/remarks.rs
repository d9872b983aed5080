//! What is different for many programs at once, said once.

use super::configuration::Configuration;
use super::groups::Group;
use super::origin::Origin;
use super::process::Process;
use super::values::AutoRestart;

/// Adds the remarks that matter for these programs.
pub(super) fn add(configuration: &mut Configuration<'_>, groups: &[Group]) {
    let programs: Vec<&Process> = groups
        .iter()
        .flat_map(|group| group.programs.iter().filter_map(|program| program.first()))
        .collect();
    if programs.is_empty() {
        return;
    }
    let names = |choose: &dyn Fn(&Process) -> bool| -> String {
        let chosen = programs.iter().filter(|program| choose(program));
        chosen
            .map(|program| program.program.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let alone = names(&|program| !program.stopasgroup);
    let once = names(&|program| program.autorestart == AutoRestart::Never && program.startsecs > 0);
    let unexpected = names(&|program| {
        program.autorestart == AutoRestart::Unexpected
            && program.startsecs > 0
            && !program.exit_codes.is_empty()
    });
    let mut remarks = Vec::new();
    if !alone.is_empty() {
        remarks.push(format!("a stop signals the whole process group of a program, as with stopasgroup=true; supervisord signals one process of {alone}"));
    }
    if !once.is_empty() {
        remarks.push(format!("an exit before startsecs is an exit like others: {once} will be EXITED then, where supervisord would try again"));
    }
    if !unexpected.is_empty() {
        remarks.push(format!("an exit before startsecs with one of exitcodes is a success: {unexpected} will be EXITED then, where supervisord would try again"));
    }
    remarks.push("env_inherit names what is in the environment of this command: the monitor needs the same variables in its own; one that it lacks is empty".to_owned());
    let origin = Origin::whole(&configuration.file);
    for remark in remarks {
        configuration.notes.of_all(&origin, &remark);
    }
}
