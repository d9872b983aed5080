//! The programs that play in the world: their names, and every file that they can have.

use std::sync::Arc;

use ncolony_core::{Defaults, ProgramName, ProgramSpec};

use crate::action::{Recipe, Who};

/// How many programs there are that have a file.
pub const PROGRAMS: u8 = 4;
/// The most instances that a file can ask for.
pub const INSTANCES: u8 = 3;
/// How many programs and instances there are: the programs, then the first instance of each, then
/// the second of each, ….
pub const ACTORS: u8 = PROGRAMS * (1 + INSTANCES);
/// How many kinds of process a file can name.
pub const PROCESSES: u8 = 3;
/// How many policies a file can have.
pub const POLICIES: u8 = 8;
/// How many choices of groups a file can make.
pub const GROUPS: u8 = 4;

/// In order, so that a listing by number is a listing by name.
const NAMES: [&str; PROGRAMS as usize] = ["ant", "bee", "cat", "dog"];
/// The groups of each choice; the last one has no member.
const GROUP_NAMES: [&str; 3] = ["birds", "fish", "ghosts"];

/// They differ in everything that the machine's arithmetic depends on.
const POLICY_KEYS: [&str; POLICIES as usize] = [
    r#""killtime": 2, "maxrestartdelay": 8"#,
    r#""threshold": 0, "killtime": 0, "minrestartdelay": 0, "maxrestartdelay": 0"#,
    r#""restart": "never", "killtime": 2"#,
    r#""restart": "on-failure", "exit_codes": [0, 3], "maxrestartdelay": 4"#,
    r#""give_up_after": 3, "minrestartdelay": 0.3, "maxrestartdelay": 1"#,
    r#""threshold": 2, "minrestartdelay": 0.05, "maxrestartdelay": 10, "stop_signal": "INT", "reload_signal": "USR1""#,
    r#""give_up_after": 1, "killtime": 0.5"#,
    r#""threshold": 0.2, "restart": "on-failure", "give_up_after": 2"#,
];

/// Longer than every threshold in the policies.
pub const MEMORY: std::time::Duration = std::time::Duration::from_secs(3);

/// Every file of every program, read once.
#[derive(Debug)]
pub struct Cast {
    names: Vec<ProgramName>,
    stranger: ProgramName,
    specs: Vec<Arc<ProgramSpec>>,
}

pub(crate) fn name_text(who: Who) -> String {
    let name = NAMES[usize::from(who.0 % PROGRAMS)];
    match who.instance() {
        None => name.to_owned(),
        Some(number) => format!("{name}:{number}"),
    }
}

impl Who {
    /// The program whose file it is of.
    #[must_use]
    pub fn program(self) -> Self {
        Self(self.0 % PROGRAMS)
    }

    /// Which instance it is; `None`: it is a program.
    #[must_use]
    pub fn instance(self) -> Option<u8> {
        (self.0 / PROGRAMS % (1 + INSTANCES)).checked_sub(1)
    }

    /// This instance of the program.
    #[must_use]
    pub fn with_instance(self, number: u8) -> Self {
        Self(self.program().0 + PROGRAMS * (1 + number % INSTANCES))
    }
}

/// The name of the group of this number.
#[must_use]
pub fn group_name(number: u8) -> &'static str {
    GROUP_NAMES[usize::from(number) % GROUP_NAMES.len()]
}

fn groups(choice: u8) -> &'static str {
    match choice % GROUPS {
        0 => "[]",
        1 => r#"["birds"]"#,
        2 => r#"["fish"]"#,
        _ => r#"["birds", "fish"]"#,
    }
}

/// One kind of process is given something that the monitor listens on.
fn sockets(process: u8) -> &'static str {
    match process {
        1 => r#"[{"name": "a", "listen": "tcp://*:80"}]"#,
        _ => "[]",
    }
}

fn text(recipe: Recipe) -> String {
    format!(
        r#"{{"args": ["p{}"], "instances": {}, "sockets": {}, {}, "group": {}, "enabled": {}}}"#,
        recipe.process,
        recipe.instances.clamp(1, INSTANCES),
        sockets(recipe.process % PROCESSES),
        POLICY_KEYS[usize::from(recipe.policy % POLICIES)],
        groups(recipe.groups),
        recipe.enabled
    )
}

fn recipes() -> impl Iterator<Item = Recipe> {
    let one = |number: u8| Recipe {
        enabled: number.is_multiple_of(2),
        groups: number / 2 % GROUPS,
        policy: number / (2 * GROUPS) % POLICIES,
        process: number / (2 * GROUPS * POLICIES),
        instances: 1,
    };
    let all = (0..PROCESSES * POLICIES * GROUPS * 2).map(one);
    all.flat_map(|recipe| {
        (1..=INSTANCES).map(move |instances| Recipe {
            instances,
            ..recipe
        })
    })
}

fn place(who: Who, recipe: Recipe) -> usize {
    let mut place = usize::from(who.0 % PROGRAMS);
    place = place * usize::from(PROCESSES) + usize::from(recipe.process % PROCESSES);
    place = place * usize::from(POLICIES) + usize::from(recipe.policy % POLICIES);
    place = place * usize::from(GROUPS) + usize::from(recipe.groups % GROUPS);
    place = place * 2 + usize::from(!recipe.enabled);
    place * usize::from(INSTANCES) + usize::from(recipe.instances.clamp(1, INSTANCES) - 1)
}

impl Default for Cast {
    fn default() -> Self {
        Self::new()
    }
}

impl Cast {
    /// Reads every file.
    ///
    /// # Panics
    /// One of the files in this module is not good.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the texts stand in this module")]
    pub fn new() -> Self {
        let name = |text: &str| ProgramName::new(text).expect("the name is good");
        let programs: Vec<ProgramName> = NAMES.into_iter().map(name).collect();
        let of_actor = |who: Who| {
            let program = &programs[usize::from(who.program().0)];
            let instance = who.instance().map(u32::from);
            instance.map_or_else(|| program.clone(), |number| program.instance(number))
        };
        let names = (0..ACTORS).map(Who).map(of_actor).collect();
        let spec = |name: &ProgramName, recipe| {
            let text = text(recipe);
            let spec = ProgramSpec::parse(name.clone(), text.as_bytes(), &Defaults::default());
            Arc::new(spec.expect("the file is good"))
        };
        let specs = programs
            .iter()
            .flat_map(|name| recipes().map(move |recipe| spec(name, recipe)))
            .collect();
        Self {
            names,
            stranger: name("nobody"),
            specs,
        }
    }

    /// The name of a program, or of an instance.
    #[must_use]
    pub fn name(&self, who: Who) -> &ProgramName {
        &self.names[usize::from(who.0 % ACTORS)]
    }

    /// Which program or instance has this name.
    #[must_use]
    pub fn who(&self, name: &ProgramName) -> Option<Who> {
        (0..ACTORS).map(Who).find(|who| self.name(*who) == name)
    }

    /// A name that no program has.
    #[must_use]
    pub fn stranger(&self) -> &ProgramName {
        &self.stranger
    }

    /// A program's file.
    #[must_use]
    pub fn spec(&self, who: Who, recipe: Recipe) -> &Arc<ProgramSpec> {
        &self.specs[place(who, recipe)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_has_its_own_file() {
        let cast = Cast::new();
        for who in (0..PROGRAMS).map(Who) {
            for recipe in recipes() {
                let spec = cast.spec(who, recipe);
                assert_eq!(cast.who(&spec.name), Some(who));
                assert_eq!(&*spec.source, text(recipe));
                assert!(spec.policy.threshold < MEMORY);
            }
        }
        assert_eq!(cast.who(cast.stranger()), None);
        for who in (0..ACTORS).map(Who) {
            assert_eq!(cast.who(cast.name(who)), Some(who));
            assert_eq!(cast.name(who).to_string(), name_text(who));
        }
        assert_eq!(name_text(Who(1).with_instance(2)), "bee:2");
    }
}
