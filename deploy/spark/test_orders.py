"""The Spark job in local mode; skipped where pyspark or Java is not installed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pyspark_sql = pytest.importorskip("pyspark.sql", reason="pip install pyspark")
if shutil.which("java") is None:
    pytest.skip("Java is not installed", allow_module_level=True)

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))
import orders  # noqa: E402


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        pyspark_sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


def test_totals(session: Any, binary: str, tmp_path: Path) -> None:
    source = tmp_path / "orders.ndjson"
    expected: dict[str, float] = defaultdict(float)
    with source.open("w") as file:
        for n in range(2000):
            items = [{"qty": n % 3 + 1, "price": 0.25 * (k + 1)} for k in range(n % 4 + 1)]
            order = {
                "city": f"Città {n % 7}",
                "status": "returned" if n % 10 == 0 else "paid",
                "items": items,
            }
            file.write(json.dumps(order, ensure_ascii=False) + "\n")
            if n % 10:
                expected[order["city"]] += sum(item["qty"] * item["price"] for item in items)
    found = dict(orders.totals(session, binary, str(source), 4).collect())
    assert found == pytest.approx(dict(expected))
    assert len(found) == 7


def test_a_failing_line_fails_the_job(session: Any, binary: str, tmp_path: Path) -> None:
    source = tmp_path / "orders.ndjson"
    source.write_text('{"city":"Lyon","status":"paid","items":[]}\nnot JSON\n')
    with pytest.raises(Exception, match="exited with error code 2"):
        orders.totals(session, binary, str(source), 1).collect()
