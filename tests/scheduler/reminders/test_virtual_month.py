"""Weeks of reminders: only the allowed number rings, at decent hours, once, and never after no."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import aiohttp
import asyncpg
import pytest

from crm.dataset.load import seed_database
from crm.migrate import migrate
from crm.pool import close_pool, open_pool
from tests.scheduler.reminders.virtual_month import VirtualMonth, own_zones
from voicecore.net.outbound_dialer import OutboundDialer
from voicecore.net.twilio_rest import TwilioRest
from voicecore.sandbox.twilio import TwilioSandbox

ZONE = ZoneInfo("America/Chicago")
SHOP = "+13125550100"
# One number for each kind of place, fictional throughout.
PLACES = {
    "+12125550101": "NY", "+13125550102": "IL", "+13035550103": "CO", "+16025550104": "AZ",
    "+12135550105": "CA", "+19075550106": "AK", "+18085550107": "HI", "+16715550108": "GU",
    "+17875550109": "PR", "+12085550110": None, "+12125550111": "HI",
}  # fmt: skip
SPRING, FALL = date(2027, 3, 14), date(2026, 11, 1)


@asynccontextmanager
async def a_month(
    dsn: str,
    start: datetime,
    *,
    allowed: Sequence[str],
    is_gate_open: bool = False,
    trouble: float = 0.3,
    most_attempts: int = 1,
) -> AsyncIterator[VirtualMonth]:
    pool = await open_pool(dsn, max_size=4)
    try:
        async with TwilioSandbox() as twilio, aiohttp.ClientSession() as http:
            rest = TwilioRest(
                http,
                api_base=twilio.api_base,
                account_sid=twilio.account_sid,
                auth_token=twilio.auth_token,
                from_e164=SHOP,
                allowed_numbers=tuple(allowed),
                public_base_url="https://agent.example.com",
            )
            if is_gate_open:
                open_the_gate(rest)
            yield VirtualMonth.open(
                pool,
                twilio,
                OutboundDialer(rest),
                start=start,
                zone=ZONE,
                trouble=trouble,
                most_attempts=most_attempts,
            )
    finally:
        await close_pool(pool)


def open_the_gate(rest: TwilioRest) -> None:
    """Take the gate out, at the plan and at the dial."""
    rest._allowed = Everybody()


class Everybody(frozenset[str]):
    """A list that everybody is on."""

    def __contains__(self, item: object) -> bool:
        return True


async def fill(dsn: str, first: date, days: int) -> None:
    """Put people of all places into the small shop, each with an appointment every day."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        for number, (phone, region) in enumerate(PLACES.items(), start=1):
            await connection.execute(
                "INSERT INTO customers (customer_id, first_name, last_name, region)"
                " VALUES ($1, 'Ann', $2, $3)",
                number,
                f"Of {region}",
                region,
            )
            await connection.execute(
                "INSERT INTO customer_phones (customer_id, phone_e164, is_primary)"
                " VALUES ($1, $2, true)",
                number,
                phone,
            )
            await connection.execute(
                "INSERT INTO bays (bay_id, name, bay_type) VALUES ($1, $2, 'lift')",
                100 + number,
                f"Bay {100 + number}",
            )
        # Staggered, as nobody wants three calls a week.
        rows = [
            (number, datetime(day.year, day.month, day.day, 6 + number, tzinfo=ZONE))
            for offset in range(days)
            for day in [first + timedelta(days=offset)]
            for number in range(1, len(PLACES) + 1)
            if (offset + number) % 2 == 0
        ]
        await connection.executemany(
            "INSERT INTO appointments (customer_id, service_code, bay_id, status, during)"
            " VALUES ($1::bigint, 'oil_change', (100 + $1::bigint)::integer, 'confirmed',"
            " tstzrange($2, $2::timestamptz + interval '1 hour'))",
            rows,
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("day", [SPRING, FALL])
async def test_around_a_change_of_clocks_everybody_is_rung_at_decent_hours_once(
    crm_dsn: str, day: date
) -> None:
    await fill(crm_dsn, day - timedelta(days=1), 4)
    start = datetime(day.year, day.month, day.day, tzinfo=ZONE) - timedelta(days=2)
    async with a_month(crm_dsn, start.astimezone(UTC), allowed=list(PLACES)) as month:
        await month.run(month.clock.now + timedelta(days=5))
        calls = list(month.dialer.seen.values())
        assert await month.violations(list(PLACES)) == []
        assert month.deaths >= 2
        # All places but the one where eight o'clock here is past nine there are reached.
        assert len({call.to for call in calls}) >= len(PLACES) - 1
        open_attempts = await month.pool.fetchval(
            "SELECT count(*) FROM outbound_attempts WHERE status NOT IN ('done', 'failed')"
        )
        assert open_attempts == 0


async def test_without_the_gate_the_check_fails(crm_dsn: str) -> None:
    await fill(crm_dsn, SPRING, 2)
    allowed = ["+13125550102"]
    start = datetime(2027, 3, 13, tzinfo=ZONE).astimezone(UTC)
    async with a_month(crm_dsn, start, allowed=allowed, is_gate_open=True) as month:
        await month.run(month.clock.now + timedelta(days=2))
        found = await month.violations(allowed)
        assert found and all(entry.startswith("stranger") for entry in found)


async def test_with_the_gate_only_the_allowed_number_rings(crm_dsn: str) -> None:
    await fill(crm_dsn, SPRING, 2)
    allowed = ["+13125550102"]
    start = datetime(2027, 3, 13, tzinfo=ZONE).astimezone(UTC)
    async with a_month(crm_dsn, start, allowed=allowed) as month:
        await month.run(month.clock.now + timedelta(days=2))
        assert {call.to for call in month.dialer.seen.values()} == set(allowed)
        assert await month.violations(allowed) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("day", [SPRING, FALL])
@pytest.mark.parametrize("is_gate_open", [False, True])
async def test_a_month_of_the_full_dataset(
    postgres_dsn: str, day: date, is_gate_open: bool
) -> None:
    begin = day - timedelta(days=15)
    await migrate(postgres_dsn)
    await seed_database(postgres_dsn, begin, ZONE)
    connection = await asyncpg.connect(postgres_dsn, timeout=10)
    try:
        allowed = await connection.fetch(
            "SELECT p.phone_e164 FROM appointments a JOIN customer_phones p USING (customer_id)"
            " WHERE a.status = 'confirmed' AND p.is_primary AND lower(a.during) > $1"
            " ORDER BY lower(a.during) LIMIT 1",
            datetime(begin.year, begin.month, begin.day, tzinfo=ZONE) + timedelta(days=2),
        )
        people = await connection.fetchval("SELECT count(*) FROM customers")
        due = await connection.fetchval(
            "SELECT count(*) FROM appointments WHERE status = 'confirmed'"
            " AND lower(during) BETWEEN $1 AND $1 + interval '30 days'",
            datetime(begin.year, begin.month, begin.day, tzinfo=ZONE),
        )
    finally:
        await connection.close()
    numbers = [row["phone_e164"] for row in allowed]
    assert people == 10_000 and due > 500
    start = datetime(begin.year, begin.month, begin.day, tzinfo=ZONE).astimezone(UTC)
    async with a_month(postgres_dsn, start, allowed=numbers, is_gate_open=is_gate_open) as month:
        # Everybody is rung only in the days around the change of clocks.
        if is_gate_open:
            month.clock.now = start + timedelta(days=10)
        await month.run(start + timedelta(days=20 if is_gate_open else 30))
        calls = list(month.dialer.seen.values())
        found = await month.violations(numbers)
        if not is_gate_open:
            assert found == []
            assert {call.to for call in calls} == set(numbers)
            return
        # The same month shows that the gate is what kept everybody else quiet, and that nothing
        # else goes wrong when a thousand people in all zones are rung.
        assert len(calls) > 200 and month.deaths > 20
        assert found and {entry.split()[0] for entry in found} == {"stranger"}
        zones = {zone.key for call in calls for zone in own_zones(call.to, None)}
        assert {"America/New_York", "America/Denver", "America/Los_Angeles"} <= zones
