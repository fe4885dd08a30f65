"""What both clients have in common: settings, and what surrounds each call."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import wire
from ._address import address_of, checked_fields
from ._encoding import Dumps, Loads, decoder_of
from ._tracing import Trace, started
from .errors import ServiceError, problem_members
from .retry import Deadline, Retry

if TYPE_CHECKING:
    import ssl


@dataclass
class Call:
    """What `on_call` gets when a call has ended."""

    #: The transform's name; None where a program was sent along.
    name: Optional[str]
    #: Status of the last answer; None where none came.
    status: Optional[int] = None
    #: How long it took in all.
    seconds: float = 0.0
    #: Requests that were sent, or tried.
    attempts: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    #: What the service says of itself, in milliseconds: `queue`, `read`, `run`, `write`.
    server_timing: Mapping[str, float] = field(default_factory=dict)
    request_id: str = ""
    #: What the call raised, or None.
    error: Optional[BaseException] = None

    def answered(self, answer: wire.Answer) -> None:
        """Takes note of an answer, whatever its status."""
        head = answer.head
        self.status = head.status
        self.bytes_received += len(answer.body)
        self.server_timing = server_timing(head.field("server-timing"))
        self.request_id = head.field("x-request-id") or self.request_id


OnCall = Callable[[Call], None]


class Calls:
    """A client's settings, and the parts of a call that wait for nothing."""

    def __init__(
        self,
        base_url: str,
        unix_socket: Optional[str],
        timeout: float,
        retry: Optional[Retry],
        connections: int,
        token: Optional[str],
        headers: Optional[Mapping[str, str]],
        ssl_context: Optional[ssl.SSLContext],
        dumps: Optional[Dumps],
        loads: Optional[Loads],
        on_call: Optional[OnCall],
    ) -> None:
        if connections < 1:
            raise ValueError("connections is a number above 0")
        if token is not None:
            checked_fields({"Authorization": f"Bearer {token}"})
        self.address = address_of(base_url, unix_socket)
        self.timeout = timeout
        # A wrong timeout is seen here rather than in the first call.
        Deadline(timeout)
        self.retry = retry or Retry()
        self.connections = connections
        if any(name.lower() == "x-request-id" for name in headers or ()):
            raise ValueError("X-Request-Id is of one call: give it there")
        self.common = wire.common_fields(self.address.authority, token, checked_fields(headers))
        self.tls = ssl_context
        if self.address.is_tls and ssl_context is None:
            import ssl

            self.tls = ssl.create_default_context()
        elif not self.address.is_tls and ssl_context is not None:
            raise ValueError("ssl_context goes with a base_url of https://")
        self.dumps = dumps
        self.loads = loads or json.loads
        self.on_call = on_call

    def deadline(self, timeout: Optional[float]) -> Deadline:
        """The deadline of a call that begins now."""
        return Deadline(self.timeout if timeout is None else timeout)

    def parsed(self, body: bytes, into: Any) -> Any:
        """The value of an answer's body."""
        if into is not None:
            return decoder_of(into)(body)
        try:
            return self.loads(body)
        except ValueError:
            raise ServiceError(200, problem_members(200, "", body)) from None

    def prepared(
        self, request: wire.Request, headers: Optional[Mapping[str, str]]
    ) -> Optional[Watch]:
        """Adds a call's own fields; gives what follows the call, None where nobody wants that."""
        if headers:
            others = dict(headers)
            for name in headers:
                if name.lower() == "x-request-id":
                    request.id = others.pop(name)
                    checked_fields({name: request.id})
            request.fields = checked_fields(others)
        return self._watch(request)

    def _watch(self, request: wire.Request) -> Optional[Watch]:
        trace = started(request, self.address)
        if trace is None and self.on_call is None:
            return None
        return Watch(request, trace, self.on_call)


class Watch:
    """Follows one call: a span where the process is traced, and `on_call` at its end."""

    def __init__(
        self, request: wire.Request, trace: Optional[Trace], on_call: Optional[OnCall]
    ) -> None:
        self.call = Call(request.name, request_id=request.id)
        self._byte_count = len(request.body)
        self._trace = trace
        self._on_call = on_call
        self._began = monotonic()
        if trace is not None:
            request.fields += trace.fields

    def __enter__(self) -> Call:
        return self.call

    def __exit__(self, kind: object, error: Optional[BaseException], where: object) -> None:
        call = self.call
        call.seconds = monotonic() - self._began
        call.error = error
        call.bytes_sent = self._byte_count * call.attempts
        if self._trace is not None:
            self._trace.end(call.status, error)
        if self._on_call is not None:
            self._on_call(call)


def server_timing(value: Optional[str]) -> dict[str, float]:
    """`queue;dur=0.07, run;dur=1.2` -> milliseconds by name; what is malformed is left out."""
    return {name: float(text) for name, text in _TIMING.findall(value or "")}


_TIMING = re.compile(r"([A-Za-z0-9_-]+);dur=([0-9]+(?:\.[0-9]+)?)")
