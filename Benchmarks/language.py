#!/usr/bin/env python3
"""The 30 rows of jaq's published benchmark: `transform-service run` beside jaq, gojq and jq.

    language.py [--rounds N] [--rows NAME,NAME] [--seconds MAX] [--json FILE]
                [--command '.build/release/transform-service run'] [--rival 'NAME=COMMAND']...

Each program gets its row's number as its input and ends in `| length`, as in jaq's own runner. The
rivals' results must equal ours in every round. Rounds go through all commands in turn. A row's
time is the least CPU time of a command, user and system, for a noisy machine only adds to it, and
less than 4 ms counts as 4; the spread is that of the ratios of the rounds. Where both count as 4
the wall time tells who is ahead. `bf-fib` and `defs` read a file in place of the number; `empty` is 512 starts. A rival that fails, takes longer than --seconds or
has another result (jq 1.6 differs from 1.8 in places) is a dash. Where none agrees the row is one
of dashes, and the exit status is 1.
"""
import argparse
import json
import math
import os
import platform
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get("SHARED_DIR", os.path.join(HERE, "..", "..", "shared"))
SUITE = os.path.join(SHARED, "suites", "jaq-bench")


def rows():
    """Name, size and program of each row of the suite's table."""
    found = []
    for line in open(os.path.join(SUITE, "table.md"), encoding="utf-8"):
        cells = re.split(r"\s*(?<!\\)\|\s*", line.strip())
        if len(cells) >= 8 and cells[2].isdigit():
            found.append((cells[1], int(cells[2])))
    return found


def program(name):
    with open(os.path.join(SUITE, name + ".jq"), encoding="utf-8") as source:
        return source.read() + " | length"


def without_shim(words):
    """The command with pyenv's wrapper, which takes its own time, replaced by the program itself."""
    if "/shims/" in (shutil.which(words[0]) or ""):
        found = subprocess.run(["pyenv", "which", words[0]], capture_output=True, text=True)
        words[0] = found.stdout.strip() or words[0]
    return words


def version(name, words):
    """The command's version in a few letters."""
    if name == "ours":
        return "transform-service"
    text = subprocess.run(words + ["--version"], capture_output=True, text=True).stdout
    found = re.search(r"[0-9]+(\.[0-9]+)+", text)
    return f"{name} {found.group()}" if found else name


class Row:
    """What one row runs: the words behind a command, the input, and how often."""

    def __init__(self, name, size, folder):
        self.name, self.size, self.input, self.count = name, size, str(size), 1
        if name == "empty":
            self.words, self.input, self.count = ["-n", "empty"], "", size
        elif name == "bf-fib":
            self.words = ["-sRrf", os.path.join(SUITE, "bf.jq"), os.path.join(SUITE, "fib.bf")]
        elif name == "defs":
            path = os.path.join(folder, "defs.jq")
            with open(path, "w", encoding="ascii") as file:
                file.write("def a: 0;\n" * size + "empty")
            self.words = ["-n", "-f", path]
        else:
            self.words = [program(name)]

    def run(self, command, seconds):
        """CPU and wall seconds and the output, or None."""
        before = cpu_seconds()
        start = time.perf_counter()
        for _ in range(self.count):
            try:
                result = subprocess.run(
                    command + self.words,
                    input=self.input.encode(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    timeout=seconds,
                )
            except subprocess.TimeoutExpired:
                return None
            if result.returncode:
                return None
        wall = time.perf_counter() - start
        return cpu_seconds() - before, wall, result.stdout


def cpu_seconds():
    """User and system time of all commands so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def same(a, b):
    """Equal as JSON texts, or as bytes where they are none."""
    try:
        return json.loads(a) == json.loads(b)
    except ValueError:
        return a == b


def measure(row, commands, rounds, seconds):
    """By command: the CPU seconds of each round, or None; and the least wall seconds."""
    times = {name: [] for name in commands}
    walls = {}
    result = None
    for _ in range(rounds):
        for name, words in commands.items():
            if times[name] is None:
                continue
            done = row.run(words, seconds)
            if done is None:
                times[name] = None
                if name == "ours":
                    return times, walls
                continue
            cpu, wall, output = done
            if name == "ours":
                result = output
            elif result is not None and not same(result, output):
                print(f"{row.name}: {name} has another result, {output[:60]!r}", file=sys.stderr)
                times[name] = None
                continue
            times[name].append(cpu)
            walls[name] = min(walls.get(name, wall), wall)
    return times, walls


def is_wrong(times):
    """Whether ours fails, or no rival gives our result."""
    rivals = [values for name, values in times.items() if name != "ours"]
    return times["ours"] is None or bool(rivals) and not any(rivals)


def milliseconds(value):
    return "-" if value is None else f"{value * 1e3:.0f}"


def summarise(row, times, walls):
    """A row as an object: least times, and the ratio to the best rival with its spread."""
    least = {name: min(values) if values else None for name, values in times.items()}
    rivals = {n: t for n, t in least.items() if n != "ours" and t is not None}
    entry = {"row": row.name, "n": row.size, "cpu_seconds": least, "wall_seconds": walls}
    if rivals and least["ours"] is not None:
        best = min(rivals, key=rivals.get)
        # The system counts CPU time by its clock's ticks: below 4 ms it says little.
        ratio = lambda a, b: max(a, 0.004) / max(b, 0.004)
        spread = [ratio(a, b) for a, b in zip(times[best], times["ours"])]
        entry.update(
            best=best,
            ratio=ratio(rivals[best], least["ours"]),
            ratio_least=min(spread),
            ratio_most=max(spread),
            wall_ratio=ratio(min(walls[n] for n in rivals), walls["ours"]),
        )
    return entry


def is_ahead(entry):
    """By CPU time; by wall time where both take no more CPU than a tick of the clock tells."""
    return entry["ratio"] > 1 or entry["ratio"] == 1 and entry["wall_ratio"] > 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", default="", help="only these, with commas between them")
    parser.add_argument("--seconds", type=float, default=20, help="for one run of one command")
    parser.add_argument("--json", help="a file for all figures")
    parser.add_argument("--rival", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument(
        "--command", default=os.path.join(HERE, "../.build/release/transform-service") + " run"
    )
    options = parser.parse_args()
    commands = {"ours": shlex.split(options.command)}
    for rival in options.rival or ["jaq=jaq", "gojq=gojq", f"jq={harness.jq_path() or 'jq'}"]:
        name, _, words = rival.partition("=")
        if shutil.which(shlex.split(words)[0]):
            commands[name] = without_shim(shlex.split(words))
        else:
            print(f"{name}: not installed, left out\n")
    versions = {name: version(name, words) for name, words in commands.items()}
    wanted = [name for name in options.rows.split(",") if name]
    print(f"{platform.machine()}, {os.cpu_count()} cores, ms of CPU, user and system, least of "
          f"{options.rounds} rounds; ratio: best rival / ours\n")
    print("| row | n | " + " | ".join(versions.values()) + " | best rival | ratio | spread | wall |")
    print("|---|--:|" + "--:|" * len(commands) + "---|--:|--:|--:|")
    entries, wrong = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in rows():
            if wanted and name not in wanted:
                continue
            row = Row(name, size, folder)
            times, walls = measure(row, commands, options.rounds, options.seconds)
            entry = summarise(row, times, walls)
            entries.append(entry)
            if is_wrong(times):
                wrong.append(name)
            cells = [milliseconds(entry["cpu_seconds"][n]) for n in commands]
            if "ratio" not in entry:
                cells += ["-"] * 4
            else:
                cells += [entry["best"], f"{entry['ratio']:.2f}"]
                cells += [f"{entry['ratio_least']:.1f}-{entry['ratio_most']:.1f}"]
                cells += [f"{entry['wall_ratio']:.2f}"]
            print(f"| {name} | {size} | " + " | ".join(cells) + " |", flush=True)
    ratios = [entry["ratio"] for entry in entries if "ratio" in entry]
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        ahead = sum(is_ahead(entry) for entry in entries if "ratio" in entry)
        print(f"\nahead on {ahead} of {len(ratios)}, geometric mean of the ratios {mean:.2f}, "
              f"least {min(ratios):.2f}")
    if options.json:
        report = {"machine": platform.machine(), "cores": os.cpu_count(), "rounds": options.rounds,
                  "versions": versions, "rows": entries}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
    if wrong:
        sys.exit(f"WRONG: ours fails, or no rival gives our result: {', '.join(wrong)}")


main()
