from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from crm.seed import seed_demo
from crm.vehicles import FOUND_MAX, vehicles_by_plate, vehicles_by_vin, vehicles_of
from crm.vin import with_check_digit

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, NOW)
    return connection


async def add_car(shop: asyncpg.Connection, plate: str, serial: int) -> int:
    vin = with_check_digit(f"1HGCR2F30LA{serial:06d}")
    added: int = await shop.fetchval(
        "INSERT INTO vehicles (customer_id, year, make, model, plate, vin)"
        " VALUES (1, 2020, 'Honda', 'Accord', $1, $2) RETURNING vehicle_id",
        plate,
        vin,
    )
    return added


async def test_cars_come_by_owner_and_newest_first(shop: asyncpg.Connection) -> None:
    assert [car.vehicle_id for car in await vehicles_of(shop, [6, 1])] == [1, 6, 7]
    assert await vehicles_of(shop, []) == ()


async def test_a_vin_finds_its_car_however_it_is_written(shop: asyncpg.Connection) -> None:
    (camry,) = await vehicles_of(shop, [1])
    spaced = " ".join(camry.vin.lower())
    assert await vehicles_by_vin(shop, camry.vin) == (camry,)
    assert await vehicles_by_vin(shop, spaced.replace("1", "i").replace("0", "o")) == (camry,)


async def test_the_last_eight_find_every_car_that_ends_so(shop: asyncpg.Connection) -> None:
    (camry,) = await vehicles_of(shop, [1])
    assert await vehicles_by_vin(shop, camry.vin[-8:].lower()) == (camry,)
    twin = with_check_digit("2T3P1RFV0" + camry.vin[9:])
    await shop.execute(
        "INSERT INTO vehicles (customer_id, year, make, model, vin)"
        " VALUES (2, 2019, 'Toyota', 'RAV4', $1)",
        twin,
    )
    found = await vehicles_by_vin(shop, camry.vin[-8:])
    assert [car.vin for car in found] == [camry.vin, twin]


@pytest.mark.parametrize("vin", ["", "KU12345", "4T1B11HK0KU1234567", "%" * 8, "\0" * 17])
async def test_another_length_finds_no_car(shop: asyncpg.Connection, vin: str) -> None:
    assert await vehicles_by_vin(shop, vin) == ()


@pytest.mark.parametrize("said", ["BK74219", "bk-742 19", "8K742I9", "BK7 4 2 1 9", "BK7A219"])
async def test_a_plate_is_found_through_signs_and_confusable_letters(
    shop: asyncpg.Connection, said: str
) -> None:
    found = await vehicles_by_plate(shop, said)
    assert [car.plate for car in found] == (["BK74219"] if "A" not in said else [])


async def test_the_plate_as_said_comes_before_those_that_look_alike(
    shop: asyncpg.Connection,
) -> None:
    for serial, plate in enumerate(("B0", "8O", "BO", "80")):
        await add_car(shop, plate, serial)
    for said in ("BO", "80", "8o", "b 0"):
        found = [car.plate for car in await vehicles_by_plate(shop, said)]
        assert found[0] == said.upper().replace(" ", "")
        assert sorted(str(plate) for plate in found) == ["80", "8O", "B0", "BO"]


@pytest.mark.parametrize("plate", ["", "-", "%", "_______", "\0", "ÄÖÜ", "'; --"])
async def test_what_is_no_plate_finds_no_car(shop: asyncpg.Connection, plate: str) -> None:
    assert await vehicles_by_plate(shop, plate) == ()


async def test_a_plate_in_many_states_brings_a_bounded_answer(shop: asyncpg.Connection) -> None:
    for serial in range(FOUND_MAX + 5):
        await add_car(shop, "GR8CAR", serial)
    assert len(await vehicles_by_plate(shop, "GR8 CAR")) == FOUND_MAX
