#!/usr/bin/env python3
"""What offloading buys a Python service: tasks-api's report in process and by transform-service.

    .build/venv/bin/python Benchmarks/offload.py [--quick] [--seconds N] [--rounds N]
        [--binary PATH] [--results FOLDER]
    .build/venv/bin/python Benchmarks/offload.py --profile

One uvicorn process serves both: `/tasks/report` hands SQLite's JSON text to transform-service,
`/report-here` computes the same from rows, on FastAPI's threads. At each size of the tasks'
JSON text both are loaded in turn by wrk, while another client asks the trivial `/livez` on the same
event loop every 5 ms. Answers are compared first. Writes offload.md, .json and .svg; `make venv`
installs what it needs besides wrk.

`--profile` prints where a request's CPU time goes instead: what both processes spend on one request
after another, of routes that do ever more of a report. Other work on the machine hardly shows in it.
"""
import argparse
import contextlib
import json
import math
import os
import platform
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection, HTTPException

import harness
import plots

HERE = os.path.dirname(os.path.abspath(__file__))
DEPLOY = os.path.join(HERE, "../deploy")
SIZES = {"1 kB": 1_000, "10 kB": 10_000, "100 kB": 100_000, "1 MB": 1_000_000}
CONNECTIONS = 8
# Stands for a run in which nothing was answered, so that a ratio can be formed.
REFUSED_PART_MAX = 0.02
RATE_MIN = 0.1
# The clock of /proc has ticks of 10 ms: enough calls for a microsecond's precision or so.
PROFILE_CALLS = 1000
WORDS = (
    "renew certificate shop order chairs write report numbers month customer invoice server move "
    "images lease check backup restore deploy review ticket answer call plan budget team the of in"
).split()
WORD = re.compile(r"[^\W_]+")


def words_of(text):
    """In lower case as jq has it: only A to Z differ."""
    return WORD.findall(text.encode().lower().decode())


def summary(rows, now):
    """tasks-report.jq in Python."""
    statuses, priorities, words, ages = Counter(), Counter(), Counter(), []
    for title, description, priority, status, created_at in rows:
        statuses[status] += 1
        priorities[str(priority)] += 1
        words.update(words_of(title))
        if description:
            words.update(words_of(description))
        ages.append((now - created_at.replace(tzinfo=timezone.utc)).total_seconds() / 86400)
    buckets = {"under_1": 0, "1_to_7": 0, "7_to_30": 0, "over_30": 0}
    for age in ages:
        name = (
            "under_1" if age < 1 else "1_to_7" if age < 7 else "7_to_30" if age < 30 else "over_30"
        )
        buckets[name] += 1
    top = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:10]
    return {
        "total": len(ages),
        "by_status": dict(sorted(statuses.items())),
        "by_priority": {str(n): priorities[str(n)] for n in range(1, 6)},
        "age_days": {
            "min": round(min(ages), 2) if ages else None,
            "mean": round(sum(ages) / len(ages), 2) if ages else None,
            "max": round(max(ages), 2) if ages else None,
            "buckets": buckets,
        },
        "words": {
            "total": words.total(),
            "top": [{"word": word, "count": count} for word, count in top],
        },
    }


def create_app():
    """tasks-api with one route more."""
    from fastapi import Depends, FastAPI, Response
    from fastapi.concurrency import run_in_threadpool
    from sqlalchemy import select
    from tasks_api import create_app as create_tasks_app
    from tasks_api.app import storage_of
    from tasks_api.storage import Storage, Task

    app: FastAPI = create_tasks_app()
    columns = select(Task.title, Task.description, Task.priority, Task.status, Task.created_at)

    def report_here(storage: Storage = Depends(storage_of)) -> Response:
        with storage.engine.connect() as connection:
            report = summary(connection.execute(columns), datetime.now(timezone.utc))
        return Response(json.dumps(report, separators=(",", ":")), media_type="application/json")

    async def report_rows(storage: Storage = Depends(storage_of)) -> Response:
        rows = await run_in_threadpool(storage.report_input)
        return Response(rows, media_type="application/json")

    async def nothing() -> Response:
        return Response(b"{}", media_type="application/json")

    app.add_api_route("/report-here", report_here)
    app.add_api_route("/report-rows", report_rows)
    app.add_api_route("/nothing", nothing)
    return app


def fill(path, byte_count):
    """A database whose report has an input of about so many bytes; gives how many."""
    from tasks_api.storage import Storage, Task
    from sqlalchemy import insert
    import uuid

    chance = random.Random(6)
    storage = Storage(f"sqlite:///{path}")
    now = datetime.now(timezone.utc)

    def task():
        return {
            "id": uuid.UUID(int=chance.getrandbits(128)),
            "title": " ".join(chance.choices(WORDS, k=5)).capitalize(),
            "description": " ".join(chance.choices(WORDS, k=12)),
            "priority": chance.randint(1, 5),
            "status": chance.choice(["pending", "pending", "in_progress", "done"]),
            "created_at": now - timedelta(seconds=chance.randint(0, 60 * 86400)),
        }

    sample = [task() for _ in range(4)]
    with storage.session.begin() as session:
        session.execute(insert(Task), sample)
    each = (len(storage.report_input()) - 12) / len(sample)
    rest = [task() for _ in range(max(0, round(byte_count / each) - len(sample)))]
    if rest:
        with storage.session.begin() as session:
            session.execute(insert(Task), rest)
    count = len(storage.report_input())
    storage.engine.dispose()
    return count


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_up(url):
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read()
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} does not answer")


class Probe(threading.Thread):
    """Asks `/livez` every 5 ms; keeps the milliseconds that each answer took."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.times = []
        self.is_over = threading.Event()

    def run(self):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.is_over.wait(0.005):
            started = time.perf_counter()
            try:
                connection.request("GET", "/livez")
                connection.getresponse().read()
            except (OSError, HTTPException):
                connection.close()
                continue
            self.times.append((time.perf_counter() - started) * 1000)
        connection.close()

    def p99(self):
        self.is_over.set()
        self.join()
        return sorted(self.times)[int(len(self.times) * 0.99)]


def milliseconds(text, longest):
    """wrk's time; the longest it can be where nothing was answered (`-nan`)."""
    found = re.fullmatch(r"([0-9.]+)(us|ms|s|m)", text)
    if not found:
        return longest
    return float(found.group(1)) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[found.group(2)]


def load(port, path, seconds):
    """Requests a second, their p99 in ms, and that of /livez meanwhile."""
    probe = Probe(port)
    probe.start()
    text = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "--latency",
         f"http://127.0.0.1:{port}{path}"],
        check=True, capture_output=True, text=True,
    ).stdout
    refused = int((re.findall(r"Non-2xx or 3xx responses: (\d+)", text) or [0])[0])
    # A stall of the machine may have a request refused, which is no failure of the service.
    if refused > REFUSED_PART_MAX * int(re.search(r"(\d+) requests in", text).group(1)):
        sys.exit(f"{path}: answers other than 2xx\n{text}")
    rate = max(RATE_MIN, float(re.search(r"Requests/sec:\s+([0-9.]+)", text).group(1)))
    return rate, milliseconds(re.search(r"99%\s+(\S+)", text).group(1), seconds * 1000), probe.p99()


def stable(report):
    """Without what moves with the clock between two requests."""
    return {**report, "age_days": report["age_days"]["buckets"]}


@contextlib.contextmanager
def served(byte_count, options, folder):
    """Both services over so many bytes of tasks: that count, tasks-api's port, the processes."""
    path = os.path.join(folder, f"{byte_count}.db")
    size = fill(path, byte_count)
    ports = free_port(), free_port()
    environment = {
        **os.environ,
        "TASKS_DATABASE_URL": f"sqlite:///{path}",
        "TASKS_TRANSFORM_URL": f"http://127.0.0.1:{ports[0]}",
        "PYTHONPATH": HERE,
    }
    servers = [
        subprocess.Popen(
            [options.binary, "serve", "--port", str(ports[0]), "--drain-ms", "0",
             "--transforms", os.path.join(DEPLOY, "transforms")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ),
        subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--factory", "offload:create_app", "--port",
             str(ports[1]), "--log-level", "error", "--no-access-log"],
            env=environment,
        ),
    ]
    try:
        wait_until_up(f"http://127.0.0.1:{ports[0]}/readyz")
        wait_until_up(f"http://127.0.0.1:{ports[1]}/livez")
        yield size, ports[1], servers
    finally:
        # The callers first: none of them meets a service that has left.
        for server in reversed(servers):
            server.terminate()
            server.wait(30)


def measure(name, byte_count, options, folder):
    paths = {"here": "/report-here", "offloaded": "/tasks/report"}
    with served(byte_count, options, folder) as (size, port, _):
        base = f"http://127.0.0.1:{port}"
        answers = [json.loads(wait_until_up(base + route)) for route in paths.values()]
        if stable(answers[0]) != stable(answers[1]):
            sys.exit(f"the answers differ: {answers}")
        rounds = {kind: [] for kind in paths}
        for _ in range(options.rounds):
            for kind, route in paths.items():
                rounds[kind].append(load(port, route, options.seconds))
    ratios = [there[0] / here[0] for here, there in zip(rounds["here"], rounds["offloaded"])]
    row = {"size": name, "bytes": size, "tasks": answers[0]["total"],
           "range": [min(ratios), max(ratios)]}
    for kind, results in rounds.items():
        rate, p99, livez = (statistics.median(values) for values in zip(*results))
        row[kind] = {
            "rate": round(rate, 1), "p99_ms": round(p99, 1), "livez_p99_ms": round(livez, 1)}
    return row


def cpu_seconds(process):
    """What a process has spent, in user and system mode."""
    with open(f"/proc/{process.pid}/stat") as facts:
        fields = facts.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def profile(options, folder):
    """CPU microseconds of a request, of both processes, by how much of a report is done."""
    routes = {
        "a request that does nothing": "/nothing",
        "with the rows as JSON": "/report-rows",
        "with the call: the report, offloaded": "/tasks/report",
        "the report in process": "/report-here",
    }
    rows = []
    for name in ("1 kB", "10 kB"):
        with served(SIZES[name], options, folder) as (_, port, servers):
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            for words, route in routes.items():
                rounds = []
                for _ in range(3):
                    before = [cpu_seconds(server) for server in servers]
                    for _ in range(PROFILE_CALLS):
                        connection.request("GET", route)
                        connection.getresponse().read()
                    spent = [cpu_seconds(server) - then for server, then in zip(servers, before)]
                    rounds.append([seconds / PROFILE_CALLS * 1e6 for seconds in spent])
                service, api = (min(values) for values in zip(*rounds))
                rows.append([f"{name}: {words}", f"{api:.0f}", f"{service:.0f}"])
            connection.close()
    print(harness.table(["tasks", "tasks-api, us", "transform-service, us"], rows), end="")


def break_even(rows):
    """Bytes from which on offloading serves at least as many requests, whatever the size; None
    where it never does, or does from the least size on. On a line between the sizes around it.
    """
    ratios = [math.log(row["offloaded"]["rate"] / row["here"]["rate"]) for row in rows]
    losing = [index for index, value in enumerate(ratios) if value < 0]
    if not losing or losing[-1] == len(rows) - 1:
        return None
    low, high = rows[losing[-1]], rows[losing[-1] + 1]
    before, after = ratios[losing[-1]], ratios[losing[-1] + 1]
    share = -before / (after - before)
    bounds = math.log(low["bytes"]), math.log(high["bytes"])
    return round(math.exp(bounds[0] + share * (bounds[1] - bounds[0])))


def verdict(rows):
    """The break-even size in a sentence."""
    even = break_even(rows)
    least, most = rows[0]["size"], rows[-1]["size"]
    if even:
        return f"Offloading gains throughput from {harness.size_text(even)} of tasks on."
    if rows[-1]["offloaded"]["rate"] < rows[-1]["here"]["rate"]:
        return f"Offloading gains no throughput at {most}: there is no break-even up to there."
    return f"Offloading gains throughput at each size, from {least} on."


def table(rows):
    header = ["tasks", "in process", "p99", "`/livez` p99", "offloaded", "p99", "`/livez` p99",
              "ratio (range)"]
    lines = []
    for row in rows:
        cells = [f"{row['size']} ({row['tasks']})"]
        for kind in ("here", "offloaded"):
            part = row[kind]
            cells += [f"{part['rate']:.0f}/s", f"{part['p99_ms']:.0f} ms",
                      f"{part['livez_p99_ms']:.0f} ms"]
        low, high = row["range"]
        ratio = row["offloaded"]["rate"] / row["here"]["rate"]
        lines.append(cells + [f"{ratio:.1f} ({low:.1f}-{high:.1f})"])
    return harness.table(header, lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 s, 1 round, no 10 kB")
    parser.add_argument("--profile", action="store_true", help="CPU time by part, 1 and 10 kB")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--binary", default=harness.BINARY)
    parser.add_argument("--results", default=harness.RESULTS)
    options = parser.parse_args()
    options.seconds = options.seconds or (2 if options.quick else 6)
    options.rounds = options.rounds or (1 if options.quick else 3)
    sizes = {name: size for name, size in SIZES.items() if name != "10 kB" or not options.quick}
    # The servers end with this program, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    facts = harness.machine()
    if options.profile:
        with tempfile.TemporaryDirectory() as folder:
            return profile(options, folder)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(name, count, options, folder) for name, count in sizes.items()]
    data = {
        "machine": facts,
        "python": platform.python_version(),
        "connections": CONNECTIONS,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "break_even_bytes": break_even(rows),
        "rows": rows,
    }
    text = (
        f"tasks-api's report in process and offloaded, on the same cores: Python {data['python']}, "
        f"{CONNECTIONS} connections, medians of {options.seconds} s, rounds: {options.rounds}.\n"
        f"{harness.machine_line(facts)}\n\n{table(rows)}\n{verdict(rows)}\n"
    )
    print(text, end="")
    drawings = {
        name: plots.lines(
            title, "bytes of tasks", unit,
            {words: [(row["bytes"], max(row[kind][member], 0.1)) for row in rows]
             for kind, words in (("here", "in process"), ("offloaded", "offloaded"))})
        for name, member, title, unit in (
            ("rate", "rate", "Reports", "reports/s"),
            ("livez", "livez_p99_ms", "A trivial endpoint beside the reports", "p99, ms"))
    }
    harness.save(options.results, "offload", data, text, drawings)


if __name__ == "__main__":
    main()
