"""tasks-report.jq against the same report in Python, which Benchmarks/offload.py measures."""

from __future__ import annotations

import importlib
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

import httpx
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "Benchmarks"
NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
# Letters and digits of many kinds, and what stands between words or seems to.
PIECES = [
    *"aZéÜßñİ\u0131Жжש中本Ⅷ²½①٣ǅﬁ",
    *" \t\n\u00a0\u2028_-.,'\u2019\"\\/\u0301\u200d😀€",
    *("plan", "Plan", "PLAN", "naïve", "Straße", "e\u0301te\u0301", "snake_case", "don't", "a.b"),
]


@pytest.fixture
def python_report(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("offload").summary


def text(chance: random.Random) -> str:
    return "".join(
        chance.choice(PIECES) + chance.choice(["", " ", "  "]) for _ in range(chance.randint(0, 30))
    )


def row(chance: random.Random) -> tuple[str, Optional[str], int, str, datetime]:
    age = timedelta(seconds=chance.randint(0, 60 * 86400))
    status = chance.choice(["pending", "in_progress", "done"])
    description = chance.choice([None, "", text(chance), text(chance)])
    created_at = (NOW - age).replace(tzinfo=None)
    return text(chance), description, chance.randint(1, 5), status, created_at


@pytest.mark.parametrize("seed", range(20))
def test_the_report_is_as_in_python(service: Any, python_report: Any, seed: int) -> None:
    chance = random.Random(seed)
    rows = [row(chance) for _ in range(chance.choice([0, 1, 10, 200]))]
    names = ("title", "description", "priority", "status")
    tasks = [
        {**dict(zip(names, values)), "created_at": values[4].isoformat(chance.choice("T "))}
        for values in rows
    ]
    answer = httpx.post(
        f"{service.url}/transform/tasks-report", json={"tasks": tasks, "now": NOW.isoformat()}
    )
    expected, got = python_report(rows, NOW), answer.json()
    for name in ("min", "mean", "max"):
        # Python rounds halves to even.
        assert got["age_days"].pop(name) == pytest.approx(expected["age_days"].pop(name), abs=0.011)
    assert got == expected


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2026-11-22", 1795305600),
        ("2026-11-22T08:30:00", 1795336200),
        ("2026-11-22 08:30:00", 1795336200),
        ("2026-11-22T08:30:00Z", 1795336200),
        ("2026-11-22T08:30:00+00:00", 1795336200),
        ("2026-11-22T08:30:00.25", 1795336200.25),
        ("2026-11-22T08:30:00.250+01:00", 1795332600.25),
        ("2026-11-22T08:30:00-0530", 1795356000),
        ("2026-11-22T08:30:00x", None),
        ("2026-13-22T08:30:00Z", None),
        ("", None),
    ],
)
def test_moments(service: Any, written: str, seconds: Optional[float]) -> None:
    task = {"title": "", "status": "done", "priority": 1, "created_at": "1970-01-01"}
    answer = httpx.post(
        f"{service.url}/transform/tasks-report", json={"tasks": [task], "now": written}
    )
    if seconds is None:
        assert answer.status_code == 422
        assert "is no ISO 8601 date or time" in answer.json()["detail"]
    else:
        assert answer.json()["age_days"]["max"] == pytest.approx(seconds / 86400, abs=0.006)
