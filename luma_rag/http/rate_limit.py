"""Slowing down who guesses passwords."""

import time
from collections import OrderedDict, deque

from luma_rag.errors import RateLimitedError


class FailureLimit:
    """At most `limit` failures for a key within `seconds`; kept in memory, for one process."""

    _MAX_KEYS = 10_000

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, key: str) -> None:
        """Let the attempt pass, or not.

        Raises:
            RateLimitedError: too many failures; it says when the oldest of them is forgotten.
        """
        failures = self._failures.get(key)
        now = time.monotonic()
        while failures and failures[0] <= now - self._seconds:
            failures.popleft()
        if failures and len(failures) >= self._limit:
            wait = int(failures[0] + self._seconds - now) + 1
            raise RateLimitedError(
                f"Too many failed attempts. Try again in {wait} seconds.", retry_after=wait
            )

    def failed(self, key: str) -> None:
        """Count a failure."""
        self._failures.setdefault(key, deque(maxlen=self._limit)).append(time.monotonic())
        self._failures.move_to_end(key)
        if len(self._failures) > self._MAX_KEYS:
            self._failures.popitem(last=False)
