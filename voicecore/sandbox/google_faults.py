"""What goes wrong at the stand-in for Google: on order, at random, and by its quota.

Source: Google Calendar API v3, "Handle API errors" and "Manage quotas".
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from voicecore.sandbox.google_events import GoogleFault

QUOTA_WINDOW = timedelta(minutes=1)
REASONS = {
    403: ("rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    429: ("rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    500: ("backendError", "Backend Error", "global"),
    503: ("backendError", "Backend Error", "global"),
}


class Mishap(StrEnum):
    """One way in which a request can go wrong."""

    LIMIT_403 = "403"
    LIMIT_429 = "429"
    UNAVAILABLE = "503"
    HANG = "hang"
    """No answer, nothing done."""
    LATE = "late"
    """Done at once, answered too late."""
    DROP = "drop"
    """Done, and the connection cut in place of the answer."""
    STAFF_EDIT = "staff edit"
    """A person edits the event just before a write with If-Match arrives."""


ON_WRITES_ONLY = frozenset({Mishap.LATE, Mishap.DROP})
STATUS_OF = {Mishap.LIMIT_403: 403, Mishap.LIMIT_429: 429, Mishap.UNAVAILABLE: 503}


class FaultStorm:
    """Random mishaps, the same for the same seed and order of requests, until `limit` happened.

    `rate` is the share of requests that are hit; `hang_s` has to be longer than the client waits.
    """

    def __init__(
        self,
        seed: int,
        *,
        limit: int,
        rate: float = 0.4,
        hang_s: float = 1.0,
        kinds: Sequence[Mishap] = tuple(Mishap),
    ) -> None:
        self.hang_s = hang_s
        self.happened: list[Mishap] = []
        self._random = random.Random(seed)
        self._limit = limit
        self._rate = rate
        self._kinds = tuple(kinds)

    @property
    def is_over(self) -> bool:
        """Whether all of them have happened."""
        return len(self.happened) >= self._limit

    def next(self, *, is_write: bool, is_conditional: bool) -> Mishap | None:
        """Return what happens to this request, and count it."""
        if self.is_over or self._random.random() >= self._rate:
            return None
        possible = [
            kind
            for kind in self._kinds
            if (is_write or kind not in ON_WRITES_ONLY)
            and (is_conditional or kind is not Mishap.STAFF_EDIT)
        ]
        if not possible:
            return None
        # The rarest so far: writes with If-Match are few, and every kind shall be met.
        fewest = min(self.happened.count(kind) for kind in possible)
        rarest = [kind for kind in possible if self.happened.count(kind) == fewest]
        self.happened.append(self._random.choice(rarest))
        return self.happened[-1]


class Quota:
    """So many requests in any minute; None sets no bound."""

    def __init__(self) -> None:
        self.per_minute: int | None = None
        self._times: deque[datetime] = deque()

    def spend(self, now: datetime) -> None:
        """Count one request.

        Raises:
            GoogleFault: 403 `rateLimitExceeded`, the minute is used up.
        """
        if self.per_minute is None:
            return
        while self._times and self._times[0] <= now - QUOTA_WINDOW:
            self._times.popleft()
        if len(self._times) >= self.per_minute:
            message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'."
            raise GoogleFault(403, "rateLimitExceeded", message, domain="usageLimits")
        self._times.append(now)


def ordered_fault(status: int) -> GoogleFault:
    """Return the fault that Google sends with 403 (slow down), 429, 500 or 503."""
    reason, message, domain = REASONS[status]
    return GoogleFault(status, reason, message, domain=domain)
