"""How a call is put together from the settings, and a whole call on the real tables."""

from __future__ import annotations

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from crm.calls import CallJournal
from crm.directory import CrmDirectory
from crm.pool import close_pool, open_pool
from crm.seed import seed_demo
from scheduler.desk import ServiceDesk
from tests.net.media_client import prepared_call
from tests.net.rig import running, until
from tests.net.test_session import booking_model, read_back

ZONE = ZoneInfo("America/Chicago")


async def test_settings_reach_the_reducer(redis_url: str) -> None:
    wishes = {"max_call_s": 120, "transfer_number": "+13125550111"}
    async with running(redis_url, clips=False, settings=wishes) as rig:
        await prepared_call(rig)
        (waiting,) = rig.parts.prepared._waiting.values()
        policy = waiting.session._state.policy
        assert policy.max_call_s == 120 and policy.can_transfer
    async with running(redis_url, clips=False) as rig:
        await prepared_call(rig)
        (waiting,) = rig.parts.prepared._waiting.values()
        policy = waiting.session._state.policy
        assert policy.max_call_s == 900 and not policy.can_transfer


@pytest.mark.parametrize(
    "hangs_up", ["after the yes", pytest.param("before the yes", marks=pytest.mark.slow)]
)
async def test_the_rows_of_a_call_that_is_cut_are_consistent(
    redis_url: str, crm_dsn: str, hangs_up: str
) -> None:
    """Cut after the yes: one confirmed appointment. Cut before: none, and the slot is free."""
    pool = await open_pool(crm_dsn)
    try:
        async with pool.acquire() as connection:
            await seed_demo(connection, datetime.now(ZONE))
        before = await pool.fetchval("SELECT count(*) FROM appointments")
        async with running(
            redis_url,
            booking_model(),
            directory=CrmDirectory(pool, zone=ZONE),
            schedule=ServiceDesk(pool, zone=ZONE),
            journal=CallJournal(pool),
        ) as rig:
            caller = rig.caller("Yes, please.")
            call = await rig.ring(caller)
            await read_back(rig, caller)
            held = await pool.fetchval("SELECT count(*) FROM appointments WHERE status = 'held'")
            assert held == 1
            if hangs_up == "after the yes":
                asked = len(rig.openai.requests)
                await caller.say("Yes, please.")
                await until(lambda: len(rig.openai.requests) > asked)
                async with asyncio.timeout(5):
                    while not rig.session(call.call_sid)._writes:
                        await asyncio.sleep(0.001)
            await caller.hang_up()
            await rig.over(call)
        rows = await pool.fetch(
            "SELECT status FROM appointments ORDER BY appointment_id DESC LIMIT 1"
        )
        after = await pool.fetchval(
            "SELECT count(*) FROM appointments WHERE status IN ('held', 'confirmed')"
        )
        if hangs_up == "after the yes":
            assert rows[0]["status"] == "confirmed" and after == before + 1
        else:
            assert rows[0]["status"] not in ("held", "confirmed") and after == before
        call_row = await pool.fetchrow(
            "SELECT outcome, ended_at FROM calls WHERE call_sid = $1", call.call_sid
        )
        assert call_row["outcome"] == "caller" and call_row["ended_at"] is not None
    finally:
        await close_pool(pool)
