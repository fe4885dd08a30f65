#!/usr/bin/env python3
"""`POST /transform` against hand-written handlers: filter, project, group and sum, with wrk.

    service.py [--quick] [--seconds N] [--rounds N] [--connections N] [--binary PATH]
               [--only WORD] [--results FOLDER]

Bodies of 42 B (name and sum of an array), 1 kB, 11 kB, 111 kB and 1.1 MB (orders). Every server
runs one worker a core and its answers are compared first: one that answers otherwise is a dash.
Then each is loaded in turn, every round in the other order; of a server's rounds the one with the
most requests a second stands, because other work on the machine only takes away. CPU a request is
the server's own user and system time. Needs wrk; rivals/build.sh gets the rivals.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPException

import harness
import plots

sys.path.insert(0, os.path.join(harness.HERE, "rivals"))
import servers  # noqa: E402  (the rivals' folder is on the path only now)

BODIES = ["42", "1k", "11k", "111k", "1100k"]
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open("%s", "rb")
wrk.body = file:read("*a")
file:close()
"""
# Stands for a round in which nothing was answered, so that a ratio can be formed.
RATE_MIN = 0.1
SETTLE_LOOKS_MAX = 100
# A body this long has so few answers a second that a run of it takes three times as long.
LONG_BODY_BYTES = 1_000_000
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}


def body_of(size):
    if size == "42":
        return servers.SMALL
    command = [sys.executable, os.path.join(harness.HERE, "orders.py"), size]
    return subprocess.run(command, check=True, capture_output=True).stdout


def script_of(body, folder):
    """The path of a wrk script that posts the body."""
    data, script = os.path.join(folder, "body.json"), os.path.join(folder, "post.lua")
    with open(data, "wb") as out:
        out.write(body)
    with open(script, "w") as out:
        out.write(SCRIPT % data)
    return script


def seconds_of(text, label):
    """wrk's "Latency  1.23ms" or "99%  4.56ms" in seconds."""
    number, unit = re.search(rf"{label}\s+([0-9.]+)(us|ms|s|m)\b", text).groups()
    return float(number) * UNITS[unit]


def load(running, program, script, connections, seconds):
    """One wrk run: requests a second, mean and p99 latency, CPU a request, peak memory."""
    command = [
        "wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds}s", "--latency",
        "--timeout", "20s", "-s", script, running.url(program),
    ]
    peak, stop = [running.resident()], threading.Event()

    def sample():
        while not stop.wait(0.25):
            peak.append(running.resident())

    sampler = threading.Thread(target=sample)
    sampler.start()
    before = running.cpu_seconds()
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu = running.cpu_seconds() - before
    stop.set()
    sampler.join()
    settle(running)
    errors = re.findall(r"(?:Non-2xx|Socket errors).*", text)
    if errors:
        print(f"{running.server.name}: {'; '.join(errors)}")
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    return {
        "rate": max(RATE_MIN, float(re.search(r"Requests/sec:\s+([0-9.]+)", text).group(1))),
        "mean": seconds_of(text, "Latency"),
        "p99": seconds_of(text, "99%"),
        "cpu": cpu / max(1, requests),
        "peak": max(peak),
        "errors": errors,
    }


def settle(running):
    """Waits until a server has done with what wrk left open, lest it takes from the next one."""
    before = running.cpu_seconds()
    for _ in range(SETTLE_LOOKS_MAX):
        time.sleep(0.1)
        now = running.cpu_seconds()
        if now - before < 0.02:
            return
        before = now


def check_equal(running, program, body):
    """{name: why} of the rivals whose answer is not ours, sums to one part in 1e9."""

    def rounded(value):
        if isinstance(value, list):
            return [rounded(element) for element in value]
        if isinstance(value, dict):
            return {key: rounded(element) for key, element in value.items()}
        return float(f"{value:.9g}") if isinstance(value, (int, float)) else value

    ours = rounded(json.loads(running[0].post(program, body)))
    left_out = {}
    for one in running[1:]:
        try:
            if rounded(json.loads(one.post(program, body))) != ours:
                left_out[one.server.name] = "another answer"
        except (OSError, ValueError, HTTPException) as error:
            left_out[one.server.name] = f"no answer: {error}"
    return left_out


def measure_body(running, size, folder, options):
    """One body's row: every server's rounds and the one that stands."""
    body = body_of(size)
    program = "small" if size == "42" else "orders"
    able = [one for one in running if one.url(program)]
    left_out = check_equal(able, program, body)
    script = script_of(body, folder)
    seconds = options.seconds * (3 if len(body) >= LONG_BODY_BYTES else 1)
    actions = {
        one.server.name: lambda one=one: load(one, program, script, options.connections, seconds)
        for one in able if one.server.name not in left_out
    }
    rounds = harness.interleave(actions, options.rounds)
    ours = [run["rate"] for run in rounds[harness.OURS]]
    ours_cpu = min(run["cpu"] for run in rounds[harness.OURS])
    row = {
        "bytes": len(body), "program": servers.PROGRAMS[program], "servers": {},
        "left_out": left_out,
    }
    for name, runs in rounds.items():
        best = max(runs, key=lambda run: run["rate"])
        row["servers"][name] = {
            **best,
            "cpu": min(run["cpu"] for run in runs),
            "peak": max(run["peak"] for run in runs),
            "rates": [run["rate"] for run in runs],
            # Times per request, so that the ratio is the rival's over ours as everywhere.
            "ratio": harness.ratio([1 / run["rate"] for run in runs], [1 / rate for rate in ours]),
            "cpu_ratio": min(run["cpu"] for run in runs) / ours_cpu if ours_cpu else None,
        }
    return row


HEADER = [
    "body, server", "requests/s", "mean", "p99", "CPU a request", "memory under load",
    "ours is faster by", "of medians (range)", "by CPU",
]


def lines_of(row):
    for name, run in row["servers"].items():
        ratio, mine = run["ratio"], name == harness.OURS
        yield [
            f"{harness.size_text(row['bytes'])}, {name}",
            f"{run['rate']:,.0f}",
            harness.seconds_text(run["mean"]),
            harness.seconds_text(run["p99"]),
            f"{run['cpu'] * 1e6:.0f} µs",
            f"{run['peak'] / 1e6:.0f} MB",
            "" if mine else f"**{ratio['min']:.1f}**",
            "" if mine else f"{ratio['median']:.1f} ({ratio['low']:.1f}–{ratio['high']:.1f})",
            "" if mine or not run["cpu_ratio"] else f"{run['cpu_ratio']:.1f}",
        ]
    for name, why in row["left_out"].items():
        dashes = ["-"] * (len(HEADER) - 2)
        yield [f"{harness.size_text(row['bytes'])}, {name}", why, *dashes]


def report(facts, rows, idle, options):
    head = (
        f"# Service\n\n{harness.machine_line(facts)} wrk on the same machine, "
        f"{options.connections} connections, {options.seconds} s a run (3 times that at 1.1 MB), "
        f"the best of {options.rounds} alternating rounds; every server has one worker a core.\n\n"
    )
    memory = harness.table(
        ["server", "idle memory"], [[name, f"{count / 1e6:.1f} MB"] for name, count in idle.items()]
    )
    return head + harness.table(HEADER, [line for row in rows for line in lines_of(row)]) + (
        "\nMemory of a server of several processes is the sum of their fair shares (PSS).\n\n"
    ) + memory


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 round of 1 s")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--binary", default=harness.BINARY)
    parser.add_argument("--only", help="rivals whose name has this word")
    parser.add_argument("--results", default=harness.RESULTS)
    options = parser.parse_args()
    options.seconds = options.seconds or (1 if options.quick else 2)
    options.rounds = options.rounds or (1 if options.quick else 2)
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    facts, rows = harness.machine(), []
    print(harness.machine_line(facts))
    chosen = servers.installed(options.binary)
    chosen = chosen[:1] + [s for s in chosen[1:] if not options.only or options.only in s.name]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        running = []
        for one in chosen:
            try:
                up = one.started(servers.free_port(), os.cpu_count())
                running.append(stack.enter_context(up))
            except servers.NotUp as error:
                if not running:
                    sys.exit(str(error))
                print(f"left out: {error}")
        idle = {one.server.name: one.resident() for one in running}
        for size in BODIES:
            rows.append(measure_body(running, size, folder, options))
            for line in lines_of(rows[-1]):
                print(" | ".join(line).replace("**", ""), flush=True)
    bars = [
        (f"{harness.size_text(row['bytes'])}, {name}", run["ratio"]["min"], run["ratio"]["low"],
         run["ratio"]["high"])
        for row in rows for name, run in row["servers"].items() if name != harness.OURS
    ]
    drawing = plots.bars("Service: times the rival's requests a second", bars, [(10, "10")])
    data = {"machine": facts, "idle": idle, "rows": rows, "connections": options.connections}
    page = report(facts, rows, idle, options)
    harness.save(options.results, "service", data, page, {"ratios": drawing})
    if bars:
        mean = harness.geometric_mean(value for _, value, *_ in bars)
        print(f"{len(bars)} rows: geometric mean {mean:.1f} times the rival's requests a second")


if __name__ == "__main__":
    main()
