"""Arguments -> a request; an answer -> bytes or an error. Nothing is sent here."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from typing import Any, Optional, Protocol, Union
from urllib.parse import quote

from ._address import checked_name
from ._encoding import Dumps, encoded
from ._parser import Head
from .errors import (
    DeadlineExceeded,
    LimitExceeded,
    TransformError,
    error_of,
    problem_members,
)
from .retry import Deadline, retry_after_seconds

#: The service closes idle connections after 75 s: ours go first, so no request meets a closing one.
KEEP_ALIVE_SECONDS = 60.0
#: A connection that is not made in this time is tried again.
CONNECT_SECONDS = 1.0

CONTENT_TYPE = "application/json"
DEFAULT_URL = "http://127.0.0.1:8001"
DEFAULT_SECONDS = 5.0
DEFAULT_CONNECTIONS = 64
VERSION = "2.0.0"

_RESERVED = frozenset({"outputs", "errors", "program", "each"})

Body = Union[bytes, bytearray, memoryview]


_numbers = itertools.count()
_prefix = ""


def _renew_ids() -> None:
    """Ids that no other process gives: a forked child begins with a prefix of its own."""
    global _prefix
    _prefix = os.urandom(5).hex() + "-"


_renew_ids()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_ids)


class Request:
    """A request without its deadline."""

    __slots__ = ("body", "content_type", "fields", "id", "method", "name", "target")

    def __init__(
        self, method: str, target: str, body: Body, content_type: str, name: Optional[str]
    ) -> None:
        self.method = method
        self.target = target
        self.body = body
        self.content_type = content_type
        #: The transform's name; None where a program is sent along.
        self.name = name
        #: What the service's log calls it.
        self.id = f"{_prefix}{next(_numbers):x}"
        #: Lines of the head that only this call has.
        self.fields = ""

    def start(self, prefix: str, common: str) -> bytes:
        """The head up to the value of its last field, which is the milliseconds that are left."""
        return (
            f"{self.method} {prefix}{self.target} HTTP/1.1\r\n{common}{self.fields}"
            f"X-Request-Id: {self.id}\r\nContent-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\n"
            "X-Request-Timeout-Ms: "
        ).encode("latin-1")


class Answer:
    """An answer that came whole."""

    __slots__ = ("body", "head")

    def __init__(self, head: Head, body: bytes) -> None:
        self.head = head
        self.body = body


class Echo:
    """Whether a connection's answers bear the ids of their requests.

    Where the first one does, each must: another id is the answer to another request. A proxy may
    give requests ids of its own; then nothing is looked at.
    """

    __slots__ = ("_is_kept_to",)

    def __init__(self) -> None:
        self._is_kept_to: Optional[bool] = None

    def fits(self, head: Head, request: Request) -> bool:
        """Whether this may be the answer to that request."""
        found = head.field("x-request-id")
        if found is None or found == request.id:
            if found is not None and self._is_kept_to is None:
                self._is_kept_to = True
            return True
        if self._is_kept_to is None:
            self._is_kept_to = False
        return not self._is_kept_to


class Transport(Protocol):
    """Sends requests for threads."""

    def exchange(self, request: Request, deadline: Deadline) -> Answer:
        """One request and its answer, whatever its status."""

    def close(self) -> None:
        """Gives up what is kept between calls."""


class AsyncTransport(Protocol):
    """Sends requests for tasks of an event loop."""

    async def exchange(self, request: Request, deadline: Deadline) -> Answer:
        """One request and its answer, whatever its status."""

    async def aclose(self) -> None:
        """Gives up what is kept between calls."""


def envelope(
    program: Optional[str],
    name: Optional[str],
    input: Any,
    args: Optional[Mapping[str, Any]],
    outputs: str,
    dumps: Optional[Dumps] = None,
) -> Request:
    """`POST /transform` with everything in its body."""
    members = _chosen(program, name)
    members["input"] = input
    if args:
        members["args"] = dict(args)
    if outputs != "one":
        members["outputs"] = known_outputs(outputs)
    return Request("POST", "/transform", encoded(members, dumps), CONTENT_TYPE, name)


def raw(
    name: Optional[str],
    program: Optional[str],
    body: Body,
    args: Optional[Mapping[str, str]],
    content_type: str,
    **reserved: str,
) -> Request:
    """`POST /transform/{name}` with the input as body; `args` are texts in the query."""
    chosen = _chosen(program, name)
    if not isinstance(body, bytes):
        # Its length counts bytes then, whatever the items of the buffer are.
        body = memoryview(body).cast("B")
    target = "/transform" if name is None else "/transform/" + name
    query = {key: value for key, value in reserved.items() if value not in ("one", "fail")}
    if name is None:
        query["program"] = chosen["program"]
    for key, value in (args or {}).items():
        if key in _RESERVED:
            raise ValueError(f"an argument can't be named {key!r} here: the name is reserved")
        if not isinstance(value, str):
            raise TypeError(f"the argument {key!r} is a text here; transform() takes any JSON")
        query[key] = value
    if query:
        pairs = [f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query.items()]
        target = f"{target}?{'&'.join(pairs)}"
    return Request("POST", target, body, content_type, name)


def readiness() -> Request:
    """`GET /readyz`."""
    return Request("GET", "/readyz", b"", CONTENT_TYPE, None)


def _chosen(program: Optional[str], name: Optional[str]) -> dict[str, Any]:
    if name is None:
        if isinstance(program, str):
            return {"program": program}
    elif program is None:
        return {"transform": checked_name(name)}
    raise TypeError("give either a program or the name of a transform, a text")


def known_outputs(outputs: str) -> str:
    """The same text, where it is one that the service knows."""
    if outputs not in ("one", "array"):
        raise ValueError("outputs is 'one' or 'array'")
    return outputs


def common_fields(authority: str, token: Optional[str], others: str) -> str:
    """Lines that stand in each head."""
    # Compressing costs more than it saves between neighbours.
    lines = f"Host: {authority}\r\nAccept-Encoding: identity\r\n"
    lines += f"User-Agent: transform-client/{VERSION}\r\n"
    if token is not None:
        lines += f"Authorization: Bearer {token}\r\n"
    return lines + others


def failure(answer: Answer, request: Request, deadline: Deadline) -> TransformError:
    """What an answer other than 2xx says."""
    head = answer.head
    problem = problem_members(head.status, head.field("content-type") or "", answer.body)
    error = error_of(head.status, problem, retry_after_seconds(head.field("retry-after")))
    if isinstance(error, DeadlineExceeded):
        spent = deadline.seconds - deadline.remaining()
        if head.status == 504 and deadline.remaining() > 0.05 * deadline.seconds:
            # The service's own bound came first, so that a longer timeout here changes nothing.
            limit = error.problem.get("limit_ms")
            seconds = limit / 1000 if isinstance(limit, int) else round(spent, 1)
            error.limit_seconds = seconds
            error.args = (
                f"{error} The service's own limit (--timeout-ms) ended it after {seconds:g} of the "
                f"{deadline.seconds:g} seconds that the call allows.",
                error.args[1],
            )
    elif isinstance(error, LimitExceeded) and head.status == 413:
        error.sent_bytes = len(request.body)
    return error
