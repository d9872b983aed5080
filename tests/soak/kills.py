#!/usr/bin/env python3
"""A monitor that is killed at any moment, also while it takes up what the one before it has left.

Two thirds of the programs run on, one third dies all the time. Monitors are started and killed
after a random time, most of them before they are done; with `--lose` what they have written down
is removed now and then, the journal, the colony's mark or both. At the end no two processes of one
program may have run at a time, none of those that run on may have been started twice, and their
records must name them.

    cargo build --release
    tests/soak/kills.py --minutes 10 --lose
"""
import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
SCRIPT = "exec 9>{0}.lock; flock -n 9 || echo $$ >> overlaps; echo $$ >> {0}.starts; {1}"


def write_programs(root, count):
    """Makes the colony, and gives the names of those that run on."""
    (root / "config").mkdir()
    steady = []
    for number in range(count):
        name, dies = f"p{number}", number % 3 == 0
        script = SCRIPT.format(name, "exit 1" if dies else "exec sleep 1000000")
        keys = {"minrestartdelay": 0.2, "maxrestartdelay": 0.3, "threshold": 100 if dies else 0}
        (root / "config" / name).write_text(json.dumps({"args": ["/bin/sh", "-c", script], **keys}))
        if not dies:
            steady.append(name)
    return steady


def is_settled(root, name):
    """Whether a record says that the program runs, as the one process that it ever had."""
    try:
        record = json.loads((root / f"status/programs/{name}.json").read_text())
        started = (root / f"{name}.starts").read_text().split()
    except FileNotFoundError:
        return False
    return record["state"] == "RUNNING" and record["starts"] == 1 and started == [str(record["pid"])]


def is_up(root, monitor):
    """Whether this monitor has looked at everything."""
    return json.loads((root / "status/monitor.json").read_text())["pid"] == monitor.pid


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--programs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lose", action="store_true", help="remove what was written down")
    parser.add_argument("--binary", default=str(HERE / "target/release/ncolony-monitor"))
    parser.add_argument("--flag", action="append", default=[], help="a flag of the monitor")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    root = Path(tempfile.mkdtemp(prefix="kills."))
    steady = write_programs(root, options.programs)
    command = [options.binary, "--root", str(root), "-k", "0.2", *options.flag]
    kills, end = 0, time.monotonic() + options.minutes * 60
    with open(root / "monitor.err", "ab") as log:
        while time.monotonic() < end:
            monitor = subprocess.Popen(command, stderr=log, cwd=root)
            time.sleep(chance.uniform(0, chance.choice([0.03, 0.2])))
            monitor.kill()
            monitor.wait()
            kills += 1
            if options.lose:
                for file, share in [(".journal", 0.3), (".colony", 0.1)]:
                    if chance.random() < share:
                        (root / "status" / file).unlink(missing_ok=True)
        monitor = subprocess.Popen(command, stderr=log, cwd=root)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if is_up(root, monitor) and all(is_settled(root, name) for name in steady):
            break
        time.sleep(0.05)
    wrong = [name for name in steady if not is_settled(root, name)]
    monitor.terminate()
    code = monitor.wait()
    if wrong or code or (root / "overlaps").exists():
        sys.exit(f"after {kills} kills {wrong} are not as they were, or two ran at once; see {root}")
    print(f"{kills} kills of the monitor; {len(steady)} programs ran on as they were, none twice")
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
