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
import pickle
from collections.abc import Mapping
from typing import Any, Optional


class TransformError(Exception):
    """Base of all that a call raises; wrong arguments raise `TypeError` or `ValueError`.

    Errors go whole through pickle, and with `type(error)(*error.args)` through JSON: process
    pools and task queues hand them on as they are, their causes included.
    """

    #: What the service's log calls the request, if it came there.
    request_id: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        state = dict(self.__dict__)
        if self.__cause__ is not None and _is_picklable(self.__cause__):
            state["__cause__"] = self.__cause__
        return type(self), self.args, state

    def __setstate__(self, state: Optional[dict[str, Any]]) -> None:
        members = dict(state or {})
        self.__cause__ = members.pop("__cause__", None)
        self.__dict__.update(members)


class Unreachable(TransformError):
    """No connection could be made."""


class Interrupted(TransformError):
    """The connection broke before the answer was whole."""


class DeadlineExceeded(TransformError):
    """The call's time is over: seen here, or answered by the service (504), which has stopped."""

    #: Seconds after which the service's own limit ended a call that allows more; else None.
    limit_seconds: Optional[float] = None

    def __init__(self, message: str, problem: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message, dict(problem or {}))
        self.problem: Mapping[str, Any] = self.args[1]
        self.request_id = _text(self.problem.get("request_id"))

    def __str__(self) -> str:
        return str(self.args[0])


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
        super().__init__(status, dict(problem))

    def __str__(self) -> str:
        return f"{self.title or self.status}: {self.detail}" if self.detail else self.title


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

    #: Bytes of a body that is longer than the service takes (413); else None.
    sent_bytes: Optional[int] = None

    @property
    def limit_bytes(self) -> Optional[int]:
        """The bound that was met, in bytes; None where the service did not name it."""
        return _count(self.problem.get("limit_bytes"))

    def __str__(self) -> str:
        if self.sent_bytes is None:
            return super().__str__()
        limit = f"{self.limit_bytes} (--body-mib)" if self.limit_bytes else "--body-mib"
        return f"{super().__str__()} It has {self.sent_bytes} bytes; the limit is {limit}."


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
        self.args = (status, dict(problem), retry_after)
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


def _is_picklable(error: BaseException) -> bool:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
