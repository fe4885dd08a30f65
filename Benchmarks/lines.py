#!/usr/bin/env python3
"""Lines of JSON: `run` against jaq, gojq, jq, DuckDB, chDB and Polars, equal answers first.

    lines.py [--quick] [--records N] [--rounds N] [--only WORD] [--rivals NAME,NAME]
             [--binary PATH] [--base PATH] [--jq PATH] [--threads N] [--results FOLDER]

Two generated files: 2,000,000 records of some 62 bytes and 300,000 events of some 930. Each engine
answers each row of line_rows.py once, and its answer is compared: values, not bytes; groups in any
order. An engine that fails, takes over a minute or gives another answer is left out of the row and
named. The others are timed in rounds that alternate; of an engine that took longer than 3 seconds
the first run counts. Ours, DuckDB, chDB and Polars run with one thread and with --threads (all
cores). CPU time is user and system; ratios are a rival's over ours. For DuckDB, chDB and Polars the
time to start Python and the library is not counted, that to load the file is. --base is an older
binary of ours, one more rival. Exit status 1 if an answer of ours fails or is not the one that most
rivals give.
"""
import argparse
import dataclasses
import functools
import json
import math
import os
import sys
import tempfile

import harness
import line_answers
import line_rows
import plots

SECONDS_MAX = 60
SLOW_SECONDS = 3
OURS, BASE = harness.OURS, "base"
COMMANDS = ["jaq", "gojq", "jq"]
LIBRARIES = {"duckdb": "DuckDB", "chdb": "chDB", "polars": "Polars"}
# The others take most of the time; the quick run is for what has become wrong.
QUICK_RIVALS = ["jaq", "duckdb"]
QUICK_PART = 10
# What the drawings of CPU and of wall time have a line at.
MARKS = [8, 2]


@dataclasses.dataclass
class Contender(harness.Engine):
    """An engine with a number of threads; harness.measure has it make the command of a row."""

    kind: str = ""
    threads: int = 1

    @property
    def key(self):
        return self.name if self.threads == 1 else f"{self.name}, {self.threads} threads"

    def has(self, row):
        """Whether the engine has a function for what the row asks."""
        return self.kind not in LIBRARIES or self.kind in row.queries

    def command(self, row, path, raw=False):
        if self.kind in LIBRARIES:
            return [*self.argv, str(self.threads), row.file, row.work, path]
        parallel = ["--parallel", str(self.threads)] if self.threads > 1 else []
        return [*self.argv, *parallel, *row.options, row.program, path]


def contenders(options):
    """Ours first, then base and every rival that is installed; and the names of the others."""
    found, missing = [], []
    for name, option, binary in [(OURS, "binary", options.binary), (BASE, "base", options.base)]:
        if binary and not os.access(binary, os.X_OK):
            sys.exit(f"{binary} is missing: run make build, or name another with --{option}")
        if binary:
            number = harness.version([binary, "--version"]) or "unknown"
            found.append(Contender(name, [binary, "run"], number, kind=name))
    for name in options.rivals:
        if name in LIBRARIES:
            argv = [harness.python(), os.path.join(harness.HERE, "columnar.py"), name]
            number = harness.version([*argv, "--version"], r"^[0-9]+(?:\.[0-9]+)+")
        else:
            path = (name == "jq" and options.jq) or harness.tool(name)
            argv, number = [path], path and harness.version([path, "--version"])
        if not number or number == "unknown":
            missing.append(LIBRARIES.get(name, name))
            continue
        title = f"{LIBRARIES.get(name, name)} {number}"
        found.append(Contender(title, argv, number, own_clock=name in LIBRARIES, kind=name))
    if options.threads > 1:
        found = [
            replaced
            for one in found
            for replaced in [one, dataclasses.replace(one, threads=options.threads)]
            if replaced.threads == 1 or one.kind not in COMMANDS
        ]
    return found, missing


def threads_text(count):
    return "one thread" if count == 1 else f"{count} threads"


def alone(found):
    """Each engine with one thread; ours is the first."""
    return [one for one in found if one.threads == 1]


def widest(found):
    """Each engine with as many threads as it can use; ours is the first."""
    most = {one.name: one for one in found}
    return list(most.values())


def first_runs(found, row, path):
    """Each engine's first run, and "equal", "differs", "failed", "too slow" or "no function"."""
    first, verdicts = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (os.path.join(folder, name) for name in ("ours", "theirs"))
        for one in found:
            if not one.has(row):
                verdicts[one.key] = "no function"
                continue
            output = theirs if first else ours
            run = harness.measure(one, row, path, False, output, SECONDS_MAX, True)
            first[one.key] = run
            if run.status is None:
                verdicts[one.key] = "too slow"
            elif run.status:
                last = (run.message.strip().splitlines() or [f"status {run.status}"])[-1]
                verdicts[one.key] = f"failed: {last[:120]}"
            elif verdicts.get(OURS, "equal") != "equal":
                verdicts[one.key] = "not compared"
            else:
                compare = functools.partial(line_answers.same, row.form, ours, output)
                equal = harness.in_child(compare)
                verdicts[one.key] = "equal" if equal else "differs"
    return first, verdicts


def measure_row(found, row, path, records, rounds):
    """One row of the tables as a dictionary that JSON can hold."""
    first, verdicts = first_runs(found, row, path)
    equal = [one for one in found if verdicts[one.key] == "equal"]
    racing = [one for one in equal if one.kind == OURS or first[one.key].wall <= SLOW_SECONDS]
    actions = {one.key: lambda one=one: harness.measure(one, row, path) for one in racing}
    results = harness.interleave(actions, rounds, rounds_max=rounds)
    samples = {one.key: results.get(one.key) or [first[one.key]] for one in equal}
    return {
        "label": row.label,
        "work": row.work,
        "file": row.file,
        "records": records,
        "bytes": os.path.getsize(path),
        "program": row.program,
        "verdicts": verdicts,
        "engines": {
            key: {
                "wall": [run.wall for run in runs],
                "cpu": [run.cpu for run in runs],
                "peak": first[key].peak,
            }
            for key, runs in samples.items()
        },
    }


def is_wrong(row, found):
    ours = [row["verdicts"][one.key] for one in found if one.kind == OURS]
    rivals = [row["verdicts"][one.key] for one in alone(found) if one.kind not in (OURS, BASE)]
    return any(words != "equal" for words in ours) or harness.outvoted(rivals)


def ratio(row, one, ours, figure):
    """How many times ours theirs is, or None."""
    engines = row["engines"]
    if one.key in engines and ours.key in engines:
        return harness.ratio(engines[one.key][figure], engines[ours.key][figure])
    return None


def best_ratio(row, rivals, ours, figure):
    """The ratio to the best of some rivals, or None."""
    ratios = [found for one in rivals if (found := ratio(row, one, ours, figure))]
    return min(ratios, key=lambda found: found["min"], default=None)


def figures(rows, shown, text):
    """A table of each engine's figure in each row; `text` turns samples into a cell."""
    lines = [
        [row["label"]] + [text(row, row["engines"][one.key]) if one.key in row["engines"] else "-"
                        for one in shown]
        for row in rows
    ]
    return harness.table(["row"] + [one.key for one in shown], lines)


def ratios(rows, shown, ours, figure):
    """A table of ratios, with that to the best rival and its range; the last line has the means."""
    others = [one for one in shown if one is not ours]
    rivals = [one for one in others if one.kind not in (OURS, BASE)]
    lines, columns = [], {one.key: [] for one in others}
    bests = []
    for row in rows:
        cells = [row["label"]]
        for one in others:
            found = ratio(row, one, ours, figure)
            columns[one.key] += [found["min"]] if found else []
            cells.append(f"{found['min']:.2f}" if found else "-")
        best = best_ratio(row, rivals, ours, figure)
        bests += [best["min"]] if best else []
        cells.append(
            f"**{best['min']:.2f}** ({best['low']:.2f}–{best['high']:.2f})" if best else "-"
        )
        lines.append(cells)
    means = [harness.geometric_mean(values) for values in [*columns.values(), bests]]
    lines.append(
        ["geometric mean"] + ["-" if math.isnan(mean) else f"{mean:.2f}" for mean in means]
    )
    header = ["row", *(one.key for one in others), "best rival (range of the rounds)"]
    return harness.table(header, lines)


def summary_of(rows, rivals, ours, figure, words):
    """A sentence on the ratios to the best of these rivals, and the bars of a drawing."""
    found = [
        (row["label"], best) for row in rows if (best := best_ratio(row, rivals, ours, figure))
    ]
    bars = [(name, best["min"], best["low"], best["high"]) for name, best in found]
    bars.sort(key=lambda bar: -bar[1])
    if not bars:
        return f"{words}: no row.", bars
    values = [value for _, value, *_ in bars]
    mean = harness.geometric_mean(values)
    return (
        f"{words}, {len(bars)} of {len(rows)} rows: geometric mean **{mean:.2f}** times, "
        f"least {min(values):.2f} ({bars[-1][0]}), under 1 in {sum(v < 1 for v in values)}."
    ), bars


def left_out(rows, missing):
    """The engines that are not in the tables, as a list of Markdown."""
    lines = [f"- {name}: not installed" for name in missing]
    for row in rows:
        words = [f"{key}: {why}" for key, why in row["verdicts"].items() if why != "equal"]
        lines += [f"- {row['label']}: {'; '.join(words)}"] if words else []
    return "\n".join(lines or ["Nothing."]) + "\n"


def summaries(rows, found):
    """Sentences on the ratios, and the bars of the drawings by name."""
    one_thread, all_cores = alone(found), widest(found)
    threads = threads_text(all_cores[0].threads)
    asked = [
        ("cpu", "One thread, CPU: the best of jaq, gojq and jq over ours", rows, "cpu",
         [one for one in one_thread if one.kind in COMMANDS], one_thread[0]),
        ("wall", f"Wall time, {threads}: the best of DuckDB, chDB and Polars over ours",
         rows, "wall", [one for one in all_cores if one.kind in LIBRARIES], all_cores[0]),
    ]
    for base in one_thread[:2]:
        if base.kind == BASE:
            asked += [
                (f"base-{file}", f"One thread, CPU: base over ours, {file}",
                 [row for row in rows if row["file"] == file], "cpu", [base], one_thread[0])
                for file in dict.fromkeys(row["file"] for row in rows)
            ]
    sentences, drawings = [], {}
    for name, words, some, figure, rivals, ours in asked:
        sentence, drawings[name] = summary_of(some, rivals, ours, figure, words)
        sentences.append(sentence)
    # The comparisons with base have none.
    return sentences, {
        name: plots.bars(f"Lines. {words}", drawings[name], [(mark, str(mark))])
        for (name, words, *_), mark in zip(asked, MARKS)
        if drawings[name]
    }


def facts_of(facts, found, rows, rounds):
    """The page's first paragraph: machine, engines, files and what the figures are."""
    files = {
        row["file"]: f"{row['file']}, {row['records']:,} lines, {harness.size_text(row['bytes'])}"
        for row in rows
    }
    versions = ", ".join(
        f"{one.name} ({one.version})" if one.kind in (OURS, BASE) else one.name
        for one in alone(found)
    )
    return (
        f"{harness.machine_line(facts)}\nEngines: {versions}. Files: {'; '.join(files.values())}. "
        f"The least of {rounds or 1} alternating rounds; of an engine that took longer than "
        f"{SLOW_SECONDS} s, the first run. CPU is user and system. The start of a process counts, "
        "but for DuckDB, chDB and Polars, where the clock starts once the library is loaded, and "
        "counts loading the file.\n"
    )


def report(facts, found, missing, rows, rounds):
    """The Markdown page, the summary and the drawings."""
    one_thread, all_cores = alone(found), widest(found)
    ours, wide = one_thread[0], all_cores[0]
    sentences, drawings = summaries(rows, found)
    with_one = [] if ours is wide else [ours]
    parts = [
        "# Lines\n",
        facts_of(facts, found, rows, rounds),
        "\n\n".join(sentences) + "\n",
        "## CPU, one thread: times ours\n",
        ratios(rows, one_thread, ours, "cpu"),
        f"## Wall time, {threads_text(wide.threads)}: times ours\n",
        "jaq, gojq, jq and the column `ours` have one thread.\n",
        ratios(rows, all_cores[:1] + with_one + all_cores[1:], wide, "wall"),
        "## CPU, one thread: ns a record\n",
        figures(
            rows, one_thread, lambda row, one: f"{min(one['cpu']) / row['records'] * 1e9:,.0f}"
        ),
        "## Wall time: ms\n",
        figures(rows, found, lambda row, one: f"{min(one['wall']) * 1e3:,.1f}"),
        "## Peak memory: MB\n",
        figures(rows, found, lambda row, one: f"{one['peak'] / 1e6:,.0f}"),
        "## Left out\n",
        left_out(rows, missing),
    ]
    return "\n".join(parts), "\n".join(sentences), drawings


def line_of(row, found):
    """What is printed of a row as it ends."""
    ours = alone(found)[0]
    if ours.key not in row["engines"]:
        return f"{row['label']}: {row['verdicts'][ours.key]}"
    cpu = min(row["engines"][ours.key]["cpu"]) / row["records"] * 1e9
    words = [f"{row['label']}: {cpu:,.0f} ns of CPU a record"]
    for figure, title, shown in [("cpu", "CPU", alone(found)), ("wall", "wall", widest(found))]:
        times = [
            f"{one.name.split()[0]} {value['min']:.1f}"
            for one in shown[1:]
            if (value := ratio(row, one, shown[0], figure))
        ]
        words.append(f"{title} {', '.join(times) or '-'}")
    return "; ".join(words)


def parsed():
    """The command line."""
    names = [*COMMANDS, *LIBRARIES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="a tenth; each engine once; jaq and DuckDB alone"
    )
    parser.add_argument("--records", type=int, help="of the small file; the other's in proportion")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default="", help="rows whose name has this word")
    parser.add_argument("--rivals", help=f"of {','.join(names)}")
    parser.add_argument("--binary", default=harness.BINARY)
    parser.add_argument("--base", help="an older binary of ours")
    parser.add_argument("--jq", help="jq's path, where 1.8.2 is not to be built")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--results", default=harness.RESULTS)
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 0 if options.quick else 3
    if options.records is None:
        options.records = line_rows.RECORDS[line_rows.SMALL] // (QUICK_PART if options.quick else 1)
    if options.rivals is None:
        options.rivals = QUICK_RIVALS if options.quick else names
    else:
        options.rivals = [name for name in options.rivals.split(",") if name]
        if unknown := set(options.rivals) - set(names):
            parser.error(f"no rival is called {', '.join(sorted(unknown))}")
    return options


def main():
    options = parsed()
    found, missing = contenders(options)
    facts, rows, paths = harness.machine(), [], {}
    print(harness.machine_line(facts))
    for name in missing:
        print(f"{name}: not installed, left out")
    share = options.records / line_rows.RECORDS[line_rows.SMALL]
    with tempfile.TemporaryDirectory() as folder:
        for row in line_rows.ROWS:
            if options.only not in row.label:
                continue
            records = max(1, round(line_rows.RECORDS[row.file] * share))
            if row.file not in paths:
                path = paths[row.file] = os.path.join(folder, f"{row.file}.jsonl")
                harness.in_child(functools.partial(line_rows.write, path, row.file, records))
            rows.append(measure_row(found, row, paths[row.file], records, options.rounds))
            print(line_of(rows[-1], found), flush=True)
    if not rows:
        sys.exit(f"no row has {options.only!r} in its name")
    page, summary, drawings = report(facts, found, missing, rows, options.rounds)
    data = {
        "machine": facts,
        "rounds": options.rounds,
        "threads": options.threads,
        "versions": {one.name: one.version for one in found},
        "missing": missing,
        "rows": rows,
    }
    harness.save(options.results, "lines", data, page, drawings)
    print(summary)
    wrong = [row for row in rows if is_wrong(row, found)]
    for row in wrong:
        print(f"WRONG: {row['label']}: {json.dumps(row['verdicts'])}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
