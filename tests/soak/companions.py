#!/usr/bin/env python3
"""The companions that watch, for some minutes in which nothing around them is left in peace.

Runs a colony with ncolony-beatcheck and ncolony-httpcheck. Some of its programs are well all the
time; the hearts of others stop at random, and servers begin to hang, to answer 500, or to refuse
connections. Meanwhile the checks and the monitor are stopped, killed and started again, the places
of the hearts vanish or become something else, times of change are set far into the past and the
future, and program files are rewritten. At the end no program may have been restarted that was
well, and each that was ill must have been restarted in its time:

  a heart    a period after its last beat, and at most frequency + 1 s later, which is how finely
             hearts are felt;
  a server   after maxBad + 1 periods, and the timeout if it hangs;

plus what stopping and starting it takes (SLACK). What a start or a deed has thrown back has its
grace again, which begins with the next look.

    cargo build --release --workspace
    tests/soak/companions.py
    tests/soak/companions.py --minutes 2 --seed 7
    tests/soak/companions.py --many 1000        # what they cost: see companions_cost.py
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

import companions_cost
from companions_colony import Colony

# Seconds, but for the last three: grace is counted in periods.
FREQ, HEART_PERIOD, WEB_PERIOD, WEB_TIMEOUT = 2, 6, 3, 2
FELT_WITHIN, SLACK = 1, 3
HEART_GRACE, WEB_GRACE, WEB_MAX_BAD = 1, 1, 1

# Those who fall ill have no part in these: their time runs on.
NOBODY_ELSE = {"the_one_file_is_gone", "a_directory_is_where_the_one_file_was"}


def wrong_with(colony, disturbed, figures):
    """What was not as it should be, as sentences."""
    if colony.process.poll() is not None:
        return [f"the monitor has ended with {colony.process.returncode}, and not because of anything done here"]
    wrong = []
    for name in colony.well:
        record = colony.record(name)
        if record.get("starts") != 1 or record.get("pid") != colony.well[name]:
            wrong.append(f"{name} was well, and is not the process that it was: {record}")
    if colony.record("stopped").get("state") != "STOPPED" or len(colony.lives("stopped")) != 1:
        wrong.append(f"what was stopped by hand was started: {colony.record('stopped')}")
    for name in colony.ill:
        lives = colony.lives(name)
        for life, following in zip(lives, lives[1:] + [None]):
            wrong += wrong_life(name, life, following, disturbed, figures)
    return wrong


def wrong_life(name, life, following, disturbed, figures):
    """What was not as it should be with one process of a program that falls ill."""
    start, last = life
    if last is None:
        return [f"{name} was restarted at {following[0]:.1f} while it was well"] if following else []
    due, was_disturbed = due_at(name, start, last, disturbed)
    bound = due + SLACK + (0 if name.startswith("web") else FREQ + FELT_WITHIN)
    ended = following[0] if following else time.monotonic()
    if ended > bound:
        what = "came" if following else "has not come"
        return [f"{name}: ill since {last:.1f}, the restart was due at {due:.1f}, and at the latest at "
                f"{bound:.1f}; it {what} at {ended:.1f}{' (disturbed)' if was_disturbed else ''}"]
    if following:
        kind = name.rstrip("-0123456789") + (", disturbed" if was_disturbed else "")
        figures.setdefault(kind, []).append((ended - last, ended - due))
    return []


def due_at(name, start, last, disturbed):
    """When a restart is due, and whether anything but the illness has a part in that."""
    if name.startswith("web"):
        grace = WEB_GRACE * WEB_PERIOD
        patience = (WEB_MAX_BAD + 1) * WEB_PERIOD + (WEB_TIMEOUT if "hang" in name else 0)
    else:
        grace, patience = HEART_GRACE * HEART_PERIOD, 0
    ill = last + (patience or HEART_PERIOD)
    due = ill = max(ill, start + SLACK + FREQ + grace + patience)
    for begun, ended, _ in disturbed:
        if begun < due + FREQ + SLACK:
            due = max(due, ended + FREQ + grace + patience)
    return due, due > ill


class Deeds:
    """What is done to the colony; each returns when it is over."""

    def __init__(self, colony, rng):
        self.colony, self.rng = colony, rng

    def stop_for(self, pids, seconds):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    def checks_stand_still(self):
        self.stop_for([self.colony.record(name)["pid"] for name in self.colony.checks], 60)

    def the_monitor_stands_still(self):
        self.stop_for([self.colony.process.pid], self.rng.uniform(5, 25))

    def a_check_is_killed(self):
        name = self.rng.choice(self.colony.checks)
        pid = self.colony.record(name)["pid"]
        os.kill(pid, signal.SIGKILL)
        self.colony.until(f"{name} is there again", lambda: self.colony.record(name).get("pid") not in (None, pid))

    def the_monitor_is_killed(self):
        self.colony.process.kill()
        self.colony.process.wait()
        time.sleep(self.rng.choice([0, self.rng.uniform(0, 10)]))
        self.colony.start()
        self.colony.until("the new monitor is up", self.colony.is_up)

    def hearts_are_gone(self):
        self.without_hearts(lambda: None, lambda: None)

    def a_file_is_where_hearts_were(self):
        path = self.colony.hearts
        self.without_hearts(lambda: path.write_text("no directory\n"), path.unlink)

    def without_hearts(self, instead, back):
        path = self.colony.hearts
        gone = path.with_name("hearts.gone")
        path.rename(gone)
        instead()
        shutil.rmtree(gone)
        time.sleep(self.rng.uniform(0.1, 2.5 * HEART_PERIOD))
        back()
        try:
            path.mkdir()
        except FileExistsError:
            self.colony.wrong.append("where the directory of hearts was, somebody has made a file")
            path.unlink()
            path.mkdir()

    def the_one_file_is_gone(self):
        self.colony.alone.unlink(missing_ok=True)

    def a_directory_is_where_the_one_file_was(self):
        path = self.colony.alone
        path.unlink(missing_ok=True)
        path.mkdir()
        time.sleep(self.rng.uniform(0.1, 2.5 * HEART_PERIOD))
        path.rmdir()

    def hearts_get_any_time(self):
        for path in [*self.colony.hearts.iterdir(), self.colony.alone]:
            then = self.rng.choice([0, 1, time.time() - 86400, time.time() + 3600, 4e9])
            try:
                os.utime(path, (then, then))
            except FileNotFoundError:
                pass

    def program_files_are_rewritten(self):
        for name, descriptor in self.rng.sample(sorted(self.colony.files.items()), 6):
            way = self.rng.choice(["as it was", "other space", "in place", "another policy", "broken"])
            if way == "as it was":
                self.colony.write(name, descriptor)
            elif way == "other space":
                self.colony.write(name, descriptor, indent=self.rng.randrange(1, 5))
            elif way == "another policy":
                self.colony.write(name, {**descriptor, "killtime": self.rng.randrange(3, 9)})
            else:
                path = self.colony.config / name
                if way == "broken":
                    path.write_text("{")
                    time.sleep(self.rng.uniform(0, 2 * FREQ))
                path.write_text(json.dumps(descriptor))

    def program_files_are_gone(self):
        away = self.colony.config.with_name("config.away")
        self.colony.config.rename(away)
        time.sleep(self.rng.uniform(0.1, 4 * FREQ))
        away.rename(self.colony.config)

    def all(self, minutes):
        """Each of them, some more often, in an order of chance; those that take long, by the time there is."""
        deeds = 3 * [self.a_check_is_killed, self.the_monitor_is_killed, self.hearts_get_any_time,
                     self.program_files_are_rewritten]
        deeds += 2 * [self.hearts_are_gone, self.a_file_is_where_hearts_were, self.the_one_file_is_gone,
                      self.a_directory_is_where_the_one_file_was, self.program_files_are_gone]
        deeds += [self.the_monitor_stands_still] + [self.checks_stand_still] * (minutes >= 3)
        self.rng.shuffle(deeds)
        return deeds


def populate(colony, rng):
    """The programs: who is well, and who falls ill."""
    hearts = {"period": HEART_PERIOD, "grace": HEART_GRACE, "status": str(colony.hearts)}
    for number in range(4):
        name = f"well-{number}"
        colony.play(name, ["heart", colony.log_of(name), colony.hearts / name, HEART_PERIOD, "for-ever"], beat=hearts)
    colony.play("alone", ["heart", colony.log_of("alone"), colony.alone, HEART_PERIOD, "for-ever"],
                beat={**hearts, "status": str(colony.alone)})
    colony.add("scheduler", {
        "args": [str(colony.binaries / "ncolony-scheduler"), "--frequency", "7", "--timeout", "5", "--grace", "1",
                 "--", "/bin/true"], "ncolony.beatcheck": hearts})
    for number in range(4):
        name = f"ill-{number}"
        colony.play(name, ["heart", colony.log_of(name), colony.hearts / name, HEART_PERIOD, "0-40"], beat=hearts)
    colony.play("stopped", ["heart", colony.log_of("stopped"), colony.hearts / "stopped", HEART_PERIOD, "0-1"],
                beat=hearts)
    for name, life in [("web-well-0", "for-ever"), ("web-well-1", "for-ever"), ("web-hang", "0-30"),
                       ("web-error", "0-30"), ("web-down", "0-30")]:
        port = colony.free_port()
        web = {"url": f"http://127.0.0.1:{port}/", "period": WEB_PERIOD, "timeout": WEB_TIMEOUT,
               "grace": WEB_GRACE, "maxBad": WEB_MAX_BAD}
        if name != "web-down":
            web["expect"] = {"status": [200], "text": "well"}
        colony.play(name, ["server", colony.log_of(name), port, name.rpartition("-")[2], life], web=web)
    colony.ill = [name for name in colony.files if name.startswith(("ill", "web")) and "well" not in name]
    colony.until("all run", lambda: all(colony.record(name).get("pid") for name in colony.files))
    played = [name for name in colony.files if name != "scheduler"]
    colony.until("all have begun", lambda: all(colony.log_of(name).exists() for name in played))
    colony.ctl("stop", "stopped")
    well = [name for name in colony.files if name not in (*colony.ill, "stopped")]
    colony.well = {name: colony.record(name)["pid"] for name in well}
    for name in ["beatcheck", "httpcheck"]:
        colony.add(name, {"args": [
            str(colony.binaries / f"ncolony-{name}"), "--root", str(colony.root), "--freq", str(FREQ)]})
    colony.checks = ["beatcheck", "httpcheck"]
    colony.until("the checks run", lambda: all(colony.record(name).get("pid") for name in colony.checks))


def soak(options):
    rng = random.Random(options.seed)
    root = Path(tempfile.mkdtemp(prefix="ncolony-companions-"))
    colony = Colony(options.binaries, root)
    disturbed, figures, counts, wrong = [], {}, {}, ["it was not finished"]
    try:
        colony.start()
        populate(colony, rng)
        # The checks have come after their patients: all have their grace from now.
        now = time.monotonic()
        disturbed.append((now, now, "the checks have come"))
        deeds, end = [], time.monotonic() + options.minutes * 60
        while (left := end - time.monotonic()) > 0:
            deeds = deeds or Deeds(colony, rng).all(options.minutes)
            time.sleep(min(left, rng.uniform(2, 25)))
            deed = deeds.pop()
            begun = time.monotonic()
            if wrong := wrong_with(colony, disturbed, {}):
                break
            deed()
            if deed.__name__ not in NOBODY_ELSE:
                disturbed.append((begun, time.monotonic(), deed.__name__))
            counts[deed.__name__] = counts.get(deed.__name__, 0) + 1
            if wrong := colony.wrong + wrong_with(colony, disturbed, {}):
                break
        else:
            # Whoever is ill now has to be restarted still, while nothing disturbs.
            time.sleep(FREQ + (WEB_MAX_BAD + 2) * WEB_PERIOD + 2 * HEART_PERIOD + SLACK)
            wrong = colony.wrong + wrong_with(colony, disturbed, figures)
        report(colony, counts, figures)
        if not wrong:
            colony.end()
            print("all stopped in order")
    finally:
        colony.kill()
        if wrong:
            for begun, ended, what in disturbed:
                print(f"{begun:.1f} to {ended:.1f}: {what}")
            print("\n".join(wrong))
        else:
            shutil.rmtree(root, ignore_errors=True)
    if wrong:
        sys.exit(f"companions: not all was as it should be; see {root}")


def report(colony, counts, figures):
    print("done to them: " + ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sorted(counts.items())))
    for kind, found in sorted(figures.items()):
        after, late = zip(*found)
        print(f"{kind}: {len(found)} restarts, {min(after):.1f} to {max(after):.1f} s after the last sign of life, "
              f"the latest {abs(max(late)):.1f} s {'after' if max(late) > 0 else 'before'} it was due")
    print(f"well all the time, and the same processes: {', '.join(sorted(colony.well))}")


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--minutes", type=float, default=10)
    words.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    words.add_argument("--binaries", type=Path, default=Path(__file__).resolve().parents[2] / "target" / "release")
    words.add_argument("--many", type=int, help="measure what so many watched programs cost, and nothing else")
    words.add_argument("--seconds", type=float, default=60, help="with --many: for how long")
    words.add_argument("--python", type=Path, help="with --many: a Python that has NColony, to be measured beside")
    options = words.parse_args()
    if options.many:
        companions_cost.measure(options)
    else:
        print(f"seed {options.seed}", flush=True)
        soak(options)


if __name__ == "__main__":
    main()
