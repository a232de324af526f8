from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import asyncpg

from crm.appointment_events import EVENTS_MAX, events_of

ZONE = ZoneInfo("America/Chicago")


async def test_the_steps_of_an_appointment_come_in_order_and_in_the_shops_zone(
    seeded: asyncpg.Connection,
) -> None:
    number = await seeded.fetchval(
        "SELECT appointment_id FROM appointments WHERE status = 'no_show' LIMIT 1"
    )
    first, last = await events_of(seeded, number, zone=ZONE)
    assert (first.event, last.event, last.actor) == ("confirmed", "no_show", "staff")
    assert last.at - first.at > timedelta(days=1)
    assert first.at.tzinfo is ZONE
    assert (first.detail, first.call_sid) == ("{}", None)


async def test_an_unknown_appointment_has_no_steps(seeded: asyncpg.Connection) -> None:
    assert await events_of(seeded, 10**12, zone=ZONE) == ()


async def test_a_long_story_is_cut(seeded: asyncpg.Connection) -> None:
    await seeded.execute(
        "INSERT INTO appointment_events (appointment_id, event, actor)"
        " SELECT 1, 'x', 'staff' FROM generate_series(1, 200)"
    )
    assert len(await events_of(seeded, 1, zone=ZONE)) == EVENTS_MAX
