"""Whether somebody is to be reminded by phone, and when: one pure decision, made twice.

The same function plans the calls, answers `cli.py reminders --dry-run`, and has the last word
before a call is placed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeAlias
from zoneinfo import ZoneInfo

from crm.outbound import ReminderRow
from scheduler.reminder_hours import next_decent
from scheduler.reminder_zones import zones_of

MOST_CALLS_A_MONTH = 3
"""Reminders that one number gets within thirty days, whoever it belongs to."""


class WhyNot(StrEnum):
    """Why somebody is not rung."""

    NOT_CONFIRMED = "the appointment is not confirmed any more"
    CHANGED = "the appointment has changed since"
    NO_NUMBER = "no number on file"
    NOT_ALLOWED = "not on the allow-list"
    OPTED_OUT = "does not want to be called"
    ALREADY = "has been called"
    UNDER_WAY = "a call is under way"
    TOO_OFTEN = f"{MOST_CALLS_A_MONTH} calls in thirty days"
    NO_ZONE = "nobody knows their time zone"
    NO_HOUR = "no decent hour is left before the day"
    NOT_TOMORROW = "the appointment is not tomorrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class RingAt:
    """Ring this number at `at`, which is now or later."""

    at: datetime
    phone_e164: str


Decision: TypeAlias = RingAt | WhyNot


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRules:
    """What is decided by; `admits` is the gate's answer, `zone` is the shop's."""

    zone: ZoneInfo
    admits: Callable[[str], bool]
    most_attempts: int = 1

    def tomorrow(self, now: datetime) -> tuple[datetime, datetime]:
        """Return begin and end of the shop's tomorrow."""
        day = now.astimezone(self.zone).date() + timedelta(days=1)
        return self._midnight(day), self._midnight(day + timedelta(days=1))

    def decide(self, row: ReminderRow, now: datetime) -> Decision:
        """Say when to ring, or why not."""
        begin, end = self.tomorrow(now)
        if row.status != "confirmed":
            return WhyNot.NOT_CONFIRMED
        if not begin <= row.start < end:
            return WhyNot.NOT_TOMORROW
        refusal = self._refusal(row)
        if refusal is not None or row.phone_e164 is None:
            return refusal or WhyNot.NO_NUMBER
        zones = zones_of(row.phone_e164, row.region)
        if not zones:
            return WhyNot.NO_ZONE
        at = next_decent(now, zones, min(begin, row.start))
        if at is None:
            return WhyNot.NO_HOUR
        return RingAt(at=at, phone_e164=row.phone_e164)

    def _refusal(self, row: ReminderRow) -> WhyNot | None:
        if row.phone_e164 is None:
            return WhyNot.NO_NUMBER
        if not self.admits(row.phone_e164):
            return WhyNot.NOT_ALLOWED
        if row.opted_out:
            return WhyNot.OPTED_OUT
        if row.attempt_status in ("dialing", "answered"):
            return WhyNot.UNDER_WAY
        if row.attempt_status is not None and (
            row.attempt_status != "claimed" or row.attempts >= self.most_attempts
        ):
            return WhyNot.ALREADY
        if row.recent_calls >= MOST_CALLS_A_MONTH:
            return WhyNot.TOO_OFTEN
        return None

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(0), tzinfo=self.zone).astimezone(UTC)
