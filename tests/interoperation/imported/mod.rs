//! Reference configurations of Supervisor, run by the real supervisord and, imported, by our
//! monitor, side by side: the programs must not be able to tell the difference.

mod commands;
mod reading;
mod side;

use std::cell::RefCell;
use std::collections::BTreeMap;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use self::side::Side;
use crate::process::{Running, eventually, is_alive};

/// States that nothing but a request, or a death, leads away from.
const SETTLED: [&str; 4] = ["RUNNING", "EXITED", "FATAL", "STOPPED"];

/// A process in both worlds.
#[derive(Clone, Debug)]
struct Pair {
    /// What supervisorctl calls it.
    theirs: String,
    /// What our records call it.
    ours: String,
}

impl Pair {
    /// What supervisord tells the process of its name.
    fn theirs_told(&self) -> String {
        match self.theirs.contains(':') {
            true => self.theirs.clone(),
            false => format!("{0}:{0}", self.theirs),
        }
    }
}

/// What was seen last, which is said when it was waited for in vain.
#[derive(Default)]
struct LastSeen(RefCell<String>);

impl Drop for LastSeen {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0.borrow());
        }
    }
}

/// A configuration that both run.
struct Run {
    // They end before their directories go.
    supervisord: Running,
    monitor: Running,
    theirs: Side,
    ours: Side,
    pairs: Vec<Pair>,
    /// Whether its programs tell what they were given.
    tells: bool,
}

impl Run {
    fn start(name: &str) -> Self {
        let (theirs, ours) = (Side::new(name), Side::new(name));
        let document = ours.import();
        let pairs = pairs(&document);
        let (supervisord, monitor) = (theirs.supervisord(), ours.monitor());
        Self {
            theirs,
            ours,
            supervisord,
            monitor,
            pairs,
            tells: true,
        }
    }

    /// Waits until nothing is on its way on either side, and every process has the same state on
    /// both; gives those states by our names.
    fn settle(&self, what: &str) -> BTreeMap<String, String> {
        let seen = LastSeen::default();
        let settled = || {
            let theirs = self.theirs.states_of_theirs();
            let mut states = BTreeMap::new();
            seen.0.replace(format!("{theirs:?}"));
            for pair in &self.pairs {
                let state = theirs.get(&pair.theirs)?;
                let ours = self.ours.state_of_ours(&pair.ours)?;
                seen.0.replace(format!(
                    "{}: {state} under supervisord, {ours} under ours",
                    pair.ours
                ));
                let tells = self.tells && state == "RUNNING";
                let has_told = !tells
                    || self.theirs.told(&pair.theirs_told()).is_some()
                        && self.ours.told(&pair.ours).is_some();
                if *state != ours || !SETTLED.contains(&ours.as_str()) || !has_told {
                    return None;
                }
                states.insert(pair.ours.clone(), ours);
            }
            assert_eq!(
                theirs.len(),
                self.pairs.len(),
                "{theirs:?} are {:?}",
                self.pairs
            );
            Some(states)
        };
        eventually(what, settled)
    }

    /// Compares what the processes were given and how often they ran.
    fn compare(&self, states: &BTreeMap<String, String>) {
        for pair in &self.pairs {
            let (theirs, ours) = (pair.theirs_told(), &pair.ours);
            let given = self.theirs.given(&theirs);
            assert_eq!(given, self.ours.given(ours), "{ours}");
            assert_eq!(self.theirs.runs(&theirs), self.ours.runs(ours), "{ours}");
            let has_run = given.is_some();
            assert!(
                has_run || states[ours] != "RUNNING",
                "{ours} has not told what it was given"
            );
        }
    }

    /// Kills every process that runs, and waits for what becomes of that.
    fn kill_all(&self, states: &BTreeMap<String, String>) {
        let running = self
            .pairs
            .iter()
            .filter(|pair| states[&pair.ours] == "RUNNING");
        let mut killed = Vec::new();
        for pair in running {
            let theirs = (&self.theirs, pair.theirs_told());
            for (side, name) in [theirs, (&self.ours, pair.ours.clone())] {
                let pid = side.told(&name).unwrap();
                kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
                killed.push((side, name, pid, pair.ours.clone()));
            }
        }
        for (_, name, pid, _) in &killed {
            eventually(&format!("the end of {name}"), || {
                (!is_alive(*pid)).then_some(())
            });
        }
        // Until it is known of a death, the state is what it was.
        let seen = |side: &Side, name: &str, pid: u32, ours: &str| {
            let is_new = side.told(name).is_some_and(|now| now != pid);
            let state = self.ours.state_of_ours(ours);
            is_new || state.is_some_and(|state| state == "EXITED")
        };
        for (side, name, pid, ours) in &killed {
            eventually(&format!("what follows the end of {name}"), || {
                seen(side, name, *pid, ours).then_some(())
            });
        }
    }

    /// Ends both, and compares what was printed, and where to.
    fn end(mut self) {
        for (running, side) in [
            (&mut self.supervisord, &self.theirs),
            (&mut self.monitor, &self.ours),
        ] {
            running.signal(Signal::SIGTERM);
            assert!(running.end().success(), "{}", side.path("").display());
        }
        for pair in &self.pairs {
            for (side, name) in [
                (&self.theirs, pair.theirs_told()),
                (&self.ours, pair.ours.clone()),
            ] {
                if let Some(pid) = side.told(&name) {
                    assert!(!is_alive(pid), "{name} still runs");
                }
            }
        }
        assert_eq!(self.theirs.printed("log"), self.ours.printed("log"));
        let output = |side: &Side| side.lines(&side.path("output"));
        assert_eq!(
            output(&self.theirs),
            output(&self.ours),
            "what goes to their own output"
        );
        let all = |side: &Side, directory| {
            let mut lines: Vec<String> = side.printed(directory).into_values().flatten().collect();
            lines.sort();
            lines
        };
        // supervisord has temporary files of random names where ours are the programs' logs.
        assert_eq!(all(&self.theirs, "auto"), all(&self.ours, "colony/logs"));
    }
}

/// The processes of an import, as supervisorctl calls them and as our records do.
fn pairs(document: &Value) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for file in document["files"].as_array().unwrap() {
        let program = file["program"].as_str().unwrap();
        let processes = file["processes"].as_array().unwrap();
        for (number, theirs) in processes.iter().enumerate() {
            let ours = match processes.len() {
                1 => program.to_owned(),
                _ => format!("{program}:{number}"),
            };
            let theirs = theirs.as_str().unwrap().to_owned();
            pairs.push(Pair { theirs, ours });
        }
    }
    pairs
}

/// Runs a configuration on both sides, through a death of every process, to the end.
fn runs_the_same(name: &str) {
    let run = Run::start(name);
    let states = run.settle(&format!("{name} settles"));
    run.compare(&states);
    run.kill_all(&states);
    let states = run.settle(&format!(
        "{name} settles after all its processes were killed"
    ));
    run.compare(&states);
    run.end();
}

#[test]
fn debian() {
    runs_the_same("debian");
}

#[test]
fn django() {
    runs_the_same("django");
}

#[test]
fn laravel() {
    runs_the_same("laravel");
}

#[test]
fn docker() {
    runs_the_same("docker");
}

#[test]
fn node() {
    runs_the_same("node");
}

#[test]
fn rabbitmq() {
    runs_the_same("rabbitmq");
}

#[test]
fn flask() {
    runs_the_same("flask");
}

#[test]
fn oneshots() {
    runs_the_same("oneshots");
}

#[test]
fn groups() {
    runs_the_same("groups");
}

#[test]
fn expansions() {
    runs_the_same("expansions");
}

#[test]
fn syslog() {
    runs_the_same("syslog");
}

#[test]
fn quoting() {
    runs_the_same("quoting");
}
