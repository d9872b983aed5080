//! What people are told: refusals with their line, and what has no equivalent.

use super::*;

#[test]
fn what_supervisord_refuses_is_refused_with_its_line() {
    let case = Case::new();
    for (text, line, part) in [
        ("[program:x]\ncommand=a\n", 0, "no [supervisord]"),
        (
            "[supervisord]\nloglevel=loud\n",
            2,
            "[supervisord] loglevel",
        ),
        ("[supervisord]\n[program:x]\n", 2, "no command"),
        (
            "[supervisord]\n[program:x]\ncommand=100%\n",
            3,
            "incomplete",
        ),
        (
            "[supervisord]\n[program:x]\ncommand=a\nnumprocs=2\n",
            2,
            "process_name",
        ),
        (
            "[supervisord]\n[program:x]\ncommand=a\nuser=nobody-at-all\n",
            4,
            "no account",
        ),
        (
            "[supervisord]\n[program:x]\ncommand=a\nstdout_logfile=/no/such/x\n",
            4,
            "not there",
        ),
        (
            "[supervisord]\n[program:x]\ncommand=a\nstopasgroup=1\nkillasgroup=0\n",
            5,
            "together",
        ),
        ("[supervisord]\n[program:x y]\ncommand=a\n", 2, "character"),
        ("[supervisord]\n[group:g]\nprograms=nope\n", 3, "no program"),
        (
            "[supervisord]\n[eventlistener:e]\ncommand=a\n",
            2,
            "no events",
        ),
        (
            "[supervisord]\n[fcgi-program:f]\ncommand=a\nsocket=x\n",
            4,
            "neither",
        ),
        ("[supervisord]\n[unix_http_server]\n", 2, "no file"),
        ("[supervisord]\n[include]\n", 2, "files"),
        ("[supervisord]\nfoo\n", 2, "neither"),
    ] {
        let refusal = case.read(text).err().unwrap();
        assert_eq!(refusal.origin.line, line, "{text}: {refusal}");
        assert!(refusal.message.contains(part), "{text}: {refusal}");
    }
    let refusal = read(&case.machine, &case.path("absent.conf"))
        .err()
        .unwrap();
    assert!(refusal.to_string().contains("absent.conf: cannot be read"));
    fs::write(case.path("latin.conf"), b"[supervisord]\n\xe9").unwrap();
    let refusal = read(&case.machine, &case.path("latin.conf")).err().unwrap();
    assert_eq!(refusal.origin.line, 2);
}

#[test]
fn what_has_no_equivalent_is_said() {
    let case = Case::new();
    let notes = case.notes(
        "logfile=/tmp/s.log\n[unix_http_server]\nfile=/x\n[supervisorctl]\n[rpcinterface:s]\nsupervisor.rpcinterface_factory=a:b\n\
         [eventlistener:e]\ncommand=a\nevents=TICK_5\n[fcgi-program:f]\ncommand=php %(program_name)s\nsocket=unix:///run/f.sock\nsocket_mode=0770\n\
         [program:x]\ncommand=/no/such/program\nserverurl=AUTO\nstdout_capture_maxbytes=1KB\ncolour=red\nstdout_logfile=/l\nstdout_syslog=1\n[what]\n",
    );
    let all = notes.join("\n");
    for part in [
        "main.conf:3: [supervisord] logfile:",
        "[unix_http_server]:",
        "[supervisorctl]:",
        "[rpcinterface:s]:",
        "ncolony-ctl events -f",
        r#""sockets": [{"name": "fcgi", "listen": "unix:///run/f.sock", "mode": "0770"}]"#,
        r#""args": ["sh", "-c", "exec php f <&3 3<&-"]"#,
        "[program:x] serverurl:",
        "[program:x] stdout_capture_maxbytes:",
        "[program:x] colour: supervisord does not know",
        "[program:x] stdout_syslog:",
        "[what]: supervisord passes over",
        "[program:x] command: /no/such/program is not found",
        "process group",
    ] {
        assert!(all.contains(part), "{part} is not in\n{all}");
    }
    for part in ["nodaemon", "x] stdout_logfile:"] {
        assert!(!all.contains(part), "{part} is in\n{all}");
    }
}
