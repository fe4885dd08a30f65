#!/usr/bin/env python3
"""DuckDB, chDB and Polars as a command: `columnar.py LIBRARY THREADS FILE WORK PATH`.

    columnar.py duckdb 2 small project small.jsonl
    columnar.py duckdb --version

It answers the row of line_rows.py, as lines of JSON or CSV. Its own clock starts when the library
is loaded and has answered `SELECT 1`, and ends when the output is written; "seconds cpu-seconds"
is the last line of stderr.
"""
import importlib.metadata
import os
import sys
import time

import line_rows

OUTPUT = "/dev/stdout"
DUCKDB_TYPES = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}
CHDB_TYPES = {str: "String", int: "Int64", float: "Float64", bool: "Bool"}


def duckdb_type(shape):
    if isinstance(shape, list):
        return duckdb_type(shape[0]) + "[]"
    if isinstance(shape, dict):
        return f"STRUCT({', '.join(duckdb_columns(shape))})"
    return DUCKDB_TYPES[shape]


def duckdb_columns(shape):
    return [f'"{name}" {duckdb_type(member)}' for name, member in shape.items()]


def chdb_type(shape):
    if isinstance(shape, list):
        return f"Array({chdb_type(shape[0])})"
    if isinstance(shape, dict):
        return f"Tuple({chdb_columns(shape)})"
    return CHDB_TYPES[shape]


def chdb_columns(shape):
    return ", ".join(f"`{name}` {chdb_type(member)}" for name, member in shape.items())


def polars_type(pl, shape):
    if isinstance(shape, list):
        return pl.List(polars_type(pl, shape[0]))
    if isinstance(shape, dict):
        return pl.Struct({name: polars_type(pl, member) for name, member in shape.items()})
    return {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean}[shape]


def duckdb(threads, row, path):
    import duckdb

    shape, sql = row.queries["duckdb"]
    if shape is line_rows.WHOLE:
        lines = f"read_ndjson_objects('{path}')"
    else:
        columns = ", ".join(f"{name}: '{duckdb_type(kind)}'" for name, kind in shape.items())
        # A single column is taken for the whole record otherwise, which is slower at once.
        lines = (
            f"read_json('{path}', format='newline_delimited', records=true, columns={{{columns}}})"
        )
    form = "csv, HEADER false" if row.form == line_rows.CSV else "json"
    text = f"COPY ({sql.format(lines=lines)}) TO '{OUTPUT}' (FORMAT {form})"
    connection = duckdb.connect(config={"threads": threads})
    connection.execute("SELECT 1").fetchall()
    return lambda: connection.execute(text)


def chdb(threads, row, path):
    import chdb

    shape, sql = row.queries["chdb"]
    if shape is line_rows.WHOLE:
        lines = f"file('{path}', JSONAsString, 'json String')"
    else:
        lines = f"file('{path}', JSONEachRow, '{chdb_columns(shape)}')"
    form = "CSV" if row.form == line_rows.CSV else "JSONEachRow"
    settings = f"max_threads = {threads}"
    if threads == 1:
        settings += ", input_format_parallel_parsing = 0, output_format_parallel_formatting = 0"
    text = f"{sql.format(lines=lines)} INTO OUTFILE '{OUTPUT}' APPEND FORMAT {form} SETTINGS "
    connection = chdb.connect(":memory:")
    connection.query("SELECT 1")
    return lambda: connection.query(text + settings)


def polars(threads, row, path):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    shape, query = row.queries["polars"]
    schema = {name: polars_type(pl, kind) for name, kind in shape.items()}
    pl.select(pl.lit(1))

    def run():
        answer = query(pl, pl.scan_ndjson(path, schema=schema))
        if row.form == line_rows.CSV:
            answer.sink_csv(OUTPUT, include_header=False)
        else:
            answer.sink_ndjson(OUTPUT)

    return run


LIBRARIES = {"duckdb": duckdb, "chdb": chdb, "polars": polars}


def main():
    library, *arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(importlib.metadata.version(library))
        return
    threads, file, work, path = arguments
    run = LIBRARIES[library](int(threads), line_rows.find(file, work), path)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    print(time.perf_counter() - wall, time.process_time() - cpu, file=sys.stderr)


main()
