"""What the companions cost while nothing happens: `companions.py --many 1000`.

Runs a colony of /bin/sleep, each with the keys of both checks. One process beats all their hearts,
one answers for all their servers. Each companion is measured as the kernel counts it: its CPU from
/proc/PID/stat, its memory from smaps_rollup, and its wake-ups from what wait4 tells of its whole
life (threads that have ended are in it, which /proc has forgotten).
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from companions_colony import PROGRAMS, Colony

PERIOD, HTTP_TIMEOUT = 10, 5
# NColony's has no plugin by which twistd would find it, and this starts it.
ITS_HTTPCHECK = Path(__file__).resolve().parents[1] / "interoperation" / "httpcheck.py"
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """Of all its threads, also of those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid):
    """RSS and PSS in MiB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return tuple(int(lines[key].split()[0]) / 1024 for key in ("Rss", "Pss"))


class Measured:
    """A companion: what it is called in the report, and its process."""

    def __init__(self, what, words, log):
        self.what, self.begun = what, time.monotonic()
        self.process = subprocess.Popen(list(map(str, words)), stdout=log, stderr=log)
        self.cpu = self.cpu_before = 0.0

    def line(self, seconds):
        cpu = cpu_seconds(self.process.pid) - self.cpu_before
        rss, pss = memory(self.process.pid)
        lived = time.monotonic() - self.begun
        os.kill(self.process.pid, signal.SIGKILL)
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = -signal.SIGKILL
        switches = usage.ru_nvcsw + usage.ru_nivcsw
        return (f"{self.what:<42}{cpu * 60 / seconds:>8.2f} {switches / lived:>10.1f} "
                f"{rss:>8.1f} {pss:>8.1f}")


def companions(binaries, root, nothing, python):
    """What is measured: name -> words."""
    found = {}
    for check in ["beatcheck", "httpcheck"]:
        found[f"ncolony-{check}"] = [binaries / f"ncolony-{check}", "--root", root]
        found[f"ncolony-{check} that watches nothing"] = [binaries / f"ncolony-{check}", "--root", nothing]
    idle = ["--", "/bin/true"]
    found["ncolony-scheduler --frequency, idle"] = [
        binaries / "ncolony-scheduler", "--frequency", "86400", "--timeout", "5", "--grace", "1", *idle]
    found["ncolony-scheduler --cron, idle"] = [binaries / "ncolony-scheduler", "--cron", "0 0 1 1 *", *idle]
    if python:
        # What they ask for is put where nobody reads it.
        config, messages = root / "config", nothing / "messages"
        flags = ["--config", config, "--messages", messages]
        found["NColony's beatcheck"] = [python, "-m", "twisted", "ncolony-beatcheck", *flags]
        found["NColony's httpcheck"] = [python, ITS_HTTPCHECK, *flags]
    return found


def measure(options):
    root = Path(tempfile.mkdtemp(prefix="ncolony-companions-"))
    nothing = root / "nothing"
    for name in ["config", "messages", "status/programs"]:
        (nothing / name).mkdir(parents=True)
    colony = Colony(options.binaries, root)
    helpers, measured = [], []
    try:
        play = [sys.executable, PROGRAMS]
        helpers.append(subprocess.Popen([*play, "answer", root / "counts"], stdout=subprocess.PIPE, text=True))
        helpers.append(subprocess.Popen([*play, "beat", colony.hearts, str(options.many), str(PERIOD)]))
        url = f"http://127.0.0.1:{helpers[0].stdout.readline().strip()}/"
        for number in range(options.many):
            colony.add(f"p{number:05}", {
                "args": ["/bin/sleep", "1000000"],
                "ncolony.beatcheck": {"period": PERIOD, "grace": 3, "status": str(colony.hearts)},
                "ncolony.httpcheck": {"url": url, "period": PERIOD, "timeout": HTTP_TIMEOUT, "grace": 0, "maxBad": 2}})
        colony.start()
        colony.until("all run", lambda: all(
            colony.record(name).get("state") == "RUNNING" for name in colony.files), 120)
        with open(root / "companions.log", "ab") as log:
            for what, words in companions(colony.binaries, root, nothing, options.python).items():
                measured.append(Measured(what, words, log))
        # Until each has had its first look, and Python has been imported.
        time.sleep(12)
        asked = colony.read("counts")
        for one in measured:
            one.cpu_before = cpu_seconds(one.process.pid)
        time.sleep(options.seconds)
        asked = {who: count - asked.get(who, 0) for who, count in colony.read("counts").items()}
        print(f"{options.many} watched programs, period {PERIOD} s, the default frequency, {options.seconds:.0f} s")
        print(f"{'':<42}{'CPU s/min':>8} {'wake-ups/s':>10} {'RSS MiB':>8} {'PSS MiB':>8}")
        for one in measured:
            print(one.line(options.seconds))
        print(f"requests in that time: {json.dumps(asked)}")
        restarted = [name for name in colony.files if colony.record(name)["starts"] != 1]
        if restarted:
            sys.exit(f"companions: {len(restarted)} were restarted, and all were well: {restarted[:5]}")
        colony.end()
    finally:
        for process in [*helpers, *(one.process for one in measured)]:
            if process.poll() is None:
                process.kill()
        said = (root / "companions.log").read_text() if (root / "companions.log").exists() else ""
        print("\n".join(line for line in said.splitlines() if "ncolony-" in line and line.startswith("ncolony-"))[:2000])
        colony.kill()
        shutil.rmtree(root, ignore_errors=True)
