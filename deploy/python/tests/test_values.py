"""Values in and out: encoders, models, hooks, traces, the fake and the parts for FastAPI."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import enum
import ipaddress
import json
import pathlib
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Optional

import msgspec
import orjson
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import to_jsonable_python
from transform_client import (
    AsyncTransformClient,
    Call,
    DeadlineExceeded,
    Overloaded,
    RaisedError,
    Retry,
    TransformClient,
    UnknownTransform,
    Unreachable,
    line_problem,
)
from transform_client._encoding import decoder_of, encoded
from transform_client.fastapi import JSONText, Transforms, client_of, lifespan
from transform_client.testing import FakeTransforms


class Colour(enum.Enum):
    RED = "red"


class Model(BaseModel):
    n: int
    at: Optional[datetime.datetime] = None


class Struct(msgspec.Struct):
    n: int


@dataclass
class Part:
    name: str
    price: float = 1.0


@dataclass
class Order:
    n: int
    parts: list[Part] = field(default_factory=list)
    note: Optional[str] = None
    by_name: dict[str, Part] = field(default_factory=dict)


@pydantic_dataclass
class Checked:
    n: int


UTC = datetime.timezone.utc
INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2026, 11, 29, 1, 2, 3),
        datetime.datetime(2026, 11, 29, 1, 2, 3, 45, tzinfo=UTC),
        datetime.datetime(2026, 11, 29, 1, 2, 3, 450000, tzinfo=INDIA),
        datetime.date(2026, 11, 29),
        datetime.time(1, 2, 3),
        datetime.timedelta(0),
        datetime.timedelta(seconds=1.5),
        datetime.timedelta(days=400, hours=3, minutes=7, seconds=5),
        datetime.timedelta(days=-1, seconds=-3),
        datetime.timedelta(days=365),
        decimal.Decimal("10.50"),
        uuid.UUID(int=7),
        Colour.RED,
        {
            "b",
        },
        frozenset([1]),
        deque([1, 2]),
        (1, 2),
        b"bytes",
        pathlib.Path("/a/b"),
        ipaddress.ip_address("::1"),
        Model(n=1, at=datetime.datetime(2026, 1, 1, tzinfo=UTC)),
        Part("a", 2.0),
        {"nested": [decimal.Decimal("1"), {"at": datetime.date(2026, 1, 1)}]},
    ],
    ids=repr,
)
def test_values_are_written_as_pydantic_writes_them(value: Any) -> None:
    assert json.loads(encoded(value)) == to_jsonable_python(value)


def test_structs_are_written() -> None:
    class Renamed(msgspec.Struct, rename="camel"):
        first_name: str

    assert encoded([Struct(1), Renamed("Ada")]) == b'[{"n":1},{"firstName":"Ada"}]'


def test_what_has_no_json_form() -> None:
    for value in (object(), Model, float("nan"), {1: object()}):
        with pytest.raises((TypeError, ValueError)):
            encoded(value)


@pytest.mark.parametrize(
    ("into", "text", "value"),
    [
        (Model, b'{"n":"1"}', Model(n=1)),
        (list[Model], b'[{"n":1}]', [Model(n=1)]),
        (TypeAdapter(dict[str, int]), b'{"a":1}', {"a": 1}),
        (Checked, b'{"n":1}', Checked(n=1)),
        (Struct, b'{"n":1}', Struct(1)),
        (list[Struct], b'[{"n":1}]', [Struct(1)]),
        (Part, b'{"name":"a","price":2,"more":1}', Part("a", 2.0)),
        (Optional[Part], b"null", None),
        (dict[str, int], b'{"a":1}', {"a": 1}),
        (
            Order,
            b'{"n":1,"parts":[{"name":"a"}],"note":"x","by_name":{"b":{"name":"b"}}}',
            Order(1, [Part("a")], "x", {"b": Part("b")}),
        ),
    ],
)
def test_answers_become_models(into: Any, text: bytes, value: Any) -> None:
    fake = FakeTransforms()
    fake.add("t", text)
    with fake.client() as client:
        assert client.transform(name="t", into=into) == value


@pytest.mark.parametrize(
    ("into", "text", "error"),
    [
        (Model, b'{"n":"x"}', ValidationError),
        (Struct, b"{}", msgspec.ValidationError),
        (Part, b"{}", ValueError),
        (Part, b'{"name":3}', ValueError),
        (Order, b'{"n":true}', ValueError),
        (Order, b'{"n":1,"parts":[1]}', ValueError),
    ],
)
def test_answers_that_are_not_of_the_model(into: Any, text: bytes, error: Any) -> None:
    with pytest.raises(error):
        decoder_of(into)(text)


def test_what_is_no_model() -> None:
    with pytest.raises(TypeError, match="into"):
        decoder_of(object)


def test_other_encoders() -> None:
    fake = FakeTransforms()
    fake.add("same", lambda value: value)
    with fake.client(dumps=orjson.dumps, loads=orjson.loads) as client:
        assert client.transform(name="same", input=uuid.UUID(int=1)) == str(uuid.UUID(int=1))
        assert list(client.transform_lines("same", [{"a": 1}])) == [b'{"a":1}']
    with fake.client(dumps=json.dumps, loads=lambda text: text) as client:
        assert client.transform(name="same", input="a") == b'"a"'


def test_a_hook_sees_each_call(bare_service: Any) -> None:
    seen: list[Call] = []
    with TransformClient(bare_service.url, on_call=seen.append) as client:
        client.transform("1")
        with pytest.raises(RaisedError) as raised:
            client.transform('error("x")')
    first, second = seen
    assert (first.name, first.status, first.attempts, first.error) == (None, 200, 1, None)
    assert first.bytes_sent == len(b'{"program":"1","input":null}')
    assert first.bytes_received == 1
    assert first.seconds > 0
    assert {"queue", "read", "run", "write"} <= set(first.server_timing)
    assert first.request_id
    assert (second.status, second.error) == (422, raised.value)

    async def run() -> None:
        async with AsyncTransformClient(bare_service.url, on_call=seen.append) as client:
            assert await client.transform("2") == 2

    asyncio.run(run())
    assert seen[2].bytes_received == 1


def test_a_hook_sees_attempts() -> None:
    seen: list[Call] = []
    quick = Retry(attempts=3, base=0.001)
    with TransformClient("http://127.0.0.1:9", retry=quick, on_call=seen.append) as client:
        with pytest.raises(Unreachable) as raised:
            client.transform(name="t")
    (call,) = seen
    assert (call.name, call.status, call.attempts, call.error) == ("t", None, 3, raised.value)


def test_traces(bare_service: Any) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    simple = pytest.importorskip("opentelemetry.sdk.trace.export")
    exporter = export.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(simple.SimpleSpanProcessor(exporter))
    before = trace._TRACER_PROVIDER
    trace._TRACER_PROVIDER = provider
    sent: list[str] = []
    try:
        fake = FakeTransforms()
        fake.add("t", 1)
        original = fake.exchange

        def exchange(request: Any, deadline: Any) -> Any:
            sent.append(request.fields)
            return original(request, deadline)

        fake.exchange = exchange  # type: ignore[method-assign]
        with provider.get_tracer("test").start_as_current_span("outer") as outer:
            with fake.client() as client:
                assert client.transform(name="t") == 1
                with pytest.raises(UnknownTransform):
                    client.transform(name="u")
                client.transform(name="t", headers={"traceparent": "mine"})
    finally:
        trace._TRACER_PROVIDER = before
    first, second, third, _ = exporter.get_finished_spans()
    assert first.name == "transform t"
    assert first.kind is trace.SpanKind.CLIENT
    assert first.parent.span_id == outer.get_span_context().span_id
    assert first.attributes["http.response.status_code"] == 200
    assert second.attributes["error.type"] == "UnknownTransform"
    context = first.context
    assert f"00-{context.trace_id:032x}-{context.span_id:016x}-" in sent[0]
    assert sent[2] == "traceparent: mine\r\n"
    assert third.attributes["transform.name"] == "t"


def test_the_fake() -> None:
    fake = FakeTransforms()
    fake.add("double", lambda value, by="2": value * int(by))
    fake.add("full", Overloaded(503, {"title": "Full"}, 1.0))
    fake.add("bad", RaisedError(422, {"detail": "no", "type": "/problems/program-error"}))
    fake.add_program(".a", {"b": 1})
    with fake.client() as client:
        assert client.is_ready()
        assert client.transform(name="double", input=4) == 8
        assert client.transform_bytes("double", b"4", args={"by": "3"}) == b"12"
        assert client.transform(".a", {"a": 1}) == {"b": 1}
        assert list(client.transform_lines("double", [1, 2])) == [b"2", b"4"]
        with pytest.raises(Overloaded):
            client.transform(name="full")
        with pytest.raises(UnknownTransform, match="nope"):
            client.transform(name="nope")
        with pytest.raises(RaisedError) as raised:
            list(client.transform_lines("bad", [1]))
        assert raised.value.line == 1
        (line,) = client.transform_lines("bad", [1], errors="inline")
        problem = line_problem(line)
        assert isinstance(problem, RaisedError)
    assert [call.input for call in fake.calls[:2]] == [4, 4]
    assert fake.calls[1].args == {"by": "3"}

    async def run() -> Any:
        async with fake.async_client() as client:
            return await client.transform(name="double", input=5)

    assert asyncio.run(run()) == 10


def routes(app: FastAPI) -> FastAPI:
    @app.post("/sum")
    async def total(request: Request, transforms: Transforms) -> JSONText:
        return JSONText(await transforms.transform_bytes(None, await request.body(), program="add"))

    return app


def test_routes_of_fastapi(bare_service: Any) -> None:
    app = routes(FastAPI(lifespan=lifespan(bare_service.url, timeout=20.0)))
    for _ in range(2):
        with TestClient(app) as client:
            answer = client.post("/sum", content=b"[1.50,2]")
        assert (answer.status_code, answer.content) == (200, b"3.5")
        assert answer.headers["content-type"] == "application/json"


def test_routes_of_fastapi_without_the_service() -> None:
    fake = FakeTransforms()
    fake.add_program("add", b"3.50")
    app = routes(FastAPI())
    app.dependency_overrides[client_of] = lambda: fake.async_client()
    assert TestClient(app).post("/sum", content=b"[]").content == b"3.50"


def test_a_deadline_error_has_its_call_s_id(bare_service: Any) -> None:
    with TransformClient(bare_service.url) as client, pytest.raises(DeadlineExceeded) as raised:
        client.transform("def f: f; f", timeout=0.2)
    assert raised.value.request_id
