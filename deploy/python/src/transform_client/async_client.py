"""The client for asyncio and trio: arguments -> results, within one deadline a call."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Callable, Optional, Union

import anyio
import httpx

from . import lines as batching
from . import wire
from .errors import ProblemError, TransformError
from .retry import Attempts, Deadline, Retry


class AsyncTransformClient:
    """Calls transform-service; one client serves all tasks of an event loop.

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
        transport: Optional[httpx.AsyncBaseTransport] = None,
    ) -> None:
        self._timeout = timeout
        self._retry = retry or Retry()
        self._client = httpx.AsyncClient(
            base_url=base_url,
            transport=transport
            or httpx.AsyncHTTPTransport(
                limits=wire.limits(connections), uds=unix_socket, trust_env=False
            ),
            headers=wire.default_fields(token, headers),
            trust_env=False,
        )

    async def transform(
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
        return wire.parsed(await self._call(prepared, timeout))

    async def transform_bytes(
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
        return await self._call(prepared, timeout)

    def transform_lines(
        self,
        name: Optional[str],
        lines: Union[Iterable[Any], AsyncIterable[Any]],
        *,
        program: Optional[str] = None,
        args: Optional[Mapping[str, str]] = None,
        errors: str = "fail",
        timeout: Optional[float] = None,
        batch_bytes: int = batching.BATCH_BYTES,
    ) -> AsyncIterator[bytes]:
        """Runs a transform on each line, on all the service's cores; yields outputs in order.

        A line is JSON text as bytes, or any other value, which is encoded. Lines are read as
        results are taken, in batches of about `batch_bytes`: memory stays bounded.

        Args:
            name: A transform that the service has loaded; or None, and `program`.
            lines: The inputs, from an iterable or an asynchronous one.
            program: jq text.
            args: Bound as `$name`, texts.
            errors: `"fail"`: the first failing line raises its error. `"inline"`: a problem
                stands in its place; `line_problem` finds it.
            timeout: Seconds that each batch may take in all.
            batch_bytes: Bytes of a batch.
        """
        batching.known_errors(errors)
        batches = batching.Batches(batch_bytes).of_any(lines)

        def prepare(batch: batching.Batch) -> wire.Prepared:
            return wire.raw(name, program, batch.body, args, batching.CONTENT_TYPE, errors=errors)

        return self._outputs(batches, prepare, timeout)

    async def is_ready(self, timeout: float = 1.0) -> bool:
        """Whether the service takes requests now."""
        try:
            await self._call(wire.Prepared("GET", "/readyz", b"", wire.CONTENT_TYPE), timeout)
        except TransformError:
            return False
        return True

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    async def __aenter__(self) -> AsyncTransformClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    async def _outputs(
        self,
        batches: AsyncIterator[batching.Batch],
        prepare: Callable[[batching.Batch], wire.Prepared],
        timeout: Optional[float],
    ) -> AsyncIterator[bytes]:
        async for batch in batches:
            try:
                answer = await self._call(prepare(batch), timeout)
            except ProblemError as error:
                raise batching.renumber(error, batch.before) from None
            for line in batching.output_lines(batch, answer):
                yield line

    async def _call(self, prepared: wire.Prepared, timeout: Optional[float]) -> bytes:
        deadline = Deadline(self._timeout if timeout is None else timeout)
        attempts = Attempts(self._retry, deadline)
        while True:
            try:
                return wire.answer(await self._send(prepared, deadline))
            except TransformError as error:
                delay = attempts.delay(error)
            await anyio.sleep(delay)

    async def _send(self, prepared: wire.Prepared, deadline: Deadline) -> httpx.Response:
        request = self._client.build_request(
            prepared.method,
            prepared.path,
            content=prepared.content or None,
            headers=wire.fields(prepared, deadline),
            timeout=wire.timeouts(deadline),
        )
        try:
            with anyio.fail_after(deadline.remaining()):
                return await self._client.send(request)
        except TimeoutError:
            raise deadline.exceeded() from None
        except httpx.HTTPError as error:
            raise wire.failure(error, deadline) from error
