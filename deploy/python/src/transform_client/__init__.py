"""A client of transform-service: jq programs on JSON, with one deadline per call.

    with TransformClient("http://127.0.0.1:8001") as client:
        client.transform("map(.price) | add", input=orders, timeout=2.0)

`AsyncTransformClient` has the same methods for asyncio. Nothing but the standard library is used.
"""

from ._calls import Call
from .async_client import AsyncTransformClient
from .client import TransformClient
from .errors import (
    CompileError,
    DeadlineExceeded,
    InputError,
    Interrupted,
    LimitExceeded,
    OutputCountError,
    Overloaded,
    ProblemError,
    ProgramError,
    RaisedError,
    RequestError,
    ServiceError,
    TransformError,
    UnknownTransform,
    Unreachable,
)
from .lines import line_problem
from .retry import Retry

__all__ = [
    "AsyncTransformClient",
    "Call",
    "CompileError",
    "DeadlineExceeded",
    "InputError",
    "Interrupted",
    "LimitExceeded",
    "OutputCountError",
    "Overloaded",
    "ProblemError",
    "ProgramError",
    "RaisedError",
    "RequestError",
    "Retry",
    "ServiceError",
    "TransformClient",
    "TransformError",
    "UnknownTransform",
    "Unreachable",
    "line_problem",
]
