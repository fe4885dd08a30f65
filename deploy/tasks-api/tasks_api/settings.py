"""Environment variables -> settings; a wrong value names its variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

MIB = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """What differs between deployments."""

    #: `TASKS_DATABASE_URL`: any URL of SQLAlchemy.
    database_url: str = "sqlite:///tasks.db"
    #: `TASKS_TRANSFORM_URL`
    transform_url: str = "http://127.0.0.1:8001"
    #: `TASKS_TRANSFORM_SOCKET`: a Unix socket instead, of a sidecar.
    transform_socket: Optional[str] = None
    #: `TASKS_TRANSFORM_TIMEOUT`: seconds that one offloaded call may take in all.
    transform_timeout: float = 4.0
    #: `TASKS_IMPORT_MIB`: the longest import.
    import_bytes_max: int = 16 * MIB

    @classmethod
    def from_environment(cls, environment: Optional[Mapping[str, str]] = None) -> Settings:
        """Settings from variables; raises ValueError for a value that can't be."""
        values = os.environ if environment is None else environment
        return cls(
            database_url=values.get("TASKS_DATABASE_URL") or cls.database_url,
            transform_url=values.get("TASKS_TRANSFORM_URL") or cls.transform_url,
            transform_socket=values.get("TASKS_TRANSFORM_SOCKET") or None,
            transform_timeout=_positive(values, "TASKS_TRANSFORM_TIMEOUT", cls.transform_timeout),
            import_bytes_max=int(_positive(values, "TASKS_IMPORT_MIB", 16) * MIB),
        )


def _positive(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise ValueError(f"{name}: `{text}` is not a number above 0")
    return number
