from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone

import pytest

from crm.errors import InputError
from crm.instants import require_aware


def test_an_aware_instant_passes_unchanged() -> None:
    at = datetime(2026, 3, 8, 2, 30, tzinfo=timezone(timedelta(hours=-6)))
    assert require_aware(at, "at") is at
    assert require_aware(datetime.combine(at, time(), UTC), "at")


def test_a_naive_instant_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="start has no time zone"):
        require_aware(datetime(2026, 3, 8, 2, 30), "start")
