#!/usr/bin/env python3
"""Real servers under the monitor while everything around them changes.

Starts nginx, redis and Python's http.server (those of them that are installed) as programs of a
colony of its own, then adds, changes, kills and removes other programs, more than a thousand times
over some minutes. At the end none of the servers may have been restarted, each must have answered
all the time, and nothing may be left behind.

    cargo build --release
    tests/soak/run.py --minutes 10
"""
import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def servers(root):
    """The programs that must never restart: name -> (file, port, request, part of the answer)."""
    found = {}
    port = free_port()
    (root / "www").mkdir()
    (root / "www" / "index.html").write_text("it works\n")
    found["python-http"] = (
        {"args": [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], "cwd": str(root / "www")},
        port, b"GET / HTTP/1.0\r\n\r\n", b"it works")
    if nginx := shutil.which("nginx"):
        port = free_port()
        conf = root / "nginx.conf"
        conf.write_text(
            f"daemon off; pid {root}/nginx.pid; error_log stderr; worker_processes 2;\n"
            f"events {{}}\nhttp {{ access_log off; server {{ listen 127.0.0.1:{port}; root {root}/www; }} }}\n")
        os.chmod(root, 0o755)
        found["nginx"] = ({"args": [nginx, "-c", str(conf)]}, port, b"GET / HTTP/1.0\r\n\r\n", b"it works")
    if redis := shutil.which("redis-server"):
        port = free_port()
        found["redis"] = (
            {"args": [redis, "--port", str(port), "--save", "", "--daemonize", "no", "--dir", str(root)]},
            port, b"PING\r\n", b"PONG")
    return found


class Colony:
    def __init__(self, monitor, ctl, root):
        self.root, self.ctl_path = root, ctl
        self.config = root / "config"
        self.config.mkdir()
        self.log = open(root / "monitor.log", "wb")
        self.process = subprocess.Popen([monitor, "--root", str(root)], stderr=self.log, stdout=self.log)

    def write(self, name, descriptor):
        new = self.config / f"{name}.new"
        new.write_text(json.dumps(descriptor))
        new.rename(self.config / name)

    def record(self, name):
        try:
            return json.loads((self.root / "status" / "programs" / f"{name}.json").read_text())
        except FileNotFoundError:
            return None

    def until(self, what, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                sys.exit(f"soak: never came to be: {what}")
            time.sleep(0.02)

    def ctl(self, *words):
        return subprocess.run([self.ctl_path, "--root", str(self.root), *words], capture_output=True, text=True)


def answers(port, request, wanted):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
            link.sendall(request)
            answer = b""
            while wanted not in answer:
                part = link.recv(4096)
                if not part:
                    return False
                answer += part
            return True
    except OSError:
        return False


def churn(colony, rng, others, count):
    """One change somewhere around the servers."""
    name = f"around-{rng.randrange(30)}"
    kind = rng.choice(["add", "change", "kill", "remove", "break", "restart", "policy"])
    sleep = ["/bin/sleep", str(rng.randrange(50, 5000))]
    if kind in ("add", "change"):
        lines = [["/bin/false"], ["/bin/sh", "-c", "echo hello; sleep 0.2"], sleep, sleep, ["/no/such/program"]]
        colony.write(name, {"args": rng.choice(lines), "group": ["around"]})
        others.add(name)
    elif kind == "kill":
        record = colony.record(name)
        if record and record["pid"]:
            try:
                os.kill(record["pid"], rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV]))
            except ProcessLookupError:
                pass
    elif kind == "remove":
        (colony.config / name).unlink(missing_ok=True)
        others.discard(name)
    elif kind == "break":
        (colony.config / name).write_text(rng.choice(["", "{", "[]", '{"args": 5}']))
        others.add(name)
    elif kind == "restart":
        colony.ctl("restart", name, "--no-wait")
    else:
        colony.write(name, {"args": sleep, "killtime": rng.randrange(1, 5)})
        others.add(name)
    count[kind] = count.get(kind, 0) + 1


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--minutes", type=float, default=10)
    words.add_argument("--changes", type=int, default=1200)
    words.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    words.add_argument("--binaries", type=Path, default=HERE / "target" / "release")
    options = words.parse_args()
    rng, count, others = random.Random(options.seed), {}, set()
    print(f"seed {options.seed}", flush=True)

    root = Path(tempfile.mkdtemp(prefix="ncolony-soak-"))
    colony = Colony(options.binaries / "ncolony-monitor", options.binaries / "ncolony-ctl", root)
    try:
        kept = servers(root)
        for name, (descriptor, *_) in kept.items():
            colony.write(name, descriptor)
        for name, (_, *probe) in kept.items():
            colony.until(f"{name} runs", lambda: (colony.record(name) or {}).get("state") == "RUNNING")
            colony.until(f"{name} answers", lambda: answers(*probe))
        before = {name: colony.record(name) for name in kept}
        asked = failed = 0
        pause = options.minutes * 60 / options.changes
        end = time.monotonic() + options.minutes * 60
        while time.monotonic() < end or sum(count.values()) < options.changes:
            churn(colony, rng, others, count)
            if sum(count.values()) % 5 == 0:
                for name, (_, *probe) in kept.items():
                    asked += 1
                    if not answers(*probe):
                        failed += 1
                        print(f"{name} did not answer", flush=True)
            time.sleep(rng.uniform(0, 2 * pause))
        after = {name: colony.record(name) for name in kept}
        for name in kept:
            for key in ("pid", "starts", "state"):
                if before[name][key] != after[name][key]:
                    sys.exit(f"soak: {name} changed: {key} {before[name][key]} -> {after[name][key]}")
        if failed:
            sys.exit(f"soak: {failed} of {asked} requests were not answered")
        left = {path.stem for path in (root / "status" / "programs").iterdir() if path.suffix == ".json"}
        colony.until("the records are those of the files", lambda: {
            path.stem for path in (root / "status" / "programs").iterdir() if not path.name.startswith(".")
        } == others | set(kept))
        print(f"changes: {count}; {asked} requests answered; {len(left)} programs; "
              f"{', '.join(sorted(kept))}: same pids, started once")
        counters = json.loads((root / "status" / "monitor.json").read_text())["counters"]
        print(f"the monitor's counters: {counters}")
        pids = [colony.record(name)["pid"] for name in kept]
        colony.process.send_signal(signal.SIGTERM)
        if colony.process.wait(30) != 0:
            sys.exit("soak: the monitor did not end well")
        if any(Path(f"/proc/{pid}").exists() for pid in pids):
            sys.exit("soak: a server outlived the monitor's orderly end")
        print("all stopped in order")
    finally:
        if colony.process.poll() is None:
            colony.process.kill()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
