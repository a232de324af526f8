"""A pool and single connections on this test's own shop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from crm.pool import close_pool, open_pool


@pytest.fixture
async def pool(crm_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of at most four connections to the shop."""
    opened = await open_pool(crm_dsn, max_size=4)
    yield opened
    await close_pool(opened)


@pytest.fixture
async def connection(crm_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection to the shop."""
    opened = await asyncpg.connect(crm_dsn, timeout=10)
    yield opened
    await opened.close()
