"""A pool and single connections on this test's own shop, small or with the full dataset."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import date
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.dataset.build import Dataset, build_dataset
from crm.dataset.load import load_dataset
from crm.migrate import migrate
from crm.pool import close_pool, open_pool
from voicecore.sandbox.postgres import EmbeddedPostgres

# A Tuesday two days before Thanksgiving.
TODAY = date(2026, 11, 24)
ZONE = ZoneInfo("America/Chicago")

_TEMPLATE = "dataset_template"
_numbers = itertools.count(1)
_templates: set[int] = set()


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


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """The full dataset around `TODAY`, as rows; nobody may change them."""
    return build_dataset(TODAY, ZONE)


@pytest.fixture
async def seeded_dsn(postgres: EmbeddedPostgres, dataset: Dataset) -> AsyncIterator[str]:
    """DSN of a database of this test's own with the full dataset in it."""
    if postgres.port not in _templates:
        await _run(postgres, f"CREATE DATABASE {_TEMPLATE}")
        await migrate(postgres.dsn(_TEMPLATE))
        opened = await asyncpg.connect(postgres.dsn(_TEMPLATE), timeout=10)
        try:
            await load_dataset(opened, dataset)
        finally:
            await opened.close()
        _templates.add(postgres.port)
    name = f"seeded_{next(_numbers)}"
    await _run(postgres, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
    yield postgres.dsn(name)
    await _run(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def seeded(seeded_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection to this test's own full dataset."""
    opened = await asyncpg.connect(seeded_dsn, timeout=10)
    yield opened
    await opened.close()


async def _run(server: EmbeddedPostgres, statement: str) -> None:
    opened = await asyncpg.connect(server.dsn(), timeout=10)
    try:
        await opened.execute(statement, timeout=60)
    finally:
        await opened.close()
