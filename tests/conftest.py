"""Servers that tests share: one PostgreSQL and one Redis for the session, clean for every test."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import redis.asyncio
import structlog
from hypothesis import settings

from crm.migrate import migrate
from crm.seed import seed_shop
from voicecore.sandbox.postgres import EmbeddedPostgres
from voicecore.sandbox.redis import EmbeddedRedis
from voicecore.telemetry import OUR_LOGGERS

# Every run tries the same examples, so that red means changed; to look for new ones run
# `pytest --hypothesis-profile=explore`.
settings.register_profile("steady", derandomize=True, database=None)
settings.register_profile("explore", max_examples=2000, database=None)
settings.load_profile("steady")

_TEMPLATE = "shop_template"
_numbers = itertools.count(1)
_templates: set[int] = set()


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    """Undo what a test of the command line did to the process's loggers: its stderr is gone."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    levels = {logger: logger.level for logger in (root, *map(logging.getLogger, OUR_LOGGERS))}
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    for logger, level in levels.items():
        logger.setLevel(level)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's PostgreSQL; tests that kill a server start their own."""
    with EmbeddedPostgres(durable=False) as server:
        yield server


@pytest.fixture
async def postgres_dsn(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """DSN of an empty database of this test's own."""
    name = f"test_{next(_numbers)}"
    await _run(postgres, f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
    yield postgres.dsn(name)
    await _run(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def crm_dsn(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """DSN of a database of this test's own, migrated, with the small shop in it."""
    if postgres.port not in _templates:
        await _run(postgres, f"CREATE DATABASE {_TEMPLATE}")
        await migrate(postgres.dsn(_TEMPLATE))
        connection = await asyncpg.connect(postgres.dsn(_TEMPLATE), timeout=10)
        try:
            await seed_shop(connection)
        finally:
            await connection.close()
        _templates.add(postgres.port)
    name = f"test_{next(_numbers)}"
    await _run(postgres, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
    yield postgres.dsn(name)
    await _run(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    """The session's Redis; tests that kill a server start their own."""
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
async def redis_url(redis_server: EmbeddedRedis) -> str:
    """URL of a Redis without any key."""
    client = redis.asyncio.Redis.from_url(redis_server.url)
    await client.flushall()
    await client.aclose()
    return redis_server.url


async def _run(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn(), timeout=10)
    try:
        await connection.execute(statement, timeout=30)
    finally:
        await connection.close()
