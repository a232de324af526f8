"""When the shop is open, and how that is said."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from crm.pool import close_pool, open_pool
from scheduler.opening_times import OpeningTimes

ZONE = ZoneInfo("America/Chicago")
HOURS = """
DELETE FROM opening_hours; DELETE FROM special_hours;
INSERT INTO opening_hours (weekday, opens, closes) SELECT d, '08:00', '18:00'
  FROM generate_series(1, 5) d;
INSERT INTO opening_hours (weekday, opens, closes) VALUES
  (6, '08:30', '12:00'), (6, '13:00', '15:00');
INSERT INTO special_hours (day, opens, closes) VALUES ('2026-11-26', '09:00', '11:00');
"""
CHRISTMAS = frozenset({datetime(2026, 12, 25).date(), datetime(2026, 11, 26).date()})


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-24 08:00", True),
        ("2026-11-24 07:59", False),
        ("2026-11-24 17:59", True),
        ("2026-11-24 18:00", False),
        ("2026-11-28 12:30", False),
        ("2026-11-28 14:59", True),
        ("2026-11-29 10:00", False),
        ("2026-11-26 10:00", True),
        ("2026-11-26 12:00", False),
        ("2026-12-25 10:00", False),
        ("2026-11-01 09:00", False),
        ("2026-11-02 08:30", True),
    ],
)
async def test_the_hours_of_the_day_count(crm_dsn: str, at: str, is_open: bool) -> None:
    pool = await open_pool(crm_dsn, max_size=1)
    await pool.execute(HOURS)
    times = OpeningTimes(pool, ZONE, CHRISTMAS)
    await times.refresh()
    moment = datetime.fromisoformat(at).replace(tzinfo=ZONE)
    assert times.is_open(moment) is is_open
    assert times.is_open(moment.astimezone(ZoneInfo("Asia/Tokyo"))) is is_open
    await close_pool(pool)


async def test_the_week_is_one_sentence(crm_dsn: str) -> None:
    pool = await open_pool(crm_dsn, max_size=1)
    times = OpeningTimes(pool, ZONE)
    assert times.in_words() == ""
    await pool.execute(HOURS)
    await times.refresh()
    assert times.in_words() == (
        "We are open Monday to Friday from 8 a.m. to 6 p.m., Saturday from 8:30 a.m. to 12 p.m. and"
        " from 1 p.m. to 3 p.m.; closed on Sunday."
    )
    await close_pool(pool)


async def test_a_shop_whose_hours_are_not_known_counts_as_open(crm_dsn: str) -> None:
    pool = await open_pool(crm_dsn, max_size=1)
    times = OpeningTimes(pool, ZONE)
    night = datetime(2026, 11, 24, 3, tzinfo=ZONE)
    assert times.is_open(night)
    await pool.execute("DELETE FROM opening_hours")
    await times.refresh()
    assert times.is_open(night) and times.in_words() == ""
    await close_pool(pool)
    await times.refresh()
    assert times.is_open(night)
