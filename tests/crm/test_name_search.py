"""People found by a name as it was heard, over the demonstration's people."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from crm.customers import create_customer
from crm.name_search import FOUND_MAX, customers_by_name, hear_names
from crm.seed import seed_demo

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, NOW)
    return connection


async def names(shop: asyncpg.Connection, last_name: str, **filters: str) -> list[str]:
    found = await customers_by_name(shop, last_name, **filters)
    return [f"{match.first_name} {match.last_name}" for match in found]


async def add(shop: asyncpg.Connection, *people: str) -> None:
    for place, name in enumerate(people):
        first, last = name.split(" ", 1)
        async with shop.transaction():
            await create_customer(
                shop, first_name=first, last_name=last, phone=f"+1872555{100 + place:04d}"
            )


@pytest.mark.parametrize("heard", ["O'Brien", "obrien", "O BRIAN", "O’Bryan"])
async def test_every_spelling_of_a_name_finds_its_owner(
    shop: asyncpg.Connection, heard: str
) -> None:
    assert await names(shop, heard) == ["Sean O'Brien"]


async def test_marks_and_scripts_do_not_hide_a_name(shop: asyncpg.Connection) -> None:
    assert await names(shop, "Nguyen") == ["Linh Nguyễn"]
    assert await names(shop, "dubois clark") == ["Renée Dubois-Clark"]
    await add(shop, "李 雷")
    assert await names(shop, "雷") == ["李 雷"]


async def test_the_closest_spelling_comes_first(shop: asyncpg.Connection) -> None:
    await add(shop, "Ann Smyth", "Ann Schmidt", "Ann Smith", "Anne Smith", "Bob Smith")
    assert await names(shop, "Smith") == [
        "Ann Smith", "Anne Smith", "Bob Smith", "Ann Smyth", "Ann Schmidt",
    ]  # fmt: skip
    assert await names(shop, "Smyth", first_name="ann") == [
        "Ann Smyth", "Ann Smith", "Anne Smith", "Ann Schmidt",
    ]  # fmt: skip
    found = await customers_by_name(shop, "Smith", first_name="Ann")
    assert [match.slips for match in found] == [0, 1, 1, 4]


async def test_a_nickname_still_finds_everybody_of_the_last_name(shop: asyncpg.Connection) -> None:
    await add(shop, "Robert Quill", "Gerda Quill")
    assert sorted(await names(shop, "Quill", first_name="Bob")) == ["Gerda Quill", "Robert Quill"]


async def test_filters_narrow_the_namesakes(shop: asyncpg.Connection) -> None:
    assert await names(shop, "Chen") == ["Wei Chen", "Wei Chen"]
    (by_phone,) = await customers_by_name(shop, "Chen", phone_suffix="01-78")
    (by_plate,) = await customers_by_name(shop, "Chen", plate="WC 9O214")
    assert by_phone.customer_id == by_plate.customer_id == 5
    await shop.execute("UPDATE customers SET postcode = 'K1A 0B1' WHERE customer_id = 4")
    (by_postcode,) = await customers_by_name(shop, "Chen", postcode="k1a")
    assert by_postcode.customer_id == 4
    assert await names(shop, "Chen", plate="WC90214", phone_suffix="0163") == []


async def test_a_filter_without_anything_to_filter_by_is_none(shop: asyncpg.Connection) -> None:
    assert len(await names(shop, "Chen", phone_suffix="no digits")) == 2
    assert await names(shop, "Chen", plate="") == []
    assert len(await names(shop, "Chen", postcode=" ")) == 2


@pytest.mark.parametrize("name", ["", "'", "\0", "%", "_", "Zzyzx"])
async def test_a_name_that_nobody_has_finds_nobody(shop: asyncpg.Connection, name: str) -> None:
    assert await names(shop, name) == []


async def test_a_common_name_brings_a_bounded_answer(shop: asyncpg.Connection) -> None:
    await add(shop, *(f"{chr(65 + at % 26)}a{chr(97 + at // 26)} Moss" for at in range(30)))
    assert len(await names(shop, "Moss")) == FOUND_MAX


async def test_names_without_a_sound_get_one_once(shop: asyncpg.Connection) -> None:
    await shop.execute("UPDATE customers SET first_name_sound = NULL, last_name_sound = NULL")
    everybody = await shop.fetchval("SELECT count(*) FROM customers")
    assert await names(shop, "Lopez") == []
    assert await hear_names(shop) == everybody
    assert await names(shop, "Lopes") == ["Maria Lopez"]
    assert await hear_names(shop) == 0
