"""Instants at the border of the database: aware ones only."""

from __future__ import annotations

from datetime import datetime

from crm.errors import InputError


def require_aware(value: datetime, field: str) -> datetime:
    """Return the instant unchanged.

    Raises:
        InputError: it has no zone, so nobody can say which instant it is.
    """
    if value.tzinfo is None or value.utcoffset() is None:
        raise InputError(field, "has no time zone")
    return value
