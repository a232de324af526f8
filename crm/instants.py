"""Instants and days at the border of the database: aware instants, and days that are days."""

from __future__ import annotations

from datetime import date, datetime

from crm.errors import InputError


def require_aware(value: datetime, field: str) -> datetime:
    """Return the instant unchanged.

    Raises:
        InputError: it has no zone, so nobody can say which instant it is.
    """
    if value.tzinfo is None or value.utcoffset() is None:
        raise InputError(field, "has no time zone")
    return value


def require_day(value: date, field: str) -> date:
    """Return the day unchanged.

    Raises:
        InputError: it is an instant, whose day depends on the zone.
    """
    if isinstance(value, datetime):
        raise InputError(field, "is an instant, not a day")
    return value
