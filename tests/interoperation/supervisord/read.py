"""What the real supervisord makes of configurations: one JSON document per line.

    read.py FILE...            reads these
    read.py --nasty N SEED DIR  makes N configurations in DIR, and reads those

A document has "file", and "refused" (a sentence or null) or "processes".
"""

import contextlib
import io
import json
import os
import random
import shlex
import sys

from supervisor.datatypes import Automatic, RestartUnconditionally
from supervisor.options import EventListenerConfig, FastCGIProcessConfig, ServerOptions


def process(group, config):
    try:
        argv = shlex.split(config.command)
    except ValueError:
        argv = None
    restart = config.autorestart
    log = lambda value: "AUTO" if value is Automatic else value
    return {
        "specification": group if group == config.name else f"{group}:{config.name}",
        "argv": argv or None,
        "environment": config.environment,
        "directory": config.directory,
        "umask": config.umask,
        "user": config.uid,
        "priority": config.priority,
        "autostart": config.autostart,
        "restart": "always" if restart is RestartUnconditionally else "on-failure" if restart else "never",
        "exit_codes": config.exitcodes,
        "startsecs": config.startsecs,
        "startretries": config.startretries,
        "stop_signal": int(config.stopsignal),
        "stopwaitsecs": config.stopwaitsecs,
        "redirect_stderr": config.redirect_stderr,
        "stdout": log(config.stdout_logfile),
        "stdout_max_bytes": config.stdout_logfile_maxbytes,
        "stdout_backups": config.stdout_logfile_backups,
        "stdout_syslog": config.stdout_syslog,
        "stderr": log(config.stderr_logfile),
        "stderr_syslog": config.stderr_syslog,
    }


def read(path):
    options = ServerOptions()
    options.stderr = options.stdout = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            options.realize(["-c", path], doc="")
    except SystemExit:
        return {"file": path, "refused": options.stderr.getvalue()}
    groups, processes = {}, []
    for group in options.process_group_configs:
        groups.setdefault(group.name, group)
    for group in groups.values():
        members = {config.name: config for config in group.process_configs}
        for config in members.values():
            if not isinstance(config, (EventListenerConfig, FastCGIProcessConfig)):
                processes.append(process(group.name, config))
    return {"file": path, "refused": None, "processes": processes}


VALUES = {
    "command": [
        "cat", "sh -c 'a b' c", 'x "a\\"b" c\\ d', "x 'open", "a ; comment", "a;b #c", "a #c ; d", "a b ;c #d",
        "%(program_name)s-%(process_num)02d %(here)s", "100%%", "100%", "%(ENV_HOME)s", "%(ENV_NO)s",
        "w --port=80%(process_num)d --all=%(numprocs)s", "a\n b\n\n c", "a\n; comment\n b", "é ü", "",
        "x%(process_num)5d|", "%(group_name)s %(host_node_name)s", "=a : b", "x '%(process_num)03d' \"$HOME\" `id`",
        "run %(ENV_A)s", "%(here)", "''", "a\\",
    ],
    "process_name": ["%(program_name)s_%(process_num)02d", "p%(process_num)d", "x", "a b", "%(group_name)s-%(process_num)s", "a:b", "%(process_num)"],
    "numprocs": ["1", "2", "3", "0", "-1", "x", " 2 "],
    "numprocs_start": ["0", "8", "-2", "1_0", ""],
    "priority": ["999", "1", "-5", "1.5", "+7"],
    "autostart": ["true", "false", "YES", "off", "maybe", "1"],
    "autorestart": ["true", "false", "unexpected", "UNEXPECTED", "sometimes", "no"],
    "startsecs": ["0", "1", "10", "-1", "x"],
    "startretries": ["0", "3", "100", "-4"],
    "exitcodes": ["0", "0,2", "1, 2", "", "0,", "256", "a"],
    "stopsignal": ["TERM", "int", "SIGQUIT", "9", "CLD", "64", "40", "RTMIN+1", "NOPE", "usr1"],
    "stopwaitsecs": ["10", "0", "x"],
    "stopasgroup": ["true", "false"],
    "killasgroup": ["true", "false", "x"],
    "user": ["root", "0", "nobody", "no-such-user", "4242424"],
    "redirect_stderr": ["true", "false"],
    "stdout_logfile": ["AUTO", "none", "Off", "syslog", "%(here)s/out.log", "/no-such-dir/x", "%(here)s/%(program_name)s%(process_num)d.log", "/dev/null", "~/x.log", "100%%"],
    "stdout_logfile_maxbytes": ["0", "1MB", "50kb", "1GB", "x", "10M", "-1"],
    "stdout_logfile_backups": ["0", "3", "x"],
    "stdout_syslog": ["true", "false"],
    "stdout_capture_maxbytes": ["0", "1MB", "x"],
    "stderr_logfile": ["AUTO", "NONE", "syslog", "%(here)s/err.log"],
    "stderr_syslog": ["true", "no"],
    "environment": [
        "A=1", 'A="x y",B=\'z\'', "A=1,B=/usr/bin:/bin,", "A=1 B=2", "A", 'A="%(process_num)d"', "A=a@b", "A=%(ENV_HOME)s",
        "A=\"1\",\n B=\"2\"", "A='it''s'", 'A=b"c"d', "A=1;B=2", "A=\"#x\"", 'A="a #b"', "A=\"%%\"", "HOME=/x",
    ],
    "directory": ["/", "/no-such", "%(here)s", "/tmp/%(process_num)d", ""],
    "umask": ["022", "7", "0o27", "8", "-1", "1777"],
    "serverurl": ["AUTO", "http://x"],
    "nonsense": ["1"],
}
GLOBAL = {
    "environment": ['G="1"', "A=0,G=%(here)s", "G", 'G="%%"', "HOME=/g"],
    "umask": ["022", "9"],
    "nodaemon": ["true", "false", "x"],
    "minfds": ["1024", "x"],
    "loglevel": ["info", "DEBUG", "verbose", "warn"],
    "logfile_maxbytes": ["50MB", "1T"],
    "user": ["root", "no-such-user"],
    "directory": ["/", "/no-such"],
    "logfile": ["/tmp/s.log", "/no-such-dir/s.log", "%(ENV_HOME)s/x", "%x"],
    "strip_ansi": ["false", "x"],
}
WRONG = {
    "100%", "%(ENV_NO)s", "run %(ENV_A)s", "%(here)", "a b", "a:b", "%(process_num)", "x", "1.5", "maybe",
    "sometimes", "0,", "256", "a", "40", "RTMIN+1", "NOPE", "no-such-user", "4242424", "/no-such-dir/x", "100%%", "10M",
    "A=1 B=2", "A", "A=a@b", "A='it''s'", "8", "G", "9", "verbose", "1T", "/no-such", "/no-such-dir/s.log", "%x", "",
    "%(ENV_HOME)s/x",
}
BROKEN = ["no equals here", "= empty", "[", "[]", "  continuation", "[program:a b]", "\ufeff", "[DEFAULT]\ncommand=default\n", "[x]y]\na=1", "\t# c", "\x1c"]


def option(name, value, dice):
    equals = dice.choice(["=", " = ", ":", " : "])
    name = dice.choice([name] * 6 + [name.upper(), name + " "])
    return f"{name}{equals}{value}{dice.choice([''] * 60 + [' ; c', ' #c', ';c'])}"


def section(name, options, dice, most):
    lines = [dice.choice([f"[{name}]"] * 9 + [f"[{name}] ; c"])]
    chosen = dice.sample(sorted(options), min(len(options), dice.randint(0, most)))
    if "command" in options and dice.random() < 0.95 and "command" not in chosen:
        chosen.append("command")
    if "numprocs" in chosen and "process_name" not in chosen:
        chosen.append("process_name")
    # Most of what is wrong is taken out again, or hardly anything would be taken whole.
    for key in chosen:
        value = dice.choice(options[key])
        if value in WRONG and dice.random() < 0.93:
            value = options[key][0]
        lines.append(option(key, value, dice))
    return "\n".join(lines) + "\n"


def nasty(dice):
    parts = []
    if dice.random() < 0.97:
        parts.append(section("supervisord", GLOBAL, dice, 2 if dice.random() < 0.5 else 0))
    names = ["a", "b", "c", "all", "web.bak"]
    for name in dice.sample(names, dice.randint(1, 3)):
        parts.append(section(f"program:{name}", VALUES, dice, 6))
    if dice.random() < 0.3:
        there = [name for name in names if any(f"program:{name}]" in part for part in parts)] or names
        members = ",".join(dice.sample(there, dice.randint(1, len(there))))
        parts.append(f"[group:{dice.choice(['g', 'a'])}]\nprograms={members}\npriority={dice.choice(['1', '999', '5', '-1', 'x'])}\n")
    if dice.random() < 0.1:
        parts.append("[unix_http_server]\nfile=/tmp/x.sock\n")
    if dice.random() < 0.1:
        parts.append(dice.choice(["[eventlistener:e]\ncommand=cat\nevents=TICK_5\n", "[eventlistener:e]\ncommand=cat\nevents=NO\n"]))
    if dice.random() < 0.1:
        parts.append("[fcgi-program:f]\ncommand=cat\nsocket=tcp://localhost:9002\n")
    dice.shuffle(parts)
    text = "".join(parts)
    if dice.random() < 0.15:
        lines = text.split("\n")
        lines.insert(dice.randint(0, len(lines)), dice.choice(BROKEN))
        text = "\n".join(lines)
    return text.replace("\n", "\r\n") if dice.random() < 0.05 else text


def main(arguments):
    if arguments[:1] == ["--nasty"]:
        count, seed, directory = int(arguments[1]), int(arguments[2]), arguments[3]
        arguments = []
        for number in range(count):
            path = os.path.join(directory, f"{number}.conf")
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(nasty(random.Random(f"{seed}-{number}")))
            arguments.append(path)
    for path in arguments:
        print(json.dumps(read(path)))


main(sys.argv[1:])
