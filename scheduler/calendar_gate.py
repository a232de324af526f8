"""Holds calendar jobs back while Google cannot take them, and lets one through to find out.

Theory of operation: a rate limit, silence three times in a row, or a problem of the account closes
the gate. Whoever comes then waits inside, holding its job and with it one of the few places of the
queue, so that the others are not woken in vain. When the pause is over one of those who wait goes
through as a trial; its success opens the gate for all, its failure closes it for longer.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from scheduler.calendar_trouble import GoogleRefusal, Trouble, trouble_of
from scheduler.errors import CalendarError

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 3.0
# A setting that somebody has to mend need not be tried often.
ACCOUNT_PAUSE_S = 15.0
# One lost answer is no outage.
SILENCES_TOLERATED = 2
REPEAT_LOG_S = 900.0
# So that a worker with wrong keys does not sit on the jobs that another one could do.
LONGEST_WAIT_S = 30.0


class CalendarGate:
    """One for every process; `passage` is the way through.

    The longest pause bounds how long after an outage the first job is done. A longer wait that
    Google itself asks for is kept.
    """

    def __init__(
        self,
        *,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
        account_pause_s: float = ACCOUNT_PAUSE_S,
        longest_wait_s: float = LONGEST_WAIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self.account_pause_s = account_pause_s
        self._longest_wait_s = longest_wait_s
        self._clock = clock
        self._is_dismissed = False
        self._is_closed = False
        self._opens_at = 0.0
        self._pauses = 0
        self._silences = 0
        self._has_trial = False
        self._changed = asyncio.Event()
        self._problem = ""
        self._trouble = Trouble.UNAVAILABLE
        self._logged = ("", 0.0)

    @property
    def is_closed(self) -> bool:
        """Whether jobs are held back."""
        return self._is_closed

    @property
    def problem(self) -> str:
        """The error that closed it; empty while it is open."""
        return self._problem if self._is_closed else ""

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """Wait until Google may be asked; what the block raises says how it went.

        Raises:
            CalendarError: it stayed closed for too long, or the worker stops; nothing was asked.
        """
        is_trial = await self._enter()
        try:
            yield
        except CalendarError as error:
            self._note(error)
            raise
        else:
            self._open()
        finally:
            if is_trial:
                self._has_trial = False
                self._wake()

    def dismiss(self) -> None:
        """Send away those who wait, now and later: the worker stops."""
        self._is_dismissed = True
        self._wake()

    async def _enter(self) -> bool:
        """Return whether this one is the trial."""
        gives_up_at = self._clock() + self._longest_wait_s
        while self._is_closed:
            now = self._clock()
            if self._is_dismissed:
                raise GoogleRefusal("the worker stops", trouble=Trouble.CONFLICT)
            if now >= self._opens_at and not self._has_trial:
                self._has_trial = True
                return True
            if now >= gives_up_at:
                raise GoogleRefusal(f"held back: {self._problem}", trouble=self._trouble)
            until = gives_up_at if self._has_trial else min(self._opens_at, gives_up_at)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(until - now, 0.0)):
                    await self._changed.wait()
        return False

    def _note(self, error: CalendarError) -> None:
        match trouble_of(error):
            case Trouble.CONFLICT | Trouble.REFUSED:
                # Google is there and answers.
                self._open()
            case Trouble.UNAVAILABLE:
                self._silences += 1
                if self._is_closed or self._silences > SILENCES_TOLERATED:
                    self._close(error, self._growing_pause_s())
            case Trouble.THROTTLED:
                asked_s = error.retry_after_s if isinstance(error, GoogleRefusal) else None
                self._close(error, max(self._growing_pause_s(), asked_s or 0.0))
            case Trouble.ACCOUNT:
                self._close(error, self.account_pause_s)

    def _growing_pause_s(self) -> float:
        ceiling_s = min(self._longest_pause_s, self._first_pause_s * 2.0 ** min(self._pauses, 16))
        return random.uniform(ceiling_s / 2, ceiling_s)

    def _close(self, error: CalendarError, pause_s: float) -> None:
        # Those who were inside already when it closed do not make it longer.
        if self._is_closed and not self._has_trial and self._clock() < self._opens_at:
            return
        self._is_closed = True
        self._pauses += 1
        self._opens_at = self._clock() + pause_s
        self._problem, self._trouble = str(error), trouble_of(error)
        text, logged_at = self._logged
        # A right that only some requests lack opens and closes the gate in turn: say it once.
        if text != self._problem or self._clock() > logged_at + REPEAT_LOG_S:
            self._logged = (self._problem, self._clock())
            level = logging.ERROR if self._trouble is Trouble.ACCOUNT else logging.WARNING
            log.log(level, "calendar_held_back", extra={"reason": self._problem})

    def _open(self) -> None:
        self._silences = 0
        self._pauses = 0
        if self._is_closed:
            self._is_closed = False
            self._problem = ""
            log.info("calendar_back")
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
