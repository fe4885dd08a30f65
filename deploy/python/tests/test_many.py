"""Many callers at once, forks, event loops one after another, pickling, and what is imported."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
import stress
from transform_client import (
    AsyncTransformClient,
    CompileError,
    DeadlineExceeded,
    LimitExceeded,
    RaisedError,
    TransformClient,
    Unreachable,
    errors,
)

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def test_many_threads_one_client(bare_service: Any) -> None:
    outcomes = stress.threads(bare_service.url, 3_000)
    assert outcomes.faults == []
    assert outcomes.counts == {"right": 3_000}


def test_many_tasks_of_which_some_are_cancelled(bare_service: Any) -> None:
    outcomes = stress.tasks(bare_service.url, 3_000)
    assert outcomes.faults == []
    assert outcomes.counts["right"] + outcomes.counts["cancelled"] == 3_000
    assert outcomes.counts["cancelled"] > 100


@needs_fork
def test_children_of_a_process_that_used_its_client(bare_service: Any) -> None:
    outcomes = stress.forks(bare_service.url, 150)
    assert outcomes.faults == []
    assert outcomes.counts == {"right": 1 + 9 * 151}


def test_replicas_that_restart_in_turn(start_service: Any) -> None:
    from conftest import free_port

    outcomes = stress.restarts(start_service, free_port(), rounds=4, count=20, seconds=60.0)
    assert outcomes.faults == []
    assert outcomes.counts["right"] > 0


def test_the_only_connection_is_not_lost_with_a_cancelled_call(bare_service: Any) -> None:
    async def run() -> None:
        async with AsyncTransformClient(bare_service.url, connections=1) as client:
            for number in range(20):
                slow = asyncio.ensure_future(client.transform("def f: f; f", timeout=60))
                waiting = asyncio.ensure_future(client.transform("1", timeout=60))
                await asyncio.sleep(0.01)
                slow.cancel()
                if number % 2:
                    waiting.cancel()
                await asyncio.gather(slow, waiting, return_exceptions=True)
                assert await client.transform(".", number, timeout=60) == number

    asyncio.run(run())


@pytest.mark.parametrize("is_closed", [False, True])
def test_event_loops_one_after_another(bare_service: Any, is_closed: bool) -> None:
    client = AsyncTransformClient(bare_service.url)

    async def calls() -> Any:
        return await asyncio.gather(*(client.transform(".", number) for number in range(5)))

    for _ in range(5):
        if is_closed:
            # Not `asyncio.run`, which ends what a loop has open.
            loop = asyncio.new_event_loop()
            assert loop.run_until_complete(calls()) == [0, 1, 2, 3, 4]
            loop.close()
        else:
            assert asyncio.run(calls()) == [0, 1, 2, 3, 4]
            assert client._transport.open_count() == 0  # type: ignore[attr-defined]
    asyncio.run(client.aclose())
    assert client._transport.open_count() == 0  # type: ignore[attr-defined]


def test_event_loops_of_threads_at_the_same_time(bare_service: Any) -> None:
    client = AsyncTransformClient(bare_service.url)
    results: list[int] = []

    async def calls(first: int) -> None:
        for number in range(first, first + 50):
            results.append(await client.transform(".", number, timeout=60))

    threads = [
        threading.Thread(target=lambda first=first: asyncio.run(calls(first)))
        for first in range(0, 400, 100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [first + n for first in range(0, 400, 100) for n in range(50)]


def test_on_uvloop(bare_service: Any) -> None:
    uvloop = pytest.importorskip("uvloop")
    client = AsyncTransformClient(bare_service.url, connections=4)

    async def calls() -> Any:
        async def cancelled() -> None:
            task = asyncio.ensure_future(client.transform("def f: f; f"))
            await asyncio.sleep(0.02)
            task.cancel()

        await asyncio.gather(*(cancelled() for _ in range(6)))
        body = b'"' + b"x" * 2_000_000 + b'"'
        assert await client.transform_bytes(None, body, program=".", timeout=60) == body
        return await asyncio.gather(*(client.transform(".", n, timeout=60) for n in range(50)))

    for _ in range(2):
        loop = uvloop.new_event_loop()
        assert loop.run_until_complete(calls()) == list(range(50))
        loop.close()


def test_nothing_is_left_to_the_garbage_collector(bare_service: Any) -> None:
    code = f"""
import asyncio, gc
from transform_client import AsyncTransformClient, TransformClient
async def run():
    # Else development mode reports each step that a busy machine keeps waiting for 0.1 s.
    asyncio.get_running_loop().slow_callback_duration = 600
    async with AsyncTransformClient({bare_service.url!r}) as client:
        await client.transform("1")
    left = AsyncTransformClient({bare_service.url!r})
    await left.transform("1")
asyncio.run(run())
with TransformClient({bare_service.url!r}) as client:
    client.transform("1")
gc.collect()
"""
    gc.collect()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", code], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_client_makes_no_call(bare_service: Any) -> None:
    client = TransformClient(bare_service.url)
    client.transform("1")
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.transform("1")


ERRORS: list[errors.TransformError] = [
    errors.Unreachable("no connection"),
    errors.Interrupted("it broke"),
    errors.DeadlineExceeded("late", {"request_id": "r"}),
    errors.InputError(400, {"title": "t", "detail": "d", "line": 3, "request_id": "r"}),
    errors.CompileError(422, {"excerpt": "x", "line": 1}),
    errors.RaisedError(422, {"value": {"a": [1]}, "detail": "d"}),
    errors.OutputCountError(422, {"count": 2}),
    errors.LimitExceeded(413, {"title": "Too long"}),
    errors.UnknownTransform(404, {}),
    errors.RequestError(415, {}),
    errors.Overloaded(503, {"title": "full"}, 2.0),
    errors.ServiceError(500, {}),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_go_through_pickle(error: Any) -> None:
    error.__cause__ = ConnectionResetError(104, "reset")
    error.request_id = "r"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(error, protocol))
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert copy.args == error.args
        assert vars(copy) == vars(error)
        assert isinstance(copy.__cause__, ConnectionResetError)
    # Task queues that keep JSON call the type with the arguments.
    again = type(error)(*json.loads(json.dumps(error.args)))
    assert str(again) == str(error)


def test_a_cause_that_can_not_be_pickled_is_left_out() -> None:
    error = errors.Interrupted("it broke")
    error.__cause__ = OSError(threading.Lock())
    assert pickle.loads(pickle.dumps(error)).__cause__ is None


def fail(url: str, program: str) -> Any:
    with TransformClient(url) as client:
        return client.transform(program)


def test_errors_in_a_pool_of_processes(bare_service: Any) -> None:
    with ProcessPoolExecutor(2) as pool:
        with pytest.raises(RaisedError) as raised:
            pool.submit(fail, bare_service.url, 'error("x")').result()
        assert raised.value.value == "x"
        assert raised.value.request_id
        with pytest.raises(CompileError):
            pool.submit(fail, bare_service.url, "1 +").result()
        assert pool.submit(fail, bare_service.url, "1 + 1").result() == 2


def test_errors_name_what_was_sent(start_service: Any) -> None:
    service = start_service("--timeout-ms", "200", "--body-mib", "1")
    with TransformClient(service.url) as client:
        with pytest.raises(DeadlineExceeded, match="--timeout-ms") as late:
            client.transform("def f: f; f", timeout=60)
        assert late.value.limit_seconds == 0.2
        assert late.value.request_id
        with pytest.raises(LimitExceeded, match=r"2000002 bytes.*1048576.*--body-mib") as long:
            client.transform_bytes(None, b'"' + b"x" * 2_000_000 + b'"', program=".")
        assert long.value.limit_bytes == 1 << 20
    service.stop()
    with TransformClient(service.url, timeout=0.2) as client, pytest.raises(Unreachable) as away:
        client.transform("1")
    assert away.value.request_id


def test_nothing_but_the_standard_library_is_imported() -> None:
    code = """
import sys
before = set(sys.modules)
import asyncio, transform_client
with transform_client.TransformClient("http://127.0.0.1:9", timeout=0.01) as client:
    try:
        client.transform("1")
    except transform_client.TransformError:
        pass
own = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(own - set(sys.stdlib_module_names)))
"""
    if sys.version_info < (3, 10):
        pytest.skip("this Python does not list its modules")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['transform_client']"
