#!/usr/bin/env python3
"""`run -c .` against `jaq -c .`: equal outputs first, then time and peak memory, as ratios.

    identity.py [--rounds N] [--rival 'jaq -c .'] [--command '.build/release/transform-service run -c .']

Files: twitter, citm_catalog and canada from $SHARED_DIR/data (../shared/data), and 60 MB of orders.
Rounds alternate between the two commands; the median of each stands.
"""
import argparse
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get("SHARED_DIR", os.path.join(HERE, "..", "..", "shared"))
NUMBER = re.compile(rb'"(?:\\.|[^"\\])*"|-?[0-9][0-9.eE+-]*')


def run(command, path, keep=False):
    """Seconds, peak memory in KiB, and the output if it is kept."""
    with open(path, "rb") as source:
        out = subprocess.PIPE if keep else subprocess.DEVNULL
        start = time.perf_counter()
        child = subprocess.Popen(shlex.split(command) + [path], stdin=source, stdout=out)
        text = child.stdout.read() if keep else b""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command}: exit status {child.returncode} on {path}")
    return time.perf_counter() - start, usage.ru_maxrss, text


def check(name, command, path):
    """The output is the input: as JSON, and its integers and strings token by token."""
    _, _, text = run(command, path, keep=True)
    source = open(path, "rb").read()
    if json.loads(text) != json.loads(source):
        sys.exit(f"{name}: the output differs from the input")
    exact = lambda text: [t for t in NUMBER.findall(text) if re.fullmatch(rb"-?[0-9]+", t)]
    if exact(text) != exact(source):
        sys.exit(f"{name}: an integer lost its digits")


def in_child(body):
    """Runs it in a process of its own: a large parent would count in its children's peak memory."""
    child = os.fork()
    if child == 0:
        body()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(1)


def without_shim(command):
    """The command with pyenv's wrapper, which takes its own time, replaced by the program itself."""
    words = shlex.split(command)
    if "/shims/" in (shutil.which(words[0]) or ""):
        found = subprocess.run(["pyenv", "which", words[0]], capture_output=True, text=True)
        words[0] = found.stdout.strip() or words[0]
    return shlex.join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rival", default="jaq -c .")
    parser.add_argument(
        "--command", default=os.path.join(HERE, "../.build/release/transform-service") + " run -c ."
    )
    options = parser.parse_args()
    options.rival = without_shim(options.rival)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.rounds} rounds, medians")
    print(f"{'file':14} {'MB':>6} {'ms':>8} {'rival':>8} {'ratio':>6} {'memory':>7} {'x input':>7}")
    with tempfile.NamedTemporaryFile(suffix=".json") as orders:
        subprocess.run(
            [sys.executable, os.path.join(HERE, "orders.py"), "60M"], stdout=orders, check=True
        )
        names = ["twitter", "citm_catalog", "canada"]
        paths = [(n, os.path.join(SHARED, "data", n + ".json")) for n in names]
        for name, path in paths + [("orders", orders.name)]:
            if not os.path.exists(path):
                print(f"{name}: not at {path}, left out")
                continue
            in_child(lambda: check(name, options.command, path))
            ours, theirs, memory = [], [], 0
            for _ in range(options.rounds):
                seconds, peak, _ = run(options.command, path)
                ours.append(seconds)
                memory = max(memory, peak)
                theirs.append(run(options.rival, path)[0])
            size = os.path.getsize(path)
            a, b = statistics.median(ours), statistics.median(theirs)
            print(
                f"{name:14} {size / 1e6:6.1f} {a * 1e3:8.1f} {b * 1e3:8.1f} {b / a:6.1f} "
                f"{memory / 1024:5.0f} M {memory * 1024 / size:7.2f}"
            )


main()
