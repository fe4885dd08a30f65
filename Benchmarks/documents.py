#!/usr/bin/env python3
"""Real work on real documents: `run` against jaq, gojq, jq and libjq, equal answers first.

    documents.py [--quick] [--rounds N] [--binary PATH] [--only WORD] [--results FOLDER]

Every row: each engine runs once and its answer is compared (JSON, or lines of text); a rival whose
answer differs, fails or takes over 5 times the best rival's time is left out of that row and
named. Rivals within 1.5 times the best rival's first time go on to the timed rounds, which
alternate: at least 3, and as many as fit in 2 seconds (quick: half a one), up to 15. A ratio is the rival's wall time
over ours, so more than 1 says that we are faster. Exit status 1 if an answer of ours fails or is
not the one that most rivals give.
"""
import argparse
import json
import os
import sys
import tempfile

import document_rows
import harness
import plots

TOO_SLOW = 5
SECONDS_MAX = 60
SECONDS_MIN = 2
STILL_IN_THE_RACE = 1.5
ROUND_SECONDS = 2
QUICK_ROUND_SECONDS = 0.5
# On files above this jq and libjq are left out: never the best rival there, and half of the suite's
# time.
SLOW_ENGINES_BYTES_MAX = 20_000_000


def same_as_ours(outputs, raw):
    """The names of the engines whose output file agrees with ours, first byte by byte."""
    with open(outputs[harness.OURS], "rb") as source:
        text = source.read()
    ours, same = None, []
    for name, path in outputs.items():
        with open(path, "rb") as source:
            theirs = source.read()
        if theirs != text:
            ours = ours or harness.canonical(text, raw)
            values = harness.canonical(theirs, raw)
            if values != ours and not harness.agree(ours, values):
                continue
        same.append(name)
    return same


def first_runs(engines, program, path, raw):
    """Each engine's first run, and "equal", "differs", "failed" or "too slow" for each."""
    first, outputs, seconds = {}, {}, SECONDS_MAX
    with tempfile.TemporaryDirectory() as folder:
        for engine in engines:
            outputs[engine.name] = os.path.join(folder, str(len(outputs)))
            run = harness.measure(engine, program, path, raw, outputs[engine.name], seconds, True)
            first[engine.name] = run
            if run.status == 0 and engine.name != harness.OURS:
                seconds = min(seconds, max(SECONDS_MIN, run.wall * TOO_SLOW))
        ran = {name: outputs[name] for name, run in first.items() if run.status == 0}
        same = harness.in_child(lambda: same_as_ours(ran, raw)) if harness.OURS in ran else []

    def verdict(name, run):
        if run.status is None:
            return "too slow"
        if run.status:
            return f"failed: {run.message.strip()[:120]}"
        return "equal" if name in same else "differs"

    return first, {name: verdict(name, run) for name, run in first.items()}


def measure_row(engines, work, document, program, path, rounds, round_seconds):
    """One row of the table as a dictionary that JSON can hold."""
    raw = program.startswith("-r ")
    program = program.removeprefix("-r ")
    first, verdicts = first_runs(engines, program, path, raw)
    row = {
        "work": work,
        "document": document,
        "bytes": os.path.getsize(path),
        "program": program,
        "verdicts": verdicts,
    }
    equal = [e for e in engines if verdicts[e.name] == "equal" and e.name != harness.OURS]
    if verdicts[harness.OURS] != "equal" or not equal:
        return row
    best_time = min(first[engine.name].wall for engine in equal)
    racing = [e for e in equal if first[e.name].wall <= best_time * STILL_IN_THE_RACE]
    actions = {
        engine.name: lambda engine=engine: harness.measure(engine, program, path, raw)
        for engine in [engines[0]] + racing
    }
    results = harness.interleave(actions, rounds, round_seconds)
    row["engines"] = {
        engine.name: {
            "wall": [run.wall for run in results.get(engine.name, [first[engine.name]])],
            "cpu": [run.cpu for run in results.get(engine.name, [first[engine.name]])],
            "peak": first[engine.name].peak,
            "raced": engine.name in results,
        }
        for engine in [engines[0]] + equal
    }
    ours = row["engines"][harness.OURS]
    best = min(racing, key=lambda engine: min(row["engines"][engine.name]["wall"])).name
    theirs = row["engines"][best]
    row["best"] = best
    row["ratio"] = harness.ratio(theirs["wall"], ours["wall"])
    row["cpu_ratio"] = min(theirs["cpu"]) / min(ours["cpu"])
    row["memory_ratio"] = ours["peak"] / theirs["peak"]
    return row


def line_of(row):
    """The row's cells in the Markdown table."""
    label = f"{row['work']}, {row['document']}"
    size = harness.size_text(row["bytes"])
    left_out = [f"{name}: {words}" for name, words in row["verdicts"].items() if words != "equal"]
    if "ratio" not in row:
        return [label, size, "", "", "", "", "", "", "", "; ".join(left_out) or "no rival"]
    ours, theirs = row["engines"][harness.OURS], row["engines"][row["best"]]
    ratio = row["ratio"]
    return [
        label,
        size,
        harness.seconds_text(min(ours["wall"])),
        f"{row['best']} {harness.seconds_text(min(theirs['wall']))}",
        f"**{ratio['min']:.1f}**",
        f"{ratio['median']:.1f} ({ratio['low']:.1f}–{ratio['high']:.1f})",
        f"{row['cpu_ratio']:.1f}",
        f"{ours['peak'] / 1e6:.0f} MB",
        f"{row['memory_ratio']:.2f}",
        "; ".join(left_out),
    ]


HEADER = [
    "work, document", "file", "ours", "best rival", "ratio of the least", "of medians (range)",
    "of CPU", "our peak", "peak / best rival's", "left out",
]


def report(facts, engines, rows, rounds):
    """The Markdown page."""
    timed = [row for row in rows if "ratio" in row]
    least = [row["ratio"]["min"] for row in timed]
    memory = [row["memory_ratio"] for row in timed]
    under = sum(value < 4 for value in least)
    summary = (
        f"{len(timed)} of {len(rows)} rows timed. Against the best rival of each row: geometric "
        f"mean **{harness.geometric_mean(least):.1f}** times, least {min(least, default=0):.1f}, "
        f"{under} rows under 4. Peak memory: geometric mean "
        f"{harness.geometric_mean(memory):.2f} of that rival's, most {max(memory, default=0):.2f}, "
        f"{sum(value > 0.5 for value in memory)} rows over a half."
    )
    page = (
        f"# Documents\n\n{harness.machine_line(facts)}\n"
        f"Engines: {', '.join(f'{e.name}' for e in engines)}. The least wall time of {rounds} "
        "to 15 alternating rounds, process start included (libjq: Python's start left out); a small "
        "document is repeated in its file.\n\n"
        f"{summary}\n\n{harness.table(HEADER, map(line_of, rows))}"
    )
    return page, summary


def chosen(options):
    """(work, document, program) for each row of this run."""
    for document, programs in document_rows.PROGRAMS.items():
        for work, program in programs:
            if not options.only or options.only in f"{work}, {document}":
                yield work, document, program


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="6 MB of orders; jaq and gojq alone")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--binary", default=harness.BINARY)
    parser.add_argument("--only", help="rows whose name has this word")
    parser.add_argument("--results", default=harness.RESULTS)
    options = parser.parse_args()
    rounds = options.rounds or 3
    round_seconds = QUICK_ROUND_SECONDS if options.quick else ROUND_SECONDS
    orders_bytes, bytes_min = (6_000_000, 2_000_000) if options.quick else (60_000_000, 6_000_000)
    engines, facts, rows = harness.engines(options.binary), harness.machine(), []
    print(harness.machine_line(facts))
    with tempfile.TemporaryDirectory() as folder:
        for work, document, program in chosen(options):
            path = document_rows.document(document, folder, orders_bytes, bytes_min)
            racing = engines
            if options.quick or os.path.getsize(path) > SLOW_ENGINES_BYTES_MAX:
                racing = [e for e in engines if e.name.split()[0] not in ("jq", "libjq")]
            rows.append(
                measure_row(racing, work, document, program, path, rounds, round_seconds)
            )
            print(" | ".join(line_of(rows[-1])).replace("**", ""), flush=True)
    page, summary = report(facts, engines, rows, rounds)
    bars = sorted(
        (
            (f"{row['work']}, {row['document']}", row["ratio"]["min"], row["ratio"]["low"],
             row["ratio"]["high"])
            for row in rows if "ratio" in row
        ),
        key=lambda bar: -bar[1],
    )
    title = "Documents: times faster than the best rival"
    drawing = plots.bars(title, bars, [(4, "4"), (10, "10")])
    data = {"machine": facts, "rounds": rounds, "rows": rows}
    harness.save(options.results, "documents", data, page, {"ratios": drawing})
    print(summary)
    wrong = [row for row in rows if is_wrong(row)]
    for row in wrong:
        print(f"WRONG: {row['work']}, {row['document']}: {json.dumps(row['verdicts'])}")
    sys.exit(1 if wrong else 0)


def is_wrong(row):
    rivals = [words for name, words in row["verdicts"].items() if name != harness.OURS]
    return row["verdicts"][harness.OURS] != "equal" or harness.outvoted(rivals)


main()
