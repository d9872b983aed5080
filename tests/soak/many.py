#!/usr/bin/env python3
"""Thousands of programs: dropped at once into a running colony, one of them changed, then left alone.

Shows by the monitor's own counters that a change costs the work of that change, and by the kernel's
that an idle colony costs nothing but the look at its directories.

    cargo build --release
    tests/soak/many.py --programs 5000
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


def until(what, condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            sys.exit(f"many: never came to be: {what}")
        time.sleep(0.02)
    return value


def write(path, descriptor):
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(descriptor))
    new.rename(path)


def cpu_ms(pid):
    fields = Path(f"/proc/{pid}/schedstat").read_text().split()
    total = int(fields[0])
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name != str(pid):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e6


def wakeups(pid):
    count = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                count += int(line.split()[1])
    return count


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--programs", type=int, default=5000)
    words.add_argument("--idle", type=float, default=60, help="seconds to watch the idle colony")
    words.add_argument("--binaries", type=Path, default=HERE / "target" / "release")
    options = words.parse_args()
    root = Path(tempfile.mkdtemp(prefix="ncolony-many-"))
    (root / "config").mkdir()
    log = open(root / "log", "wb")
    monitor = subprocess.Popen([options.binaries / "ncolony-monitor", "--root", root], stdout=log, stderr=log)

    def overview():
        try:
            return json.loads((root / "status" / "monitor.json").read_text())
        except FileNotFoundError:
            return None

    def record(name):
        try:
            return json.loads((root / "status" / "programs" / f"{name}.json").read_text())
        except FileNotFoundError:
            return None

    try:
        until("the monitor is up", overview)
        names = [f"p{number:05}" for number in range(options.programs)]
        begun = time.monotonic()
        for name in names:
            write(root / "config" / name, {"args": ["/bin/sleep", "100000"]})
        print(f"{len(names)} files written in {time.monotonic() - begun:.2f} s")
        until("all have been started", lambda: overview()["counters"]["spawns"] >= len(names))
        print(f"all started {time.monotonic() - begun:.2f} s after the first file was begun")
        until("all run", lambda: all((record(name) or {}).get("state") == "RUNNING" for name in names))
        until("the first looks are over", lambda: overview()["counters"]["full_looks"] >= 3)
        time.sleep(1)
        pids = {name: record(name)["pid"] for name in names}

        changed = names[len(names) // 2]
        before = overview()["counters"]
        begun = time.monotonic()
        write(root / "config" / changed, {"args": ["/bin/sleep", "200000"]})
        until("the change is applied", lambda: (record(changed) or {}).get("starts") == 2)
        until("it is recorded", lambda: record(changed)["state"] == "RUNNING")
        until("the counters say so", lambda: overview()["counters"]["spawns"] > before["spawns"])
        after = overview()["counters"]
        cost = {key: after[key] - before[key] for key in after if after[key] != before[key]}
        print(f"one of them changed: {cost}")
        others = {name: pid for name, pid in pids.items() if name != changed}
        if any(record(name)["pid"] != pid for name, pid in others.items()):
            sys.exit("many: another program was touched")
        # A full look that comes while the file is some milliseconds old reads it once more.
        if cost["files_read"] > 1 + cost.get("full_looks", 0) or cost["spawns"] != 1:
            sys.exit("many: the change cost more than one read and one start")

        time.sleep(5)
        cpu, woken, looks = cpu_ms(monitor.pid), wakeups(monitor.pid), overview()["counters"]["full_looks"]
        time.sleep(options.idle)
        cpu, woken = cpu_ms(monitor.pid) - cpu, wakeups(monitor.pid) - woken
        print(f"idle for {options.idle:.0f} s: {cpu:.1f} ms of CPU ({cpu / options.idle / 10:.3f} % of a core), "
              f"{woken} wake-ups, look every 10 s")
        memory = [line for line in Path(f"/proc/{monitor.pid}/smaps_rollup").read_text().splitlines()
                  if line.startswith("Pss:")]
        print(f"memory: {memory[0]}")
        begun = time.monotonic()
        monitor.send_signal(signal.SIGTERM)
        code = monitor.wait(60)
        print(f"all stopped in {time.monotonic() - begun:.2f} s, exit status {code}")
        if code or any(Path(f"/proc/{pid}").exists() for pid in list(pids.values())[:100]):
            sys.exit("many: not everything was stopped")
    finally:
        if monitor.poll() is None:
            monitor.kill()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
