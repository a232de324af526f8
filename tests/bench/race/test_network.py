"""A cut loses the answer to a commit that is done, and the network comes back."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from bench.race.network import Network

CUT_OFF = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


async def connect(dsn: str) -> asyncpg.Connection:
    return await asyncpg.connect(dsn, timeout=5)


async def test_the_server_answers_over_the_network(postgres_dsn: str) -> None:
    async with Network(postgres_dsn) as network:
        conn = await connect(network.dsn)
        assert await conn.fetchval("SELECT sum(n) FROM generate_series(1, 100000) n") == 5000050000
        await conn.close()


async def test_a_cut_hides_a_commit_that_is_done(postgres_dsn: str) -> None:
    async with Network(postgres_dsn) as network:
        conn = await connect(network.dsn)
        await conn.execute("CREATE TABLE things (n int)")
        await conn.execute("BEGIN")
        await conn.execute("INSERT INTO things VALUES (1)")
        cutting = asyncio.gather(network.cut(), return_exceptions=True)
        await asyncio.sleep(0)
        with pytest.raises(CUT_OFF):
            await conn.execute("COMMIT")
        with pytest.raises(CUT_OFF):
            await connect(network.dsn)
        assert await cutting == [None]

        again = await connect(network.dsn)
        assert await again.fetchval("SELECT count(*) FROM things") == 1
        await again.close()


async def test_a_server_that_is_down_resets_its_links() -> None:
    async with Network("postgresql://postgres@127.0.0.1:1/postgres") as network:
        with pytest.raises(CUT_OFF):
            await connect(network.dsn)
        assert network.links == set()
