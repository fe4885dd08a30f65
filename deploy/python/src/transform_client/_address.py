"""A base URL -> where to connect, and what goes in front of each target; checks of what is sent."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Optional
from urllib.parse import urlsplit

_NAME = re.compile(r"(?![.])[A-Za-z0-9._-]+(?:/(?![.])[A-Za-z0-9._-]+)*")
_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_PATH = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*")
#: Fields that belong to the client: another value would break the framing or the deadline.
_OWN_FIELDS = frozenset(
    {
        *("accept-encoding", "content-encoding", "content-length", "content-type", "host"),
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("expect", "x-request-timeout-ms"),
    }
)


@dataclass(frozen=True)
class Address:
    """Where the service listens."""

    host: str
    port: int
    #: The path of a Unix socket, which goes before host and port.
    unix_socket: Optional[str]
    is_tls: bool
    #: The value of `Host`.
    authority: str
    #: Stands in front of each target; empty, or a path without its last slash.
    prefix: str

    def __str__(self) -> str:
        return self.unix_socket or self.authority


def address_of(base_url: str, unix_socket: Optional[str] = None) -> Address:
    """Reads a base URL; raises ValueError for one that can't be meant."""
    parts = urlsplit(base_url)
    is_clean = base_url.isprintable() and " " not in base_url
    if not is_clean or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"base_url is 'http://HOST[:PORT]' or 'https://HOST[:PORT]', not {base_url!r}"
        )
    if parts.query or parts.fragment or "?" in base_url or "#" in base_url:
        raise ValueError(f"base_url has no query and no fragment: {base_url!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url has no user and no password: give token= or headers=")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"base_url has no valid port: {base_url!r}") from None
    if port == 0 or not _PATH.fullmatch(parts.path):
        raise ValueError(f"base_url is not valid: {base_url!r}")
    is_tls = parts.scheme == "https"
    host = parts.hostname
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ValueError(f"base_url has no valid host: {base_url!r}") from None
    if not re.fullmatch(r"[A-Za-z0-9._~%:\-]+", ascii_host):
        raise ValueError(f"base_url has no valid host: {base_url!r}")
    shown = f"[{ascii_host.partition('%')[0]}]" if ":" in ascii_host else ascii_host
    return Address(
        host=ascii_host,
        port=port or (443 if is_tls else 80),
        unix_socket=unix_socket,
        is_tls=is_tls,
        authority=shown if port is None else f"{shown}:{port}",
        prefix=parts.path.rstrip("/"),
    )


def endpoint(family: int, host: str, port: int) -> Optional[tuple[Any, ...]]:
    """The socket address of a numeric host of this family, which needs no look-up; else None."""
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return None
    return (host, port) if family == socket.AF_INET else (host, port, 0, 0)


@lru_cache(maxsize=1024)
def checked_name(name: str) -> str:
    """The same name; raises ValueError for one that no transform can have, such as `../livez`."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} can't name a transform: names are of letters, digits, '-', '_', '.' and "
            "'/', and no part begins with '.'"
        )
    return name


def checked_fields(fields: Optional[Mapping[str, str]]) -> str:
    """Fields as lines of a head; raises ValueError for one that can't be sent."""
    lines = []
    for name, value in (fields or {}).items():
        if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f"the field {name!r} is malformed")
        if name.lower() in _OWN_FIELDS:
            raise ValueError(f"the field {name!r} is the client's own")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)
