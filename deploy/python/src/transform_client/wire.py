"""Arguments -> the parts of an HTTP request; the parts of an answer -> bytes or an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional
from urllib.parse import quote

import httpx

from .errors import (
    Interrupted,
    ServiceError,
    TransformError,
    Unreachable,
    error_of,
    problem_members,
)
from .retry import Deadline, retry_after_seconds

#: The service closes idle connections after 75 s: ours go first, so no request meets a closing one.
KEEP_ALIVE_SECONDS = 60.0
#: A connection that is not made in this time is tried again.
CONNECT_SECONDS = 1.0

CONTENT_TYPE = "application/json"
DEFAULT_URL = "http://127.0.0.1:8001"
DEFAULT_SECONDS = 5.0
DEFAULT_CONNECTIONS = 64

_RESERVED = frozenset({"outputs", "errors", "program", "each"})


@dataclass(frozen=True)
class Prepared:
    """A request without its deadline."""

    method: str
    path: str
    content: bytes
    content_type: str


def envelope(
    program: Optional[str],
    name: Optional[str],
    input: Any,
    args: Optional[Mapping[str, Any]],
    outputs: str,
) -> Prepared:
    """`POST /transform` with everything in its body."""
    members: dict[str, Any] = _chosen(program, name)
    members["input"] = input
    if args:
        members["args"] = dict(args)
    if outputs != "one":
        members["outputs"] = known_outputs(outputs)
    return Prepared("POST", "/transform", encoded(members), CONTENT_TYPE)


def raw(
    name: Optional[str],
    program: Optional[str],
    body: bytes,
    args: Optional[Mapping[str, str]],
    content_type: str,
    **reserved: str,
) -> Prepared:
    """`POST /transform/{name}` with the input as body; `args` are texts in the query."""
    chosen = _chosen(program, name)
    path = "/transform" if name is None else "/transform/" + quote(name, safe="/")
    query = {key: value for key, value in reserved.items() if value not in ("one", "fail")}
    if name is None:
        query["program"] = chosen["program"]
    for key, value in (args or {}).items():
        if key in _RESERVED:
            raise ValueError(f"an argument can't be named {key!r} here: the name is reserved")
        if not isinstance(value, str):
            raise TypeError(f"the argument {key!r} is a text here; transform() takes any JSON")
        query[key] = value
    pairs = "&".join(
        f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query.items()
    )
    return Prepared("POST", f"{path}?{pairs}" if pairs else path, body, content_type)


def _chosen(program: Optional[str], name: Optional[str]) -> dict[str, Any]:
    if (program is None) == (name is None):
        raise TypeError("give either a program or the name of a transform")
    return {"program": program} if name is None else {"transform": name}


def known_outputs(outputs: str) -> str:
    """The same text, where it is one that the service knows."""
    if outputs not in ("one", "array"):
        raise ValueError("outputs is 'one' or 'array'")
    return outputs


def encoded(value: Any) -> bytes:
    """JSON text in UTF-8; raises ValueError for NaN and infinities, which JSON does not have."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8")


def fields(prepared: Prepared, deadline: Deadline) -> dict[str, str]:
    """Fields of one attempt: what is left of the call's time goes with it."""
    return {"Content-Type": prepared.content_type, "X-Request-Timeout-Ms": deadline.milliseconds()}


def timeouts(deadline: Deadline) -> httpx.Timeout:
    """No operation outlasts the call; a connection is given up earlier, to be tried again."""
    left = max(deadline.remaining(), 0.001)
    return httpx.Timeout(left, connect=min(left, CONNECT_SECONDS))


def default_fields(token: Optional[str], headers: Optional[Mapping[str, str]]) -> dict[str, str]:
    """Fields of every request."""
    # Compressing costs more than it saves between neighbours.
    fields = {"Accept-Encoding": "identity", "Accept": "*/*"}
    if token is not None:
        fields["Authorization"] = f"Bearer {token}"
    fields.update(headers or {})
    return fields


def limits(connections: int) -> httpx.Limits:
    """A pool that keeps its connections for as long as the service does, and a little less."""
    return httpx.Limits(
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=KEEP_ALIVE_SECONDS,
    )


def answer(response: httpx.Response) -> bytes:
    """The body of a 2xx answer; else raises what the answer says."""
    if 200 <= response.status_code < 300:
        return response.content
    problem = problem_members(
        response.status_code, response.headers.get("Content-Type", ""), response.content
    )
    raise error_of(
        response.status_code, problem, retry_after_seconds(response.headers.get("Retry-After"))
    )


def parsed(body: bytes) -> Any:
    """The value of an answer's body."""
    try:
        return json.loads(body)
    except ValueError:
        raise ServiceError(200, problem_members(200, "", body)) from None


def failure(error: httpx.HTTPError, deadline: Deadline) -> TransformError:
    """An error of httpx -> ours: only one without a connection can be repeated safely."""
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return Unreachable(f"No connection to the transform service: {error or 'timed out'}")
    if isinstance(error, httpx.TimeoutException):
        return deadline.exceeded()
    return Interrupted(f"The connection to the transform service broke: {error}")
