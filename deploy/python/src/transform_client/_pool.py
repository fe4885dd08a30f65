"""Connections that threads share: at most so many, last used first, first come first served.

    take()  -> a kept connection, or None: the caller opens one in the place that it now holds
    give(c)    its exchange ended well: the thread that waits longest gets it, else it is kept
    drop(c)    it was closed: the place goes on likewise

A forked child begins with no connection, no place taken, and locks of its own.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from typing import Any, Generic, Optional, Protocol, TypeVar

from .retry import Deadline


class Closable(Protocol):
    """What a pool keeps."""

    #: When its last exchange ended.
    used_at: float

    def close(self) -> None:
        """Closes this process's end only."""


Kept = TypeVar("Kept", bound=Closable)


class _Waiter(Generic[Kept]):
    """A thread that waits for a place."""

    __slots__ = ("connection", "is_served", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        self.is_served = False
        self.connection: Optional[Kept] = None


class Pool(Generic[Kept]):
    """At most `size` connections of one process."""

    def __init__(self, size: int, idle_seconds_max: float) -> None:
        self._size = size
        self._idle_seconds_max = idle_seconds_max
        self._open: set[Kept] = set()
        self._is_closed = False
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[Kept] = []
        self._places = self._size
        self._waiters: deque[_Waiter[Kept]] = deque()

    def take(self, deadline: Deadline) -> Optional[Kept]:
        """A kept connection, or None and a place to open one; waits for it until the deadline."""
        if self._pid != os.getpid():
            self.forget()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the client is closed")
            if self._idle:
                return self._idle.pop()
            if self._places:
                self._places -= 1
                return None
            waiter: _Waiter[Kept] = _Waiter()
            self._waiters.append(waiter)
        return self._wait(waiter, deadline)

    def _wait(self, waiter: _Waiter[Kept], deadline: Deadline) -> Optional[Kept]:
        seconds = max(0.0, min(deadline.remaining(), threading.TIMEOUT_MAX))
        try:
            waiter.lock.acquire(timeout=seconds)
        except BaseException:
            # A signal's handler raised: what was handed over meanwhile goes to the next.
            if not self._leave(waiter):
                self.drop(waiter.connection)
            raise
        if self._leave(waiter):
            raise deadline.exceeded()
        return waiter.connection

    def _leave(self, waiter: _Waiter[Kept]) -> bool:
        """Ends a wait; whether it was in vain."""
        with self._lock:
            if not waiter.is_served:
                self._waiters.remove(waiter)
            return not waiter.is_served

    def opened(self, connection: Kept) -> None:
        """The place that `take` gave now has this connection."""
        with self._lock:
            self._open.add(connection)

    def give(self, connection: Kept) -> None:
        """Takes back a connection that can be used again."""
        old: Optional[Kept] = None
        with self._lock:
            if self._is_closed or connection not in self._open:
                self._open.discard(connection)
                old = connection
            elif self._waiters:
                self._serve(connection)
            else:
                self._idle.append(connection)
                if self._idle[0].used_at < connection.used_at - self._idle_seconds_max:
                    old = self._idle.pop(0)
                    self._open.discard(old)
                    self._places += 1
        if old is not None:
            old.close()

    def drop(self, connection: Optional[Kept]) -> None:
        """Closes a connection, if one was opened; its place is free."""
        with self._lock:
            # A connection that a fork or `close` made an end of has no place any more.
            has_place = connection is None or connection in self._open
            if connection is not None:
                self._open.discard(connection)
            if has_place:
                if self._waiters:
                    self._serve(None)
                else:
                    self._places += 1
        if connection is not None:
            connection.close()

    def reopen(self, connection: Kept) -> None:
        """Closes a connection and keeps its place, to open another."""
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def _serve(self, connection: Optional[Kept]) -> None:
        waiter = self._waiters.popleft()
        waiter.connection = connection
        waiter.is_served = True
        waiter.lock.release()

    def close(self) -> None:
        """Closes what is idle; what is in use is closed when its exchange ends."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            self._places += len(idle)
            self._open.difference_update(idle)
        for connection in idle:
            connection.close()

    def forget(self) -> None:
        """In a forked child: the connections are the parent's, which goes on with them."""
        inherited, self._open = self._open, set()
        self._begin()
        for connection in inherited:
            connection.close()

    def count(self) -> int:
        """Connections that are open now."""
        return len(self._open)


_pools: weakref.WeakSet[Pool[Any]] = weakref.WeakSet()


def _in_child() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
