"""The client for threads: arguments -> results, within one deadline a call."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union, overload

from . import lines as batching
from . import wire
from ._calls import Call, Calls, OnCall
from ._encoding import Dumps, Loads
from ._sockets import SocketTransport
from .errors import ProblemError, TransformError
from .retry import Attempts, Deadline, Retry

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")


class TransformClient:
    """Calls transform-service; one client serves all threads of a process, and its children.

    Args:
        base_url: Where the service listens: `http://HOST[:PORT]` or `https://...`.
        unix_socket: The path of its Unix socket instead; `base_url` then only names the host.
        timeout: Seconds that a call may take in all, its repetitions included.
        retry: How often, and after which waits, a call is tried again.
        connections: Connections at most; further calls wait for a free one, in their order.
        token: Sent as bearer token.
        headers: Fields that go with each request.
        ssl_context: For `https://`; without it, the system's certificates are trusted.
        dumps: Writes values as JSON text, such as `orjson.dumps`.
        loads: Reads JSON text, such as `orjson.loads`.
        on_call: Is called with a `Call` when a call has ended.
        transport: Stands in for the network, as `transform_client.testing` does.
    """

    def __init__(
        self,
        base_url: str = wire.DEFAULT_URL,
        *,
        unix_socket: Optional[str] = None,
        timeout: float = wire.DEFAULT_SECONDS,
        retry: Optional[Retry] = None,
        connections: int = wire.DEFAULT_CONNECTIONS,
        token: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
        dumps: Optional[Dumps] = None,
        loads: Optional[Loads] = None,
        on_call: Optional[OnCall] = None,
        transport: Optional[wire.Transport] = None,
    ) -> None:
        self._calls = Calls(
            base_url,
            unix_socket,
            timeout,
            retry,
            connections,
            token,
            headers,
            ssl_context,
            dumps,
            loads,
            on_call,
        )
        self._transport: wire.Transport = transport or SocketTransport(
            self._calls.address,
            connections=connections,
            common=self._calls.common,
            tls=self._calls.tls,
            repeats=self._calls.retry.attempts != 1,
        )

    @overload
    def transform(
        self,
        program: Optional[str] = ...,
        input: Any = ...,
        *,
        name: Optional[str] = ...,
        args: Optional[Mapping[str, Any]] = ...,
        outputs: str = ...,
        into: type[T],
        timeout: Optional[float] = ...,
        headers: Optional[Mapping[str, str]] = ...,
    ) -> T: ...

    @overload
    def transform(
        self,
        program: Optional[str] = ...,
        input: Any = ...,
        *,
        name: Optional[str] = ...,
        args: Optional[Mapping[str, Any]] = ...,
        outputs: str = ...,
        into: Any = ...,
        timeout: Optional[float] = ...,
        headers: Optional[Mapping[str, str]] = ...,
    ) -> Any: ...

    def transform(
        self,
        program: Optional[str] = None,
        input: Any = None,
        *,
        name: Optional[str] = None,
        args: Optional[Mapping[str, Any]] = None,
        outputs: str = "one",
        into: Any = None,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Any:
        """Runs a program, or the transform of this name, on a value.

        Args:
            program: jq text; or give `name`.
            input: Any JSON value; dates, decimals, models and the like are written as JSON too.
            name: A transform that the service has loaded.
            args: Bound as `$name`, any JSON values.
            outputs: `"one"`: exactly one output is the result; `"array"`: a list of all.
            into: A Pydantic model, a msgspec struct, a dataclass, or a list or dict of such: the
                answer's bytes are read straight into it. Its own error says what does not fit.
            timeout: Seconds that the call may take in all.
            headers: Fields of this request alone.

        Raises:
            TransformError: One of its kinds, by what went wrong.
        """
        request = wire.envelope(program, name, input, args, outputs, self._calls.dumps)
        return self._calls.parsed(self._call(request, timeout, headers), into)

    def transform_bytes(
        self,
        name: Optional[str],
        body: wire.Body,
        *,
        program: Optional[str] = None,
        args: Optional[Mapping[str, str]] = None,
        outputs: str = "one",
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> bytes:
        """JSON text in, JSON text out: nothing is parsed here. `args` are texts.

        With `name=None` and a `program`, that program runs.
        """
        wire.known_outputs(outputs)
        request = wire.raw(name, program, body, args, wire.CONTENT_TYPE, outputs=outputs)
        return self._call(request, timeout, headers)

    def transform_lines(
        self,
        name: Optional[str],
        lines: Iterable[Any],
        *,
        program: Optional[str] = None,
        args: Optional[Mapping[str, str]] = None,
        errors: str = "fail",
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        batch_bytes: int = batching.BATCH_BYTES,
    ) -> Iterator[bytes]:
        """Runs a transform on each line, on all the service's cores; yields outputs in order.

        A line is JSON text as bytes, or any other value, which is encoded; of a file, each line is
        JSON text. Lines are read as results are taken, in batches of about `batch_bytes`: memory
        stays bounded.

        Args:
            name: A transform that the service has loaded; or None, and `program`.
            lines: The inputs: a file, or any iterable but a text or bytes.
            program: jq text.
            args: Bound as `$name`, texts.
            errors: `"fail"`: the first failing line raises its error. `"inline"`: a problem
                stands in its place; `line_problem` finds it.
            timeout: Seconds that each batch may take in all.
            headers: Fields of each request.
            batch_bytes: Bytes of a batch.
        """
        batching.known_errors(errors)
        batches = batching.Batches(batch_bytes, self._calls.dumps).of(batching.checked(lines))

        def prepare(batch: batching.Batch) -> wire.Request:
            return wire.raw(name, program, batch.body, args, batching.CONTENT_TYPE, errors=errors)

        # A wrong name or argument is seen here rather than with the first line.
        prepare(batching.Batch(0, b""))
        return self._outputs(batches, prepare, timeout, headers)

    def is_ready(self, timeout: float = 1.0) -> bool:
        """Whether the service takes requests now."""
        deadline = Deadline(timeout)
        try:
            answer = self._transport.exchange(wire.readiness(), deadline)
        except TransformError:
            return False
        return answer.head.status == 200

    def close(self) -> None:
        """Closes all connections."""
        self._transport.close()

    def __enter__(self) -> TransformClient:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _outputs(
        self,
        batches: Iterator[batching.Batch],
        prepare: Callable[[batching.Batch], wire.Request],
        timeout: Optional[float],
        headers: Optional[Mapping[str, str]],
    ) -> Iterator[bytes]:
        for batch in batches:
            try:
                answer = self._call(prepare(batch), timeout, headers)
            except ProblemError as error:
                raise batching.renumber(error, batch.before) from None
            yield from batching.output_lines(batch, answer)

    def _call(
        self,
        request: wire.Request,
        timeout: Optional[float],
        headers: Optional[Mapping[str, str]],
    ) -> bytes:
        deadline = self._calls.deadline(timeout)
        watch = self._calls.prepared(request, headers)
        if watch is None:
            return self._attempted(request, deadline, None)
        with watch as call:
            return self._attempted(request, deadline, call)

    def _attempted(self, request: wire.Request, deadline: Deadline, call: Optional[Call]) -> bytes:
        attempts: Union[Attempts, None] = None
        while True:
            if call is not None:
                call.attempts += 1
            try:
                answer = self._transport.exchange(request, deadline)
                if call is not None:
                    call.answered(answer)
                if 200 <= answer.head.status < 300:
                    return answer.body
                raise wire.failure(answer, request, deadline)
            except TransformError as error:
                error.request_id = error.request_id or request.id
                attempts = attempts or Attempts(self._calls.retry, deadline)
                delay = attempts.delay(error)
            time.sleep(delay)
