"""Many callers at once: threads, tasks that are cancelled, forked children, restarting replicas.

    python deploy/python/tests/stress.py threads --calls 100000
    python deploy/python/tests/stress.py tasks --calls 50000
    python deploy/python/tests/stress.py forks --calls 10000
    python deploy/python/tests/stress.py restarts --rounds 20

Each call carries a number that its answer must carry too. Prints what came of the calls; exit
status 1 where one failed, or got another's answer. The suite runs the same with fewer calls.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from transform_client import AsyncTransformClient, TransformClient

#: Nothing here is late on a busy machine, as nothing is measured.
PATIENT = 60.0
NAME = "replicas.test"


class Outcomes:
    """What came of the calls."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._lock = threading.Lock()

    def add(self, number: int, result: object) -> None:
        """An answer, or what was raised."""
        with self._lock:
            if result == number:
                self.counts["right"] += 1
            else:
                self.counts["wrong"] += 1
                self.faults.append(f"call {number} ended with {result!r}")


def ask(client: TransformClient, number: int, outcomes: Outcomes) -> None:
    """One call."""
    result: object
    try:
        result = client.transform(".", number)
    except Exception as error:
        result = error
    outcomes.add(number, result)


def threads(url: str, calls: int, count: int = 12, connections: int = 3) -> Outcomes:
    """Threads that share fewer connections."""
    outcomes = Outcomes()

    def work(first: int) -> None:
        for number in range(first, calls, count):
            ask(client, number, outcomes)

    with TransformClient(url, connections=connections, timeout=PATIENT) as client:
        working = [threading.Thread(target=work, args=(first,)) for first in range(count)]
        for thread in working:
            thread.start()
        for thread in working:
            thread.join()
    return outcomes


def tasks(url: str, calls: int, count: int = 200, connections: int = 16, seed: int = 1) -> Outcomes:
    """Tasks of one loop, of whose calls a third is cancelled midway."""
    outcomes = Outcomes()
    chance = random.Random(seed)

    async def one(client: AsyncTransformClient, number: int) -> None:
        # Some milliseconds of work, so that cancelling meets calls at every stage.
        work = f"reduce range({chance.choice([1, 1, 3000])}) as $i (.; .)"
        calling = asyncio.ensure_future(client.transform(work, number))
        if number % 3 == 0:
            await asyncio.sleep(chance.random() * 0.01)
            calling.cancel()
        try:
            outcomes.add(number, await calling)
        except asyncio.CancelledError:
            outcomes.counts["cancelled"] += 1
        except Exception as error:
            outcomes.add(number, error)

    async def run() -> None:
        client = AsyncTransformClient(url, connections=connections, timeout=PATIENT)

        async def work(first: int) -> None:
            for number in range(first, calls, count):
                await one(client, number)

        await asyncio.gather(*(work(first) for first in range(count)))
        # No place was lost: as many calls as there are places go on at once.
        again = [client.transform("1", timeout=PATIENT) for _ in range(connections)]
        assert await asyncio.gather(*again) == [1] * connections
        await client.aclose()
        left = client._transport.open_count()  # type: ignore[attr-defined]
        if left:
            outcomes.faults.append(f"{left} connections were left over")

    asyncio.run(run())
    return outcomes


def forks(url: str, calls: int, count: int = 8) -> Outcomes:
    """Children of a process that used its client before, all calling at once with it."""
    outcomes = Outcomes()
    client = TransformClient(url, connections=4, timeout=PATIENT)
    on_loop = AsyncTransformClient(url, connections=4, timeout=PATIENT)
    asyncio.run(on_loop.transform("1"))
    ask(client, 0, outcomes)
    context = multiprocessing.get_context("fork")
    started = context.Barrier(count + 1)
    results: Any = context.SimpleQueue()

    def work(first: int) -> Outcomes:
        mine = Outcomes()
        started.wait()
        for number in range(first, first + calls):
            ask(client, number, mine)
        mine.add(first, asyncio.run(on_loop.transform(".", first)))
        return mine

    def child(first: int) -> None:
        mine = work(first)
        results.put((mine.counts, mine.faults[:5]))

    children = [
        context.Process(target=child, args=(1_000_000 * (index + 1),)) for index in range(count)
    ]
    for process in children:
        process.start()
    mine = work(1)
    found = [(mine.counts, mine.faults), *(results.get() for _ in children)]
    for process in children:
        process.join()
    for counts, faults in found:
        outcomes.counts.update(counts)
        outcomes.faults.extend(faults)
    client.close()
    return outcomes


@contextmanager
def named(port: int) -> Iterator[str]:
    """A name that stands for two addresses of the loopback network."""
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *others: Any, **named: Any) -> Any:
        if host != NAME:
            return original(host, *others, **named)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", port))
            for number in (1, 2)
        ]

    socket.getaddrinfo = getaddrinfo
    try:
        yield f"http://{NAME}:{port}"
    finally:
        socket.getaddrinfo = original


def restarts(
    start: Callable[..., Any], port: int, rounds: int, count: int = 50, seconds: float = 10.0
) -> Outcomes:
    """Threads call two replicas without a proxy, while these are restarted in turn."""
    outcomes = Outcomes()
    is_over = threading.Event()
    numbers = iter(range(1 << 60))

    def begin(index: int) -> Any:
        return start("--host", f"127.0.0.{index + 1}", "--drain-ms", "300", port=port)

    def work(client: TransformClient) -> None:
        while not is_over.is_set():
            ask(client, next(numbers), outcomes)

    with named(port) as url, TransformClient(url, timeout=seconds) as client:
        replicas = [begin(0), begin(1)]
        working = [threading.Thread(target=work, args=(client,)) for _ in range(count)]
        for thread in working:
            thread.start()
        for number in range(rounds):
            time.sleep(0.2)
            assert replicas[number % 2].stop() == 0
            replicas[number % 2] = begin(number % 2)
        is_over.set()
        for thread in working:
            thread.join()
    for replica in replicas:
        replica.stop()
    return outcomes


def main() -> None:
    """Runs one of them against a service of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["threads", "tasks", "forks", "restarts"])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from conftest import RunningService, free_port

    began, cpu = time.monotonic(), time.process_time()
    if options.what == "restarts":
        outcomes = restarts(RunningService, free_port(), options.rounds)
    else:
        service = RunningService()
        work = {"threads": threads, "tasks": tasks, "forks": forks}[options.what]
        try:
            outcomes = work(service.url, options.calls)
        finally:
            service.stop()
    took, spent = time.monotonic() - began, time.process_time() - cpu
    print(json.dumps({"what": options.what, **outcomes.counts}), f"{took:.0f} s, CPU {spent:.0f} s")
    print("\n".join(outcomes.faults[:20]) or "no fault")
    sys.stdout.flush()
    os._exit(1 if outcomes.faults else 0)


if __name__ == "__main__":
    main()
