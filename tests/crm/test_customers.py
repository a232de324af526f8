from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from crm.customers import create_customer, get_customer, update_contact
from crm.errors import ConflictError, InputError, NotFoundError
from crm.seed import seed_demo
from crm.sound import sound_key


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, datetime(2026, 11, 24, 20, tzinfo=UTC))
    return connection


async def test_a_person_is_stored_with_sound_and_primary_number(shop: asyncpg.Connection) -> None:
    async with shop.transaction():
        made = await create_customer(
            shop, first_name="Zoë", last_name="O'Hara", phone="3125550191", email="z@Example.com"
        )
    assert made == await get_customer(shop, made.customer_id)
    assert (made.phone_e164, made.email, made.version) == ("+13125550191", "z@example.com", 1)
    sounds = await shop.fetchrow(
        "SELECT first_name_sound, last_name_sound FROM customers WHERE customer_id = $1",
        made.customer_id,
    )
    assert tuple(sounds) == (sound_key("Zoë"), sound_key("O'Hara"))


async def test_a_change_names_the_version_that_it_is_based_on(shop: asyncpg.Connection) -> None:
    changed = await update_contact(shop, 1, version=1, phone=None, email="m@example.com")
    assert (changed.version, changed.email) == (2, "m@example.com")
    with pytest.raises(ConflictError):
        await update_contact(shop, 1, version=1, phone=None, email="n@example.com")
    with pytest.raises(InputError, match="contact is empty"):
        await update_contact(shop, 1, version=2, phone=None, email=None)
    assert await get_customer(shop, 1) == changed


async def test_nobody_is_not_found(shop: asyncpg.Connection) -> None:
    with pytest.raises(NotFoundError):
        await get_customer(shop, 10**12)
