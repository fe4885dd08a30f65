"""What can go wrong in a call, as types; `application/problem+json` -> one of them.

TransformError
  Unreachable            no connection
  Interrupted            the connection broke before the answer was whole
  DeadlineExceeded       the call's time is over, here or there (504)
  ProblemError           the service answered with a problem
    InputError           the JSON text is malformed: offset, line, column
    ProgramError         the program is at fault: line, column
      CompileError         it does not compile
      RaisedError          it raised an error: value
    OutputCountError     not exactly one output: count
    LimitExceeded        memory, output, depth or length
    UnknownTransform     there is no transform of this name
    RequestError         another fault of the request
    Overloaded           503: retry_after
    ServiceError         another fault of the service, or of a proxy before it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional


class TransformError(Exception):
    """Base of all that a call raises; wrong arguments raise `TypeError` or `ValueError`."""


class Unreachable(TransformError):
    """No connection could be made."""


class Interrupted(TransformError):
    """The connection broke before the answer was whole."""


class DeadlineExceeded(TransformError):
    """The call's time is over: seen here, or answered by the service (504), which has stopped."""

    def __init__(self, message: str, problem: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.problem: Mapping[str, Any] = problem or {}


class ProblemError(TransformError):
    """The service answered with a problem of RFC 9457; `problem` holds all its members."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.type: str = _text(problem.get("type"))
        self.title: str = _text(problem.get("title"))
        self.detail: str = _text(problem.get("detail"))
        self.request_id: str = _text(problem.get("request_id"))
        #: Bytes from the start of the JSON text or of the program's text.
        self.offset: Optional[int] = _count(problem.get("offset"))
        self.line: Optional[int] = _count(problem.get("line"))
        self.column: Optional[int] = _count(problem.get("column"))
        super().__init__(f"{self.title or status}: {self.detail}" if self.detail else self.title)


class InputError(ProblemError):
    """The JSON text is malformed at `offset`, `line`, `column`."""


class ProgramError(ProblemError):
    """The program is at fault."""


class CompileError(ProgramError):
    """The program does not compile: `line`, `column` and an `excerpt` with a caret."""

    @property
    def excerpt(self) -> str:
        """The program's line, and below it a caret."""
        return _text(self.problem.get("excerpt"))


class RaisedError(ProgramError):
    """The program raised an error."""

    @property
    def value(self) -> Any:
        """What it raised, as JSON."""
        return self.problem.get("value")


class OutputCountError(ProblemError):
    """The program did not yield exactly one output."""

    @property
    def count(self) -> Optional[int]:
        """How many outputs it yielded."""
        return _count(self.problem.get("count"))


class LimitExceeded(ProblemError):
    """A limit of the service: memory, output, depth, or the length of what was sent."""


class UnknownTransform(ProblemError):
    """There is no transform of this name."""


class RequestError(ProblemError):
    """Another fault of the request, such as a content type that is not served."""


class Overloaded(ProblemError):
    """The service sheds load or drains; it names `retry_after` seconds, or None."""

    def __init__(
        self, status: int, problem: Mapping[str, Any], retry_after: Optional[float] = None
    ) -> None:
        super().__init__(status, problem)
        self.retry_after = retry_after


class ServiceError(ProblemError):
    """Another fault of the service, or an answer that is not the service's."""


_TYPES: dict[str, type[ProblemError]] = {
    "malformed-json": InputError,
    "compile-error": CompileError,
    "program-error": RaisedError,
    "program-too-long": LimitExceeded,
    "output-count": OutputCountError,
    "memory-limit": LimitExceeded,
    "output-limit": LimitExceeded,
    "depth-limit": LimitExceeded,
    "body-too-long": LimitExceeded,
    "unknown-transform": UnknownTransform,
}


def error_of(
    status: int, problem: Mapping[str, Any], retry_after: Optional[float] = None
) -> TransformError:
    """A problem's members -> its error: by its `type`, else by the status."""
    slug = _text(problem.get("type")).rpartition("/")[2]
    if status == 503:
        return Overloaded(status, problem, retry_after)
    if status == 504 or slug == "deadline-exceeded":
        return DeadlineExceeded(_text(problem.get("detail")) or "The deadline passed.", problem)
    known = _TYPES.get(slug)
    if known is not None:
        return known(status, problem)
    if status == 413:
        return LimitExceeded(status, problem)
    if status == 422:
        return ProgramError(status, problem)
    return RequestError(status, problem) if 400 <= status < 500 else ServiceError(status, problem)


def problem_members(status: int, content_type: str, body: bytes) -> Mapping[str, Any]:
    """An answer's body -> the problem's members; a proxy's page becomes a `detail`."""
    if content_type.split(";")[0].strip().lower() in (
        "application/problem+json",
        "application/json",
    ):
        try:
            members = json.loads(body)
        except ValueError:
            members = None
        if isinstance(members, dict):
            return members
    excerpt = body[:200].decode("utf-8", "replace").strip()
    return {"title": f"status {status}", "status": status, "detail": excerpt}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
