"""The service: requests -> tasks, reports and imports.

/tasks, /tasks/{id}     the business's rules, here
/tasks/report           rows -> JSON bytes -> transform-service -> bytes, straight back
/tasks/import           NDJSON -> transform-service, all cores -> rows
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Optional, Union

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from transform_client import (
    DeadlineExceeded,
    Interrupted,
    Overloaded,
    TransformError,
    Unreachable,
)
from transform_client.fastapi import JSONText, Transforms, connected

from .importing import BodyTooLong, Import, lines_of
from .schemas import Failure, ImportResult, NewTask, TaskChange, TaskPage, TaskView
from .settings import Settings
from .storage import Storage, Task

REPORT = "tasks-report"
PAGE_MAX = 10_000

log = logging.getLogger("tasks_api")
_away: dict[Union[int, str], dict[str, Any]] = {
    503: {"model": Failure, "description": "The transform service is away or busy"},
    504: {"model": Failure, "description": "The transform took too long"},
}
_missing: dict[Union[int, str], dict[str, Any]] = {
    404: {"model": Failure, "description": "There is no such task"}
}


def create_app(settings: Optional[Settings] = None) -> FastAPI:
    """The application; `uvicorn --factory tasks_api:create_app` serves it."""
    chosen = settings or Settings.from_environment()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = chosen
        app.state.storage = await run_in_threadpool(Storage, chosen.database_url)
        async with connected(
            app,
            chosen.transform_url,
            unix_socket=chosen.transform_socket,
            timeout=chosen.transform_timeout,
        ):
            yield
        app.state.storage.engine.dispose()

    app = FastAPI(title="tasks-api", version="1.0.0", lifespan=lifespan)
    app.add_exception_handler(StarletteHTTPException, _http_failure)
    app.add_exception_handler(TransformError, _transform_failure)
    _add_health(app)
    _add_offloaded(app)
    _add_tasks(app)
    return app


async def storage_of(request: Request) -> Storage:
    """The application's database."""
    storage: Storage = request.app.state.storage
    return storage


Stored = Annotated[Storage, Depends(storage_of)]


def _add_health(app: FastAPI) -> None:
    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "pass"}

    @app.get("/readyz")
    async def readyz(response: Response, storage: Stored, transforms: Transforms) -> dict[str, str]:
        """Tasks can be served without the transform service, so its absence is only told."""
        has_storage = await run_in_threadpool(storage.is_reachable)
        has_transforms = await transforms.is_ready(timeout=0.5)
        response.status_code = 200 if has_storage else 503
        words = {True: "pass", False: "fail"}
        return {
            "status": words[has_storage],
            "database": words[has_storage],
            "transform": words[has_transforms],
        }


def _add_offloaded(app: FastAPI) -> None:
    @app.get("/tasks/report", responses=_away)
    async def report(storage: Stored, transforms: Transforms) -> JSONText:
        """A summary by status, priority, age and words."""
        rows = await run_in_threadpool(storage.report_input)
        return JSONText(await transforms.transform_bytes(REPORT, rows))

    @app.post("/tasks/import", responses=_away)
    async def import_tasks(
        request: Request, storage: Stored, transforms: Transforms
    ) -> ImportResult:
        """Stores the valid lines of an NDJSON body, and says which others failed, and why.

        Nothing is stored if the transform service leaves in the middle.
        """
        lines = lines_of(request.stream(), request.app.state.settings.import_bytes_max)
        work = Import()
        try:
            await work.run(transforms, lines)
        except BodyTooLong:
            raise HTTPException(413, "The import is too long; send it in parts") from None
        imported = await run_in_threadpool(storage.add_all, work.rows)
        return ImportResult(imported=imported, failed=work.failed, errors=work.errors)


def _add_tasks(app: FastAPI) -> None:
    @app.get("/tasks")
    def list_tasks(
        storage: Stored,
        status: Optional[str] = None,
        limit: int = Query(1000, ge=1, le=PAGE_MAX),
        offset: int = Query(0, ge=0),
    ) -> TaskPage:
        tasks, count = storage.page(status, limit, offset)
        return TaskPage(tasks=[TaskView.model_validate(task) for task in tasks], count=count)

    @app.post("/tasks", status_code=201)
    def create_task(new: NewTask, storage: Stored) -> TaskView:
        return TaskView.model_validate(storage.add(new.model_dump()))

    @app.get("/tasks/{key}", responses=_missing)
    def get_task(key: str, storage: Stored) -> TaskView:
        return TaskView.model_validate(_found(storage.get(_key(key))))

    @app.put("/tasks/{key}", responses=_missing)
    def change_task(key: str, change: TaskChange, storage: Stored) -> TaskView:
        values = change.model_dump(exclude_unset=True)
        return TaskView.model_validate(_found(storage.update(_key(key), values)))

    @app.delete("/tasks/{key}", status_code=204, responses=_missing)
    def delete_task(key: str, storage: Stored) -> None:
        if not storage.delete(_key(key)):
            raise _not_found()


def _not_found() -> HTTPException:
    return HTTPException(404, "Task not found")


def _found(task: Optional[Task]) -> Task:
    if task is None:
        raise _not_found()
    return task


def _key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise _not_found() from None


def _http_failure(_: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


def _transform_failure(_: Request, error: Exception) -> Response:
    """Away or busy: 503, try again; too slow: 504; a fault between the two services: 502."""
    log.warning("transform service: %s: %s", type(error).__name__, error)
    if isinstance(error, (Unreachable, Interrupted)):
        return _failure(503, "The transform service is not reachable", 1)
    if isinstance(error, Overloaded):
        return _failure(503, "The transform service is busy", error.retry_after or 1)
    if isinstance(error, DeadlineExceeded):
        return _failure(504, "The transform service did not answer in time", None)
    return _failure(502, f"The transform service refused: {error}", None)


def _failure(status: int, sentence: str, retry_after: Optional[float]) -> Response:
    headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
    return JSONResponse({"error": sentence}, status, headers=headers)
