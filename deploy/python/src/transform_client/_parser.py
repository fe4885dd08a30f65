"""Bytes of an HTTP/1.x answer -> events. Nothing is sent, received or waited for here.

    feed(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n[")   -> [Head 200, b"["]
    feed(b"]")                                               -> [b"]", END]

Between `Head` and `END` stand the pieces of the body, without the framing of chunks. Interim
answers (1xx) and trailers are checked and left out. Whatever is not exactly as RFC 9112 has it
raises `Malformed`: a connection whose framing is in doubt must not be read on.
"""

from __future__ import annotations

import re
from typing import Optional, Union

#: Bytes of a head, of all trailers, and of a chunk's line with its extensions.
HEAD_BYTES_MAX = 64 * 1024
TRAILER_BYTES_MAX = 16 * 1024
CHUNK_LINE_BYTES_MAX = 4 * 1024
FIELDS_MAX = 256
INTERIM_MAX = 16
BODY_BYTES_MAX = 1 << 30

_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_FIELD = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:" + _TEXT
_HEAD = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: " + _TEXT + rb")?((?:\r\n" + _FIELD + rb")*)"
)
_FRAMING = re.compile(
    rb"\r\n(content-length|transfer-encoding|connection):[ \t]*([^\r]*?)[ \t]*(?=\r|\Z)"
)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,12})((?:[ \t]*;[ \t]*"
    + _TOKEN
    + rb"(?:[ \t]*=[ \t]*(?:"
    + _TOKEN
    + rb"|"
    + _QUOTED
    + rb"))?)*)[ \t]*"
)
_TRAILER = re.compile(_FIELD)
_START = b"HTTP/1."

# What the next bytes are.
_IN_HEAD, _IN_LENGTH, _IN_CHUNK_LINE, _IN_CHUNK, _IN_CHUNK_END = range(5)
_IN_TRAILERS, _UNTIL_CLOSE, _OVER = range(5, 8)


class Malformed(Exception):
    """The bytes are no answer of HTTP/1.x, or one beyond the bounds."""


class Head:
    """Status and fields of an answer."""

    __slots__ = ("_lowered", "_text", "keeps_open", "status")

    def __init__(self, status: int, keeps_open: bool, text: bytes, lowered: bytes) -> None:
        self.status = status
        #: Whether another request may follow on the connection.
        self.keeps_open = keeps_open
        self._text = text
        self._lowered = lowered

    def field(self, name: str) -> Optional[str]:
        """The first field of this name (in lower case), without the spaces around it."""
        start = self._lowered.find(b"\r\n" + name.encode() + b":")
        if start < 0:
            return None
        start += len(name) + 3
        end = self._lowered.find(b"\r\n", start)
        text = self._text[start:] if end < 0 else self._text[start:end]
        return text.decode("latin-1").strip(" \t")


class _End:
    """The type of `END`."""

    def __repr__(self) -> str:
        return "END"


#: The answer is whole.
END = _End()

Event = Union[Head, bytes, _End]


class Parser:
    """Reads one answer after another; `begin` stands before each."""

    def __init__(self, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._body_bytes_max = body_bytes_max
        self._pending = bytearray()
        self.begin()

    def begin(self) -> None:
        """The next bytes are those of a new answer."""
        self._state = _IN_HEAD
        self._pending.clear()
        self._looked_at = 0
        self._rest = 0
        self._body_bytes = 0
        self._trailer_bytes = 0
        self._interim = 0
        #: Whether any byte of this answer came.
        self.has_begun = False
        #: Whether bytes came behind the answer, which belong to none.
        self.has_surplus = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if not data:
            return []
        self.has_begun = True
        if self._pending:
            self._pending += data
            data = bytes(self._pending)
            self._pending.clear()
        events: list[Event] = []
        start, end = 0, len(data)
        while start < end:
            if self._state == _IN_HEAD:
                after = self._head(data, start, end, events)
            elif self._state == _IN_LENGTH:
                after = self._body(data, start, end, events)
            else:
                after = self._step(data, start, end, events)
            if after < 0:
                self._pending += data[start:] if start else data
                break
            start = after
        return events

    def close(self) -> list[Event]:
        """The events that the connection's end completes; raises where the answer was cut."""
        if self._state == _OVER:
            return []
        if self._state == _UNTIL_CLOSE:
            self._state = _OVER
            return [END]
        raise Malformed(
            "it ended in the middle of an answer"
            if self.has_begun
            else "it ended without an answer"
        )

    def _step(self, data: bytes, start: int, end: int, events: list[Event]) -> int:
        """Takes what begins at `start`; gives where it ends, or -1 where more bytes are needed."""
        state = self._state
        if state == _IN_CHUNK:
            return self._body(data, start, end, events)
        if state == _IN_CHUNK_LINE:
            return self._chunk_line(data, start, end)
        if state == _IN_CHUNK_END:
            if end - start < 2:
                if data[start:end] != b"\r":
                    raise Malformed("a chunk is longer than it says")
                return -1
            if data[start : start + 2] != b"\r\n":
                raise Malformed("a chunk is longer than it says")
            self._state = _IN_CHUNK_LINE
            return start + 2
        if state == _IN_TRAILERS:
            return self._trailer(data, start, end, events)
        if state == _UNTIL_CLOSE:
            self._count(end - start)
            events.append(data[start:] if start else data)
            return end
        self.has_surplus = True
        return end

    def _body(self, data: bytes, start: int, end: int, events: list[Event]) -> int:
        rest = self._rest
        if end - start < rest:
            self._rest = rest - (end - start)
            events.append(data[start:] if start else data)
            return end
        self._rest = 0
        events.append(data[start : start + rest])
        if self._state == _IN_LENGTH:
            self._finish(events)
        else:
            self._state = _IN_CHUNK_END
        return start + rest

    def _head(self, data: bytes, start: int, end: int, events: list[Event]) -> int:
        # What was looked at already is not looked at again, but for a line's end cut in two.
        found = data.find(b"\r\n\r\n", start + self._looked_at)
        if found < 0:
            if not _START.startswith(data[start : start + 7]):
                raise Malformed("it is no HTTP/1.1")
            if end - start > HEAD_BYTES_MAX:
                raise Malformed("its head is too long")
            self._looked_at = max(0, end - start - 3)
            return -1
        self._looked_at = 0
        if found - start > HEAD_BYTES_MAX:
            raise Malformed("its head is too long")
        matched = _HEAD.fullmatch(data, start, found)
        if matched is None:
            raise Malformed("its head is malformed")
        fields = matched.group(3)
        if len(fields) > 4 * FIELDS_MAX and fields.count(b"\r\n") > FIELDS_MAX:
            raise Malformed("it has too many fields")
        status = int(matched.group(2))
        if status < 200:
            self._interim += 1
            if status == 101 or self._interim > INTERIM_MAX:
                raise Malformed(f"status {status} was not asked for")
            return found + 4
        self._frame(status, matched.group(1) == b"1", fields, events)
        return found + 4

    def _frame(self, status: int, is_newest: bool, fields: bytes, events: list[Event]) -> None:
        """Where the body ends, and whether the connection stays."""
        lowered = fields.lower()
        length: Optional[bytes] = None
        coding: Optional[bytes] = None
        keeps_open = is_newest
        options: list[bytes] = []
        for name, value in _FRAMING.findall(lowered):
            if name == b"content-length":
                if length is not None or not _LENGTH.fullmatch(value):
                    raise Malformed("its Content-Length is malformed")
                length = value
            elif name == b"transfer-encoding":
                if coding is not None or value != b"chunked" or not is_newest:
                    raise Malformed("its Transfer-Encoding is not served")
                coding = value
            else:
                options += [option.strip(b" \t") for option in value.split(b",")]
        if options or not is_newest:
            keeps_open = b"close" not in options and (is_newest or b"keep-alive" in options)
        if coding is not None and length is not None:
            raise Malformed("it has both Content-Length and Transfer-Encoding")
        if status in (204, 304):
            length, coding = b"0", None
        if coding is None and length is None:
            # Nothing says where the body ends, so that a cut answer would look whole.
            if status < 300:
                raise Malformed("its end can't be told: neither Content-Length nor chunked")
            keeps_open = False
        events.append(Head(status, keeps_open, fields, lowered))
        if coding is not None:
            self._state = _IN_CHUNK_LINE
        elif length is None:
            self._state = _UNTIL_CLOSE
        else:
            self._rest = int(length)
            self._count(self._rest)
            if self._rest:
                self._state = _IN_LENGTH
            else:
                self._finish(events)

    def _chunk_line(self, data: bytes, start: int, end: int) -> int:
        found = data.find(b"\r\n", start)
        if found < 0 or found - start > CHUNK_LINE_BYTES_MAX:
            if end - start > CHUNK_LINE_BYTES_MAX:
                raise Malformed("a chunk's line is too long")
            if not data[start : start + 1].isalnum() or b"\n" in data[start:end]:
                raise Malformed("a chunk's line is malformed")
            return -1
        matched = _CHUNK_LINE.fullmatch(data, start, found)
        if matched is None:
            raise Malformed("a chunk's line is malformed")
        self._rest = int(matched.group(1), 16)
        self._count(self._rest)
        self._state = _IN_CHUNK if self._rest else _IN_TRAILERS
        return found + 2

    def _trailer(self, data: bytes, start: int, end: int, events: list[Event]) -> int:
        found = data.find(b"\r\n", start)
        if found < 0:
            if self._trailer_bytes + end - start > TRAILER_BYTES_MAX:
                raise Malformed("its trailers are too long")
            if b"\n" in data[start:end]:
                raise Malformed("a trailer is malformed")
            return -1
        self._trailer_bytes += found + 2 - start
        if self._trailer_bytes > TRAILER_BYTES_MAX:
            raise Malformed("its trailers are too long")
        if found == start:
            self._finish(events)
        elif not _TRAILER.fullmatch(data, start, found):
            raise Malformed("a trailer is malformed")
        return found + 2

    def _count(self, byte_count: int) -> None:
        self._body_bytes += byte_count
        if self._body_bytes > self._body_bytes_max:
            raise Malformed(f"its body is longer than {self._body_bytes_max} bytes")

    def _finish(self, events: list[Event]) -> None:
        self._state = _OVER
        events.append(END)
