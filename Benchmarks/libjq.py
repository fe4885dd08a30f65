#!/usr/bin/env python3
"""libjq through PyPI's `jq`, as a command: `libjq.py -c|-r PROGRAM FILE`, or `--version`.

Its own clock starts when Python has started and ends when the output is written; "seconds
cpu-seconds" is the last line of stderr. With -c the library makes the text itself, so that no
Python value is built; with -r each output is a string.
"""
import sys
import time

import jq


def main():
    if sys.argv[1:] == ["--version"]:
        # The package does not say which libjq it has; `trimstr` came with 1.8.
        known = jq.compile("builtins").input_value(None).first()
        print("1.8" if "trimstr/1" in known else "1.7")
        return
    option, program, path = sys.argv[1:]
    wall, cpu = time.perf_counter(), time.process_time()
    with open(path, encoding="utf-8") as source:
        run = jq.compile(program).input_text(source.read())
    out = "".join(text + "\n" for text in run.all()) if option == "-r" else run.text() + "\n"
    sys.stdout.buffer.write(out.encode())
    sys.stdout.buffer.flush()
    print(time.perf_counter() - wall, time.process_time() - cpu, file=sys.stderr)


main()
