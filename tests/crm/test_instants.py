from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from crm.errors import InputError
from crm.instants import require_aware, require_day


def test_an_aware_instant_passes_unchanged() -> None:
    at = datetime(2026, 3, 8, 2, 30, tzinfo=timezone(timedelta(hours=-6)))
    assert require_aware(at, "at") is at
    assert require_aware(datetime.combine(at, time(), UTC), "at")


def test_a_naive_instant_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="start has no time zone"):
        require_aware(datetime(2026, 3, 8, 2, 30), "start")


def test_a_day_passes_and_an_instant_does_not() -> None:
    day = date(2026, 3, 8)
    assert require_day(day, "since") is day
    for instant in (datetime(2026, 3, 8), datetime(2026, 3, 8, tzinfo=UTC)):
        with pytest.raises(InputError, match="since is an instant"):
            require_day(instant, "since")
