"""What the schema itself refuses, whoever writes."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACTIVE = ("held", "confirmed", "checked_in", "in_progress")
OVER = ("done", "cancelled", "no_show", "rescheduled")

INSERT = """
INSERT INTO appointments (customer_id, service_code, bay_id, technician_id, status, during,
                          hold_expires_at)
VALUES (1, 'oil_change', $1, $2, $3, tstzrange($4, $5, $6), $7) RETURNING appointment_id
"""


@pytest.fixture(autouse=True)
async def customer(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO customers (customer_id, first_name, last_name) VALUES (1, 'Ann', 'Case')"
    )


async def book(connection: asyncpg.Connection, **wanted: Any) -> int:
    row = {"bay": 1, "technician": None, "status": "confirmed", "start": NINE, "end": NINE + HOUR}
    row |= {"bounds": "[)", "expires": NINE} | wanted
    order = ("bay", "technician", "status", "start", "end", "bounds", "expires")
    number: int = await connection.fetchval(INSERT, *(row[name] for name in order))
    return number


async def test_two_cars_cannot_be_in_one_bay(connection: asyncpg.Connection) -> None:
    for day, (first, second) in enumerate(itertools.product(ACTIVE, repeat=2)):
        start = NINE + timedelta(days=day)
        await book(connection, status=first, start=start, end=start + HOUR)
        with pytest.raises(asyncpg.ExclusionViolationError) as caught:
            await book(connection, status=second, start=start + HOUR / 2, end=start + 2 * HOUR)
        assert caught.value.constraint_name == "appointments_bay_free"


async def test_slots_that_touch_do_not_clash(connection: asyncpg.Connection) -> None:
    await book(connection)
    await book(connection, start=NINE + HOUR, end=NINE + 2 * HOUR)
    await book(connection, start=NINE - HOUR, end=NINE)


async def test_another_bay_is_free_at_the_same_time(connection: asyncpg.Connection) -> None:
    await book(connection, bay=1)
    await book(connection, bay=2)


async def test_an_appointment_that_is_over_frees_its_bay(connection: asyncpg.Connection) -> None:
    for status in OVER:
        await book(connection, status=status)
    await book(connection)


STEPS = {
    "held": {"confirmed", "cancelled"},
    "confirmed": {
        "checked_in", "in_progress", "done", "cancelled", "no_show", "rescheduled",
    },
    "checked_in": {"in_progress", "done", "cancelled"},
    "in_progress": {"done"},
}  # fmt: skip


async def test_an_appointment_goes_only_forward(connection: asyncpg.Connection) -> None:
    change = "UPDATE appointments SET status = $2 WHERE appointment_id = $1"
    for old, new in itertools.permutations((*ACTIVE, *OVER), 2):
        number = await book(connection, status=old)
        if new in STEPS.get(old, ()):
            await connection.execute(change, number, new)
        else:
            with pytest.raises(asyncpg.CheckViolationError) as caught:
                await connection.execute(change, number, new)
            assert caught.value.constraint_name == "appointments_life_cycle"
        await connection.execute("DELETE FROM appointments")


async def test_writing_the_same_status_again_is_no_step(connection: asyncpg.Connection) -> None:
    number = await book(connection, status="cancelled")
    await connection.execute(
        "UPDATE appointments SET status = 'cancelled', notes = 'x' WHERE appointment_id = $1",
        number,
    )


async def test_a_moved_appointment_has_one_successor_that_is_younger(
    connection: asyncpg.Connection,
) -> None:
    old = await book(connection, status="rescheduled")
    first, second = await book(connection, bay=1), await book(connection, bay=2)
    move = "UPDATE appointments SET rescheduled_from = $2 WHERE appointment_id = $1"
    await connection.execute(move, first, old)
    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        await connection.execute(move, second, old)
    assert caught.value.constraint_name == "appointments_one_successor"
    for not_older in (second, second + 1):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute(move, second, not_older)
        assert refused.value.constraint_name == "appointments_successor_is_younger"


async def test_a_reminder_is_claimed_once_per_version(connection: asyncpg.Connection) -> None:
    number = await book(connection)
    claim = (
        "INSERT INTO outbound_attempts (appointment_id, appointment_version, kind, phone_e164)"
        " VALUES ($1, $2, $3, '+13125550101')"
    )
    for version, kind in ((1, "day_before"), (2, "day_before"), (1, "hour_before")):
        await connection.execute(claim, number, version, kind)
        with pytest.raises(asyncpg.UniqueViolationError) as caught:
            await connection.execute(claim, number, version, kind)
        assert caught.value.constraint_name == "outbound_attempts_once"


async def test_a_day_takes_no_more_labour_than_it_has(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO day_capacity (day, labour_minutes) VALUES ('2026-12-01', 100)"
    )
    add = "UPDATE day_capacity SET booked_minutes = booked_minutes + $1"
    await connection.execute(add, 100)
    for too_much in (1, -101):
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(add, too_much)


async def test_a_check_names_its_means_and_flags_are_no_null(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute(
        "INSERT INTO customer_phones (customer_id, phone_e164) VALUES (1, '+13125550101')"
    )
    for table, what in (
        ("customers", "email_verified_at = now()"),
        ("customers", "address_verified_at = now()"),
        ("customer_phones", "verified_at = now()"),
        ("customers", "quality_flags = ARRAY[NULL]::text[]"),
        ("customers", "postcode = repeat('1', 17)"),
    ):
        # A CHECK lets NULL pass, so each of these has to be seen to fail.
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(f"UPDATE {table} SET {what}")


async def test_a_technician_cannot_be_in_two_bays(connection: asyncpg.Connection) -> None:
    await book(connection, bay=1, technician=1)
    await book(connection, bay=2, technician=2)
    with pytest.raises(asyncpg.ExclusionViolationError) as caught:
        await book(connection, bay=3, technician=1)
    assert caught.value.constraint_name == "appointments_technician_free"


NO_TIMES: tuple[dict[str, Any], ...] = (
    {"end": NINE},
    {"start": None},
    {"end": None},
    {"bounds": "[]"},
    {"bounds": "()"},
    {"end": NINE + timedelta(hours=25)},
    {"start": datetime.min.replace(tzinfo=UTC)},
)


async def test_a_time_that_is_no_time_is_refused(connection: asyncpg.Connection) -> None:
    for wanted in NO_TIMES:
        with pytest.raises(asyncpg.CheckViolationError):
            await book(connection, **wanted)


async def test_endless_instants_are_refused(connection: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "INSERT INTO appointments (customer_id, service_code, bay_id, status, during)"
            " VALUES (1, 'oil_change', 1, 'confirmed', '[2026-12-01 09:00+00, infinity)')"
        )


async def test_a_hold_must_expire_and_a_status_must_be_known(
    connection: asyncpg.Connection,
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await book(connection, status="held", expires=None)
    with pytest.raises(asyncpg.CheckViolationError):
        await book(connection, status="maybe")


async def test_every_appointment_has_an_idempotency_key_of_its_own(
    connection: asyncpg.Connection,
) -> None:
    first = await book(connection)
    await book(connection, bay=2)
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(
            "UPDATE appointments SET hold_id = (SELECT hold_id FROM appointments"
            " WHERE appointment_id = $1)",
            first,
        )
    with pytest.raises(asyncpg.NotNullViolationError):
        await connection.execute("UPDATE appointments SET hold_id = NULL")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE appointment_events SET event = 'other'",
        "DELETE FROM appointment_events",
        "TRUNCATE appointment_events",
        "UPDATE appointment_events SET event = 'other' WHERE false",
    ],
)
async def test_events_can_only_be_added(connection: asyncpg.Connection, change: str) -> None:
    number = await book(connection)
    await connection.execute(
        "INSERT INTO appointment_events (appointment_id, event, actor)"
        " VALUES ($1, 'booked', 'agent')",
        number,
    )
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(change)
    assert await connection.fetchval("SELECT event FROM appointment_events") == "booked"


async def test_history_keeps_an_appointment_from_being_deleted(
    connection: asyncpg.Connection,
) -> None:
    number = await book(connection)
    await connection.execute(
        "INSERT INTO appointment_events (appointment_id, event, actor)"
        " VALUES ($1, 'booked', 'agent')",
        number,
    )
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute("DELETE FROM appointments")


async def test_a_person_has_one_primary_number_and_two_may_share_one(
    connection: asyncpg.Connection,
) -> None:
    add = "INSERT INTO customer_phones (customer_id, phone_e164, is_primary) VALUES ($1, $2, $3)"
    await connection.execute(add, 1, "+13125550101", True)
    await connection.execute(add, 1, "+13125550102", False)
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(add, 1, "+13125550103", True)
    await connection.execute(
        "INSERT INTO customers (customer_id, first_name, last_name) VALUES (2, 'Bo', 'Case')"
    )
    await connection.execute(add, 2, "+13125550101", True)


async def test_only_e164_is_stored(connection: asyncpg.Connection) -> None:
    for phone in ("3125550101", "+0125550101", "+1", "+1 312", "anonymous", ""):
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO customer_phones (customer_id, phone_e164) VALUES (1, $1)", phone
            )
