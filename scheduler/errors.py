"""Every error that the scheduler raises on purpose.

SchedulerError
├── UnknownServiceError     a service code that the shop does not have
├── UnknownHolidaysError    a country, or a part of one, whose public holidays nobody knows
├── UnknownRecordError      a customer, vehicle or other row that does not exist
├── ScheduleUnavailableError  the database did not answer in time, or not at all
└── CalendarError           Google Calendar refused or did not answer

A slot that is taken, or a hold that has expired, is an answer and not an error.
"""

from __future__ import annotations


class SchedulerError(Exception):
    """Root of the tree; never raised itself."""


class UnknownServiceError(SchedulerError):
    """The shop has no such service, or no longer offers it."""

    def __init__(self, service_code: str) -> None:
        super().__init__(service_code)
        self.service_code = service_code

    def __str__(self) -> str:
        return f"unknown service {self.service_code!r}"


class UnknownHolidaysError(SchedulerError):
    """The public holidays of this country, or of this part of it, are not known.

    `subdivision` None: the country itself is the unknown one.
    """

    def __init__(self, country: str, subdivision: str | None) -> None:
        super().__init__(country, subdivision)
        self.country = country
        self.subdivision = subdivision

    def __str__(self) -> str:
        part = "" if self.subdivision is None else f", part {self.subdivision!r}"
        return f"unknown public holidays: country {self.country!r}{part}"


class UnknownRecordError(SchedulerError):
    """A booking names a row that does not exist; `constraint` is the broken foreign key."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint

    def __str__(self) -> str:
        return f"no such row: {self.constraint}"


class ScheduleUnavailableError(SchedulerError):
    """The database failed; `unknown_outcome` means that a write may have been done."""

    def __init__(self, action: str, reason: str, *, unknown_outcome: bool) -> None:
        super().__init__(action, reason, unknown_outcome)
        self.action = action
        self.reason = reason
        self.unknown_outcome = unknown_outcome

    def __str__(self) -> str:
        outcome = "outcome unknown" if self.unknown_outcome else "nothing done"
        return f"schedule: {self.action}: {self.reason} ({outcome})"


class CalendarError(SchedulerError):
    """Google Calendar failed; `retryable` says whether the same again can succeed.

    `status` is the HTTP status (None: no answer), `reason` Google's word for it, `advice` what an
    engineer can do about it (empty: nothing but wait).
    """

    def __init__(
        self, reason: str, *, retryable: bool, status: int | None = None, advice: str = ""
    ) -> None:
        super().__init__(reason, retryable, status, advice)
        self.reason = reason
        self.retryable = retryable
        self.status = status
        self.advice = advice

    def __str__(self) -> str:
        text = f"google calendar: {self.reason} (status {self.status}, retryable {self.retryable})"
        return f"{text}: {self.advice}" if self.advice else text
