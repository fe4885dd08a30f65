"""The parts of Benchmarks/lines.py that decide: what it generates, and which answers are equal."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "Benchmarks"


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("line_rows")


@pytest.fixture
def answers(rows: Any) -> Any:
    return importlib.import_module("line_answers")


@pytest.mark.parametrize(("file", "size"), [("small", 62), ("events", 930)])
def test_lines_are_compact_json_and_the_same_again(
    rows: Any, tmp_path: Path, file: str, size: int
) -> None:
    # More than are written at once.
    count = rows.CHUNK + 1
    texts = []
    for name in ("one", "two"):
        rows.write(tmp_path / name, file, count)
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    values = [json.loads(line) for line in texts[0].splitlines()]
    assert len({value["id"] for value in values}) == count
    written = [json.dumps(value, separators=(",", ":")) + "\n" for value in values]
    assert "".join(written) == texts[0]
    assert len(texts[0]) / count == pytest.approx(size, rel=0.05)


def test_rows_have_names_of_their_own(rows: Any) -> None:
    assert len({row.label for row in rows.ROWS}) == len(rows.ROWS) == 20
    assert {row.file for row in rows.ROWS} == set(rows.RECORDS)


EQUAL = [
    ("values", '"a"\n[1,2]\n', '{"v":"a"}\n{"v":[1.0,2.0]}\n'),
    ("values", '{"a":1,"b":2.50}\n', '{"b":2.5,"a":1}\n'),
    ("values", "", ""),
    ("csv", '1,"a b",2.5\n', "1,a b,2.50\n"),
    ("csv", '"a""b"\n', '"a""b"\r\n'),
    ("object", '{"18":0.3,"19":2}\n', '{"k":19,"v":2.0}\n{"k":18,"v":0.30000000000000004}\n'),
    ("object", '{"a":1,"b":2}\n', '{"b":2,"a":1}\n'),
    ("set", '"a"\n"b"\n', '{"v":"b"}\n{"v":"a"}\n'),
]
DIFFERENT = [
    ("values", '"a"\n"b"\n', '{"v":"b"}\n{"v":"a"}\n'),
    ("values", '"a"\n', ""),
    ("values", '"a"\n', '"a"\n"a"\n'),
    ("values", "1\n", '{"v":"1"}\n'),
    ("values", "1\n", "true\n"),
    ("values", '{"a":1}\n', '{"a":1,"b":null}\n'),
    ("values", "1\n", "not JSON\n"),
    ("csv", "1,2\n", "1,3\n"),
    ("csv", "1,2\n", "1\n"),
    ("csv", "1\n", "1\n1\n"),
    ("object", '{"a":1}\n', '{"k":"a","v":1.001}\n'),
    ("object", '{"a":1}\n', '{"k":"a","v":1}\n{"k":"b","v":1}\n'),
    ("object", '{"a":1}\n', '{"k":"a","v":1}\n{"k":"a","v":1}\n'),
    ("object", '{"a":1}\n', '{"k":"a","v":"x"}\n'),
    ("object", '{"a":1}\n', '{"a":1}\n{"b":1}\n'),
    ("set", '"a"\n', '{"v":"a"}\n{"v":"a"}\n'),
]


@pytest.mark.parametrize(
    ("form", "ours", "theirs", "equal"),
    [(*case, True) for case in EQUAL] + [(*case, False) for case in DIFFERENT],
)
def test_answers_are_compared_by_value(
    answers: Any, tmp_path: Path, form: str, ours: str, theirs: str, equal: bool
) -> None:
    paths = tmp_path / "ours", tmp_path / "theirs"
    for path, text in zip(paths, (ours, theirs)):
        path.write_bytes(text.encode())
    assert answers.same(form, *paths) is equal
