"""The colony of companions.py: its monitor, its files, and what its programs have written down."""
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = Path(__file__).resolve().with_name("companions_programs.py")


def is_alive(pid):
    """Whether a process runs: what an earlier monitor had started may be dead, and nobody has taken its end."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


class Colony:
    def __init__(self, binaries, root):
        self.binaries, self.root = binaries.resolve(), root
        self.config, self.hearts, self.alone = root / "config", root / "hearts", root / "alone"
        self.well, self.ill, self.checks, self.files, self.wrong = {}, [], [], {}, []
        for path in [self.config, self.hearts, root / "lives"]:
            path.mkdir()
        self.log = open(root / "monitor.log", "ab")
        self.process = None

    def start(self):
        """Starts a monitor."""
        self.process = subprocess.Popen(
            [self.binaries / "ncolony-monitor", "--root", self.root], stdout=self.log, stderr=self.log)

    def is_up(self):
        return self.read("status/monitor.json").get("pid") == self.process.pid

    def read(self, path):
        try:
            return json.loads((self.root / path).read_text())
        except FileNotFoundError:
            return {}

    def record(self, name):
        return self.read(f"status/programs/{name}.json")

    def until(self, what, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if self.process.poll() is not None:
                sys.exit(f"companions: the monitor has ended with {self.process.returncode} before {what}")
            if time.monotonic() > deadline:
                sys.exit(f"companions: never came to be: {what}")
            time.sleep(0.02)
        return value

    def write(self, name, descriptor, indent=None):
        new = self.config / f".{name}.new"
        new.write_text(json.dumps(descriptor, indent=indent))
        new.rename(self.config / name)

    def add(self, name, descriptor):
        self.files[name] = descriptor
        self.write(name, descriptor)

    def play(self, name, words, beat=None, web=None):
        """Adds one of the programs of companions_programs.py."""
        keys = {"ncolony.beatcheck": beat, "ncolony.httpcheck": web}
        keys = {key: value for key, value in keys.items() if value}
        self.add(name, {"args": [sys.executable, str(PROGRAMS), *map(str, words)], **keys})

    def log_of(self, name):
        return self.root / "lives" / name

    def lives(self, name):
        """The processes that a program has had: when each began, and when it fell ill or None."""
        lives = []
        for line in self.log_of(name).read_text().splitlines():
            word, _, at = line.split()
            if word == "start":
                lives.append((float(at), None))
            else:
                lives[-1] = (lives[-1][0], float(at))
        return lives

    def ctl(self, *words):
        done = subprocess.run(
            [self.binaries / "ncolony-ctl", "--root", self.root, *words], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"companions: ncolony-ctl {' '.join(words)}: {done.stderr}")

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def end(self):
        """Ends in order; nothing may be left."""
        pids = [pid for name in self.files if (pid := self.record(name).get("pid"))]
        self.process.terminate()
        if code := self.process.wait(30):
            sys.exit(f"companions: the monitor has ended with {code}")
        if left := [pid for pid in pids if is_alive(pid)]:
            sys.exit(f"companions: {left} have outlived the monitor's orderly end")

    def kill(self):
        """Ends whatever is left, at once."""
        if self.process is None or self.process.returncode == 0:
            return
        if self.process.poll() is not None:
            # It was killed, and only another one knows what it has left.
            self.start()
            time.sleep(1)
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
