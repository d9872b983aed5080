#!/usr/bin/env python3
"""Programs outlive their monitor: it is killed with KILL, and replaced by an upgrade, again and again.

Starts programs that each print a number a line, then hundreds of times kills the monitor and starts
another one, or upgrades it, now and then to a binary that is broken. At the end each program must be
the process that it was at the beginning, and its log must hold every number that it has printed,
once and in order.

    cargo build --release
    tests/soak/immortal.py
    tests/soak/immortal.py --programs 20 --kills 20 --upgrades 10 --seed 7
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]

PRINTER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <signal.h>
static volatile sig_atomic_t over;
static void end(int s) { (void)s; over = 1; }
int main(int argc, char **argv) {
    struct timespec pause = {0, 1000000L * atol(argv[1])};
    char line[64];
    struct sigaction act = {.sa_handler = end};
    sigaction(SIGUSR1, &act, 0);
    for (long n = 1; ; n++) {
        int length = snprintf(line, sizeof line, "%ld\n", n);
        for (int done = 0; done < length; ) {
            ssize_t wrote = write(1, line + done, length - done);
            if (wrote > 0) done += wrote;
            else if (!over) return 9;
        }
        if (over) { for (;;) pause_for_ever(); }
        nanosleep(&pause, 0);
    }
}
"""

BROKEN = {
    "it ends with 1": "#!/bin/sh\necho the state is of tomorrow >&2\nexit 1\n",
    "it says nothing": "#!/bin/sh\nexit 0\n",
    "it talks nonsense": "#!/bin/sh\necho yes\n",
    "its interpreter is missing": "#!/no/such/interpreter\n",
    "it is no program": "\0\0\0\0",
}


def printer(root, pause):
    """A program that prints a number a line, and rests when it is sent USR1."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler:
        source = root / "printer.c"
        source.write_text(PRINTER.replace("pause_for_ever()", "sleep(1000)"))
        subprocess.run([compiler, "-O1", "-o", root / "printer", source], check=True)
        return [str(root / "printer"), str(pause)]
    script = ("over=; trap 'over=1' USR1; n=0; while [ -z \"$over\" ]; do n=$((n+1)); echo $n; "
              f"sleep {pause / 1000}; done; while :; do sleep 1000; done")
    return ["/bin/sh", "-c", script]


class Colony:
    def __init__(self, options, root):
        self.root, self.ctl_path = root, options.binaries / "ncolony-ctl"
        self.good = options.binaries / "ncolony-monitor"
        self.binary = root / "ncolony-monitor"
        self.install(self.good)
        (root / "config").mkdir()
        self.log = open(root / "monitor.log", "ab")
        self.process = None

    def install(self, source):
        """Puts another binary where the monitor was started from, as a package does: by a rename."""
        new = self.root / "ncolony-monitor.new"
        if isinstance(source, Path):
            shutil.copy(source, new)
        else:
            new.write_text(source)
        new.chmod(0o755)
        new.rename(self.binary)

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "--root", self.root, "--log-level", "warn"], stderr=self.log, stdout=self.log,
            stdin=subprocess.DEVNULL)

    def overview(self):
        try:
            return json.loads((self.root / "status" / "monitor.json").read_text())
        except FileNotFoundError:
            return {}

    def record(self, name):
        try:
            return json.loads((self.root / "status" / "programs" / f"{name}.json").read_text())
        except FileNotFoundError:
            return {}

    def until(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                fail(self, f"the monitor has ended with {self.process.returncode} before {what}")
            if time.monotonic() > deadline:
                fail(self, f"never came to be: {what}")
            time.sleep(0.01)

    def is_up(self):
        return self.overview().get("pid") == self.process.pid

    def ctl(self, *words):
        return subprocess.run(
            [self.ctl_path, "--root", str(self.root), *words], capture_output=True, text=True)


def fail(colony, why):
    sys.exit(f"immortal: {why}; see {colony.root}")


def kill(colony, rng, figures):
    """Kills the monitor at a moment of its life, and starts another one."""
    if rng.random() < 0.5:
        # In the middle of coming up: nothing waits for it.
        time.sleep(rng.uniform(0, 0.15))
    else:
        colony.until("the monitor is up", colony.is_up)
        time.sleep(rng.uniform(0, 0.3))
    if rng.random() < 0.2:
        # In the middle of an upgrade.
        colony.ctl("upgrade", "--no-wait")
        time.sleep(rng.uniform(0, 0.1))
        figures["killed in an upgrade"] += 1
    colony.process.kill()
    colony.process.wait()
    time.sleep(rng.choice([0, 0, rng.uniform(0, 0.5)]))
    colony.start()
    figures["kills"] += 1


def upgrade(colony, rng, figures):
    colony.until("the monitor is up", colony.is_up)
    broken = rng.random() < 0.3
    why = rng.choice(sorted(BROKEN)) if broken else None
    colony.install(BROKEN[why] if broken else colony.good)
    before = colony.process.pid
    begun = time.monotonic()
    done = colony.ctl("upgrade")
    while "under way already" in done.stderr:
        # One that was asked of a monitor that was killed before it took notice.
        done = colony.ctl("upgrade")
    took = time.monotonic() - begun
    if broken:
        if done.returncode != 1 or "nothing was changed" not in done.stderr:
            fail(colony, f"a binary was taken although {why}: {done}")
        colony.install(colony.good)
        figures["broken upgrades"] += 1
    else:
        if done.returncode != 0:
            fail(colony, f"an upgrade failed: {done}")
        figures["upgrades"] += 1
        figures["slowest upgrade"] = max(figures["slowest upgrade"], took)
    if colony.process.poll() is not None or colony.overview().get("pid") != before:
        fail(colony, "the monitor is another process after an upgrade")


def check(colony, names, pids, figures):
    """Every program is who it was, and every number is there once."""
    for name in names:
        record = colony.record(name)
        if record.get("pid") != pids[name] or record.get("starts") != 1:
            fail(colony, f"{name} was process {pids[name]}: {record}")
        os.kill(pids[name], signal.SIGUSR1)
    last = None

    def rests():
        nonlocal last
        now = [(colony.root / "logs" / f"{name}.log").stat().st_size for name in names]
        last, same = now, now == last
        time.sleep(0.5)
        return same
    colony.until("all has been printed", rests)
    for name in names:
        lines = (colony.root / "logs" / f"{name}.log").read_bytes().split(b"\n")
        if lines.pop() != b"":
            fail(colony, f"the log of {name} ends in half a line")
        wanted = [str(number).encode() for number in range(1, len(lines) + 1)]
        if lines != wanted:
            at = next(i for i, (is_there, want) in enumerate(zip(lines, wanted)) if is_there != want)
            figures["first wrong"] = f"{name}, line {at + 1}: {lines[max(at - 2, 0):at + 3]}"
            fail(colony, f"a line is lost, doubled or torn: {figures['first wrong']}")
        figures["lines"] += len(lines)


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--programs", type=int, default=100)
    words.add_argument("--kills", type=int, default=200)
    words.add_argument("--upgrades", type=int, default=50, help="of these about a third to a broken binary")
    words.add_argument("--pause", type=int, default=20, help="milliseconds between two lines of a program")
    words.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    words.add_argument("--binaries", type=Path, default=HERE / "target" / "release")
    options = words.parse_args()
    rng = random.Random(options.seed)
    print(f"seed {options.seed}", flush=True)
    figures = dict.fromkeys(
        ["kills", "killed in an upgrade", "upgrades", "broken upgrades", "slowest upgrade", "lines"], 0)

    root = Path(tempfile.mkdtemp(prefix="ncolony-immortal-"))
    colony = Colony(options, root)
    names = [f"printer-{number:03}" for number in range(options.programs)]
    words = printer(root, options.pause)
    for name in names:
        (colony.root / "config" / name).write_text(json.dumps({"args": words}))
    kept = False
    begun = time.monotonic()
    try:
        colony.start()
        colony.until("all run", lambda: all(colony.record(name).get("pid") for name in names))
        pids = {name: colony.record(name)["pid"] for name in names}
        deeds = [kill] * options.kills + [upgrade] * options.upgrades
        rng.shuffle(deeds)
        for number, deed in enumerate(deeds):
            deed(colony, rng, figures)
            if number % 25 == 24:
                print(f"{number + 1} of {len(deeds)} done", flush=True)
        colony.until("the last monitor is up", colony.is_up)
        colony.until("the last monitor has its programs", lambda: all(
            colony.record(name).get("pid") == pids[name] for name in names))
        check(colony, names, pids, figures)
        figures["seconds"] = time.monotonic() - begun
    except SystemExit:
        kept = True
        raise
    finally:
        colony.process.kill()
        colony.process.wait()
        for pid in locals().get("pids", {}).values():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not kept:
            shutil.rmtree(root)
    for what, figure in figures.items():
        print(f"{what}: {figure:.2f}" if isinstance(figure, float) else f"{what}: {figure}")
    print(f"{len(pids)} programs, {len(pids)} unchanged pids, every number there once")


if __name__ == "__main__":
    main()
