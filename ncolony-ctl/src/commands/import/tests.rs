use std::fs;

use serde_json::json;

use super::*;

mod said;

/// What is made of one main file, on a machine that has only what these tests give it.
struct Case {
    directory: tempfile::TempDir,
    machine: Machine,
}

impl Case {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut machine = Machine::here().unwrap();
        machine.current_dir = directory.path().to_owned();
        machine.host = "host".to_owned();
        machine.uid = 4242;
        machine.open_files = machine::Limit {
            soft: Some(1024),
            hard: Some(4096),
        };
        machine.processes = machine::Limit::default();
        machine.environment = [
            ("HOME", "/h"),
            ("PATH", "/bin"),
            ("PWD", "/"),
            ("NCOLONY_ROOT", "/r"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        machine.variables = machine.environment.keys().cloned().collect();
        Self { directory, machine }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, text: &str) -> Result<Translation, Refusal> {
        self.write("main.conf", text);
        read(&self.machine, &self.path("main.conf"))
    }

    /// The files that are made of these sections and a plain `[supervisord]` in the foreground.
    fn made(&self, text: &str) -> Vec<(String, Value)> {
        let translation = self
            .read(&format!("[supervisord]\nnodaemon=true\n{text}"))
            .unwrap();
        check(&translation.imported).unwrap();
        let one = |one: &Imported| (one.name.to_string(), one.file.value());
        translation.imported.iter().map(one).collect()
    }

    fn program(&self, options: &str) -> Value {
        let mut made = self.made(&format!("[program:web]\ncommand=cat\n{options}"));
        assert_eq!(made.len(), 1, "{options}");
        made.pop().unwrap().1
    }

    fn notes(&self, text: &str) -> Vec<String> {
        let translation = self
            .read(&format!("[supervisord]\nnodaemon=true\n{text}"))
            .unwrap();
        translation.notes.iter().map(Note::line).collect()
    }
}

#[test]
fn a_program_that_says_nothing_runs_as_it_did() {
    let wanted = json!({
        "args": ["cat"], "env_inherit": ["HOME", "PATH"], "restart": "on-failure", "threshold": 1,
        "give_up_after": 4, "minrestartdelay": 1, "maxrestartdelay": 3, "killtime": 10,
    });
    assert_eq!(Case::new().program(""), wanted);
}

#[test]
fn every_option() {
    let case = Case::new();
    for (options, key, value) in [
        ("autostart=false", "enabled", json!(false)),
        ("autorestart=true", "restart", Value::Null),
        ("autorestart=false", "restart", json!("never")),
        ("exitcodes=0,2", "exit_codes", json!([0, 2])),
        ("startsecs=0", "threshold", json!(0)),
        ("startretries=0", "give_up_after", json!(1)),
        ("startretries=10", "give_up_after", json!(11)),
        ("startretries=10", "maxrestartdelay", json!(10)),
        ("startretries=100000", "maxrestartdelay", json!(60)),
        ("stopsignal=int", "stop_signal", json!("INT")),
        ("stopwaitsecs=60", "killtime", json!(60)),
        ("user=root", "user", json!("root")),
        ("umask=7", "umask", json!("007")),
        ("directory=/srv", "cwd", json!("/srv")),
        ("priority=5", "priority", json!(5)),
        (
            "environment=A=\"%(ENV_HOME)s\",PATH=/x",
            "env",
            json!({"A": "/h", "PATH": "/x"}),
        ),
        (
            "environment=A=\"%(ENV_HOME)s\",PATH=/x",
            "env_inherit",
            json!(["HOME"]),
        ),
        ("redirect_stderr=true", "stderr", Value::Null),
        ("stdout_logfile=NONE", "stdout", json!("null")),
        ("stdout_logfile=NONE", "stderr", json!("log")),
        (
            "stdout_logfile=/dev/null\nstderr_logfile=off",
            "stderr",
            json!("null"),
        ),
        ("stdout_logfile=/x.log", "stdout", json!({"file": "/x.log"})),
        (
            "stdout_logfile=/x.log\nstderr_logfile=/x.log",
            "stderr",
            Value::Null,
        ),
        (
            "stdout_logfile=/x.log\nstderr_logfile=/y.log",
            "stderr",
            json!({"file": "/y.log"}),
        ),
        (
            "stdout_logfile_maxbytes=1MB\nstdout_logfile_backups=0",
            "stdout",
            json!({"max_bytes": 1_048_576, "backups": 0}),
        ),
        (
            "stdout_logfile=/x\nstdout_logfile_maxbytes=0",
            "stdout",
            json!({"file": "/x", "max_bytes": 9_007_199_254_740_991_i64}),
        ),
        (
            "stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0",
            "stdout",
            json!("inherit"),
        ),
        (
            "stderr_logfile=/dev/stderr\nstderr_logfile_maxbytes=0",
            "stderr",
            json!("inherit"),
        ),
        (
            "stdout_logfile=/dev/fd/1\nstderr_logfile=/dev/stdout",
            "stderr",
            Value::Null,
        ),
        ("stdout_syslog=true", "stdout", json!("syslog")),
        (
            "stdout_logfile=syslog\nstderr_logfile=syslog",
            "stderr",
            json!("syslog"),
        ),
        ("command=", "args", Value::Null),
    ] {
        if options == "command=" {
            assert!(case.made("[program:web]\ncommand=").is_empty());
            continue;
        }
        let made = case.program(options);
        assert_eq!(
            made.get(key).unwrap_or(&Value::Null),
            &value,
            "{options}: {made}"
        );
    }
}

#[test]
fn what_supervisord_says_for_all() {
    let case = Case::new();
    let global = "[supervisord]\numask=027\ndirectory=/\nuser=root\nenvironment=A=1,B=%(here)s\nminfds=2048\n";
    let text = format!("{global}[program:web]\ncommand=cat\nenvironment=A=\"%(ENV_B)s\"\n");
    let translation = case.read(&text).unwrap();
    let file = translation.imported.first().unwrap().file.value();
    let here = case.directory.path().to_str().unwrap();
    for (key, value) in [
        ("umask", json!("027")),
        ("cwd", json!("/")),
        ("user", json!("root")),
        ("env", json!({"A": here, "B": here})),
        ("rlimits", json!({"nofile": [2048, 4096]})),
    ] {
        assert_eq!(file.get(key), Some(&value), "{key}");
    }
}

#[test]
fn groups_and_names() {
    let case = Case::new();
    let made = case.made(
        "[program:a]\ncommand=a\npriority=2\n[program:all]\ncommand=b\npriority=1\n\
         [group:g]\nprograms=a,all\n[group:h]\nprograms=a\n[program:c]\ncommand=c\nprocess_name=c_%(process_num)02d\n",
    );
    let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["c_00", "a", "all_", "h.a"]);
    assert_eq!(made[0].1["group"], json!(["c"]));
    assert_eq!(made[1].1["group"], json!(["g"]));
    assert_eq!(made[1].1["priority"], json!(2));
}

#[test]
fn priorities_that_one_number_cannot_keep_are_numbered_anew() {
    let case = Case::new();
    let text = "[program:a]\ncommand=a\npriority=500\n[group:g]\nprograms=a\npriority=1\n[program:b]\ncommand=b\npriority=2\n";
    let made = case.made(text);
    assert_eq!(
        (&made[0].1["priority"], &made[1].1["priority"]),
        (&json!(1), &json!(2))
    );
    let text =
        format!("{text}[program:c]\ncommand=c\npriority=600\n[group:h]\nprograms=c\npriority=1\n");
    let made = case.made(&text);
    let priorities: Vec<&Value> = made.iter().map(|(_, file)| &file["priority"]).collect();
    assert_eq!(priorities, [&json!(10), &json!(20), &json!(30)]);
    assert!(
        case.notes(&text)
            .iter()
            .any(|note| note.contains("numbered anew"))
    );
}

const NUMBERED: &str = "process_name=%(program_name)s_%(process_num)02d\nnumprocs=2\n";

#[test]
fn processes_that_differ_in_their_number_alone_are_instances() {
    let case = Case::new();
    let same = case.program(NUMBERED);
    assert_eq!(
        (&same["args"], &same["instances"]),
        (&json!(["cat"]), &json!(2))
    );
    let numbered = case.made(&format!(
        "[program:web]\n{NUMBERED}numprocs_start=8\ncommand=w --port=80%(process_num)02d '%(process_num)d $x' it\\'s\n"
    ));
    let script = "exec w --port=80\"$(printf %02d \"$((NCOLONY_INSTANCE + 8))\")\" \"$((NCOLONY_INSTANCE + 8))\"' $x' 'it'\\''s'";
    assert_eq!(numbered[0].1["args"], json!(["/bin/sh", "-c", script]));
}

#[test]
fn processes_that_differ_in_more_are_programs() {
    let case = Case::new();
    for more in [
        "environment=N=\"%(process_num)d\"",
        "stdout_logfile=/x%(process_num)d.log",
        "directory=/%(process_num)d",
        "command=w %(process_num)5d",
        "command=w %(process_num)x",
        "command=-w %(process_num)d",
    ] {
        let made = case.made(&format!("[program:web]\ncommand=cat\n{NUMBERED}{more}\n"));
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["web_00", "web_01"], "{more}");
        assert_eq!(made[1].1["group"], json!(["web"]));
    }
}

#[test]
fn files_are_included_in_order_and_have_their_own_here() {
    let case = Case::new();
    case.write("d/b.conf", "[program:b]\ncommand=%(here)s/b\n");
    case.write("d/a.conf", "[program:b]\ncommand=lost\npriority=3\n");
    let made = case.made("[include]\nfiles = d/*.conf nothing/*\n");
    let command = format!("{}/d/b", case.directory.path().display());
    assert_eq!(
        (&made[0].1["args"], &made[0].1["priority"]),
        (&json!([command]), &json!(3))
    );
    let notes = case.notes("[include]\nfiles = d/*.conf nothing/*\n");
    assert!(
        notes
            .iter()
            .any(|note| note.contains("no file is named by")),
        "{notes:?}"
    );
}

#[test]
fn no_bytes_make_it_panic() {
    let case = Case::new();
    let base = "[supervisord]\nenvironment=A=\"1\"\n[include]\nfiles=x*\n[program:p]\ncommand=a '%(process_num)02d'\n\
                process_name=p%(process_num)d\nnumprocs=2\nstdout_logfile=AUTO\n[group:g]\nprograms=p\n";
    let mut state = 1_u64;
    let mut next = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for _ in 0..3000 {
        let mut bytes = base.as_bytes().to_vec();
        for _ in 0..next(6) + 1 {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes[at] = u8::try_from(next(256)).unwrap(),
                1 => bytes.insert(at, b"%()[]='\";#\\\n 09\xff"[next(16)]),
                _ => drop(bytes.remove(at)),
            }
        }
        fs::write(case.path("nasty.conf"), &bytes).unwrap();
        if let Ok(translation) = read(&case.machine, &case.path("nasty.conf")) {
            // What it makes of them is always something that the monitor takes.
            check(&translation.imported).unwrap();
        }
    }
}
