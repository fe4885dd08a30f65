"""The clients against the real service: `TRANSFORM_SERVICE`, or the build of this repository."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from transform_client import (
    AsyncTransformClient,
    CompileError,
    DeadlineExceeded,
    InputError,
    LimitExceeded,
    OutputCountError,
    RaisedError,
    TransformClient,
    UnknownTransform,
    Unreachable,
    line_problem,
)

TRANSFORMS = Path(__file__).resolve().parents[2] / "transforms"


def test_programs(bare_service: Any) -> None:
    with TransformClient(bare_service.url) as client:
        assert client.is_ready()
        assert client.transform("map(.n) | add", [{"n": 1}, {"n": 2}]) == 3
        assert client.transform("$by * .", 4, args={"by": 3}) == 12
        assert client.transform(".[]", [1, 2, 3], outputs="array") == [1, 2, 3]
        assert client.transform("null") is None


def test_raw_bytes_keep_every_digit(bare_service: Any) -> None:
    text = b'{"id":1152921504606846977,"total":10.50}'
    with TransformClient(bare_service.url) as client:
        assert client.transform_bytes(None, text, program=".") == text
        got = client.transform_bytes(None, b"[1]", program="{n: $n, v: .[]}", args={"n": "1&=ü"})
        assert json.loads(got) == {"n": "1&=ü", "v": 1}


def test_errors_say_where(bare_service: Any) -> None:
    with TransformClient(bare_service.url) as client:
        with pytest.raises(CompileError) as compiling:
            client.transform("1 +\n  }")
        assert compiling.value.line == 2
        assert compiling.value.column is not None
        with pytest.raises(RaisedError) as running:
            client.transform('error({"code": 7})')
        assert running.value.value == {"code": 7}
        with pytest.raises(InputError) as reading:
            client.transform_bytes(None, b'{"a":\n tru}', program=".")
        assert reading.value.line == 2
        assert reading.value.offset is not None
        with pytest.raises(OutputCountError) as counting:
            client.transform("1, 2")
        assert counting.value.count == 2
        assert counting.value.request_id


def test_an_endless_program_ends_at_the_deadline(bare_service: Any) -> None:
    with TransformClient(bare_service.url) as client:
        with pytest.raises(DeadlineExceeded):
            client.transform("def f: f; f", timeout=0.3)
        assert client.transform("1 + 1") == 2


def test_limits(start_service: Any) -> None:
    service = start_service("--body-mib", "1", "--memory-mib", "4")
    with TransformClient(service.url) as client:
        body = b'"' + b"x" * (1 << 20) + b'"'
        with pytest.raises(LimitExceeded):
            client.transform_bytes(None, body, program="length")
        with pytest.raises(LimitExceeded):
            client.transform("[range(1e9)]")


def test_on_a_unix_socket(start_service: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    service = start_service(unix=path)
    with TransformClient(unix_socket=path) as client:
        assert client.transform(". + 1", 1) == 2

    async def call() -> Any:
        async with AsyncTransformClient(unix_socket=path) as client:
            return await client.transform(". + 1", 2)

    assert asyncio.run(call()) == 3
    assert service.stop() == 0
    with TransformClient(unix_socket=path) as client, pytest.raises(Unreachable):
        client.transform(".", timeout=0.5)


def test_many_calls_at_once(bare_service: Any) -> None:
    async def run() -> Any:
        async with AsyncTransformClient(bare_service.url, connections=8) as client:
            calls = [client.transform("[range($n)] | add", args={"n": n}) for n in range(1, 101)]
            return await asyncio.gather(*calls)

    assert asyncio.run(run()) == [n * (n - 1) // 2 for n in range(1, 101)]


def test_named_transforms(service: Any) -> None:
    given = (TRANSFORMS / "examples/tasks-report.input.json").read_bytes()
    expected = json.loads((TRANSFORMS / "examples/tasks-report.output.json").read_bytes())
    with TransformClient(service.url) as client:
        assert json.loads(client.transform_bytes("tasks-report", given)) == expected
        assert client.transform(name="tasks-report", input=json.loads(given)) == expected
        top = client.transform(name="tasks-report", input=json.loads(given), args={"top": 1})
        assert len(top["words"]["top"]) == 1
        with pytest.raises(UnknownTransform):
            client.transform_bytes("no-such", b"1")


def test_lines_in_order(bare_service: Any) -> None:
    inputs = [{"n": number, "pad": "x" * 50} for number in range(5000)]
    with TransformClient(bare_service.url) as client:
        lines = list(client.transform_lines(None, inputs, program=".n * 2", batch_bytes=20_000))
    assert [int(line) for line in lines] == [number * 2 for number in range(5000)]


def test_lines_of_a_file_on_a_loop(bare_service: Any, tmp_path: Path) -> None:
    path = tmp_path / "lines.ndjson"
    path.write_bytes(b"".join(b"[%d]\n" % number for number in range(1000)))

    async def run() -> list[bytes]:
        async with AsyncTransformClient(bare_service.url) as client:
            with path.open("rb") as file:
                results = client.transform_lines(None, file, program=".[0]")
                return [line async for line in results]

    assert asyncio.run(run()) == [b"%d" % number for number in range(1000)]


def test_failing_lines_stand_in_place(bare_service: Any) -> None:
    lines = [b"1", b"oops", b'"x"', b"4", b"[]"]
    with TransformClient(bare_service.url) as client:
        got = list(
            client.transform_lines(None, lines, program=". + 1", errors="inline", batch_bytes=8)
        )
    problems = {index: line_problem(line) for index, line in enumerate(got)}
    assert [got[0], got[3]] == [b"2", b"5"]
    found = {index: (type(it), it.line) for index, it in problems.items() if it}
    assert found == {1: (InputError, 2), 2: (RaisedError, 3), 4: (RaisedError, 5)}


def test_the_first_failing_line_raises(bare_service: Any) -> None:
    with TransformClient(bare_service.url) as client:
        lines = client.transform_lines(None, [1, 2, "x"], program=". + 1", batch_bytes=4)
        assert [next(lines), next(lines)] == [b"2", b"3"]
        with pytest.raises(RaisedError) as raised:
            next(lines)
    assert raised.value.line == 3
