"""Requests over blocking calls: for threads.

A connection's socket never blocks by itself. Each wait is a `poll` for what the deadline leaves,
so that neither a silent service, nor an answer that drips, nor signals outlast it. An answer is
read while its request is still being sent: neither side waits for the other, whatever they send.
"""

from __future__ import annotations

import math
import select
import socket
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, Optional

from ._address import Address, endpoint
from ._parser import BODY_BYTES_MAX, END, Head, Malformed, Parser
from ._pool import Pool
from .errors import Interrupted, TransformError, Unreachable
from .retry import Deadline
from .wire import CONNECT_SECONDS, KEEP_ALIVE_SECONDS, Answer, Echo, Request

if TYPE_CHECKING:
    import ssl

BUFFER_BYTES = 64 * 1024
#: Bytes that are handed to the system at a time, once a body did not fit at once.
PIECE_BYTES = 256 * 1024
#: An address that refused or broke a connection goes last for so long.
SHUN_SECONDS = 2.0

_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)
_IN, _OUT = 1, 4


class Broken(Exception):
    """A connection failed in the middle of an exchange."""

    def __init__(self, reason: object, is_unanswered: bool) -> None:
        super().__init__(str(reason))
        #: Whether no byte of an answer came.
        self.is_unanswered = is_unanswered


class _Select:
    """`select.poll` for one socket, where the system or a library of green threads has none."""

    def __init__(self) -> None:
        self._file = -1
        self._mask = 0

    def register(self, file: int, mask: int) -> None:
        self._file, self._mask = file, mask

    modify = register

    def poll(self, milliseconds: int) -> list[tuple[int, int]]:
        files = [self._file]
        outgoing = files if self._mask & _OUT else []
        found = select.select(files, outgoing, files, milliseconds / 1000)
        mask = (_IN if found[0] or found[2] else 0) | (_OUT if found[1] else 0)
        return [(self._file, mask)] if mask else []


class Connection:
    """One socket, and one exchange at a time on it."""

    def __init__(self, sock: socket.socket, body_bytes_max: int, place: Any) -> None:
        sock.setblocking(False)
        #: The host's address; None for a Unix socket.
        self.place = place
        #: Whether an exchange on it ended well.
        self.is_kept = False
        self.used_at = monotonic()
        #: Whether another request may follow.
        self.keeps_open = True
        self._sock = sock
        self._file = sock.fileno()
        self._poll: Any = select.poll() if hasattr(select, "poll") else _Select()
        self._poll.register(self._file, _IN)
        self._parser = Parser(body_bytes_max)
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._head: Optional[Head] = None
        self._pieces: list[bytes] = []
        self._echo = Echo()

    def is_usable(self) -> bool:
        """Whether the other side left it open, and sent nothing that was not asked for."""
        return not self._poll.poll(0) and monotonic() - self.used_at < KEEP_ALIVE_SECONDS

    def exchange(self, request: Request, start: bytes, deadline: Deadline) -> Answer:
        """One request and its answer; raises `Broken`, or `DeadlineExceeded`."""
        head = b"%s%d\r\n\r\n" % (start, deadline.milliseconds())
        body = request.body
        self._parser.begin()
        self._head = None
        self._pieces = []
        self.keeps_open = False
        try:
            sent = self._send(head, body)
            is_whole, is_sent = False, sent == len(head) + len(body)
            if not is_sent:
                is_whole, is_sent = self._send_rest(head, body, sent, deadline)
            while not is_whole:
                self._wait(deadline)
                is_whole = self._receive()
        except OSError as error:
            raise Broken(error, not self._parser.has_begun) from error
        except Malformed as error:
            raise Broken(error, not self._parser.has_begun) from None
        answered = self._head
        assert answered is not None
        if self._parser.has_surplus:
            raise Broken("more than an answer came", False)
        if not self._echo.fits(answered, request):
            raise Broken("an answer to another request came", False)
        pieces = self._pieces
        self.keeps_open = is_sent and answered.keeps_open
        self.used_at = monotonic()
        return Answer(answered, pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def close(self) -> None:
        """Closes this process's end only: a parent's or a child's stays as it is."""
        self._sock.close()

    def _send(self, head: bytes, body: Any) -> int:
        """Hands over what the system takes now; gives how many bytes."""
        try:
            return self._sock.sendmsg((head, body), (), _NO_SIGNAL)
        except BlockingIOError:
            return 0

    def _send_more(self, rest: memoryview) -> int:
        try:
            return self._sock.send(rest, _NO_SIGNAL)
        except BlockingIOError:
            return 0

    def _read(self) -> Optional[int]:
        """Bytes that came into the buffer, 0 at the end; None where there are none now."""
        try:
            return self._sock.recv_into(self._buffer)
        except BlockingIOError:
            return None

    def _receive(self) -> bool:
        """Reads what is there; whether the answer is whole."""
        count = self._read()
        if count is None:
            return False
        parser = self._parser
        is_whole = False
        for event in parser.feed(bytes(self._buffer[:count])) if count else parser.close():
            if event is END:
                is_whole = True
            elif isinstance(event, bytes):
                self._pieces.append(event)
            elif isinstance(event, Head):
                self._head = event
        return is_whole

    def _wait(self, deadline: Deadline) -> int:
        """Waits for what the poll is set to; gives what there is."""
        left = deadline.end - monotonic()
        if left <= 0:
            raise deadline.exceeded()
        ready = self._poll.poll(math.ceil(left * 1000))
        if not ready:
            raise deadline.exceeded()
        mask: int = ready[0][1]
        return mask

    def _send_rest(
        self, head: bytes, body: Any, sent: int, deadline: Deadline
    ) -> tuple[bool, bool]:
        """Sends what did not fit at once, and reads meanwhile.

        Gives whether the answer is whole already, and whether all was sent.
        """
        rests = [memoryview(head)[sent:], memoryview(body)[max(0, sent - len(head)) :]]
        self._poll.modify(self._file, _IN | _OUT)
        try:
            for rest in rests:
                while rest:
                    mask = self._wait(deadline)
                    if mask & ~_OUT and self._receive():
                        # Answered before all was sent, as by 413: the rest is not wanted.
                        return True, False
                    if mask & _OUT:
                        rest = rest[self._send_more(rest[:PIECE_BYTES]) :]
        except (BrokenPipeError, ConnectionResetError):
            # It closed while we sent; its answer may have come before.
            return False, False
        finally:
            self._poll.modify(self._file, _IN)
        return False, True


class TLSConnection(Connection):
    """The same over TLS, whose records are sent and read one by one."""

    _sock: ssl.SSLSocket

    def is_usable(self) -> bool:
        """Whether the other side left it open; session tickets may have come, but no data."""
        if monotonic() - self.used_at >= KEEP_ALIVE_SECONDS:
            return False
        try:
            return not self._poll.poll(0) or self._read() is None
        except OSError:
            return False

    def _send(self, head: bytes, body: Any) -> int:
        # A record that did not fit must be sent again as it was, which `_send_rest` does.
        return 0

    def _send_more(self, rest: memoryview) -> int:
        import ssl

        try:
            return self._sock.send(rest)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    def _read(self) -> Optional[int]:
        import ssl

        try:
            return self._sock.recv_into(self._buffer)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLEOFError:
            return 0

    def _wait(self, deadline: Deadline) -> int:
        # What was read with the last record does not show in a poll.
        return _IN if self._sock.pending() else super()._wait(deadline)


class Hosts:
    """The order in which a name's addresses are tried: in turn, those that failed of late last."""

    def __init__(self) -> None:
        self._shunned: dict[Any, float] = {}
        self._turn = 0

    def shun(self, place: Any) -> None:
        """A connection to this address failed."""
        self._shunned[place] = monotonic() + SHUN_SECONDS

    def ordered(self, places: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        """The same addresses, in the order to try them."""
        self._turn += 1
        turn = self._turn % len(places) if places else 0
        places = places[turn:] + places[:turn]
        if not self._shunned:
            return places
        now = monotonic()
        self._shunned = {place: end for place, end in list(self._shunned.items()) if end > now}
        return sorted(places, key=lambda place: place[1] in self._shunned)


class Connector:
    """Opens connections to an address."""

    def __init__(
        self, address: Address, tls: Optional[ssl.SSLContext], body_bytes_max: int
    ) -> None:
        self._address = address
        self._tls = tls
        self._body_bytes_max = body_bytes_max
        self._hosts = Hosts()

    def open(self, deadline: Deadline) -> Connection:
        """A new connection; raises `Unreachable`, or `DeadlineExceeded`."""
        failure: object = "the name has no address"
        for family, place in self._places(deadline):
            left = deadline.remaining()
            if left <= 0:
                raise deadline.exceeded()
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                # Each wait of a handshake is bounded too: `settimeout` holds for all of it.
                sock.settimeout(min(left, CONNECT_SECONDS))
                sock.connect(place)
                return self._connected(sock, family, deadline)
            except OSError as error:
                sock.close()
                failure = error
                self._hosts.shun(place)
            except BaseException:
                sock.close()
                raise
        if deadline.remaining() <= 0:
            raise deadline.exceeded()
        raise unreachable(self._address, failure)

    def shun(self, connection: Connection) -> None:
        """What broke goes last for a while."""
        self._hosts.shun(connection.place)

    def _connected(self, sock: socket.socket, family: int, deadline: Deadline) -> Connection:
        place = None if self._address.unix_socket else sock.getpeername()
        if family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return Connection(sock, self._body_bytes_max, place)
        left = deadline.remaining()
        if left <= 0:
            raise deadline.exceeded()
        sock.settimeout(left)
        wrapped = self._tls.wrap_socket(sock, server_hostname=self._address.host)
        return TLSConnection(wrapped, self._body_bytes_max, place)

    def _places(self, deadline: Deadline) -> list[tuple[int, Any]]:
        address = self._address
        if address.unix_socket is not None:
            return [(socket.AF_UNIX, address.unix_socket)]
        for family in (socket.AF_INET, socket.AF_INET6):
            place = endpoint(family, address.host, address.port)
            if place is not None:
                return [(family, place)]
        return self._hosts.ordered(resolved(address, deadline))


def resolved(address: Address, deadline: Deadline) -> list[tuple[int, Any]]:
    """Looks the host's name up; a thread of its own does it, as nothing else bounds its time."""
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(address.host, address.port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline.remaining()))
    if not found:
        raise deadline.exceeded()
    if isinstance(found[0], Exception):
        raise unreachable(address, found[0])
    return [(family, place) for family, _, _, _, place in found[0]]


def unreachable(address: Address, failure: object) -> TransformError:
    """The error where no connection was made."""
    return Unreachable(f"No connection to the transform service at {address}: {failure}")


class SocketTransport:
    """A pool of connections that the threads of a process share."""

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
        self._prefix = address.prefix
        self._common = common
        self._repeats = repeats
        self._connector = Connector(address, tls, body_bytes_max)
        self._pool: Pool[Connection] = Pool(connections, KEEP_ALIVE_SECONDS)

    def exchange(self, request: Request, deadline: Deadline) -> Answer:
        """One request and its answer, whatever its status.

        Where a connection ends without a byte of an answer, the request goes out again on a new
        one: once if the connection was kept from an earlier call, and once if it was new.
        """
        start = request.start(self._prefix, self._common)
        repeats = self._repeats
        while True:
            connection = self._taken(deadline)
            is_kept = connection.is_kept
            try:
                answer = connection.exchange(request, start, deadline)
            except Broken as error:
                self._connector.shun(connection)
                self._pool.drop(connection)
                if not error.is_unanswered or not (is_kept or repeats):
                    raise interrupted(error) from error.__cause__
                repeats = repeats and is_kept
            except BaseException:
                self._pool.drop(connection)
                raise
            else:
                if connection.keeps_open:
                    connection.is_kept = True
                    self._pool.give(connection)
                else:
                    self._pool.drop(connection)
                return answer

    def _taken(self, deadline: Deadline) -> Connection:
        connection = self._pool.take(deadline)
        if connection is not None:
            if connection.is_usable():
                return connection
            self._pool.reopen(connection)
        try:
            connection = self._connector.open(deadline)
        except BaseException:
            self._pool.drop(None)
            raise
        self._pool.opened(connection)
        return connection

    def close(self) -> None:
        """Closes all connections; those in use, when their exchange ends."""
        self._pool.close()


def interrupted(error: Broken) -> Interrupted:
    """The error of a call whose connection failed."""
    return Interrupted(f"The connection to the transform service broke: {error}")
