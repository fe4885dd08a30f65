"""Tasks <-> rows of a database; rows -> the JSON text that a transform reads."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Optional

from sqlalchemy import (
    DateTime,
    Engine,
    String,
    Text,
    Uuid,
    create_engine,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from sqlalchemy.pool import StaticPool


class Base(DeclarativeBase):
    """The tables."""


class Task(Base):
    """A row of `tasks`."""

    __tablename__ = "tasks"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[Optional[str]] = mapped_column(Text)
    priority: Mapped[int]
    status: Mapped[str] = mapped_column(String(50), index=True)
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=lambda: datetime.now(timezone.utc), index=True
    )


class Storage:
    """The database behind one service."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = _engine(url)
        Base.metadata.create_all(self.engine)
        self.session = sessionmaker(self.engine, expire_on_commit=False)

    def page(self, status: Optional[str], limit: int, offset: int) -> tuple[list[Task], int]:
        """Tasks in the order in which they were made, and how many there are in all."""
        found, counted = select(Task), select(func.count()).select_from(Task)
        if status is not None:
            found, counted = (
                found.where(Task.status == status),
                counted.where(Task.status == status),
            )
        with self.session() as session:
            ordered = found.order_by(Task.created_at, Task.id).limit(limit).offset(offset)
            return list(session.scalars(ordered)), session.scalar(counted) or 0

    def get(self, key: uuid.UUID) -> Optional[Task]:
        """The task, or None."""
        with self.session() as session:
            return session.get(Task, key)

    def add(self, values: Mapping[str, Any]) -> Task:
        """A new task."""
        with self.session.begin() as session:
            task = Task(**values)
            session.add(task)
        return task

    def add_all(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Many new tasks, or none if one can't be stored; gives their count."""
        now = datetime.now(timezone.utc)
        complete = [{"id": uuid.uuid4(), "created_at": now, **row} for row in rows]
        if complete:
            with self.session.begin() as session:
                session.execute(insert(Task), complete)
        return len(complete)

    def update(self, key: uuid.UUID, values: Mapping[str, Any]) -> Optional[Task]:
        """The changed task, or None."""
        with self.session.begin() as session:
            task = session.get(Task, key)
            if task is not None:
                for name, value in values.items():
                    setattr(task, name, value)
        return task

    def delete(self, key: uuid.UUID) -> bool:
        """Whether there was such a task."""
        with self.session.begin() as session:
            task = session.get(Task, key)
            if task is not None:
                session.delete(task)
        return task is not None

    def is_reachable(self) -> bool:
        """Whether the database answers."""
        try:
            with self.session() as session:
                return session.scalar(select(1)) == 1
        except Exception:
            return False

    def report_input(self) -> bytes:
        """All tasks as `{"tasks": [...]}`.

        SQLite and PostgreSQL write the JSON text themselves, without the interpreter's lock: no
        row becomes a value here. For other databases the rows become JSON here.
        """
        statement = _JSON_STATEMENTS.get(self.engine.dialect.name)
        if statement is None:
            return self.rows_as_json()
        # The driver's own connection: a statement of SQLAlchemy costs as much as a small report.
        pooled = self.engine.raw_connection()
        try:
            cursor = pooled.cursor()
            cursor.execute(statement)
            ((text,),) = cursor.fetchall()
        finally:
            pooled.close()
        return text.encode() if isinstance(text, str) else bytes(text)

    def rows_as_json(self) -> bytes:
        """The same by way of Python's values."""
        columns = select(Task.title, Task.description, Task.priority, Task.status, Task.created_at)
        with self.engine.connect() as connection:
            tasks = [
                {
                    "title": title,
                    "description": description,
                    "priority": priority,
                    "status": status,
                    "created_at": in_utc(created_at).isoformat(),
                }
                for title, description, priority, status, created_at in connection.execute(columns)
            ]
        return json.dumps({"tasks": tasks}, ensure_ascii=False, separators=(",", ":")).encode()


_JSON_STATEMENTS = {
    "sqlite": """
SELECT CAST('{"tasks":' || json_group_array(json_object(
    'title', title, 'description', description, 'priority', priority, 'status', status,
    'created_at', created_at)) || '}' AS BLOB)
FROM tasks
""",
    "postgresql": """
SELECT '{"tasks":' || coalesce(json_agg(json_build_object(
    'title', title, 'description', description, 'priority', priority, 'status', status,
    'created_at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
    ))::text, '[]') || '}'
FROM tasks
""",
}
"""One row with one column: `{"tasks": [...]}`, as text or bytes."""


def in_utc(moment: datetime) -> datetime:
    """A moment with its zone: SQLite keeps none, and ours are all in UTC."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    is_in_memory = url in ("sqlite://", "sqlite:///:memory:")
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": 10},
        **({"poolclass": StaticPool} if is_in_memory else {}),
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        # Readers do not wait for a writer, nor it for them.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine
