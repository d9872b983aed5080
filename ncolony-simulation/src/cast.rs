//! The programs that play in the world: their names, and every file that they can have.

use std::cell::OnceCell;
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
pub const PROCESSES: u8 = 4;
/// How many policies a file can have.
pub const POLICIES: u8 = 10;
/// How many choices of groups a file can make.
pub const GROUPS: u8 = 4;

/// How many things a file can say of order.
pub const ORDERS: u8 = 11;

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
    r#""ready": {"file": "/x", "timeout": 2.5}, "killtime": 1, "maxrestartdelay": 4"#,
    r#""ready": {"notify": true, "timeout": 1.5}, "give_up_after": 3, "restart": "on-failure", "threshold": 0.5"#,
];

/// Longer than everything that a program is waited for in the policies.
pub const MEMORY: std::time::Duration = std::time::Duration::from_secs(3);

/// How many files there are.
const FILES: usize = PROGRAMS as usize
    * PROCESSES as usize
    * POLICIES as usize
    * GROUPS as usize
    * ORDERS as usize
    * INSTANCES as usize
    * 2;

/// Every file of every program, read once, when it is first asked for.
#[derive(Debug)]
pub struct Cast {
    names: Vec<ProgramName>,
    stranger: ProgramName,
    specs: Vec<OnceCell<Arc<ProgramSpec>>>,
}

/// The name of a program, or of one of its instances.
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

/// One kind of process has to say that it is well.
fn watchdog(process: u8) -> &'static str {
    match process {
        3 => r#""watchdog": 2, "#,
        _ => "",
    }
}

/// What a file says of order. Others are meant by how far they stand behind the program, so that
/// the same words in several files make rings.
fn order(who: Who, choice: u8) -> String {
    let name = |behind: u8| name_text(Who((who.0 + behind) % PROGRAMS));
    let (one, two, three) = (name(1), name(2), name(3));
    match choice % ORDERS {
        0 => String::new(),
        1 => format!(r#""after": ["{one}"], "#),
        2 => format!(r#""requires": ["{one}"], "#),
        3 => format!(r#""after": ["{two}"], "#),
        4 => format!(r#""requires": ["{three}"], "#),
        5 => r#""priority": 1, "#.to_owned(),
        6 => r#""priority": 5, "#.to_owned(),
        7 => format!(r#""after": ["{one}"], "priority": 1, "#),
        8 => format!(r#""requires": ["{one}"], "after": ["{two}"], "priority": 3, "#),
        9 => format!(r#""requires": ["{one}", "{two}"], "#),
        _ => format!(r#""after": ["{one}", "{three}"], "#),
    }
}

fn text(who: Who, recipe: Recipe) -> String {
    format!(
        r#"{{"args": ["p{}"], {}"instances": {}, "sockets": {}, {}{}, "group": {}, "enabled": {}}}"#,
        recipe.process,
        order(who, recipe.order),
        recipe.instances.clamp(1, INSTANCES),
        sockets(recipe.process % PROCESSES),
        watchdog(recipe.process % PROCESSES),
        POLICY_KEYS[usize::from(recipe.policy % POLICIES)],
        groups(recipe.groups),
        recipe.enabled
    )
}

fn place(who: Who, recipe: Recipe) -> usize {
    let mut place = usize::from(who.0 % PROGRAMS);
    place = place * usize::from(PROCESSES) + usize::from(recipe.process % PROCESSES);
    place = place * usize::from(POLICIES) + usize::from(recipe.policy % POLICIES);
    place = place * usize::from(GROUPS) + usize::from(recipe.groups % GROUPS);
    place = place * usize::from(ORDERS) + usize::from(recipe.order % ORDERS);
    place = place * 2 + usize::from(!recipe.enabled);
    place * usize::from(INSTANCES) + usize::from(recipe.instances.clamp(1, INSTANCES) - 1)
}

impl Default for Cast {
    fn default() -> Self {
        Self::new()
    }
}

impl Cast {
    /// The programs, of whose files none was read yet.
    ///
    /// # Panics
    /// One of the names in this module is not good.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the names stand in this module")]
    pub fn new() -> Self {
        let name = |text: &str| ProgramName::new(text).expect("the name is good");
        let programs: Vec<ProgramName> = NAMES.into_iter().map(name).collect();
        let of_actor = |who: Who| {
            let program = &programs[usize::from(who.program().0)];
            let instance = who.instance().map(u32::from);
            instance.map_or_else(|| program.clone(), |number| program.instance(number))
        };
        let names = (0..ACTORS).map(Who).map(of_actor).collect();
        Self {
            names,
            stranger: name("nobody"),
            specs: vec![OnceCell::new(); FILES],
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
    ///
    /// # Panics
    /// A file in this module is not good.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the texts stand in this module")]
    pub fn spec(&self, who: Who, recipe: Recipe) -> &Arc<ProgramSpec> {
        self.specs[place(who, recipe)].get_or_init(|| {
            let text = text(who, recipe);
            let name = self.name(who.program()).clone();
            let spec = ProgramSpec::parse(name, text.as_bytes(), &Defaults::default());
            Arc::new(spec.expect("the file is good"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipes() -> impl Iterator<Item = Recipe> {
        let choices = |most: u8| 0..most;
        let treatments = choices(PROCESSES)
            .flat_map(move |process| choices(POLICIES).map(move |policy| (process, policy)));
        let places = choices(GROUPS)
            .flat_map(move |groups| choices(ORDERS).map(move |order| (groups, order)));
        treatments.flat_map(move |(process, policy)| {
            places.clone().flat_map(move |(groups, order)| {
                let one = [true, false].map(|enabled| Recipe {
                    process,
                    policy,
                    groups,
                    order,
                    enabled,
                    instances: 1,
                });
                let several = Recipe {
                    instances: 1 + (groups + order) % INSTANCES,
                    ..one[0]
                };
                one.into_iter().chain([several])
            })
        })
    }

    #[test]
    fn every_recipe_has_its_own_file() {
        let cast = Cast::new();
        for who in (0..PROGRAMS).map(Who) {
            for recipe in recipes() {
                let spec = cast.spec(who, recipe);
                assert_eq!(cast.who(&spec.name), Some(who));
                assert_eq!(&*spec.source, text(who, recipe));
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
