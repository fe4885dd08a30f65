"""The client for threads: arguments -> results, within one deadline a call."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Callable, Optional, Union

import httpx

from . import lines as batching
from . import wire
from .errors import ProblemError, TransformError
from .retry import Attempts, Deadline, Retry
from .transport import DeadlineTransport, bounded


class TransformClient:
    """Calls transform-service; one client serves all threads of a process.

    Args:
        base_url: Where the service listens.
        unix_socket: The path of its Unix socket instead; `base_url` then only names the host.
        timeout: Seconds that a call may take in all, its repetitions included.
        retry: How often, and after which waits, a call is tried again.
        connections: Connections at most; further calls wait for a free one.
        token: Sent as bearer token.
        headers: Fields that go with each request.
        transport: Another transport of httpx, for tests.
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
        transport: Optional[httpx.BaseTransport] = None,
    ) -> None:
        self._timeout = timeout
        self._retry = retry or Retry()
        self._client = httpx.Client(
            base_url=base_url,
            transport=transport or DeadlineTransport(wire.limits(connections), unix_socket),
            headers=wire.default_fields(token, headers),
            trust_env=False,
        )

    def transform(
        self,
        program: Optional[str] = None,
        input: Any = None,
        *,
        name: Optional[str] = None,
        args: Optional[Mapping[str, Any]] = None,
        outputs: str = "one",
        timeout: Optional[float] = None,
    ) -> Any:
        """Runs a program, or the transform of this name, on a value.

        Args:
            program: jq text; or give `name`.
            input: Any JSON value.
            name: A transform that the service has loaded.
            args: Bound as `$name`, any JSON values.
            outputs: `"one"`: exactly one output is the result; `"array"`: a list of all.
            timeout: Seconds that the call may take in all.

        Raises:
            TransformError: One of its kinds, by what went wrong.
        """
        prepared = wire.envelope(program, name, input, args, outputs)
        return wire.parsed(self._call(prepared, timeout))

    def transform_bytes(
        self,
        name: Optional[str],
        body: Union[bytes, bytearray, memoryview],
        *,
        program: Optional[str] = None,
        args: Optional[Mapping[str, str]] = None,
        outputs: str = "one",
        timeout: Optional[float] = None,
    ) -> bytes:
        """JSON text in, JSON text out: nothing is parsed here. `args` are texts.

        With `name=None` and a `program`, that program runs.
        """
        wire.known_outputs(outputs)
        prepared = wire.raw(name, program, bytes(body), args, wire.CONTENT_TYPE, outputs=outputs)
        return self._call(prepared, timeout)

    def transform_lines(
        self,
        name: Optional[str],
        lines: Iterable[Any],
        *,
        program: Optional[str] = None,
        args: Optional[Mapping[str, str]] = None,
        errors: str = "fail",
        timeout: Optional[float] = None,
        batch_bytes: int = batching.BATCH_BYTES,
    ) -> Iterator[bytes]:
        """Runs a transform on each line, on all the service's cores; yields outputs in order.

        A line is JSON text as bytes, or any other value, which is encoded. Lines are read as
        results are taken, in batches of about `batch_bytes`: memory stays bounded.

        Args:
            name: A transform that the service has loaded; or None, and `program`.
            lines: The inputs.
            program: jq text.
            args: Bound as `$name`, texts.
            errors: `"fail"`: the first failing line raises its error. `"inline"`: a problem
                stands in its place; `line_problem` finds it.
            timeout: Seconds that each batch may take in all.
            batch_bytes: Bytes of a batch.
        """
        batching.known_errors(errors)
        batches = batching.Batches(batch_bytes).of(lines)

        def prepare(batch: batching.Batch) -> wire.Prepared:
            return wire.raw(name, program, batch.body, args, batching.CONTENT_TYPE, errors=errors)

        return self._outputs(batches, prepare, timeout)

    def is_ready(self, timeout: float = 1.0) -> bool:
        """Whether the service takes requests now."""
        try:
            self._call(wire.Prepared("GET", "/readyz", b"", wire.CONTENT_TYPE), timeout)
        except TransformError:
            return False
        return True

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()

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
        prepare: Callable[[batching.Batch], wire.Prepared],
        timeout: Optional[float],
    ) -> Iterator[bytes]:
        for batch in batches:
            try:
                answer = self._call(prepare(batch), timeout)
            except ProblemError as error:
                raise batching.renumber(error, batch.before) from None
            yield from batching.output_lines(batch, answer)

    def _call(self, prepared: wire.Prepared, timeout: Optional[float]) -> bytes:
        deadline = Deadline(self._timeout if timeout is None else timeout)
        attempts = Attempts(self._retry, deadline)
        while True:
            try:
                return wire.answer(self._send(prepared, deadline))
            except TransformError as error:
                delay = attempts.delay(error)
            time.sleep(delay)

    def _send(self, prepared: wire.Prepared, deadline: Deadline) -> httpx.Response:
        request = self._client.build_request(
            prepared.method,
            prepared.path,
            content=prepared.content or None,
            headers=wire.fields(prepared, deadline),
            timeout=wire.timeouts(deadline),
        )
        try:
            with bounded(deadline):
                return self._client.send(request)
        except httpx.HTTPError as error:
            raise wire.failure(error, deadline) from error
