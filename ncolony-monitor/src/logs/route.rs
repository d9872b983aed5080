//! Where the streams of a program go, by its file and by the places of the colony.

use std::path::{Path, PathBuf};

use ncolony_core::ProgramSpec;
use ncolony_core::descriptor::Identity;
use ncolony_core::descriptor::output::{ErrorOutput, Output, Rotation};

/// One of the two streams of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stream {
    /// Standard output, and standard error where it goes to the same place.
    Out,
    /// Standard error, where it goes to a place of its own.
    Err,
}

impl Stream {
    /// Its word, for what is written down.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }

    /// The stream of this word.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Out, Self::Err]
            .into_iter()
            .find(|stream| stream.word() == word)
    }
}

/// Where a stream is kept that comes through us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Into this file, byte for byte.
    File(Target),
    /// To the monitor's own output, each line behind the program's name.
    Own,
    /// To the machine's log, line by line.
    Syslog,
}

/// A log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Its path.
    pub(super) path: PathBuf,
    /// How it is rotated.
    pub(super) rotation: Rotation,
    /// Whether its directory is ours, to be made again when it is gone.
    pub(super) in_place: bool,
    /// Whom the program runs as that writes it.
    pub(super) identity: Identity,
}

#[cfg(test)]
impl Target {
    /// One of a program that runs as the monitor does.
    pub(super) fn of(path: &Path, rotation: Rotation) -> Self {
        Self {
            path: path.to_owned(),
            rotation,
            in_place: false,
            identity: Identity::default(),
        }
    }
}

/// What a program is given for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A FIFO that we read.
    Through(Destination),
    /// `/dev/null`.
    Null,
    /// Our own descriptor.
    Inherit,
}

/// The ways of both streams; `None` for standard error: the descriptor of standard output.
pub(super) fn routes(spec: &ProgramSpec, logs: Option<&Path>) -> (Route, Option<Route>) {
    let out = route(&spec.process.stdout, spec, logs);
    let err = match &spec.process.stderr {
        ErrorOutput::Stdout => None,
        ErrorOutput::Apart(output) => Some(route(output, spec, logs)),
    };
    let err = err.filter(|err| !same_file(&out, err));
    (out, err)
}

/// How many of a program's streams come through us.
pub(crate) fn streams_of(spec: &ProgramSpec, logs: Option<&Path>) -> usize {
    let (out, err) = routes(spec, logs);
    let through = |route: &Route| matches!(route, Route::Through(_));
    std::iter::once(out).chain(err).filter(through).count()
}

fn same_file(out: &Route, err: &Route) -> bool {
    match (out, err) {
        (Route::Through(Destination::File(out)), Route::Through(Destination::File(err))) => {
            out.path == err.path
        }
        (Route::Through(Destination::Own), Route::Through(Destination::Own)) => true,
        (Route::Through(_) | Route::Null | Route::Inherit, _) => false,
    }
}

fn route(output: &Output, spec: &ProgramSpec, logs: Option<&Path>) -> Route {
    match output {
        Output::Log(log) => {
            let own = || logs.map(|logs| logs.join(format!("{}.log", spec.name)));
            let in_place = log.file.is_none();
            let path = log.file.clone().or_else(own);
            let rotation = log.rotation;
            Route::Through(path.map_or(Destination::Own, |path| {
                Destination::File(Target {
                    path,
                    rotation,
                    in_place,
                    identity: spec.process.identity.clone(),
                })
            }))
        }
        Output::Syslog => Route::Through(Destination::Syslog),
        Output::Null => Route::Null,
        Output::Inherit => Route::Inherit,
    }
}

#[cfg(test)]
mod tests {
    use ncolony_core::{Defaults, ProgramName};

    use super::*;

    fn of(keys: &str, logs: Option<&str>) -> (Route, Option<Route>) {
        let text = format!(r#"{{"args": ["x"]{keys}}}"#);
        let name = ProgramName::new("web").unwrap();
        let spec = ProgramSpec::parse(name, text.as_bytes(), &Defaults::default()).unwrap();
        routes(&spec, logs.map(Path::new))
    }

    fn path(route: &Route) -> &Path {
        match route {
            Route::Through(Destination::File(target)) => &target.path,
            Route::Through(Destination::Own | Destination::Syslog)
            | Route::Null
            | Route::Inherit => panic!("{route:?}"),
        }
    }

    #[test]
    fn both_go_to_the_programs_log_unless_it_says_otherwise() {
        for keys in ["", r#", "stderr": "log""#, r#", "stderr": {"backups": 1}"#] {
            let (out, err) = of(keys, Some("/l"));
            assert_eq!((path(&out), err), (Path::new("/l/web.log"), None), "{keys}");
        }
        let (out, err) = of(r#", "stderr": {"file": "/x"}"#, Some("/l"));
        assert_eq!(
            (path(&out), path(&err.unwrap())),
            (Path::new("/l/web.log"), Path::new("/x"))
        );
    }

    #[test]
    fn without_a_place_for_logs_it_is_our_own_output() {
        let own = Route::Through(Destination::Own);
        assert_eq!(of(r#", "stderr": "log""#, None), (own.clone(), None));
        assert_eq!(of(r#", "stdout": {"backups": 1}"#, None), (own, None));
        assert_eq!(path(&of(r#", "stdout": {"file": "/x"}"#, None).0), "/x");
    }

    #[test]
    fn what_is_no_file_is_apart() {
        let both = r#", "stdout": "syslog", "stderr": "syslog""#;
        let syslog = Route::Through(Destination::Syslog);
        assert_eq!(of(both, None), (syslog.clone(), Some(syslog)));
        let both = r#", "stdout": "null", "stderr": "inherit""#;
        assert_eq!(of(both, None), (Route::Null, Some(Route::Inherit)));
    }
}
