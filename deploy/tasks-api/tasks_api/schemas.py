"""What clients send and get: the rules of a task."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Optional

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from .storage import in_utc

Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=2000)]
Priority = Annotated[int, Field(ge=1, le=5, strict=True)]
Status = Annotated[str, StringConstraints(min_length=1, max_length=50)]


class NewTask(BaseModel):
    """A task to make."""

    title: Title
    description: Optional[Description] = None
    priority: Priority = 1
    status: Status = "pending"


class TaskChange(BaseModel):
    """Members of a task to change; those that are missing stay."""

    title: Optional[Title] = None
    description: Optional[Description] = None
    priority: Optional[Priority] = None
    status: Optional[Status] = None

    @field_validator("title", "priority", "status")
    @classmethod
    def is_given(cls, value: Any) -> Any:
        """A task always has these."""
        if value is None:
            raise ValueError("must not be null")
        return value


class TaskView(BaseModel):
    """A task as clients see it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    title: str
    description: Optional[str]
    priority: int
    status: str
    created_at: datetime

    @field_validator("created_at")
    @classmethod
    def with_zone(cls, value: datetime) -> datetime:
        """All moments are in UTC, and say so."""
        return in_utc(value)


class TaskPage(BaseModel):
    """Tasks, and how many there are in all."""

    tasks: list[TaskView]
    count: int


class FailedLine(BaseModel):
    """A line of an import that is no task."""

    line: int
    error: str


class ImportResult(BaseModel):
    """What became of an import; `errors` lists the first failing lines."""

    imported: int
    failed: int
    errors: list[FailedLine]


class Failure(BaseModel):
    """Why there is no answer."""

    error: str
