#!/usr/bin/env python3
"""The functions that runs use -> Sources/TransformService/function-order.txt, for the linker.

    make build && Benchmarks/function_order.py

The system maps code by 64 KiB around each place that is used, and counts that as memory: with the
functions that are used next to each other a run has 3 MB less, and starts sooner. Functions that
are missing from the file, or gone from the program, do no harm; run this when much has changed.
Needs valgrind and objcopy. The most used come first: `run` over all kinds of work, then `serve`.
"""
import collections
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import document_rows
import harness

ORDER = os.path.join(harness.HERE, "..", "Sources", "TransformService", "function-order.txt")
SERVE = {
    "{name, total: (.values | add)}": b'{"id":7,"name":"Ada","values":[1,2,3,455]}',
    ".[] | select(.a > 1) | .b |= ascii_upcase": b'[{"a":2,"b":"x"}]',
    "map(.a) | sort | group_by(.) | map(length)": b'[{"a":1.5},{"a":"x"},{"a":null}]',
}


def functions(command, folder, feed=None):
    """Mangled names of what a command calls; `feed` is called while it runs, and ends it."""
    out = os.path.join(folder, "callgrind.out")
    child = subprocess.Popen(
        ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={out}", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    if feed:
        feed(child)
    child.wait(timeout=120)
    with open(out, encoding="utf-8", errors="replace") as lines:
        found = re.findall(r"^c?fn=\(\d+\) (\S+)", lines.read(), re.M)
    return {re.sub(r"'\d+$", "", name) for name in found}


def ask(port):
    """Sends requests of several kinds, each twice, then ends the server."""

    def feed(child):
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
                break
            except OSError:
                time.sleep(0.1)
        for program, body in list(SERVE.items()) * 3:
            url = f"http://127.0.0.1:{port}/transform?outputs=array&program="
            urllib.request.urlopen(url + urllib.parse.quote(program), body, timeout=60).read()
        child.terminate()

    return feed


def main():
    binary = os.path.join(harness.HERE, "..", ".build", "release", "transform-service")
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "transform-service")
        subprocess.run(["objcopy", "--strip-debug", binary, plain], check=True)
        for name, rows in document_rows.PROGRAMS.items():
            path = document_rows.document(name, folder, 200_000, 1)
            for _, program in rows:
                words = ["-r", program[3:]] if program.startswith("-r ") else [program]
                counts.update(functions([plain, "run", *words, path], folder))
        port = 8306
        serve = [plain, "serve", "--port", str(port), "--workers", "1", "--log-level", "error"]
        counts.update(functions(serve, folder, ask(port)))
    names = sorted(counts, key=lambda name: (-counts[name], name))
    with open(ORDER, "w", encoding="ascii", errors="ignore") as out:
        out.writelines(f"{name}\n" for name in names if not name.startswith("0x"))
    print(f"{len(names)} functions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
