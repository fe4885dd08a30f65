#!/usr/bin/env python3
"""Instructions a byte of twitter.json, counted by callgrind, which no load on the machine moves.

    reading.py [--quick] [--binary PATH] [--results FOLDER]

Each program runs on a file of N copies and one of 2 N; the difference over the bytes between them
has no share of start-up or compiling in it. `empty` and `length` look at no value, and none is
built. `[..] | length` looks at each: of its instructions those of the reader, with all that it
calls, are what it costs to read a text and build all its values; `.` writes them too. The bar is
5 a byte to read.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import document_rows
import harness

PROGRAMS = [
    ("read", "empty"),
    ("read, count members", "length"),
    ("read, visit every value", "[..] | length"),
    ("read and write values", "."),
]
READ_MAX = 5
# The program that has every value built, and the function that all reading is in.
BUILDS_ALL = "[..] | length"
READER = "JSONReaderV9readValue"


def instructions(binary, program, path, folder):
    """What callgrind collected of `run -c PROGRAM PATH`: all, and in the reader."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/callgrind.out",
         binary, "run", "-c", program, path],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"callgrind on {program} failed: {done.stderr[-400:]}")
    if program != BUILDS_ALL:
        return int(found.group(1)), None
    told = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", f"{folder}/callgrind.out"],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout
    share = re.search(r"^\s*([\d,]+) .*" + READER, told, re.MULTILINE)
    if not share:
        sys.exit(f"callgrind does not know {READER}")
    return int(found.group(1)), int(share.group(1).replace(",", ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 and 4 copies, not 4 and 8")
    parser.add_argument("--binary", default=harness.BINARY)
    parser.add_argument("--results", default=harness.RESULTS)
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing: apt-get install valgrind")
    facts, rows, copies = harness.machine(), [], 2 if options.quick else 4
    with tempfile.TemporaryDirectory() as folder:
        # Valgrind reads all debug information first, which takes longer than the run.
        binary = os.path.join(folder, "transform-service")
        subprocess.run(["strip", "-g", "-o", binary, options.binary], check=True)
        text = document_rows.real_or_alike("twitter")
        paths = []
        for count in [copies, 2 * copies]:
            paths.append(os.path.join(folder, f"{count}.json"))
            with open(paths[-1], "wb") as out:
                out.write(text * count)
        for work, program in PROGRAMS:
            runs = zip(*(instructions(binary, program, path, folder) for path in paths))
            for name, (once, twice) in zip([work, "read and build every value, alone"], runs):
                if twice is None:
                    continue
                per_byte = (twice - once) / (copies * len(text))
                rows.append({"work": name, "program": program, "instructions_per_byte": per_byte})
                print(f"{name} ({program}): {per_byte:.2f} instructions a byte", flush=True)
    # In a table's cell Markdown wants a bar escaped, in code too.
    cells = [
        [r["work"], "`" + r["program"].replace("|", "\\|") + "`", f"{r['instructions_per_byte']:.2f}"]
        for r in rows
    ]
    page = (
        f"# Reading\n\ntwitter.json ({len(text)} bytes), callgrind, {copies} copies less than "
        f"{2 * copies}; {facts['date']}. The bar: {READ_MAX} to read.\n\n"
        + harness.table(["work", "program", "instructions a byte"], cells)
    )
    harness.save(options.results, "reading", {"machine": facts, "rows": rows}, page, {})


main()
