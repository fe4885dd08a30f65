"""When to try again: a call's deadline, and waits that fit into it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Callable, Optional

from .errors import DeadlineExceeded, Overloaded, TransformError, Unreachable


@dataclass(frozen=True)
class Retry:
    """How often, and after which waits, a call is tried again.

    Only what the service cannot have begun is repeated: a connection that was not made, and a 503
    with `Retry-After`. By default that goes on for as long as the call's deadline leaves time, so
    that a restart of the service costs no call. The waits are spread at random, so that clients do
    not all return at once.
    """

    #: Attempts in all; 1 never repeats, None goes on until the deadline.
    attempts: Optional[int] = None
    #: The first wait is at most this long, in seconds; each further one twice as long.
    base: float = 0.05
    #: No wait is longer, in seconds, unless the service asks for it.
    cap: float = 0.5
    #: Gives a number from 0 to 1.
    randomness: Callable[[], float] = field(default=random.random, repr=False)

    def delay(self, attempt: int, retry_after: Optional[float]) -> float:
        """Seconds to wait after the attempt of this number, from 1."""
        spread = min(self.cap, self.base * 2.0 ** min(attempt - 1, 30))
        return (retry_after or 0.0) + spread * self.randomness()


class Deadline:
    """The moment at which a call ends, whatever it does."""

    __slots__ = ("_clock", "end", "seconds")

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        if not seconds > 0:
            raise ValueError("timeout is a number of seconds above 0")
        self.seconds = seconds
        self._clock = clock
        #: The moment, on the clock.
        self.end = clock() + seconds

    def remaining(self) -> float:
        """Seconds left; below 0 when it has passed."""
        return self.end - self._clock()

    def milliseconds(self) -> int:
        """What is left, for `X-Request-Timeout-Ms`; raises when nothing is."""
        left = self.end - self._clock()
        if left <= 0:
            raise self.exceeded()
        return int(left * 1000) or 1

    def exceeded(self) -> DeadlineExceeded:
        """The error of a call whose time is over."""
        return DeadlineExceeded(f"No answer within {self.seconds:g} seconds.")


class Attempts:
    """Counts a call's attempts."""

    def __init__(self, retry: Retry, deadline: Deadline) -> None:
        self._retry = retry
        self._deadline = deadline
        #: Attempts that failed.
        self.count = 0

    def delay(self, error: TransformError) -> float:
        """Seconds to wait before the next attempt; raises the error where there is none."""
        self.count += 1
        retry_after = error.retry_after if isinstance(error, Overloaded) else None
        is_fresh = isinstance(error, Unreachable) or retry_after is not None
        if not is_fresh or self.count == self._retry.attempts:
            raise error
        delay = self._retry.delay(self.count, retry_after)
        if delay >= self._deadline.remaining():
            raise error
        return delay


def retry_after_seconds(value: Optional[str]) -> Optional[float]:
    """`Retry-After: 2` or an HTTP date -> seconds; None where it is missing or malformed."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
