"""Deadlines, repetitions, batches and errors, without a network."""

from __future__ import annotations

import array
import json
import tempfile
from pathlib import Path
from typing import Any, Optional

import pytest
from transform_client import TransformClient, errors, lines, retry, wire
from transform_client._encoding import encoded


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def attempts_of(seconds: float, **settings: Any) -> tuple[retry.Attempts, Clock]:
    clock = Clock()
    policy = retry.Retry(randomness=lambda: 1.0, **settings)
    return retry.Attempts(policy, retry.Deadline(seconds, clock)), clock


def overloaded(retry_after: Optional[float]) -> errors.Overloaded:
    return errors.Overloaded(503, {"title": "full"}, retry_after)


def test_waits_double_up_to_the_cap() -> None:
    attempts, _ = attempts_of(60, attempts=6, base=0.1, cap=0.5)
    error = errors.Unreachable("no")
    assert [attempts.delay(error) for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    with pytest.raises(errors.Unreachable):
        attempts.delay(error)


def test_the_service_names_the_wait() -> None:
    attempts, _ = attempts_of(60, base=0.1)
    assert attempts.delay(overloaded(2.0)) == pytest.approx(2.1)


def test_no_wait_beyond_the_deadline() -> None:
    attempts, clock = attempts_of(3, base=0.5)
    assert attempts.delay(overloaded(1.0)) == 1.5
    clock.now += 1.5
    with pytest.raises(errors.Overloaded) as raised:
        attempts.delay(overloaded(1.0))
    assert raised.value.retry_after == 1.0


@pytest.mark.parametrize(
    "error",
    [
        overloaded(None),
        errors.Interrupted("broke"),
        errors.DeadlineExceeded("late"),
        errors.ServiceError(500, {}),
        errors.InputError(400, {}),
    ],
)
def test_what_may_have_begun_is_not_repeated(error: errors.TransformError) -> None:
    attempts, _ = attempts_of(60)
    with pytest.raises(type(error)):
        attempts.delay(error)


def test_without_a_count_the_deadline_alone_ends_it() -> None:
    attempts, clock = attempts_of(5, base=0.5, cap=0.5)
    for _ in range(9):
        clock.now += attempts.delay(errors.Unreachable("no"))
    with pytest.raises(errors.Unreachable):
        attempts.delay(errors.Unreachable("no"))


def test_one_attempt_never_repeats() -> None:
    attempts, _ = attempts_of(60, attempts=1)
    with pytest.raises(errors.Unreachable):
        attempts.delay(errors.Unreachable("no"))


def test_milliseconds_left() -> None:
    clock = Clock()
    deadline = retry.Deadline(2, clock)
    assert deadline.milliseconds() == 2000
    clock.now += 1.75
    assert deadline.milliseconds() == 250
    clock.now += 0.2499
    assert deadline.milliseconds() == 1
    clock.now += 0.1
    with pytest.raises(errors.DeadlineExceeded, match="2 seconds"):
        deadline.milliseconds()


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_is_above_zero(seconds: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        retry.Deadline(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("1", 1.0),
        (" 20 ", 20.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("\u0663", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
    ],
)
def test_retry_after(text: Optional[str], seconds: Optional[float]) -> None:
    assert retry.retry_after_seconds(text) == seconds


@pytest.mark.parametrize(
    ("status", "slug", "kind"),
    [
        (400, "malformed-json", errors.InputError),
        (400, "malformed-envelope", errors.RequestError),
        (404, "unknown-transform", errors.UnknownTransform),
        (404, "not-found", errors.RequestError),
        (413, "body-too-long", errors.LimitExceeded),
        (413, "of a proxy", errors.LimitExceeded),
        (415, "unsupported-media-type", errors.RequestError),
        (422, "compile-error", errors.CompileError),
        (422, "program-error", errors.RaisedError),
        (422, "output-count", errors.OutputCountError),
        (422, "memory-limit", errors.LimitExceeded),
        (422, "yet unknown", errors.ProgramError),
        (500, "internal-error", errors.ServiceError),
        (503, "temporary-reduced-capacity", errors.Overloaded),
        (504, "deadline-exceeded", errors.DeadlineExceeded),
    ],
)
def test_kinds_of_problems(status: int, slug: str, kind: type[errors.TransformError]) -> None:
    error = errors.error_of(status, {"type": f"/problems/{slug}", "detail": "why"})
    assert type(error) is kind
    assert "why" in str(error)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff\xfe", b'{"type":', b""])
def test_an_answer_that_is_no_problem(body: bytes) -> None:
    error = errors.error_of(502, errors.problem_members(502, "application/problem+json", body))
    assert type(error) is errors.ServiceError
    assert error.status == 502


def test_members_of_other_types_are_not_taken() -> None:
    error = errors.error_of(400, {"type": 3, "detail": [1], "line": "4", "offset": True})
    assert isinstance(error, errors.RequestError)
    assert (error.type, error.detail, error.line, error.offset) == ("", "", None, None)


def test_batches_hold_up_to_their_bytes() -> None:
    batches = list(lines.Batches(8).of([b"1", b"22", b"333", b"4444444444", b"5\n"]))
    assert [(batch.before, batch.body) for batch in batches] == [
        (0, b"1\n22\n"),
        (2, b"333\n"),
        (3, b"4444444444\n"),
        (4, b"5\n"),
    ]


def test_a_batch_at_its_bound_and_one_past_it() -> None:
    assert len(list(lines.Batches(4).of([b"1", b"2"]))) == 1
    assert len(list(lines.Batches(3).of([b"1", b"2"]))) == 2


def test_no_lines_no_batch() -> None:
    assert list(lines.Batches().of([])) == []


def test_values_are_encoded_and_bytes_are_not() -> None:
    (batch,) = lines.Batches().of([{"a": "ü"}, None, b'{"raw": 1.10}', "text"])
    assert batch.body == '{"a":"ü"}\nnull\n{"raw": 1.10}\n"text"\n'.encode()


def test_a_line_has_no_break_in_it() -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(lines.Batches().of([b"1", b"{\n}"]))


def test_json_has_no_nan() -> None:
    with pytest.raises(ValueError):
        list(lines.Batches().of([float("nan")]))
    with pytest.raises(ValueError):
        wire.envelope(".", None, float("inf"), None, "one")


def test_problems_count_from_the_stream_start() -> None:
    problem = {"type": "/problems/program-error", "status": 422, "detail": "no", "line": 2}
    answer = b'{"n":1}\n' + encoded(problem) + b"\n"
    out = list(lines.output_lines(lines.Batch(40, b""), answer))
    assert out[0] == b'{"n":1}'
    assert json.loads(out[1])["line"] == 42
    error = lines.line_problem(out[1])
    assert isinstance(error, errors.RaisedError)
    assert error.line == 42
    assert lines.line_problem(out[0]) is None


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("a/b", None, {}), "/transform/a/b"),
        (("a-b_c.d", None, {}), "/transform/a-b_c.d"),
        (("t", None, {"x": "1&2", "ü": "="}), "/transform/t?x=1%262&%C3%BC=%3D"),
        ((None, ".a + 1", {}), "/transform?program=.a%20%2B%201"),
    ],
)
def test_paths(arguments: Any, path: str) -> None:
    name, program, args = arguments
    assert wire.raw(name, program, b"1", args, wire.CONTENT_TYPE).target == path


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match="either"):
        wire.raw(None, None, b"", None, wire.CONTENT_TYPE)
    with pytest.raises(TypeError, match="either"):
        wire.envelope(".", "name", None, None, "one")
    with pytest.raises(ValueError, match="reserved"):
        wire.raw("t", None, b"", {"outputs": "x"}, wire.CONTENT_TYPE)
    with pytest.raises(TypeError, match="text"):
        wire.raw("t", None, b"", {"n": 1}, wire.CONTENT_TYPE)  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="outputs"):
        wire.envelope(".", None, None, None, "many")


@pytest.mark.parametrize(
    "name", ["../livez", "a/../b", "/a", "a/", "a//b", "", ".a", "a/.b", "a b", "a?b", "a%2fb", "é"]
)
def test_names_that_no_transform_has(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        wire.raw(name, None, b"", None, wire.CONTENT_TYPE)
    with pytest.raises(ValueError, match="name"):
        wire.envelope(None, name, None, None, "one")


def test_a_body_of_any_buffer() -> None:
    for body in (bytearray(b"[1]"), memoryview(b"[1]"), array.array("b", b"[1]")):
        assert bytes(wire.raw("t", None, body, None, "").body) == b"[1]"  # type: ignore[arg-type]
    numbers = array.array("i", [1, 2])
    assert len(wire.raw("t", None, memoryview(numbers), None, "").body) == 2 * numbers.itemsize


@pytest.mark.parametrize("lines_", ["1\n2", b"1\n2", bytearray(b"1"), Path("a"), {"a": 1}])
def test_what_is_no_lines(lines_: Any) -> None:
    with TransformClient() as client, pytest.raises(TypeError, match="iterable"):
        client.transform_lines("t", lines_)


def test_lines_of_text_files(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text('{"a": "ü"}\n[1]\n3', encoding="utf-8")
    for options in ({"mode": "r", "encoding": "utf-8"}, {"mode": "rb"}):
        with path.open(**options) as file:  # type: ignore[call-overload]
            (batch,) = lines.Batches().of(file)
        assert batch.body == '{"a": "ü"}\n[1]\n3\n'.encode()
    with tempfile.NamedTemporaryFile("w+") as temporary:
        temporary.write("[2]\n")
        temporary.seek(0)
        (batch,) = lines.Batches().of(temporary)
        assert batch.body == b"[2]\n"


def test_dumps_that_breaks_lines_is_seen() -> None:
    with pytest.raises(ValueError, match="line break"):
        list(lines.Batches(dumps=lambda value: json.dumps(value, indent=1)).of([{"a": 1}]))
