#!/usr/bin/env python3
"""The programs that companions.py has its colony run: hearts and servers that are well, or fall ill.

    companions_programs.py heart  LOG FILE PERIOD LIFE
    companions_programs.py server LOG PORT ILLNESS LIFE
    companions_programs.py beat DIRECTORY COUNT PERIOD
    companions_programs.py answer COUNTS

The first two write into LOG `start PID TIME`, and, when LIFE is over, `last PID TIME`: the time of
the last beat, or of the last moment at which the server answered as it should. The monotonic clock
is the same for every process. LIFE is `for-ever`, or two numbers of seconds and chance decides
between them. FILE is touched as `touch` does it, three times in a PERIOD.

The others serve the measurement: `beat` beats COUNT hearts at once, `answer` answers whoever asks,
prints its port, and counts the requests by their User-Agent into a file.
"""
import asyncio
import collections
import json
import os
import random
import socket
import sys
import threading
import time


def note(log, word, at=None):
    at = time.monotonic() if at is None else at
    with open(log, "a", encoding="ascii") as file:
        file.write(f"{word} {os.getpid()} {at:.3f}\n")


def end_of(life):
    """When the program falls ill."""
    if life == "for-ever":
        return float("inf")
    least, most = map(float, life.split("-"))
    return time.monotonic() + random.uniform(least, most)


def touch(path):
    try:
        os.utime(path)
    except FileNotFoundError:
        open(path, "ab").close()


def heart(log, path, period, life):
    note(log, "start")
    end, last = end_of(life), time.monotonic()
    while time.monotonic() < end:
        try:
            touch(path)
            last = time.monotonic()
        except OSError:
            # Its directory is gone, or is something else: the next beat may do better.
            pass
        time.sleep(min(float(period) / 3, max(0.0, end - time.monotonic())))
    note(log, "last", last)
    time.sleep(1e6)


def answer_one(link, line):
    with link:
        link.settimeout(10)
        try:
            if link.recv(65536):
                link.sendall(b"HTTP/1.1 " + line + b"\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwell\n")
        except OSError:
            pass


def server(log, port, illness, life):
    listening = socket.create_server(("127.0.0.1", int(port)), backlog=64)
    note(log, "start")
    end, kept = end_of(life), []

    def serve(line, until):
        while (left := until - time.monotonic()) > 0:
            listening.settimeout(min(left, 3600))
            try:
                link, _ = listening.accept()
            except TimeoutError:
                continue
            if line:
                threading.Thread(target=answer_one, args=(link, line), daemon=True).start()
            else:
                kept.append(link)

    serve(b"200 OK", end)
    note(log, "last")
    if illness == "down":
        listening.close()
        time.sleep(1e6)
    serve(b"500 Internal Server Error" if illness == "error" else None, float("inf"))


def beat(directory, count, period):
    paths = [os.path.join(directory, f"p{number:05}") for number in range(int(count))]
    interval = float(period) / 3
    while True:
        begun = time.monotonic()
        for path in paths:
            touch(path)
        time.sleep(max(0.0, begun + interval - time.monotonic()))


def answer(counts):
    seen = collections.Counter()

    async def hear(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.decode("latin-1").splitlines():
            if line.lower().startswith("user-agent:"):
                seen[line.split(":", 1)[1].split("/")[0].strip()] += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwell\n")
        await writer.drain()
        writer.close()

    async def run():
        listening = await asyncio.start_server(hear, "127.0.0.1", 0, backlog=4096)
        print(listening.sockets[0].getsockname()[1], flush=True)
        while True:
            await asyncio.sleep(1)
            with open(counts + ".new", "w", encoding="ascii") as file:
                json.dump(seen, file)
            os.rename(counts + ".new", counts)

    asyncio.run(run())


if __name__ == "__main__":
    {"heart": heart, "server": server, "beat": beat, "answer": answer}[sys.argv[1]](*sys.argv[2:])
