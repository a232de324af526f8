"""A shop with three lifts, three people and a fixed clock, in a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.pool import close_pool, open_pool
from scheduler.desk import ServiceDesk
from scheduler.google_calendar import CalendarAccess
from scheduler.jobs import JobQueue
from voicecore.sandbox.google import GoogleSandbox

ZONE = ZoneInfo("America/Chicago")
# Far ahead, so that what the database calls now is always before it; a Tuesday.
NOW = datetime(2030, 6, 4, 7, 0, tzinfo=ZONE)
NINE = datetime(2030, 6, 5, 9, 0, tzinfo=ZONE)
SERVICE = "brake_inspection"


@dataclass(frozen=True, slots=True)
class ShopFloor:
    """What the tests of this folder stand on."""

    dsn: str
    pool: asyncpg.Pool

    def desk(self, **options: Any) -> ServiceDesk:
        return ServiceDesk(self.pool, zone=ZONE, clock=lambda: NOW, **options)

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(query, *arguments)]

    async def overlaps(self) -> int:
        """Count pairs of active appointments that share a bay and a time."""
        count = await self.pool.fetchval(
            """
            SELECT count(*) FROM appointments a JOIN appointments b
                ON a.bay_id = b.bay_id AND a.appointment_id < b.appointment_id
                AND a.during && b.during
            WHERE a.status IN ('held', 'confirmed') AND b.status IN ('held', 'confirmed')
            """
        )
        assert isinstance(count, int)
        return count

    async def events_of(self, appointment_id: int) -> list[str]:
        rows = await self.rows(
            "SELECT event FROM appointment_events WHERE appointment_id = $1 ORDER BY event_id",
            appointment_id,
        )
        return [row["event"] for row in rows]

    async def book(self, desk: ServiceDesk, start: datetime = NINE, customer_id: int = 1) -> Any:
        outcome = await desk.hold(
            service_code=SERVICE,
            start=start,
            customer_id=customer_id,
            vehicle_id=customer_id,
            call_sid="CA0001",
        )
        assert outcome.hold is not None
        return await desk.confirm(outcome.hold.hold_id)


@pytest.fixture
async def floor(crm_dsn: str) -> AsyncIterator[ShopFloor]:
    pool = await open_pool(crm_dsn, min_size=1, max_size=20)
    await pool.execute("INSERT INTO bays (bay_id, name, bay_type) VALUES (6, 'Bay 6', 'lift')")
    # So that as many people as lifts can do the service of these tests.
    await pool.execute("INSERT INTO technician_skills VALUES (3, 'brakes')")
    for number in (1, 2, 3):
        await pool.execute(
            "INSERT INTO customers (customer_id, first_name, last_name) VALUES ($1, $2, 'Lopez')",
            number,
            f"Maria {number}",
        )
        await pool.execute(
            """
            INSERT INTO vehicles (vehicle_id, customer_id, year, make, model, vin)
            VALUES ($1, $1, 2019, 'Toyota', 'Camry', $2)
            """,
            number,
            f"{number:017d}",
        )
    yield ShopFloor(crm_dsn, pool)
    await close_pool(pool)


@pytest.fixture
async def google() -> AsyncIterator[GoogleSandbox]:
    async with GoogleSandbox(zone=ZONE) as sandbox:
        yield sandbox


@pytest.fixture
def access(google: GoogleSandbox) -> CalendarAccess:
    return CalendarAccess(
        calendar_id=google.calendar_id,
        client_id=google.client_id,
        client_secret=google.client_secret,
        refresh_token=google.refresh_token,
        api_root=google.api_root,
        token_url=google.token_url,
        timeout_s=2.0,
    )


@pytest.fixture
async def jobs(floor: ShopFloor) -> JobQueue:
    queue = JobQueue(floor.pool)
    await queue.install()
    return queue


def hours(count: float) -> timedelta:
    return timedelta(hours=count)
