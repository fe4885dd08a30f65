#!/usr/bin/env python3
"""Random programs, patterns and command lines: what jq 1.8.2 makes of them, ours makes of them.

    differential.py [--seconds 3600] [--seed 1] [--kind programs|regexes|commands]
                    [--binary PATH] [--jq PATH] [--accepted FILE]... [--output FILE]

jq is fetched and built where it is missing (PyPI's `jq` has its source). What differs is made as
small as it goes, grouped, and printed in jq's test form: a program, its input, jq's outputs.
`differential/accepted.json` lists the differences that are meant, each with its reason. The exit
status is 1 if there are others. The same seed tries the same of each kind, as far as the time goes.
"""

import argparse
import collections
import json
import os
import random
import signal
import sys
import time

from differential import commands, engines, report, sessions
from differential.judge import Judge

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.join(HERE, "..", ".build", "release", "transform-service")
# One case of so many may take jq longer than it is waited for.
LATE_PART = 200
SESSIONS = {one.origin: one for one in (sessions.Programs, sessions.Regexes, commands.Commands)}


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=list(SESSIONS), action="append")
    parser.add_argument("--binary", default=BINARY)
    parser.add_argument("--jq", help="jq 1.8.2's path, where it is not to be built")
    parser.add_argument("--accepted", action="append", help="a further list of what is accepted")
    parser.add_argument("--output", help="a file that all differences are written to, as they come")
    options = parser.parse_args()
    if not os.access(options.binary, os.X_OK):
        sys.exit(f"{options.binary} is missing: run make build, or name another with --binary")
    judge = Judge([os.path.abspath(options.binary), "run"], [options.jq or engines.find_jq()])
    lists = [report.ACCEPTED, *(options.accepted or [])]
    found = report.Report([rule for path in lists for rule in report.read_rules(path)])
    judge.is_accepted = lambda case: found.rule(case) is not None
    engines.limit_memory()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    totals = search(judge, found, options)
    text = found.write(judge)
    if options.output:
        write(options.output, text)
    print(f"\n{text}\n{found.summary(totals)}")
    print(f"{judge.runs} runs of each; {judge.crashed} that jq itself did not survive")
    late_max = 1 + sum(totals.values()) // LATE_PART
    print(f"{judge.late} not compared, since jq took too long; {late_max} may be")
    sys.exit(1 if found.groups or judge.late > late_max else 0)


def search(judge, found, options):
    """Takes steps until the time is over, of the kind that had least of it; returns the counts."""
    names = json.loads(engines.run([*judge.theirs, "-nc", "builtins"], b"").out)
    running = [SESSIONS[kind](judge, names) for kind in options.kind or SESSIONS]
    totals, spent, steps = collections.Counter(), collections.Counter(), collections.Counter()
    written = start = time.monotonic()
    end = start + options.seconds
    while start < end:
        session = min(running, key=lambda one: spent[one.origin])
        source = random.Random(f"{options.seed}/{session.origin}/{steps[session.origin]}")
        for case in session.step(source):
            totals[session.origin] += 1
            if case:
                case.origin = session.origin
                if found.add(case):
                    print(report.show(case, judge), flush=True)
            if time.monotonic() > end:
                break
        now = time.monotonic()
        steps[session.origin] += 1
        spent[session.origin] += now - start
        start = now
        if options.output and now > written + 20:
            write(options.output, found.write(judge))
            written = now
    return totals


def write(path, text):
    """Puts the text in the file's place at once, so that who reads it sees all of it."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main()
