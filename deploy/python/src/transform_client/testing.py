"""Stands in for transform-service, so that an application's tests run without it.

    fake = FakeTransforms()
    fake.add("tasks-report", {"total": 0})                     the answer to each call
    fake.add("double", lambda input, **args: input * 2)        or what makes it
    fake.add("busy", Overloaded(503, {"title": "Full"}))       or what is raised
    fake.add_program("map(.n) | add", 3)

    with fake.client() as client:
        assert client.transform(name="double", input=4) == 8
    assert fake.calls[0].input == 4

The clients are real ones, so that what they check, encode and decode is as it will be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Optional
from urllib.parse import parse_qsl, unquote

from ._encoding import encoded
from ._parser import Head
from .async_client import AsyncTransformClient
from .client import TransformClient
from .errors import ProblemError, UnknownTransform
from .lines import CONTENT_TYPE as LINES
from .retry import Deadline, Retry
from .wire import Answer, Request


@dataclass
class FakeCall:
    """A call that came, or a line of `transform_lines`."""

    #: The transform's name, or None.
    name: Optional[str]
    #: The program that was sent, or None.
    program: Optional[str]
    input: Any
    args: dict[str, Any] = field(default_factory=dict)


class FakeTransforms:
    """Answers calls as told, and remembers them."""

    def __init__(self) -> None:
        self.calls: list[FakeCall] = []
        self._named: dict[str, Any] = {}
        self._programs: dict[str, Any] = {}

    def add(self, name: str, answer: Any) -> None:
        """What a transform answers: a value, bytes of JSON text, a function, or an error.

        A function gets the input, and the arguments by name.
        """
        self._named[name] = answer

    def add_program(self, program: str, answer: Any) -> None:
        """What this very program answers."""
        self._programs[program] = answer

    def client(self, **options: Any) -> TransformClient:
        """A client that calls this; it repeats nothing unless `retry` says so."""
        options.setdefault("retry", Retry(attempts=1))
        return TransformClient(transport=self, **options)

    def async_client(self, **options: Any) -> AsyncTransformClient:
        """The same for asyncio."""
        options.setdefault("retry", Retry(attempts=1))
        return AsyncTransformClient(transport=_OnLoop(self), **options)

    def exchange(self, request: Request, deadline: Deadline) -> Answer:
        """Answers a request as the service would."""
        path, _, query = request.target.partition("?")
        if request.method == "GET":
            return _answer(b'{"status":"pass"}')
        asked = dict(parse_qsl(query, keep_blank_values=True))
        errors, _ = asked.pop("errors", "fail"), asked.pop("outputs", "one")
        name = unquote(path[len("/transform/") :]) or None
        program = asked.pop("program", None)
        body = bytes(request.body)
        if request.content_type == LINES:
            lines = enumerate(filter(None, body.split(b"\n")), 1)
            answers = [
                self._line(FakeCall(name, program, json.loads(line), asked), number, errors)
                for number, line in lines
            ]
            return _answer(b"".join(answer + b"\n" for answer in answers))
        value = json.loads(body)
        if name is not None or program is not None:
            return _answer(self._called(FakeCall(name, program, value, asked)))
        call = FakeCall(
            value.get("transform"), value.get("program"), value["input"], value.get("args", {})
        )
        return _answer(self._called(call))

    def close(self) -> None:
        """Nothing is open."""

    def _line(self, call: FakeCall, number: int, errors: str) -> bytes:
        try:
            return self._called(call)
        except ProblemError as error:
            error.line = number
            if errors == "fail":
                raise
            return encoded(
                {"type": "/problems/fake", "status": 422, **error.problem, "line": number}
            )

    def _called(self, call: FakeCall) -> bytes:
        self.calls.append(call)
        known, key = (
            (self._named, call.name) if call.name is not None else (self._programs, call.program)
        )
        if key not in known:
            raise UnknownTransform(
                404, {"title": "Not Found", "detail": f"The fake has no answer for {key!r}."}
            )
        answer = known[key]
        if callable(answer):
            answer = answer(call.input, **call.args)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else encoded(answer)


class _OnLoop:
    def __init__(self, fake: FakeTransforms) -> None:
        self._fake = fake

    async def exchange(self, request: Request, deadline: Deadline) -> Answer:
        return self._fake.exchange(request, deadline)

    async def aclose(self) -> None:
        return None


def _answer(body: bytes) -> Answer:
    fields = b"\r\nContent-Type: application/json"
    return Answer(Head(200, True, fields, fields.lower()), body)
