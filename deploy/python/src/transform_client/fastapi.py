"""A client for the routes of a FastAPI application.

    app = FastAPI(lifespan=lifespan("http://127.0.0.1:8001", timeout=2.0))

    @app.post("/report")
    async def report(request: Request, transforms: Transforms) -> JSONText:
        return JSONText(await transforms.transform_bytes("tasks-report", await request.body()))

An application with a lifespan of its own enters `connected` there. In its tests,
`app.dependency_overrides[client_of] = lambda: fake.async_client()` needs no service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, Callable

from fastapi import Depends, FastAPI, Response
from starlette.requests import HTTPConnection

from .async_client import AsyncTransformClient


@asynccontextmanager
async def connected(app: FastAPI, *args: Any, **options: Any) -> AsyncIterator[None]:
    """Within it, the application's routes have a client, made of these arguments."""
    async with AsyncTransformClient(*args, **options) as client:
        app.state.transforms = client
        yield


def lifespan(*args: Any, **options: Any) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """A lifespan in which the routes have a client, made of these arguments."""
    return lambda app: connected(app, *args, **options)


async def client_of(connection: HTTPConnection) -> AsyncTransformClient:
    """The application's client.

    It is no plain function, which FastAPI would hand to a thread.
    """
    client: AsyncTransformClient = connection.app.state.transforms
    return client


#: A parameter of a route: the application's client.
Transforms = Annotated[AsyncTransformClient, Depends(client_of)]


class JSONText(Response):
    """Hands JSON text on as it is: it is neither parsed nor written again."""

    media_type = "application/json"
