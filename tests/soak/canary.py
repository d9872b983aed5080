#!/usr/bin/env python3
"""Strangers that have got the numbers of dead programs, at every start of a monitor.

Over and over: a monitor is killed, all of its programs are killed, and strangers are given their
process numbers, each the number of one of them. Then a monitor is started on what the dead one
wrote down. It must start all programs anew, restart and stop them when it is told to, and no
stranger may have been sent a signal.

It needs root: the numbers are chosen in a process namespace of its own, where nobody else takes
them, and whose end ends everything.

    cargo build --release
    tests/soak/canary.py --rounds 10000
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]

# A stranger has a session of its own, as a program has, and notes every signal that can be noted.
HANDLED = [number for number in signal.valid_signals()
           if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)]


def until(what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"it did not come true: {what}")
        time.sleep(0.002)


def reap():
    """Takes notice of every process that has ended and is not waited for by name."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


class Colony:
    def __init__(self, root, binary, programs, flags):
        self.root = root
        self.command = [binary, "--root", root, "-t", "0", "-k", "0.2", *flags]
        self.names = [f"p{number}" for number in range(programs)]
        self.pids = {}
        self.asked = 0
        (root / "config").mkdir()
        (root / "messages").mkdir()
        for name in self.names:
            (root / "config" / name).write_text(json.dumps({"args": ["sleep", "1000000"]}))

    def start(self):
        with open(self.root / "monitor.err", "ab") as log:
            self.monitor = os.posix_spawn(
                self.command[0], self.command, os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), 2)])

    def kill(self):
        os.kill(self.monitor, signal.SIGKILL)
        os.waitpid(self.monitor, 0)

    def records(self):
        for name in self.names:
            try:
                yield name, json.loads((self.root / f"status/programs/{name}.json").read_text())
            except FileNotFoundError:
                yield name, {"pid": None}

    def all_new(self):
        """Whether each program runs, and as another start than when this was last true."""
        new = {}
        for name, record in self.records():
            if record["pid"] is None or record["state"] != "RUNNING" or record["adopted"]:
                return False
            new[name] = (record["pid"], record["process"]["pidfd_inode"])
        if any(self.pids.get(name) == found for name, found in new.items()):
            return False
        self.pids = new
        return True

    def ask(self, message):
        self.asked += 1
        unfinished = self.root / "messages" / ".unfinished"
        unfinished.write_text(json.dumps(message))
        unfinished.rename(self.root / "messages" / f"ask-{self.asked}")


def canary(pid, heard):
    """A stranger with this number; None if somebody else has it."""
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
    child = os.fork()
    if child == 0:
        os.setsid()
        for number in HANDLED:
            signal.signal(number, lambda number, _: os.write(heard, b"%d to %d\n" % (number, pid)))
        os.write(heard, b"+")
        while True:
            signal.pause()
    if child == pid:
        return child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def soak(options):
    root = Path(tempfile.mkdtemp(prefix="canary."))
    colony = Colony(root, options.binary, options.at_once, options.flag)
    colony.start()
    until("all run", colony.all_new)
    rounds = starts = 0
    begun = time.monotonic()
    while rounds < options.rounds:
        colony.kill()
        pids = [pid for pid, _ in colony.pids.values()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until("all are gone", lambda: (reap(), not any(Path(f"/proc/{pid}").exists() for pid in pids))[1])
        listen, heard = os.pipe()
        canaries = [pid for pid in pids if canary(pid, heard)]
        os.close(heard)
        ready = b""
        while len(ready) < len(canaries):
            ready += os.read(listen, len(canaries) - len(ready))
        colony.start()
        starts += 1
        until("all run anew", colony.all_new)
        if starts % 5 == 0:
            colony.ask({"type": "RESTART-ALL"})
            until("all were restarted", colony.all_new)
        os.set_blocking(listen, False)
        try:
            said = os.read(listen, 4096)
        except BlockingIOError:
            said = b""
        for pid in canaries:
            dead, status = os.waitpid(pid, os.WNOHANG)
            if dead or said:
                sys.exit(f"a stranger was told something: {pid} {status} {said!r}; see {root}")
        rounds += len(canaries)
        for pid in canaries:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(listen)
        reap()
    seconds = time.monotonic() - begun
    os.kill(colony.monitor, signal.SIGTERM)
    os.waitpid(colony.monitor, 0)
    print(f"{rounds} strangers had a dead program's number over {starts} starts of a monitor "
          f"in {seconds:.0f} s; none was told anything, and every program runs")
    shutil.rmtree(root)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=10_000, help="so many strangers in all")
    parser.add_argument("--at-once", type=int, default=100, help="so many programs")
    parser.add_argument("--binary", default=str(HERE / "target/release/ncolony-monitor"))
    parser.add_argument("--flag", action="append", default=[], help="a flag of the monitor")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        soak(options)
        return
    if os.geteuid() != 0:
        sys.exit("it needs root: the numbers of processes are chosen")
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, *sys.argv, "--inside"]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
