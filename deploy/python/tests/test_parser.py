"""Bytes of answers -> events: what is taken, what is refused, wherever the bytes are cut."""

from __future__ import annotations

import random
from typing import Any, Union

import pytest
from transform_client import _parser
from transform_client._parser import END, Head, Malformed, Parser

OK = b"HTTP/1.1 200 OK\r\n"
Seen = Union[tuple[int, bool, bytes], str]


def read(pieces: list[bytes], is_closed: bool = False) -> tuple[list[Any], Parser]:
    """Status, whether it stays open, and body of an answer that comes in these pieces."""
    parser = Parser()
    events: list[Any] = []
    for piece in pieces:
        events += parser.feed(piece)
    if is_closed:
        events += parser.close()
    return events, parser


def seen(pieces: list[bytes], is_closed: bool = False) -> Seen:
    try:
        events, parser = read(pieces, is_closed)
    except Malformed as error:
        return str(error)
    heads = [event for event in events if isinstance(event, Head)]
    if END not in events:
        return "more"
    assert len(heads) == 1
    assert events[0] is heads[0]
    assert events[-1] is END
    body = b"".join(event for event in events if isinstance(event, bytes))
    return heads[0].status, heads[0].keeps_open and not parser.has_surplus, body


WHOLE: dict[str, tuple[bytes, Seen]] = {
    "a length": (OK + b"Content-Length: 3\r\n\r\nabc", (200, True, b"abc")),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", (200, True, b"")),
    "names in any case": (OK + b"CONTENT-length:3 \t\r\n\r\nabc", (200, True, b"abc")),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", (200, True, b"")),
    "an empty reason": (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", (200, True, b"")),
    "chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n00A\r\n0123456789\r\n0\r\n\r\n",
        (200, True, b"a0123456789"),
    ),
    "extensions and trailers": (
        OK + b'Transfer-Encoding: Chunked\r\n\r\n1 ; a=b;c="d\\"\xff;"\r\na\r\n0;x\r\nA: b\r\n\r\n',
        (200, True, b"a"),
    ),
    "interim answers": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\n"
        + OK
        + b"Content-Length: 1\r\n\r\n1",
        (200, True, b"1"),
    ),
    "closing": (OK + b"Connection: a, Close\r\nContent-Length: 1\r\n\r\n1", (200, False, b"1")),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1", (200, False, b"1")),
    "HTTP/1.0 that stays": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1",
        (200, True, b"1"),
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", (204, True, b"")),
    "a second answer": (OK + b"Content-Length: 1\r\n\r\n1HTTP/1.1 ", (200, False, b"1")),
}

REFUSED: dict[str, bytes] = {
    "another protocol": b"SSH-2.0\r\n\r\n",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "a space in front": b" " + OK + b"Content-Length: 0\r\n\r\n",
    "a line in front": b"\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "a short status": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "a long status": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "status 099": b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n",
    "a bare line feed": OK + b"A: b\nContent-Length: 0\r\n\r\n",
    "a bare carriage return": OK + b"A: b\rc\r\nContent-Length: 0\r\n\r\n",
    "a folded field": OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": OK + b"Content-Length : 0\r\n\r\n",
    "no colon": OK + b"Content-Length\r\n\r\n",
    "no name": OK + b": 1\r\nContent-Length: 0\r\n\r\n",
    "a zero byte": OK + b"A: \x00\r\nContent-Length: 0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n1",
    "a list of lengths": OK + b"Content-Length: 1, 1\r\n\r\n1",
    "a signed length": OK + b"Content-Length: +1\r\n\r\n1",
    "a negative length": OK + b"Content-Length: -1\r\n\r\n1",
    "no length": OK + b"Content-Length: \r\n\r\n1",
    "hexadecimal": OK + b"Content-Length: 0x1\r\n\r\n1",
    "digits of another script": OK + "Content-Length: \u0661\r\n\r\n1".encode(),
    "an endless length": OK + b"Content-Length: 99999999999999999999\r\n\r\n1",
    "a length beyond the bound": OK + b"Content-Length: 1073741825\r\n\r\n1",
    "both framings": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1",
    "another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding twice": OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
    "a coding of HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an end that can't be told": OK + b"\r\n{}",
    "another protocol from now on": b"HTTP/1.1 101 Switching\r\n\r\n",
    "endless interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 17,
    "a long head": OK + b"A: " + b"b" * 65536,
    "a long whole head": OK + b"A: " + b"b" * 65536 + b"\r\n\r\n",
    "many fields": OK + b"A: b\r\n" * 300 + b"Content-Length: 0\r\n\r\n",
}

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSED.update(
    {
        f"chunks {text!r:.30}": CHUNKED + text
        for text in (
            b"g\r\n",
            b"\r\n",
            b"-1\r\n",
            b" 1\r\na\r\n",
            b"0x1\r\na\r\n",
            b"1\na\r\n",
            b"1\r\nab\r\n",
            b"1\r\na\n0\r\n\r\n",
            b"1\r\na0\r\n\r\n",
            b"1;\r\na\r\n",
            b"1;a=\r\na\r\n",
            b'1;a="b\r\na\r\n',
            b"1;a b\r\na\r\n",
            b"1111111111111\r\n",
            b"ffffffff\r\n",
            b"1;" + b"a" * 5000 + b"\r\na\r\n",
            b"1;" + b"a" * 5000,
            b"0\r\nA\r\n\r\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\n b\r\n\r\n",
            b"0\r\n" + b"A: b\r\n" * 3000,
            b"0\r\nA: " + b"b" * 17_000,
        )
    }
)


@pytest.mark.parametrize("case", WHOLE)
def test_what_is_taken(case: str) -> None:
    text, expected = WHOLE[case]
    assert seen([text]) == expected


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    outcome = seen([REFUSED[case]])
    assert isinstance(outcome, str)
    assert outcome != "more"


@pytest.mark.parametrize("case", WHOLE)
def test_cut_anywhere_it_is_the_same(case: str) -> None:
    text, expected = WHOLE[case]
    assert seen([text[index : index + 1] for index in range(len(text))]) == expected
    for index in range(1, len(text)):
        assert seen([text[:index], text[index:]]) == expected


@pytest.mark.parametrize("case", WHOLE)
def test_what_ends_early_is_never_whole(case: str) -> None:
    text, _ = WHOLE[case]
    end = len(text) - len(b"HTTP/1.1 ") if case == "a second answer" else len(text)
    for index in range(end):
        outcome = seen([text[:index]], is_closed=True)
        assert outcome == "it ended " + (
            "in the middle of an answer" if index else "without an answer"
        )


@pytest.mark.parametrize("case", [case for case in REFUSED if len(REFUSED[case]) < 1000])
def test_what_is_refused_is_refused_in_pieces(case: str) -> None:
    text = REFUSED[case]
    assert seen([text[index : index + 1] for index in range(len(text))]) != "more"


def test_only_a_failure_may_end_with_its_connection() -> None:
    page = b"HTTP/1.0 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<h1>Bad"
    assert seen([page]) == "more"
    assert seen([page], is_closed=True) == (502, False, b"<h1>Bad")


def test_bounds_of_a_head() -> None:
    room = _parser.HEAD_BYTES_MAX - len(OK) - len(b"Content-Length: 0\r\nA: ")
    for length, is_taken in ((room, True), (room + 1, False)):
        text = OK + b"Content-Length: 0\r\nA: " + b"b" * length + b"\r\n\r\n"
        assert (seen([text]) == (200, True, b"")) is is_taken
    for count, is_taken in ((_parser.FIELDS_MAX - 1, True), (_parser.FIELDS_MAX, False)):
        text = OK + b"A: b\r\n" * count + b"Content-Length: 0\r\n\r\n"
        assert (seen([text]) == (200, True, b"")) is is_taken


def test_fields() -> None:
    text = OK + b"X-A:  b c \r\nRetry-After: 3\r\nX-A: d\r\nContent-Length: 0\r\n\r\n"
    events, _ = read([text])
    head = events[0]
    assert (head.field("x-a"), head.field("retry-after"), head.field("a")) == ("b c", "3", None)


def test_a_parser_reads_answer_after_answer() -> None:
    parser = Parser()
    for case, (text, _) in WHOLE.items():
        if case != "a second answer":
            parser.begin()
            assert parser.feed(text)[-1] is END


def slowly(text: bytes) -> Seen:
    """The slow twin: one answer of a length, or of chunks, read by `split`."""
    head, _, rest = text.partition(b"\r\n\r\n")
    fields = dict(
        (name.lower(), value.strip())
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    )
    if b"content-length" in fields:
        length = int(fields[b"content-length"])
        return (200, len(rest) == length, rest[:length]) if len(rest) >= length else "more"
    body = b""
    while True:
        size, end, rest = rest.partition(b"\r\n")
        if not end:
            return "more"
        length = int(size.partition(b";")[0], 16)
        if not length:
            return (200, rest == b"\r\n", body) if rest.startswith(b"\r\n") else "more"
        if len(rest) < length + 2:
            return "more"
        body += rest[:length]
        rest = rest[length + 2 :]


@pytest.mark.parametrize("seed", range(200))
def test_it_reads_as_its_slow_twin(seed: int) -> None:
    chance = random.Random(seed)
    body = chance.randbytes(chance.choice([0, 1, 2, 66, 300, 5000]))
    if chance.random() < 0.5:
        text = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
    else:
        text, rest = CHUNKED, body
        while rest:
            size = chance.randint(1, len(rest))
            text += b"%x\r\n" % size + rest[:size] + b"\r\n"
            rest = rest[size:]
        text += b"0\r\n\r\n"
    if chance.random() < 0.3:
        text = text[: chance.randint(text.index(b"\r\n\r\n") + 4, len(text))]
    elif chance.random() < 0.1:
        text += b"HTTP"
    pieces, rest = [], text
    while rest:
        size = chance.choice([1, 2, 3, 17, 1000, len(rest)])
        pieces.append(rest[:size])
        rest = rest[size:]
    assert seen(pieces) == slowly(text)
