#!/usr/bin/env python3
"""How fast a program's output reaches its rotated log, beside `cat > file` at the end of a pipe.

In turns, so that both see the same machine: a program of a colony prints a file of lines, and `cat`
prints the same file into a pipe that another `cat` writes to a file. Printed are the medians: megabytes
a second, the CPU time of who moves the bytes (the monitor; the second `cat`), and the ratios. What
arrives is compared with what was printed.

    cargo build --profile measure
    tests/soak/output.py --monitor target/measure/ncolony-monitor
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
MEGA = 1_000_000


def write_lines(path, size, width):
    """A file of numbered lines, as logs are."""
    with open(path, "wb") as out:
        number, block = 0, []
        while out.tell() < size:
            for _ in range(10_000):
                block.append(b"%0*d\n" % (width - 1, number))
                number += 1
            out.write(b"".join(block))
            block.clear()
    return path.stat().st_size


def size_of(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # a rotation has just given it another name


def through_cat(data, directory):
    """Seconds, and the CPU seconds of the `cat` that writes the file."""
    target = directory / "by-cat"
    begin = time.perf_counter()
    writer = subprocess.Popen(["cat", data], stdout=subprocess.PIPE)
    with open(target, "wb") as out:
        reader = subprocess.Popen(["cat"], stdin=writer.stdout, stdout=out)
    writer.stdout.close()
    _, status, usage = os.wait4(reader.pid, 0)
    seconds = time.perf_counter() - begin
    reader.returncode = status
    writer.wait()
    target.unlink()
    return seconds, usage.ru_utime + usage.ru_stime


def cpu_of(pid):
    """The CPU seconds of all threads that a process has."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


def log_files(logs, name):
    """From the oldest to the newest."""
    number = lambda path: int(path.suffix[1:])
    backups = [path for path in logs.glob(f"{name}.log.*") if path.suffix[1:].isdigit()]
    return sorted(backups, key=number, reverse=True) + [logs / f"{name}.log"]


def through_monitor(monitor, data, size, root, name):
    """The same for a program of the colony."""
    gate = root / f"gate-{name}"
    os.mkfifo(gate)
    program = {"args": ["/bin/sh", "-c", f"read _ < {gate}; exec cat {data}"], "restart": "never"}
    new = root / "config" / f"{name}.new"
    new.write_text(json.dumps(program))
    new.rename(root / "config" / name)
    logs = root / "logs"
    with open(gate, "w") as go:
        before = cpu_of(monitor.pid)
        begin = time.perf_counter()
        go.write("\n")
        go.flush()
        moved = 0
        while moved < size:
            # Whoever looks too often takes the time of those who are looked at.
            time.sleep(0.003)
            moved = sum(size_of(path) for path in log_files(logs, name))
        seconds = time.perf_counter() - begin
        used = cpu_of(monitor.pid) - before
    with open(root / "together", "wb") as out:
        for path in log_files(logs, name):
            out.write(path.read_bytes())
            path.unlink()
    subprocess.run(["cmp", data, root / "together"], check=True)
    (root / "together").unlink()
    (root / "config" / name).unlink()
    return seconds, used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--monitor", default=HERE / "target/release/ncolony-monitor", type=Path)
    parser.add_argument("--megabytes", type=int, default=256, help="how much is printed (MiB)")
    parser.add_argument("--width", type=int, default=100, help="how long a line is")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory", help="where the files are made; the default is that of temporary files")
    args = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="ncolony-output-", dir=args.directory))
    (root / "config").mkdir()
    data = root / "data"
    size = write_lines(data, args.megabytes << 20, args.width)
    with open(root / "monitor.log", "wb") as log:
        monitor = subprocess.Popen([args.monitor, "--root", root], stdout=log, stderr=log)
    results = {"cat": [], "monitor": []}
    try:
        while not (root / "status" / "monitor.json").exists():
            time.sleep(0.01)
        for turn in range(args.rounds):
            results["cat"].append(through_cat(data, root))
            results["monitor"].append(through_monitor(monitor, data, size, root, f"p{turn}"))
    finally:
        monitor.terminate()
        monitor.wait()
        shutil.rmtree(root)
    medians = {}
    for who, rounds in results.items():
        seconds, used = (statistics.median(column) for column in zip(*rounds))
        medians[who] = (size / MEGA / seconds, used)
        print(f"{who:8} {medians[who][0]:7.0f} MB/s  {used * 1000:6.0f} ms of CPU")
    speed, used = (medians["monitor"][part] / medians["cat"][part] for part in (0, 1))
    print(f"monitor/cat: {speed:.2f} of the speed, {used:.2f} of the CPU time")


if __name__ == "__main__":
    main()
