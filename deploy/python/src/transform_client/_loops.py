"""Requests on asyncio's event loops, uvloop's included.

Each loop has connections of its own, as those of one loop can't be used on another: a client may
serve `asyncio.run` after `asyncio.run`, and loops of several threads at a time. A loop's
connections are closed when it ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import weakref
from collections import deque
from collections.abc import AsyncGenerator
from time import monotonic
from typing import TYPE_CHECKING, Any, Optional, cast

from ._address import Address, endpoint
from ._parser import BODY_BYTES_MAX, END, Head, Malformed, Parser
from ._sockets import Broken, Hosts, interrupted, unreachable
from .retry import Deadline
from .wire import CONNECT_SECONDS, KEEP_ALIVE_SECONDS, Answer, Echo, Request

if TYPE_CHECKING:
    import ssl

#: A longer body is handed over in pieces of this length, each when the one before has left.
PIECE_BYTES = 256 * 1024


class Connection(asyncio.Protocol):
    """One connection, and one exchange at a time on it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, body_bytes_max: int, place: Any
    ) -> None:
        #: Closed by hand where the loop has ended, or in a forked child.
        self.sock = sock
        #: The host's address; None for a Unix socket.
        self.place = place
        #: Whether an exchange on it ended well.
        self.is_kept = False
        #: Whether another request may follow.
        self.keeps_open = True
        self.used_at = monotonic()
        self._loop = loop
        self._transport: Optional[asyncio.Transport] = None
        self._parser = Parser(body_bytes_max)
        self._answer: Optional[asyncio.Future[Answer]] = None
        self._head: Optional[Head] = None
        self._pieces: list[bytes] = []
        self._echo = Echo()
        self._deadline: Optional[Deadline] = None
        self._timer: Optional[asyncio.TimerHandle] = None
        self._timer_end = 0.0
        self._resumed: Optional[asyncio.Future[None]] = None

    async def exchange(self, request: Request, start: bytes, deadline: Deadline) -> Answer:
        """One request and its answer; raises `Broken`, or `DeadlineExceeded`.

        Where it is left in any other way, as by a cancelled task, the connection must be closed.
        """
        head = b"%s%d\r\n\r\n" % (start, deadline.milliseconds())
        transport = self._transport
        if transport is None or transport.is_closing():
            raise Broken("it was closed", True)
        self._parser.begin()
        self._head = None
        self._pieces = []
        self.keeps_open = False
        self._deadline = deadline
        if self._timer is None or self._timer_end > deadline.end:
            self._set_timer(deadline.end)
        self._answer = answer = self._loop.create_future()
        try:
            body = request.body
            if len(body) <= PIECE_BYTES:
                transport.write(head + body if body else head)
                is_sent = True
            else:
                transport.write(head)
                is_sent = await self._send_pieces(transport, memoryview(body), answer)
            result: Answer = await answer
        finally:
            self._answer = None
            self._deadline = None
        if self._parser.has_surplus:
            raise Broken("more than an answer came", False)
        if not self._echo.fits(result.head, request):
            raise Broken("an answer to another request came", False)
        self.keeps_open = self.keeps_open and is_sent and not transport.is_closing()
        self.used_at = monotonic()
        return result

    def is_usable(self) -> bool:
        """Whether the other side left it open, and sent nothing that was not asked for."""
        transport = self._transport
        return (
            transport is not None
            and not transport.is_closing()
            and monotonic() - self.used_at < KEEP_ALIVE_SECONDS
        )

    def close(self) -> None:
        """Closes it now, whatever is still to be sent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None and not self._loop.is_closed():
            self._transport.abort()
        else:
            self.sock.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None or answer.done():
            # Nothing was asked for: what is sent now would be taken for the next answer.
            self.close()
            return
        try:
            for event in self._parser.feed(data):
                if event is END:
                    self._finish(answer)
                elif isinstance(event, bytes):
                    self._pieces.append(event)
                elif isinstance(event, Head):
                    self._head = event
        except Malformed as error:
            self._fail(error)

    def eof_received(self) -> bool:
        answer = self._answer
        if answer is not None and not answer.done():
            try:
                self._parser.close()
            except Malformed as error:
                self._fail(error)
            else:
                self._finish(answer)
        return False

    def connection_lost(self, error: Optional[BaseException]) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.resume_writing()
        if self._answer is not None:
            self._fail(error or "it was closed")

    def pause_writing(self) -> None:
        self._resumed = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None

    async def _send_pieces(
        self, transport: asyncio.Transport, body: memoryview, answer: asyncio.Future[Answer]
    ) -> bool:
        """Sends a long body in pieces, until the answer is there; whether all was sent."""
        for start in range(0, len(body), PIECE_BYTES):
            if answer.done():
                return False
            transport.write(body[start : start + PIECE_BYTES])
            if self._resumed is not None:
                await asyncio.wait((self._resumed, answer), return_when=asyncio.FIRST_COMPLETED)
        return True

    def _finish(self, answer: asyncio.Future[Answer]) -> None:
        head, pieces = self._head, self._pieces
        assert head is not None
        self.keeps_open = head.keeps_open
        answer.set_result(Answer(head, pieces[0] if len(pieces) == 1 else b"".join(pieces)))

    def _fail(self, reason: object) -> None:
        answer = self._answer
        if answer is not None and not answer.done():
            broken = Broken(reason, not self._parser.has_begun)
            broken.__cause__ = reason if isinstance(reason, OSError) else None
            answer.set_exception(broken)

    def _set_timer(self, end: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_end = end
        self._timer = self._loop.call_later(max(0.0, end - monotonic()), self._at_end)

    def _at_end(self) -> None:
        """One timer serves all exchanges: it is set again for the deadline that then holds."""
        self._timer = None
        deadline, answer = self._deadline, self._answer
        if deadline is None or answer is None or answer.done():
            return
        if deadline.remaining() > 0:
            self._set_timer(deadline.end)
        else:
            answer.set_exception(deadline.exceeded())


# A task that waits for a place: it gets a connection, or None and the place for one.
_Waiter = tuple["asyncio.Future[Optional[Connection]]", Deadline]


class LoopConnections:
    """The connections of one event loop: last used first, waiting tasks in their order."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: Address,
        size: int,
        tls: Optional[ssl.SSLContext],
        body_bytes_max: int,
    ) -> None:
        self.loop = loop
        self.open: set[Connection] = set()
        self._address = address
        self._tls = tls
        self._body_bytes_max = body_bytes_max
        self._idle: list[Connection] = []
        self._places = size
        self._waiters: deque[_Waiter] = deque()
        self._timer: Optional[asyncio.TimerHandle] = None
        self._timer_end = 0.0
        self._hosts = Hosts()
        self._end: Optional[AsyncGenerator[None, None]] = None

    def kept(self) -> Optional[Connection]:
        """An idle connection that can be used; None where there is none."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable():
                return connection
            self.drop(connection)
        return None

    async def take(self, deadline: Deadline) -> Connection:
        """A new connection, or the one that the next exchange leaves, in time."""
        connection: Optional[Connection] = None
        if self._places:
            self._places -= 1
        else:
            connection = await self._wait(deadline)
            if connection is not None:
                if connection.is_usable():
                    return connection
                self.open.discard(connection)
                connection.close()
        try:
            return await self._connect(deadline)
        except BaseException:
            self._pass_on(None)
            raise

    def give(self, connection: Connection) -> None:
        """Takes back a connection that can be used again."""
        if connection in self.open:
            connection.is_kept = True
            self._pass_on(connection)
        else:
            connection.close()

    def drop(self, connection: Connection) -> None:
        """Closes a connection; its place is free."""
        if connection in self.open:
            self.open.discard(connection)
            self._pass_on(None)
        connection.close()

    def shun(self, connection: Connection) -> None:
        """What broke goes last for a while."""
        self._hosts.shun(connection.place)

    def close(self) -> None:
        """Closes all connections: exchanges on them end with an error."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        connections, self.open = self.open, set()
        self._places += len(connections)
        self._idle.clear()
        for connection in connections:
            connection.close()

    def _pass_on(self, connection: Optional[Connection]) -> None:
        while self._waiters:
            answer, _ = self._waiters.popleft()
            if not answer.done():
                answer.set_result(connection)
                return
        if connection is None:
            self._places += 1
        else:
            self._idle.append(connection)

    async def _wait(self, deadline: Deadline) -> Optional[Connection]:
        answer: asyncio.Future[Optional[Connection]] = self.loop.create_future()
        waiter = (answer, deadline)
        self._waiters.append(waiter)
        if self._timer is None or self._timer_end > deadline.end:
            self._set_timer(deadline.end)
        try:
            return await answer
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            # What was handed over in the same moment goes to the next.
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                connection = answer.result()
                if connection is not None and connection not in self.open:
                    connection.close()
                else:
                    self._pass_on(connection)
            raise

    def _set_timer(self, end: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_end = end
        self._timer = self.loop.call_later(max(0.0, end - monotonic()), self._at_end)

    def _at_end(self) -> None:
        """One timer serves all that wait: it is set for the one whose time is over first."""
        self._timer = None
        for answer, deadline in self._waiters:
            if not answer.done() and deadline.remaining() <= 0:
                answer.set_exception(deadline.exceeded())
        self._waiters = deque(waiter for waiter in self._waiters if not waiter[0].done())
        if self._waiters:
            self._set_timer(min(deadline.end for _, deadline in self._waiters))

    async def _connect(self, deadline: Deadline) -> Connection:
        if self._end is None:
            # `asyncio.run` ends a loop's asynchronous generators, and with this one all of ours.
            self._end = _until_the_end(self)
            await self._end.__anext__()
        failure: object = "the name has no address"
        for family, place in await self._places_to_try(deadline):
            left = deadline.remaining()
            if left <= 0:
                raise deadline.exceeded()
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                connecting = self.loop.sock_connect(sock, place)
                await asyncio.wait_for(connecting, min(left, CONNECT_SECONDS))
                handshake = self._connected(sock, place)
                connection = await asyncio.wait_for(handshake, max(0.0, deadline.remaining()))
            except (OSError, asyncio.TimeoutError) as error:
                sock.close()
                failure = str(error) or "timed out"
                self._hosts.shun(place)
            except BaseException:
                sock.close()
                raise
            else:
                self.open.add(connection)
                return connection
        if deadline.remaining() <= 0:
            raise deadline.exceeded()
        raise unreachable(self._address, failure)

    async def _connected(self, sock: socket.socket, place: Any) -> Connection:
        is_local = self._address.unix_socket is not None
        if not is_local:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self.loop, sock, self._body_bytes_max, None if is_local else place)
        await self.loop.create_connection(
            lambda: connection,
            sock=sock,
            ssl=self._tls,
            server_hostname=self._address.host if self._tls is not None else None,
        )
        return connection

    async def _places_to_try(self, deadline: Deadline) -> list[tuple[int, Any]]:
        address = self._address
        if address.unix_socket is not None:
            return [(socket.AF_UNIX, address.unix_socket)]
        for family in (socket.AF_INET, socket.AF_INET6):
            place = endpoint(family, address.host, address.port)
            if place is not None:
                return [(family, place)]
        looking = self.loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.wait_for(looking, max(0.0, deadline.remaining()))
        except asyncio.TimeoutError:
            raise deadline.exceeded() from None
        except (OSError, UnicodeError) as error:
            raise unreachable(address, error) from error
        return self._hosts.ordered([(family, place) for family, _, _, _, place in found])


async def _until_the_end(connections: LoopConnections) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        connections.close()


class LoopTransport:
    """Connections for each event loop that calls."""

    def __init__(
        self,
        address: Address,
        *,
        connections: int,
        common: str,
        tls: Optional[ssl.SSLContext] = None,
        repeats: bool = True,
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        self._address = address
        self._size = connections
        self._common = common
        self._tls = tls
        self._repeats = repeats
        self._body_bytes_max = body_bytes_max
        self._begin()
        _transports.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._loops: dict[asyncio.AbstractEventLoop, LoopConnections] = {}
        self._latest: Optional[LoopConnections] = None

    async def exchange(self, request: Request, deadline: Deadline) -> Answer:
        """One request and its answer, whatever its status.

        Where a connection ends without a byte of an answer, the request goes out again on a new
        one: once if the connection was kept from an earlier call, and once if it was new.
        """
        loop = asyncio.get_running_loop()
        here = self._latest
        if here is None or here.loop is not loop:
            here = self._here(loop)
        start = request.start(self._address.prefix, self._common)
        repeats = self._repeats
        while True:
            connection = here.kept() or await here.take(deadline)
            is_kept = connection.is_kept
            try:
                answer = await connection.exchange(request, start, deadline)
            except Broken as error:
                here.shun(connection)
                here.drop(connection)
                if not error.is_unanswered or not (is_kept or repeats):
                    raise interrupted(error) from error.__cause__
                repeats = repeats and is_kept
            except BaseException:
                here.drop(connection)
                raise
            else:
                if connection.keeps_open:
                    here.give(connection)
                else:
                    here.drop(connection)
                return answer

    def open_count(self) -> int:
        """Connections that are open now, of all loops."""
        with self._lock:
            return sum(len(here.open) for here in self._loops.values())

    async def aclose(self) -> None:
        """Closes this loop's connections, and what loops that have ended left open."""
        here = self._here(asyncio.get_running_loop())
        with self._lock:
            del self._loops[here.loop]
            self._latest = None
        here.close()
        # The transports tell their protocols in the loop's next round.
        await asyncio.sleep(0)

    def forget(self) -> None:
        """In a forked child: the connections are the parent's, which goes on with them.

        The loops' transports are left alone, and alive: they would speak to the parent's selector.
        """
        inherited = list(self._loops.values())
        _inherited.extend(inherited)
        self._begin()
        for here in inherited:
            for connection in here.open:
                connection.sock.close()

    def _here(self, loop: asyncio.AbstractEventLoop) -> LoopConnections:
        with self._lock:
            for other in [other for other in self._loops if other.is_closed()]:
                self._loops.pop(other).close()
            here = self._loops.get(loop)
            if here is None:
                here = LoopConnections(
                    loop, self._address, self._size, self._tls, self._body_bytes_max
                )
                self._loops[loop] = here
            self._latest = here
        return here


_transports: weakref.WeakSet[LoopTransport] = weakref.WeakSet()
_inherited: list[LoopConnections] = []


def _in_child() -> None:
    for transport in list(_transports):
        transport.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
