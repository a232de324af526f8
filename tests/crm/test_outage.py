"""Fifty callers at once while PostgreSQL is killed and restarted under them."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from crm.directory import CrmDirectory
from crm.errors import ConflictError, DatabaseError
from crm.migrate import migrate
from crm.pool import check_health, close_pool, open_pool
from crm.seed import seed_demo
from voicecore.sandbox.postgres import EmbeddedPostgres

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)
CALLERS = 50
CONNECTIONS = 10
PEOPLE = range(101, 111)
DOWN_S, AFTER_S = 0.3, 0.7
SERVED_MAX_S = 15.0
RECOVERY_MAX_S = 2.0


class Load:
    """Callers who read and update until they are stopped, and what became of it all."""

    def __init__(self, directory: CrmDirectory, phones: dict[int, str]) -> None:
        self.directory = directory
        self.phones = phones
        self.stopped = False
        self.acknowledged: dict[int, list[int]] = defaultdict(list)
        self.unknown: Counter[int] = Counter()
        self.conflicts = 0
        self.failures: Counter[str] = Counter()
        self.last_good = [0.0] * CALLERS

    async def call(self, caller: int) -> None:
        """Read somebody, update them at the version read; once more and again."""
        chance = random.Random(caller)
        number = 0
        while not self.stopped:
            number += 1
            customer_id = chance.choice(PEOPLE)
            try:
                await self._read_and_update(customer_id, f"c{caller}n{number}@example.com")
            except DatabaseError as error:
                assert error.retryable, error
                self.failures[error.reason] += 1
                await asyncio.sleep(0.01)
            else:
                self.last_good[caller] = time.perf_counter()

    def summary(self) -> str:
        """Say in one line what the callers met."""
        acknowledged = sum(map(len, self.acknowledged.values()))
        return (
            f"{acknowledged} updates acknowledged, {self.unknown.total()} unknown,"
            f" {self.conflicts} conflicts, failures {dict(self.failures)}"
        )

    async def all_served_after(self, instant: float) -> None:
        """Wait until every caller was served after the instant of `time.perf_counter`."""
        async with asyncio.timeout(SERVED_MAX_S):
            while min(self.last_good) <= instant:
                await asyncio.sleep(0.005)

    async def _read_and_update(self, customer_id: int, email: str) -> None:
        found = await self.directory.find_by_phone(self.phones[customer_id])
        (customer,) = (one.customer for one in found if one.customer.customer_id == customer_id)
        try:
            changed = await self.directory.update_contact(
                customer_id, version=customer.version, phone_e164=None, email=email
            )
        except ConflictError:
            self.conflicts += 1
        except DatabaseError:
            self.unknown[customer_id] += 1
            raise
        else:
            assert (changed.version, changed.email) == (customer.version + 1, email)
            self.acknowledged[customer_id].append(changed.version)


async def under_load(
    server: EmbeddedPostgres, pool: asyncpg.Pool, break_and_mend: Callable[[], None]
) -> tuple[Load, float]:
    """Run the load through one outage; return it, and the seconds until all callers were back."""
    rows = await pool.fetch(
        "SELECT customer_id, phone_e164 FROM customer_phones WHERE customer_id = ANY($1::bigint[])",
        list(PEOPLE),
    )
    phones = {row["customer_id"]: row["phone_e164"] for row in rows}
    load = Load(CrmDirectory(pool, zone=UTC, clock=lambda: NOW), phones)

    async def outage() -> float:
        await load.all_served_after(0.0)
        await asyncio.to_thread(break_and_mend)
        returned = time.perf_counter()
        await load.all_served_after(returned)
        recovered_s = time.perf_counter() - returned
        await asyncio.sleep(AFTER_S)
        return recovered_s

    async def watched() -> float:
        try:
            return await outage()
        finally:
            load.stopped = True

    # Nobody's failure may cancel the others: the server would be stopped while it starts.
    recovered_s, *ends = await asyncio.gather(
        watched(), *(load.call(caller) for caller in range(CALLERS)), return_exceptions=True
    )
    assert [end for end in ends if end is not None] == []
    assert isinstance(recovered_s, float), recovered_s
    return load, recovered_s


@pytest.mark.parametrize("way", ["kill", "restart"])
async def test_an_outage_under_load_loses_no_update_and_is_over_soon(way: str) -> None:
    with EmbeddedPostgres(durable=False) as server:
        await migrate(server.dsn())
        connection = await asyncpg.connect(server.dsn(), timeout=10)
        await seed_demo(connection, NOW)
        await connection.close()
        pool = await open_pool(server.dsn(), max_size=CONNECTIONS)

        def kill_and_start() -> None:
            server.kill()
            time.sleep(DOWN_S)
            server.start()

        outage = kill_and_start if way == "kill" else server.restart
        load, recovered_s = await under_load(server, pool, outage)
        versions = dict(
            await pool.fetch(
                "SELECT customer_id, version FROM customers WHERE customer_id = ANY($1::bigint[])",
                list(PEOPLE),
            )
        )
        assert (await check_health(pool)).ok
        await close_pool(pool)
    assert recovered_s < RECOVERY_MAX_S, load.summary()
    assert load.failures.total() > 0
    for customer_id, version in versions.items():
        acknowledged = load.acknowledged[customer_id]
        assert len(set(acknowledged)) == len(acknowledged)
        written = version - 1
        assert len(acknowledged) <= written <= len(acknowledged) + load.unknown[customer_id]
    assert sum(map(len, load.acknowledged.values())) > CALLERS
