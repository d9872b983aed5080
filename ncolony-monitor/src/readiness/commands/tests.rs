use ncolony_core::Defaults;
use ncolony_core::colony::Generation;

use super::*;
use crate::sources::strays::Strays;
use crate::sources::tree::Tree;
use crate::start::CgroupMode;
use crate::sys::spawn::Launcher;

/// No process ever has such a number.
const NOBODY: u32 = 1 << 30;

/// Commands that are begun and never end by themselves; the test says what time it is.
struct Bench {
    commands: Commands,
    children: Children,
    begun: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let mut launcher = Launcher::new().unwrap();
        let tree = Tree::open(CgroupMode::Never, "0123456789abcdef", &mut launcher);
        Self {
            commands: Commands::default(),
            children: Children::new(tree, Strays::new(false)),
            begun: Vec::new(),
        }
    }

    fn ask(&mut self, name: &str) {
        let name = ProgramName::new(name).unwrap();
        let text = br#"{"args": ["x"], "ready": {"exec": ["x"], "interval": 30}}"#;
        let spec = ProgramSpec::parse(name.clone(), text, &Defaults::default()).unwrap();
        let pace = Pace::of(spec.policy.ready.as_ref().unwrap());
        let generation = Generation::of_number(1);
        let subject = Subject { name, generation };
        let args = vec!["x".to_owned()];
        self.commands.begin(subject, &Arc::new(spec), args, pace);
    }

    /// Goes on at this time, and says how many were begun.
    fn go_on(&mut self, millis: u64) -> usize {
        let before = self.begun.len();
        let begun = &mut self.begun;
        let start = |spec: &ProgramSpec, _: &[String]| {
            begun.push(spec.name.to_string());
            Ok(NOBODY + u32::try_from(begun.len()).unwrap())
        };
        let _found = self.commands.go_on(at(millis), &mut self.children, start);
        self.begun.len() - before
    }
}

fn at(millis: u64) -> Mono {
    Mono::default().after(Duration::from_secs(1) + Duration::from_millis(millis))
}

#[test]
fn those_that_hang_keep_nobody_from_his_turn() {
    let mut bench = Bench::new();
    for number in 0..40 {
        bench.ask(&format!("hangs{number:02}"));
    }
    bench.ask("well");
    assert_eq!(bench.go_on(0), FRESH_MAX);
    assert_eq!(bench.go_on(10), 0, "there is no room");
    let fresh = FRESH.as_millis().try_into().unwrap();
    assert_eq!(bench.commands.due(), Some(at(fresh)));
    assert_eq!(bench.go_on(fresh), FRESH_MAX);
    assert_eq!(bench.go_on(2 * fresh), 41 - 2 * FRESH_MAX);
    assert_eq!(bench.begun.last().unwrap(), "well");
    // They are not asked again while they run, nor while they do not die.
    for millis in [3 * fresh, 29_000, 30_000, 60_000] {
        assert_eq!(bench.go_on(millis), 0);
    }
    assert_eq!(bench.commands.due(), None);
}

#[test]
fn who_has_waited_longest_comes_first() {
    let mut bench = Bench::new();
    for number in 0..FRESH_MAX {
        bench.ask(&format!("z{number:02}"));
    }
    bench.go_on(0);
    for number in 0..FRESH_MAX {
        let name = ProgramName::new(&format!("z{number:02}")).unwrap();
        let asked = bench.commands.all.get_mut(&name).unwrap();
        asked.turn = Turn::Waits(at(100 - number as u64));
    }
    bench.ask("a");
    bench.ask("b");
    bench.go_on(100);
    let last = format!("z{:02}", FRESH_MAX - 1);
    assert_eq!(bench.begun[FRESH_MAX..FRESH_MAX + 3], ["a", "b", &last]);
    assert!(!bench.begun[FRESH_MAX..].contains(&"z00".to_owned()));
}
