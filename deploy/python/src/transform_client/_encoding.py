"""Python's values <-> JSON text.

Values that JSON has no type for are written as Pydantic writes them: moments in ISO 8601, Decimal
and UUID as strings, enumerations by their value, sets as arrays, dataclasses and models as objects.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import ipaddress
import json
import os
import sys
import types
import typing
import uuid
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Callable, Optional, Union

Dumps = Callable[[Any], Union[str, bytes]]
Loads = Callable[[bytes], Any]

_AS_TEXT = (
    decimal.Decimal,
    uuid.UUID,
    os.PathLike,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)


def plain(value: Any) -> Any:
    """A value that `json` does not know -> one that it knows."""
    if isinstance(value, datetime.datetime):
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return duration(value)
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, frozenset, deque, types.GeneratorType)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    names = getattr(value, "__struct_fields__", None)
    if names is not None:
        shown = getattr(value, "__struct_encode_fields__", names)
        return {alias: getattr(value, name) for alias, name in zip(shown, names)}
    raise TypeError(f"{type(value).__name__} has no JSON form here: give dumps=")


def duration(value: datetime.timedelta) -> str:
    """A duration in ISO 8601: `P1DT2.5S`."""
    sign = "-" if value < datetime.timedelta(0) else ""
    value = abs(value)
    seconds: Union[int, str] = value.seconds % 60
    if value.microseconds:
        seconds = f"{seconds}.{value.microseconds:06}".rstrip("0")
    hours, minutes = value.seconds // 3600, value.seconds // 60 % 60
    days = f"{value.days // 365}Y" if value.days >= 365 else ""
    days += f"{value.days % 365}D" if value.days % 365 else ""
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    time += f"{seconds}S" if seconds != 0 else ""
    return f"{sign}P{days}" + (f"T{time}" if time else "" if days else "T0S")


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain
).encode


def encoded(value: Any, dumps: Optional[Dumps] = None) -> bytes:
    """JSON text in UTF-8; raises ValueError for NaN and infinities, which JSON does not have."""
    text = _encode(value) if dumps is None else dumps(value)
    return text.encode("utf-8") if isinstance(text, str) else text


@lru_cache(maxsize=256)
def decoder_of(into: Any) -> Callable[[bytes], Any]:
    """A type -> what reads JSON text straight into it.

    Models of Pydantic, `TypeAdapter`s, structs of msgspec, dataclasses, and lists, dicts and
    optionals of them.
    """
    for method in ("model_validate_json", "validate_json"):
        reading = getattr(into, method, None)
        if reading is not None:
            return typing.cast("Callable[[bytes], Any]", reading)
    leaves = _leaves(into)
    if any(hasattr(leaf, "__struct_fields__") for leaf in leaves):
        decode: Callable[[bytes], Any] = sys.modules["msgspec"].json.Decoder(into).decode
        return decode
    if any(
        hasattr(leaf, "__pydantic_validator__") or hasattr(leaf, "__pydantic_core_schema__")
        for leaf in leaves
    ):
        validate: Callable[[bytes], Any] = sys.modules["pydantic"].TypeAdapter(into).validate_json
        return validate
    if all(dataclasses.is_dataclass(leaf) or leaf in _SIMPLE for leaf in leaves):
        return lambda text: _shaped(json.loads(text), into, "$")
    raise TypeError(f"into={into!r} is no model, struct or dataclass, nor a list or dict of such")


_SIMPLE = (str, int, float, bool, type(None), Any)
_UNIONS = (Union, getattr(types, "UnionType", Union))


def _leaves(into: Any) -> list[Any]:
    arguments = typing.get_args(into)
    if not arguments:
        return [into]
    return [leaf for argument in arguments for leaf in _leaves(argument)]


def _shaped(value: Any, into: Any, place: str) -> Any:
    """A value as this type; `place` is the path to it, for messages."""
    if into is Any:
        return value
    origin, arguments = typing.get_origin(into), typing.get_args(into)
    if origin in _UNIONS:
        return _one_of(value, arguments, place)
    if origin is list and isinstance(value, list):
        return [_shaped(item, arguments[0], f"{place}[{n}]") for n, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {key: _shaped(item, arguments[1], f"{place}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(into) and isinstance(value, dict):
        return _filled(value, into, place)
    if into is float and type(value) is int:
        return float(value)
    if isinstance(into, type) and type(value) is into:
        return value
    raise ValueError(f"{place} is {value!r:.40}, not {getattr(into, '__name__', into)}")


def _one_of(value: Any, types_: tuple[Any, ...], place: str) -> Any:
    problem: Optional[ValueError] = None
    for type_ in types_:
        try:
            return _shaped(value, type_, place)
        except ValueError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _filled(members: dict[str, Any], into: Any, place: str) -> Any:
    """A dataclass from an object's members; members that it does not name are left out."""
    hints = _hints(into)
    values = {}
    for field in dataclasses.fields(into):
        if not field.init:
            continue
        if field.name in members:
            values[field.name] = _shaped(
                members[field.name], hints[field.name], f"{place}.{field.name}"
            )
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{place} has no member {field.name!r}")
    return into(**values)


@lru_cache(maxsize=256)
def _hints(into: Any) -> dict[str, Any]:
    return typing.get_type_hints(into)
