"""An NDJSON body -> lines -> tasks that the transform has tidied and Pydantic has checked.

body pieces   b'{"title": "a"}\\n{"ti'  b'tle": 3}\\n'
lines         b'{"title": "a"}'  b'{"title": 3}'
outputs       b'{"title":"a","description":"",...}'  b'{"type":"/problems/...","line":2,...}'
rows          {"title": "a", ...}                    line 2: "title: is no string"
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from pydantic import ValidationError
from transform_client import AsyncTransformClient, line_problem

from .schemas import FailedLine, NewTask

TRANSFORM = "task-import"
#: Failing lines that an answer lists.
ERRORS_LISTED_MAX = 100


class BodyTooLong(Exception):
    """The import is longer than allowed."""


async def lines_of(pieces: AsyncIterator[bytes], bytes_max: int) -> AsyncIterator[bytes]:
    """Pieces of a body -> its lines, blank ones too, for they count."""
    rest, byte_count = b"", 0
    async for piece in pieces:
        byte_count += len(piece)
        if byte_count > bytes_max:
            raise BodyTooLong
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


class Import:
    """Collects what becomes of each line."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.failed = 0
        self.errors: list[FailedLine] = []
        # Lines that went out and whose output has not come: a batch's at most.
        self._numbers: deque[int] = deque()

    async def run(self, client: AsyncTransformClient, lines: AsyncIterator[bytes]) -> None:
        """Takes all lines; raises where the service does not do its part."""
        outputs = client.transform_lines(TRANSFORM, self._sent(lines), errors="inline")
        async for output in outputs:
            number = self._numbers.popleft()
            problem = line_problem(output)
            if problem is not None:
                self._fail(number, self._reason(problem))
                continue
            try:
                self.rows.append(NewTask.model_validate_json(output).model_dump())
            except ValidationError as error:
                first = error.errors()[0]
                self._fail(number, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")

    async def _sent(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The lines with something in them, each of which has one output."""
        number = 0
        async for line in lines:
            number += 1
            if line.strip():
                self._numbers.append(number)
                yield line

    @staticmethod
    def _reason(problem: Any) -> str:
        value = getattr(problem, "value", None)
        return value if isinstance(value, str) else problem.detail

    def _fail(self, line: int, error: str) -> None:
        self.failed += 1
        if len(self.errors) < ERRORS_LISTED_MAX:
            self.errors.append(FailedLine(line=line, error=error))
