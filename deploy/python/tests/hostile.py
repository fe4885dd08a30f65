"""A server that answers as chance has it: rightly, or cut, doubled, reordered, oversized, smuggled.

    python deploy/python/tests/hostile.py --seconds 600 --seed 1

Each request bears a number, and only an answer with that number is right. Whatever the server does,
each call must end within its deadline, with the right answer or an error, and leave no connection
that gives its bytes to the next call. Prints what came of the calls; exit status 1 where one was
wrong or late.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Callable, Optional

from transform_client import AsyncTransformClient, Retry, TransformClient, TransformError

CALL_SECONDS = 0.4
#: What a busy machine may take beyond a call's deadline.
SLACK_SECONDS = 10.0
#: How long it takes at most to have so many calls as are asked for.
PATIENCE_SECONDS = 120.0

# A pause in seconds and bytes, or bytes None: the connection is reset.
Step = tuple[float, Optional[bytes]]


class Asked:
    """A request: its number and its id."""

    def __init__(self, number: int, id: str) -> None:
        self.number = number
        self.id = id

    def body(self, chance: random.Random) -> bytes:
        pad = "x" * chance.choice([0, 1, 50, 3000, 70_000])
        return json.dumps({"pad": pad, "n": self.number}).encode()


def whole(asked: Asked, chance: random.Random, *fields: str) -> bytes:
    body = asked.body(chance)
    lines = [
        "HTTP/1.1 200 OK",
        f"X-Request-Id: {asked.id}",
        "Content-Type: application/json",
        *fields,
    ]
    if chance.random() < 0.6:
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body
    text = "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode()
    while body:
        size = chance.randint(1, len(body))
        extension = chance.choice([b"", b";a", b';a="b;c"'])
        text += b"%x%s\r\n%s\r\n" % (size, extension, body[:size])
        body = body[size:]
    return text + b"0\r\n" + chance.choice([b"", b"A: b\r\n"]) + b"\r\n"


def pieces(text: bytes, chance: random.Random) -> Iterator[Step]:
    while text:
        size = chance.choice([1, 7, 100, len(text)]) if chance.random() < 0.5 else len(text)
        yield chance.choice([0.0, 0.0, 0.001]), text[:size]
        text = text[size:]


def plainly(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    yield from pieces(whole(asked, chance), chance)


def hinted(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    yield 0.0, b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * chance.randint(1, 20)
    yield from pieces(whole(asked, chance), chance)


def closing(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    yield from pieces(whole(asked, chance, "Connection: close"), chance)
    yield 0.0, b""


def leaving(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    """Closes a connection that it said it keeps."""
    yield from pieces(whole(asked, chance), chance)
    yield chance.choice([0.0, 0.01]), chance.choice([b"", None])


def cut(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    text = whole(asked, chance)
    yield from pieces(text[: chance.randint(0, len(text) - 1)], chance)
    yield 0.0, chance.choice([b"", None])


def silent(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    text = whole(asked, chance)
    yield 0.0, text[: chance.randint(0, len(text) - 1)]
    yield 2 * CALL_SECONDS, b""


def doubled(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    other = Asked(asked.number + 1, chance.choice([asked.id, before.id, "other"]))
    yield 0.0, whole(asked, chance) + whole(other, chance)


def doubled_late(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    yield 0.0, whole(asked, chance)
    yield chance.choice([0.0, 0.002, 0.02]), whole(Asked(asked.number + 1, asked.id), chance)


def reordered(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    """Answers the request before this one."""
    yield from pieces(whole(before if before.number else asked, chance), chance)


def oversized(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    body = asked.body(chance)
    length = len(body) + chance.choice([-1, 1, 1000, 10**9, 10**14, 10**20])
    yield 0.0, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (length, body)
    yield chance.choice([0.0, 2 * CALL_SECONDS]), b""


SMUGGLED = [
    b"Content-Length: 5\r\nContent-Length: %d\r\n",
    b"Content-Length: %d, 5\r\n",
    b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity, chunked\r\nX: %d\r\n",
    b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n",
    b"Content-Length : %d\r\n",
    b"Content-Length:\r\n %d\r\n",
    b"X: a\rContent-Length: 3\r\nContent-Length: %d\r\n",
    b"X: a\nContent-Length: 3\nContent-Length: %d\r\n",
    b"X: \x00\r\nContent-Length: %d\r\n",
    b"\xffX: 1\r\nContent-Length: %d\r\n",
    b"Content-Length: +%d\r\n",
    b"X: %d\r\n",
]


def smuggled(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    body = asked.body(chance)
    fields = chance.choice(SMUGGLED) % len(body)
    yield from pieces(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + body, chance)
    yield 0.0, chance.choice([b"", None])


def changed(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    """A few bytes of the framing are others, but for the id: it would be a proxy's own."""
    text = bytearray(whole(asked, chance))
    start = text.index(b"Content-Type")
    end = min(len(text), text.index(b"\r\n\r\n") + 8)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(start, end) if chance.random() < 0.9 else chance.randrange(15)
        text[place] = chance.choice(b"\x00\r\n :;,0aZ\xff")
    yield from pieces(bytes(text), chance)
    yield 0.0, b""


def noise(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    yield (
        0.0,
        chance.choice([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n"])
        + chance.randbytes(chance.choice([1, 100, 100_000])),
    )
    yield 0.0, chance.choice([b"", None])


def endless(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    start, piece = chance.choice(
        [
            (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
            (b"HTTP/1.1 200 OK\r\nA: ", b"b" * 1000),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 100),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n", b"1" * 1000),
        ]
    )
    yield 0.0, start
    for _ in range(300):
        yield 0.003, piece


def away(asked: Asked, before: Asked, chance: random.Random) -> Iterator[Step]:
    yield 0.0, chance.choice([b"", None])


KINDS: list[Callable[[Asked, Asked, random.Random], Iterator[Step]]] = [
    *(plainly, plainly, plainly, plainly, hinted, closing, leaving, cut, silent, doubled),
    *(doubled_late, reordered, oversized, smuggled, changed, noise, endless, away),
]


class HostileServer:
    """Answers on the loopback address until it is closed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._is_over = threading.Event()
        self._count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_over.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._count += 1
            chance = random.Random(self._seed * 1_000_003 + self._count)
            threading.Thread(target=self._serve, args=(connection, chance), daemon=True).start()

    def _serve(self, connection: socket.socket, chance: random.Random) -> None:
        before = Asked(0, "none")
        with connection, connection.makefile("rb") as reader:
            connection.settimeout(5)
            try:
                while reader.readline():
                    asked = self._read(reader)
                    for step in chance.choice(KINDS)(asked, before, chance):
                        if not self._take(connection, step):
                            return
                    before = asked
            except (OSError, ValueError, KeyError):
                return

    def _read(self, reader) -> Asked:  # type: ignore[no-untyped-def]
        fields: dict[str, str] = {}
        while (line := reader.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            fields[name.lower()] = value
        body = json.loads(reader.read(int(fields["content-length"])))
        return Asked(body["input"], fields["x-request-id"])

    def _take(self, connection: socket.socket, step: Step) -> bool:
        pause, data = step
        if pause and self._is_over.wait(pause):
            return False
        if data is None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if not data:
            return False
        connection.sendall(data)
        return True


class Outcomes:
    """What came of the calls."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._lock = threading.Lock()
        self._number = 0

    def next_number(self) -> int:
        with self._lock:
            # Never one more than another: `doubled` answers with the next one.
            self._number += 2
            return self._number

    def ended(self, number: int, began: float, result: object) -> None:
        took = time.monotonic() - began
        with self._lock:
            if took > CALL_SECONDS + SLACK_SECONDS:
                self.faults.append(f"call {number} took {took:.1f} s")
            if isinstance(result, TransformError):
                self.counts[type(result).__name__] += 1
            elif isinstance(result, dict) and result.get("n") == number:
                self.counts["right"] += 1
            else:
                self.faults.append(f"call {number} ended with {result!r:.200}")


def call(client: TransformClient, outcomes: Outcomes) -> None:
    number, began = outcomes.next_number(), time.monotonic()
    result: object
    try:
        result = client.transform(".", number)
    except Exception as error:
        result = error
    outcomes.ended(number, began, result)


async def call_on_loop(client: AsyncTransformClient, outcomes: Outcomes) -> None:
    number, began = outcomes.next_number(), time.monotonic()
    result: object
    try:
        result = await client.transform(".", number)
    except Exception as error:
        result = error
    outcomes.ended(number, began, result)


def run(seconds: float, seed: int, callers: int = 6, least: int = 0) -> Outcomes:
    """Calls from threads and from tasks, on fewer connections than callers.

    least: how many calls are to end rightly, and how many interrupted; a busy machine gets time.
    """
    outcomes = Outcomes()
    server = HostileServer(seed)
    end = time.monotonic() + seconds
    retry = Retry(attempts=2, base=0.01)

    def goes_on() -> bool:
        late = time.monotonic() - end
        counts = outcomes.counts
        return late < 0 or (
            late < PATIENCE_SECONDS and min(counts["right"], counts["Interrupted"]) < least
        )

    def in_thread(client: TransformClient) -> None:
        while goes_on():
            call(client, outcomes)

    async def on_loop() -> None:
        async def task(client: AsyncTransformClient) -> None:
            while goes_on():
                await call_on_loop(client, outcomes)

        async with AsyncTransformClient(
            server.url, timeout=CALL_SECONDS, retry=retry, connections=callers - 2
        ) as client:
            await asyncio.gather(*(task(client) for _ in range(callers)))

    with TransformClient(
        server.url, timeout=CALL_SECONDS, retry=retry, connections=callers - 2
    ) as client:
        threads = [threading.Thread(target=in_thread, args=(client,)) for _ in range(callers)]
        threads.append(threading.Thread(target=lambda: asyncio.run(on_loop())))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    server.close()
    return outcomes


def main() -> None:
    """Runs for as long as told."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    outcomes = run(options.seconds, options.seed)
    print(f"seed {options.seed}, {sum(outcomes.counts.values())} calls: {dict(outcomes.counts)}")
    print("\n".join(outcomes.faults[:20]) or "no fault")
    sys.exit(1 if outcomes.faults else 0)


if __name__ == "__main__":
    main()
