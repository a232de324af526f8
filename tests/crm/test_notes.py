from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.errors import InputError, NotFoundError
from crm.notes import NOTE_MAX_CHARS, append_note, notes_of
from crm.seed import seed_demo

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, NOW)
    return connection


async def test_notes_are_listed_with_the_latest_first(shop: asyncpg.Connection) -> None:
    first = await append_note(shop, 1, "Prefers mornings", author="agent", zone=ZONE)
    second = await append_note(
        shop, 1, "Rattle in front", author="Dana", zone=ZONE, vehicle_id=1, call_sid="CA1"
    )
    await append_note(shop, 2, "Other", author="agent", zone=ZONE)
    assert await notes_of(shop, 1, 10, zone=ZONE) == (second, first)
    assert await notes_of(shop, 1, 1, zone=ZONE) == (second,)
    assert (second.vehicle_id, second.call_sid, second.at.tzinfo) == (1, "CA1", ZONE)
    assert await notes_of(shop, 1, -1, zone=ZONE) == ()
    assert await notes_of(shop, 10**12, 5, zone=ZONE) == ()


async def test_a_note_is_bounded_and_filled(shop: asyncpg.Connection) -> None:
    note = await append_note(shop, 1, " x\0" + "y" * 10_000, author="a" * 500, zone=ZONE)
    assert note.text == "x" + "y" * (NOTE_MAX_CHARS - 1)
    assert len(note.author) == 100
    for text, author in (("", "a"), ("\0", "a"), (" \n", "a"), ("a", "")):
        with pytest.raises(InputError):
            await append_note(shop, 1, text, author=author, zone=ZONE)


async def test_nobody_and_another_persons_car_take_no_notes(shop: asyncpg.Connection) -> None:
    with pytest.raises(NotFoundError):
        await append_note(shop, 10**12, "x", author="a", zone=ZONE)
    for car in (2, 10**12):
        with pytest.raises(NotFoundError):
            await append_note(shop, 1, "x", author="a", zone=ZONE, vehicle_id=car)
    assert await notes_of(shop, 1, 10, zone=ZONE) == ()
