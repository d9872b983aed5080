//! A check that looks at rows of the table, and what it asks for.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::unistd::geteuid;
use serde_json::{Value, json};

use super::row::{File, Meanwhile, Outcome, Row};
use super::server::Server;
use crate::colony::{Colony, python};
use crate::process::{Running, built, command};

/// Whose companion, NColony's or ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    Theirs,
    Ours,
}

impl Make {
    /// What a row says of it.
    pub(crate) fn of(self, row: &Row) -> Outcome {
        match self {
            Self::Theirs => row.theirs,
            Self::Ours => row.ours,
        }
    }
}

/// Which of the two checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Beat,
    Http,
}

impl Check {
    fn key(self) -> &'static str {
        match self {
            Self::Beat => "ncolony.beatcheck",
            Self::Http => "ncolony.httpcheck",
        }
    }

    /// The words that start it for this colony. A look every 0.3 seconds.
    pub(crate) fn words(self, make: Make, colony: &Colony) -> Vec<String> {
        let word = |path: &Path| path.to_str().unwrap().to_owned();
        let program = |name: &str| word(&built().join(name));
        let python = word(Path::new(python().get_program()));
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let published = ["-m", "twisted", "--log-format=text", "ncolony-beatcheck"];
        let repaired = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/interoperation/httpcheck.py"
        );
        let mut words: Vec<String> = match (make, self) {
            (Make::Ours, Self::Beat) => vec![program("ncolony-beatcheck")],
            (Make::Ours, Self::Http) => vec![program("ncolony-httpcheck")],
            (Make::Theirs, Self::Beat) => text(&[&[python.as_str()], &published[..]].concat()),
            (Make::Theirs, Self::Http) => text(&[&python, repaired]),
        };
        let (config, messages) = (colony.path("config"), colony.path("messages"));
        words.extend(text(&[
            "--config",
            &word(&config),
            "--messages",
            &word(&messages),
            "--freq",
            "0.3",
        ]));
        words
    }
}

/// How long a heart beats that is to stop.
const BEATING: Duration = Duration::from_secs(2);
const AN_HOUR: Duration = Duration::from_secs(3600);
/// Restarts at every look are closer than this, and those that come once per grace are not.
const BETWEEN: Duration = Duration::from_millis(1500);

/// The rows that one check looks at, in a colony of theirs.
pub(crate) struct Watch {
    pub(crate) colony: Colony,
    check: Check,
    rows: Vec<(&'static Row, Server)>,
    begun: Instant,
    /// The restarts of each program. Of the first one: how often its server had been asked.
    restarts: BTreeMap<String, Vec<Instant>>,
    asked: BTreeMap<String, usize>,
    /// Where there is a monitor: the last process of each program.
    processes: BTreeMap<&'static str, u32>,
    running: OnceCell<Running>,
}

impl Watch {
    /// The colony of these rows, without anybody who looks at it.
    pub(crate) fn new(check: Check, rows: impl IntoIterator<Item = &'static Row>) -> Self {
        // What has to be built is built before time counts.
        built();
        let colony = Colony::new();
        fs::create_dir(colony.path("hearts")).unwrap();
        let can_be =
            |row: &&Row| geteuid().is_root() || !matches!(row.file, File::OthersMayWrite(_));
        let rows = rows.into_iter().filter(can_be);
        let rows = rows.map(|row| (row, Server::of(row.meanwhile)));
        let watch = Self {
            colony,
            check,
            rows: rows.collect(),
            begun: Instant::now(),
            restarts: BTreeMap::new(),
            asked: BTreeMap::new(),
            processes: BTreeMap::new(),
            running: OnceCell::new(),
        };
        for (row, server) in &watch.rows {
            watch.write(row, server);
        }
        watch.live();
        watch
    }

    /// The same, with a check that looks at it. There is no monitor: the test takes its messages.
    pub(crate) fn started(
        check: Check,
        make: Make,
        rows: impl IntoIterator<Item = &'static Row>,
    ) -> Self {
        let watch = Self::new(check, rows);
        let words = check.words(make, &watch.colony);
        let mut command = command(&words[0]);
        command.args(&words[1..]).current_dir(watch.colony.root());
        let running = Running::start(command, &watch.colony.path("check"));
        assert!(watch.running.set(running).is_ok());
        watch
    }

    fn write(&self, row: &Row, server: &Server) {
        let path = self.file(row);
        match row.file {
            File::Extra(_) | File::NoExtra => fs::write(path, self.text(row, server, 0)),
            File::OthersMayWrite(_) => fs::write(&path, self.text(row, server, 0))
                .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o666))),
            File::Text(text) => fs::write(path, text),
            File::Dangling => symlink(self.colony.path("nowhere"), path),
            File::Directory => fs::create_dir(path),
        }
        .unwrap();
        if row.meanwhile == Meanwhile::BeatenInTheFuture {
            touch(&self.heart(row), SystemTime::now() + AN_HOUR);
        }
    }

    fn file(&self, row: &Row) -> PathBuf {
        self.colony.path("config").join(row.name)
    }

    fn heart(&self, row: &Row) -> PathBuf {
        self.colony.path("hearts").join(row.name)
    }

    /// The text of a row's program file, the program's words with this number.
    fn text(&self, row: &Row, server: &Server, number: usize) -> String {
        let mut file = json!({"args": [self.colony.witness(), number.to_string()]});
        if let File::Extra(extra) | File::OthersMayWrite(extra) = row.file {
            let extra = extra
                .replace("HEARTS", self.colony.path("hearts").to_str().unwrap())
                .replace("FILE", row.name)
                .replace("URL", server.url());
            file[self.check.key()] = serde_json::from_str(&extra).unwrap();
        }
        file.to_string()
    }

    /// Puts a file in the place of another, at once.
    fn replace(&self, row: &Row, text: &str) {
        let new = self.colony.path("replacement");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.file(row)).unwrap();
    }

    /// Does what is to happen meanwhile.
    pub(crate) fn live(&self) {
        let (now, age) = (SystemTime::now(), self.begun.elapsed());
        for (row, server) in &self.rows {
            match row.meanwhile {
                Meanwhile::Beats => touch(&self.heart(row), now),
                Meanwhile::BeatsInThePast => touch(&self.heart(row), now - AN_HOUR),
                Meanwhile::StopsBeating if age < BEATING => touch(&self.heart(row), now),
                Meanwhile::HeartVanishes if age < BEATING => touch(&self.heart(row), now),
                Meanwhile::HeartVanishes => drop(fs::remove_file(self.heart(row))),
                Meanwhile::FileIsTouched => touch(&self.file(row), now),
                Meanwhile::FileIsRewritten => {
                    let number = usize::try_from(age.as_millis()).unwrap();
                    self.replace(row, &self.text(row, server, number));
                }
                Meanwhile::Nothing
                | Meanwhile::StopsBeating
                | Meanwhile::BeatenInTheFuture
                | Meanwhile::FileIsRemoved
                | Meanwhile::FileIsMended
                | Meanwhile::Serves(_)
                | Meanwhile::ServesAtFirst(..) => {}
            }
        }
    }

    /// Takes the messages that lie there, as a monitor does, and changes the files of those who
    /// wait for that. It is done at once: the check has just read all files and will again soon.
    pub(crate) fn take(&mut self) {
        for entry in fs::read_dir(self.colony.path("messages")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "new") {
                continue;
            }
            let message: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            fs::remove_file(path).unwrap();
            assert_eq!(message["type"], "RESTART", "{message}");
            self.restarted(message["name"].as_str().unwrap());
        }
    }

    /// Where there is a monitor: looks who has another process than before.
    pub(crate) fn see(&mut self) {
        let names: Vec<&str> = self.rows.iter().map(|(row, _)| row.name).collect();
        for name in names {
            if let Some(now) = self.colony.told(name)
                && let Some(before) = self.processes.insert(name, now)
                && before != now
            {
                self.restarted(name);
            }
        }
    }

    fn restarted(&mut self, name: &str) {
        let times = self.restarts.entry(name.to_owned()).or_default();
        times.push(Instant::now());
        let is_first = times.len() == 1;
        let found = self.rows.iter().find(|(row, _)| row.name == name);
        let Some((row, server)) = found.filter(|_| is_first) else {
            return;
        };
        if row.meanwhile == Meanwhile::FileIsRemoved {
            fs::remove_file(self.file(row)).unwrap();
        }
        if row.meanwhile == Meanwhile::FileIsMended {
            self.replace(row, &json!({"args": [self.colony.witness()]}).to_string());
        }
        self.asked.insert(name.to_owned(), server.asked());
    }

    /// Whether a restart of this program has been asked for.
    pub(crate) fn has_restarted(&self, name: &str) -> bool {
        self.restarts.contains_key(name)
    }

    /// Whether the check has died of what it saw, in the original's way: its process goes on, and
    /// it has printed where the function that its timer called has failed.
    pub(crate) fn is_blind(&self) -> bool {
        let running = self.running.get();
        running.is_some_and(|running| running.output().contains(", in run\n"))
    }

    /// What the check has printed.
    pub(crate) fn output(&self) -> String {
        self.running.get().map(Running::output).unwrap_or_default()
    }

    /// What is otherwise than its rows say of this make; for people.
    pub(crate) fn differences(&self, make: Make) -> Vec<String> {
        let rows = self.rows.iter();
        rows.filter_map(|(row, _)| self.difference(row, make))
            .collect()
    }

    /// What is otherwise than this row says.
    pub(crate) fn difference(&self, row: &Row, make: Make) -> Option<String> {
        let expected = make.of(row);
        let times = self.times(row.name).iter();
        let times: Vec<Duration> = times.map(|time| time.duration_since(self.begun)).collect();
        let (name, asked) = (row.name, self.asked.get(row.name));
        (!self.is_so(row, expected)).then(|| {
            format!(
                "{name}, {make:?}: not {expected:?}, but restarts at {times:?}, asked {asked:?}"
            )
        })
    }

    fn times(&self, name: &str) -> &[Instant] {
        self.restarts.get(name).map_or(&[], Vec::as_slice)
    }

    fn is_so(&self, row: &Row, expected: Outcome) -> bool {
        let times = self.times(row.name);
        let is_close = times
            .windows(2)
            .any(|pair| pair[1].duration_since(pair[0]) < BETWEEN);
        if matches!(
            row.meanwhile,
            Meanwhile::StopsBeating | Meanwhile::HeartVanishes
        ) && times
            .iter()
            .any(|time| time.duration_since(self.begun) < BEATING)
        {
            return false;
        }
        match expected {
            Outcome::LetBe => times.is_empty(),
            Outcome::Restarted => !times.is_empty(),
            Outcome::RestartedAs(name) => times.is_empty() && self.has_restarted(name),
            Outcome::RestartedAfter(often) => self.asked.get(row.name) == Some(&often),
            Outcome::EveryLook => is_close,
            Outcome::OncePerGrace => !times.is_empty() && !is_close,
            // A look may have been under way.
            Outcome::NoMore => matches!(times.len(), 1 | 2),
            Outcome::Blind => self.restarts.is_empty() && self.is_blind(),
        }
    }
}

fn touch(path: &Path, time: SystemTime) {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.set_modified(time).unwrap();
}
