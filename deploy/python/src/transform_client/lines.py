"""Lines of any number -> batches of bounded size, and their outputs back in order.

    lines   1 2 3 4 5 6 7 ...      any iterable, read as needed
    batches [1 2 3] [4 5] ...      one NDJSON request each

A batch is one request and one answer, which is read while the batch is still being sent: neither
side waits for the other, however long it is. Between batches nothing is open at the service, so
that a source or a taker may pause for as long as it likes, and a batch that met a 503 goes again.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional, TypeVar, Union

from ._encoding import Dumps, encoded
from .errors import ProblemError, error_of

CONTENT_TYPE = "application/x-ndjson"
#: Bytes of one batch; a longer line is a batch of its own.
BATCH_BYTES = 128 * 1024

Source = TypeVar("Source")

_PROBLEM = b'{"type":"/problems/'


@dataclass(frozen=True)
class Batch:
    """Lines that go out in one request."""

    #: Lines before this batch.
    before: int
    body: bytes


class Batches:
    """Collects lines; gives a batch when the next line would not fit."""

    def __init__(self, batch_bytes: int = BATCH_BYTES, dumps: Optional[Dumps] = None) -> None:
        if batch_bytes < 1:
            raise ValueError("batch_bytes is a number of bytes above 0")
        self._dumps = dumps
        self._bytes_max = batch_bytes
        self._lines: list[bytes] = []
        self._byte_count = 0
        self._before = 0

    def add(self, item: Any) -> Optional[Batch]:
        """Takes a line: bytes are JSON text, anything else is a value to encode."""
        line = self._line(item)
        is_full = self._lines and self._byte_count + len(line) + 1 > self._bytes_max
        full = self.rest() if is_full else None
        self._lines.append(line)
        self._byte_count += len(line) + 1
        return full

    def rest(self) -> Optional[Batch]:
        """What was collected; None where that is nothing."""
        if not self._lines:
            return None
        batch = Batch(self._before, b"\n".join(self._lines) + b"\n")
        self._before += len(self._lines)
        self._lines = []
        self._byte_count = 0
        return batch

    def _line(self, item: Any) -> bytes:
        if isinstance(item, (bytes, bytearray, memoryview)):
            line = bytes(item)
            line = line[:-1] if line.endswith(b"\n") else line
        else:
            line = encoded(item, self._dumps)
        if b"\n" in line:
            number = self._before + len(self._lines) + 1
            raise ValueError(f"line {number} has a line break in it")
        return line

    def of(self, items: Iterable[Any]) -> Iterator[Batch]:
        """All batches of an iterable; the lines of a text file are JSON text."""
        for item in map(str.encode, items) if _is_text_file(items) else items:
            batch = self.add(item)
            if batch is not None:
                yield batch
        last = self.rest()
        if last is not None:
            yield last

    async def of_any(self, items: Union[Iterable[Any], AsyncIterable[Any]]) -> AsyncIterator[Batch]:
        """All batches of an iterable, or of an asynchronous one."""
        if isinstance(items, AsyncIterable):
            async for item in items:
                batch = self.add(item)
                if batch is not None:
                    yield batch
            last = self.rest()
            if last is not None:
                yield last
        else:
            for batch in self.of(items):
                yield batch


def _is_text_file(items: Any) -> bool:
    return isinstance(items, io.TextIOBase) or (
        hasattr(items, "readline") and getattr(items, "encoding", None) is not None
    )


def checked(lines: Source) -> Source:
    """The same lines; raises TypeError for what looks like lines and is not."""
    if isinstance(lines, (str, bytes, bytearray, memoryview, os.PathLike, Mapping)):
        raise TypeError(
            f"lines are an iterable, such as a list or an open file, not {type(lines).__name__}: "
            "open the path, or split the text"
        )
    return lines


def known_errors(errors: str) -> str:
    """The same text, where it is one that the service knows."""
    if errors not in ("fail", "inline"):
        raise ValueError("errors is 'fail' or 'inline'")
    return errors


def output_lines(batch: Batch, answer: bytes) -> Iterator[bytes]:
    """A batch's answer -> its lines; problems count lines from the stream's start."""
    for line in answer.split(b"\n"):
        if line:
            yield _renumbered(line, batch.before) if line.startswith(_PROBLEM) else line


def renumber(error: ProblemError, before: int) -> ProblemError:
    """The same error, its `line` counted from the stream's start."""
    if error.line is not None and before:
        error.line += before
        error.problem = {**error.problem, "line": error.line}
    return error


def _renumbered(line: bytes, before: int) -> bytes:
    error = line_problem(line)
    if error is None or error.line is None or not before:
        return line
    return encoded(renumber(error, before).problem)


def line_problem(line: bytes) -> Optional[ProblemError]:
    """The error that stands in a line's place (`errors="inline"`), with its `line`; else None."""
    if not line.startswith(_PROBLEM):
        return None
    try:
        members = json.loads(line)
    except ValueError:
        return None
    status = members.get("status")
    error = error_of(status if isinstance(status, int) else 422, members)
    return error if isinstance(error, ProblemError) else ProblemError(504, members)
