#!/usr/bin/env python3
"""The same programs on a data set: Spark's parallelism, `transform-service run` on each partition.

    orders.py --binary PATH --input orders.ndjson [--partitions N]

Each task starts one process, which reads its partition's lines and writes its results: `rdd.pipe`.
Rows never become Python objects. Spark adds up what the partitions found.
"""

from __future__ import annotations

import argparse
import json
import shlex
from typing import Any

from pyspark.sql import SparkSession

#: A line of an order -> `city<TAB>total` of those that were not returned.
PROGRAM = 'select(.status != "returned") | [.city, ([.items[] | .qty * .price] | add // 0)] | @tsv'


def pipe(binary: str, program: str) -> str:
    """A command that runs the program on lines of JSON, one thread, raw output."""
    return shlex.join([binary, "run", "-r", program])


def totals(session: Any, binary: str, source: str, partitions: int) -> Any:
    """An RDD of (city, total)."""
    lines = session.sparkContext.textFile(source, partitions)
    # A failing line ends its process with status 5: `checkCode` makes that the task's failure.
    results = lines.pipe(pipe(binary, PROGRAM), checkCode=True)
    pairs = results.map(lambda line: line.split("\t")).mapValues(float)
    return pairs.reduceByKey(lambda a, b: a + b)


def main() -> None:
    """Reads arguments, runs the job, prints the cities' totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, help="on every worker, at this path")
    parser.add_argument("--input", required=True)
    parser.add_argument("--partitions", type=int, default=4)
    options = parser.parse_args()
    session = SparkSession.builder.appName("orders").getOrCreate()
    for city, total in sorted(
        totals(session, options.binary, options.input, options.partitions).collect()
    ):
        print(json.dumps({"city": city, "total": round(total, 2)}))
    session.stop()


if __name__ == "__main__":
    main()
