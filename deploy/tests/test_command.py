"""jq's form of cases through `transform-service run`: each case is a process of its own.

    PROGRAM
    INPUT
    OUTPUT ...      until a blank line; `%%FAIL` before a program that does not compile

The project's own cases, and jq's where they lie beside it (`SHARED_DIR`, else `../shared`).
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
MODULES = SHARED / "suites/jq/modules"
FILES = [
    ROOT / "Tests/TransformsTests/Fixtures/language.test",
    *sorted((SHARED / "suites/jq").glob("*.test")),
]


def cases(path: Path) -> Iterator[tuple[int, str, Optional[str], list[str]]]:
    """Line, program, input (none where it must not compile), outputs."""
    lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    i = 0
    while i < len(lines):
        if not lines[i].strip() or lines[i].startswith("#"):
            i += 1
            continue
        fails = lines[i].startswith("%%FAIL")
        number = i + 1
        program = lines[i + fails]
        given = None if fails else lines[i + 1]
        i += 2
        outputs = []
        while i < len(lines) and lines[i].strip():
            if not lines[i].startswith("#"):
                outputs.append(lines[i])
            i += 1
        yield number, program, given, outputs


def values(text: str) -> list[Any]:
    decoder = json.JSONDecoder(strict=False)
    found, i = [], 0
    text = text.strip().replace("nan", "NaN") if text.strip() in ("nan", "-nan") else text.strip()
    while i < len(text):
        value, i = decoder.raw_decode(text, i)
        found.append(value)
        while i < len(text) and text[i].isspace():
            i += 1
    return found


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        try:
            x, y = float(a), float(b)
        except OverflowError:
            return a == b
        return x == y or (math.isnan(x) and math.isnan(y))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    return bool(a == b)


def fault(binary: str, case: tuple[int, str, Optional[str], list[str]]) -> Optional[str]:
    number, program, given, outputs = case
    folder = ["-L", str(MODULES)] if MODULES.is_dir() else []
    done = subprocess.run(
        [binary, "run", "-c", *folder, program],
        input=("null" if given is None else given).encode("utf-8", "surrogateescape"),
        capture_output=True,
        timeout=60,
        env={**os.environ, "TZ": "UTC", "PAGER": "less"},
    )
    if given is None:
        return None if done.returncode == 3 else f"{number}: {program}: {done.returncode}, not 3"
    got = values(done.stdout.decode("utf-8", "replace"))
    wanted = [value for line in outputs for value in values(line)]
    # Half a surrogate pair is read as the replacement character, as jq does.
    wanted = json.loads(json.dumps(wanted, ensure_ascii=False).encode("utf-8", "replace"))
    return None if equal(got, wanted) else f"{number}: {program}: {got}, not {wanted}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_cases(binary: str, path: Path) -> None:
    found = list(cases(path))
    assert found
    with ThreadPoolExecutor(2) as pool:
        faults = [one for one in pool.map(lambda case: fault(binary, case), found) if one]
    assert not faults, "\n".join(faults)
