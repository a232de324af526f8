from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from crm.addresses import Address, address_of, update_address
from crm.errors import ConflictError, InputError, NotFoundError
from crm.seed import seed_demo
from crm.verification import Fact, Means, mark_verified, verification_of

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)
HOME = Address(street="1 Main St", city="Chicago", region="IL", postcode="60614")


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, NOW)
    return connection


async def test_an_address_is_stored_in_one_form(shop: asyncpg.Connection) -> None:
    assert await address_of(shop, 1) is None
    said = Address(street=" 1  Main\nSt", city="Chicago", region="IL", postcode="6 0 6 1 4")
    assert (await update_address(shop, 1, version=1, address=said)).version == 2
    assert await address_of(shop, 1) == HOME


async def test_only_another_address_loses_its_verification(shop: asyncpg.Connection) -> None:
    await update_address(shop, 1, version=1, address=HOME)
    await mark_verified(shop, 1, Fact.ADDRESS, version=2, by=Means.STAFF, at=NOW)
    await update_address(shop, 1, version=3, address=HOME)
    assert (await verification_of(shop, 1, zone=UTC)).address is not None
    await update_address(shop, 1, version=4, address=replace(HOME, postcode="60615"))
    assert (await verification_of(shop, 1, zone=UTC)).address is None


async def test_an_old_version_and_nobody_change_nothing(shop: asyncpg.Connection) -> None:
    with pytest.raises(ConflictError):
        await update_address(shop, 1, version=7, address=HOME)
    with pytest.raises(NotFoundError):
        await update_address(shop, 10**12, version=1, address=HOME)
    with pytest.raises(NotFoundError):
        await address_of(shop, 10**12)
    assert await address_of(shop, 1) is None


@pytest.mark.parametrize("field", ["street", "city", "region", "postcode"])
@pytest.mark.parametrize("value", ["", "\0", "?" * 3, "x" * 1000])
async def test_a_part_that_cannot_be_stored_is_named(
    shop: asyncpg.Connection, field: str, value: str
) -> None:
    with pytest.raises(InputError) as caught:
        await update_address(shop, 1, version=1, address=replace(HOME, **{field: value}))
    assert caught.value.field == field
