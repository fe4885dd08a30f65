#!/usr/bin/env python3
"""Cost against body size and against connections, each with a fitted exponent (1 is linear).

    scaling.py [--quick] [--rounds N] [--binary PATH] [--only WORD] [--results FOLDER]

Size: every program of the orders over documents of 1 kB to 100 MB (10 MB when quick). A size under
8 MB is repeated up to that length in one file; cost is CPU time less that of a run on `null`,
divided by the copies, the least of the rounds. The exponent is the slope of log cost on log bytes.
Connections: `serve` under wrk with 1 to 5000 of them, 1 kB bodies: requests a second and the
server's CPU time a request (exponent 0: no cost grows with connections).
"""
import argparse
import os
import shutil
import sys
import tempfile

import document_rows
import harness
import plots
import service

sys.path.insert(0, os.path.join(harness.HERE, "rivals"))
import servers  # noqa: E402  (the rivals' folder is on the path only now)

FILE_BYTES = 8_000_000
SIZES = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]
CONNECTIONS = [1, 10, 100, 1000, 5000]
EXPONENT_MAX = 1.05


def repeated(size, folder):
    """(path, bytes of one document, copies) of an orders document of about this size."""
    path = os.path.join(folder, f"{size}.json")
    text = service.body_of(str(size))
    copies = max(1, FILE_BYTES // len(text))
    with open(path, "wb") as out:
        for _ in range(copies):
            out.write(text)
    return path, len(text), copies


def cpu_of(engine, program, path):
    """The CPU time of a run; ends everything when it fails."""
    run = harness.measure(engine, program.removeprefix("-r "), path, program.startswith("-r "))
    if run.status:
        sys.exit(f"{program}: {run.message.strip()}")
    return run.cpu


def measure_sizes(engine, options, rounds, folder):
    """One row a program: its points and the exponent through them."""
    files = []
    for size in SIZES[:-1] if options.quick else SIZES:
        # In a child: 100 MB of text in this process would count as its children's memory.
        files.append(harness.in_child(lambda size=size: repeated(size, folder)))
    empty = os.path.join(folder, "null.json")
    with open(empty, "w") as out:
        out.write("null\n")
    start = min(cpu_of(engine, ".", empty) for _ in range(5))
    rows = []
    for work, program in document_rows.ORDERS:
        if options.only and options.only not in work:
            continue
        # A slow moment of the machine takes a round of all sizes, not all rounds of one.
        timed = [[cpu_of(engine, program, path) for path, _, _ in files] for _ in range(rounds)]
        points = [
            (count, max(min(times) - start, 1e-6) / copies)
            for (_, count, copies), times in zip(files, zip(*timed))
        ]
        exponent = harness.fitted_exponent(*zip(*points))
        rows.append({"work": work, "program": program, "points": points, "exponent": exponent})
        print(" | ".join(size_line(rows[-1])), flush=True)
    return rows


def measure_connections(options, folder):
    """One row a server: requests a second and CPU a request at each number of connections."""
    files = harness.limit_files(2 * CONNECTIONS[-1] + 1000)
    script = service.script_of(service.body_of("1k"), folder)
    seconds, counts = (1, CONNECTIONS[:-1]) if options.quick else (3, CONNECTIONS)
    rows = []
    for server in servers.installed(options.binary)[:2]:
        points = []
        try:
            with server.started(servers.free_port(), os.cpu_count()) as running:
                for count in [count for count in counts if 2 * count + 100 < files]:
                    # Thousands of connections take seconds to be made.
                    longer = seconds + 2 * count // 1000
                    run = service.load(running, "orders", script, count, longer)
                    points.append({"connections": count, **run})
        except servers.NotUp as error:
            print(f"left out: {error}")
            continue
        answered = [p for p in points if p["rate"] > service.RATE_MIN and p["cpu"] > 0]
        exponent = harness.fitted_exponent(
            [point["connections"] for point in answered], [point["cpu"] for point in answered]
        )
        rows.append({"server": server.name, "points": points, "exponent": exponent})
        for line in connection_lines(rows[-1]):
            print(" | ".join(line), flush=True)
    return rows


def size_line(row):
    costs = [f"{cost / count * 1e9:.2f}" for count, cost in row["points"]]
    return [row["work"], *costs, f"{row['exponent']:.3f}"]


def connection_lines(row):
    for point in row["points"]:
        yield [
            f"{row['server']}, {point['connections']}",
            f"{point['rate']:,.0f}",
            harness.seconds_text(point["mean"]),
            harness.seconds_text(point["p99"]),
            f"{point['cpu'] * 1e6:.0f} µs",
            f"{point['peak'] / 1e6:.0f} MB",
            "; ".join(point["errors"]),
        ]


def report(facts, sizes, connections, rounds):
    page = f"# Scaling\n\n{harness.machine_line(facts)}\n\n"
    if sizes:
        header = [harness.size_text(count) for count, _ in sizes[0]["points"]]
        page += (
            f"CPU nanoseconds a byte of input, process start taken off, least of {rounds} rounds, "
            "and the fitted exponent of cost on size.\n\n"
            + harness.table(["work"] + header + ["exponent"], map(size_line, sizes))
        )
    if connections:
        header = [
            "server, connections", "requests/s", "mean", "p99", "CPU a request", "memory", "errors",
        ]
        exponents = "; ".join(f"{row['server']} {row['exponent']:.2f}" for row in connections)
        page += (
            f"\n1 kB orders. Fitted exponent of CPU a request on connections: {exponents}.\n\n"
            + harness.table(header, [line for row in connections for line in connection_lines(row)])
        )
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="to 10 MB and 1000 connections, 1 round"
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--binary", default=harness.BINARY)
    parser.add_argument("--only", help="programs whose name has this word")
    parser.add_argument("--results", default=harness.RESULTS)
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 4)
    engine, facts = harness.engines(options.binary)[0], harness.machine()
    print(harness.machine_line(facts))
    with tempfile.TemporaryDirectory() as folder:
        sizes = measure_sizes(engine, options, rounds, folder)
        connections = measure_connections(options, folder) if shutil.which("wrk") else []
    drawings = {}
    if sizes:
        drawings["sizes"] = plots.lines(
            "CPU time against the size of a document", "bytes", "seconds",
            {f"{row['work']} ({row['exponent']:.2f})": row["points"] for row in sizes},
        )
    if connections:
        drawings["connections"] = plots.lines(
            "CPU time of a request against connections", "connections", "seconds",
            {
                row["server"]: [
                    (point["connections"], point["cpu"]) for point in row["points"]
                    if point["rate"] > service.RATE_MIN and point["cpu"] > 0
                ]
                for row in connections
            },
        )
    data = {"machine": facts, "sizes": sizes, "connections": connections}
    harness.save(
        options.results, "scaling", data, report(facts, sizes, connections, rounds), drawings
    )
    over = [r["work"] for r in sizes if r["exponent"] > EXPONENT_MAX and r["work"] != "sort"]
    most = max((row["exponent"] for row in sizes), default=0)
    print(f"largest exponent {most:.3f}; over {EXPONENT_MAX}: {', '.join(over) or 'none but sort'}")


main()
