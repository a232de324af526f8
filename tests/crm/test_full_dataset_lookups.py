"""The queries over ten thousand people: whoever is on file is found by everything that is known."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.directory import CrmDirectory
from crm.person_name import read_name
from crm.plate import read_plate
from crm.pool import close_pool, open_pool
from crm.postcode import read_postcode
from crm.problem import Problem
from crm.vin_repair import VinReading, repair_vin, said_alike
from crm.wmi import is_known_maker

ZONE = ZoneInfo("America/Chicago")
SAMPLE = 150
_PEOPLE = "SELECT customer_id, first_name, last_name, postcode FROM customers ORDER BY customer_id"
_CARS = "SELECT customer_id, vin, plate FROM vehicles ORDER BY vehicle_id"
_LOOK_ALIKE = str.maketrans("0185BISZ2O", "OIBS815220")


@pytest.fixture
async def directory(seeded_dsn: str) -> AsyncIterator[CrmDirectory]:
    opened = await open_pool(seeded_dsn)
    yield CrmDirectory(opened, zone=ZONE)
    await close_pool(opened)


async def test_people_are_found_by_number_name_car_and_plate(
    directory: CrmDirectory, seeded: asyncpg.Connection
) -> None:
    chance = random.Random(3)
    for car in chance.sample(await seeded.fetch(_CARS), SAMPLE):
        owner = car["customer_id"]
        searches = [directory.find_by_vin(car["vin"]), directory.find_by_vin(car["vin"][-8:])]
        if car["plate"] is not None:
            searches += [
                directory.find_by_plate(car["plate"]),
                directory.find_by_plate(car["plate"].translate(_LOOK_ALIKE)),
            ]
        for search in searches:
            assert owner in [record.customer.customer_id for record in await search]
    for person in chance.sample(await seeded.fetch(_PEOPLE), SAMPLE):
        found = await directory.find_by_name(
            person["last_name"], first_name=person["first_name"], postcode=person["postcode"]
        )
        assert person["customer_id"] in [record.customer.customer_id for record in found]


async def test_spend_of_the_cars_adds_up_to_spend_of_their_owner(
    directory: CrmDirectory, seeded: asyncpg.Connection
) -> None:
    chance = random.Random(4)
    spenders = await seeded.fetch(
        "SELECT customer_id, sum(cost_cents) AS cents FROM service_history GROUP BY customer_id"
    )
    for spender in chance.sample(spenders, SAMPLE):
        report = await directory.spend(spender["customer_id"])
        assert report.total is not None
        assert report.total.cents == spender["cents"]
        assert sum(spend.cents for spend in report.on_vehicles) == report.total.cents


async def test_everything_on_file_passes_its_own_reader(seeded: asyncpg.Connection) -> None:
    for person in await seeded.fetch(_PEOPLE):
        for field in ("first_name", "last_name"):
            assert read_name(person[field], field) == person[field]
        if person["postcode"] is not None:
            assert not isinstance(read_postcode(person["postcode"]), Problem)
    for car in await seeded.fetch(_CARS):
        assert is_known_maker(car["vin"])
        assert car["plate"] is None or read_plate(" ".join(car["plate"])) == car["plate"]


async def test_the_owners_cars_mend_one_misheard_letter(seeded: asyncpg.Connection) -> None:
    chance = random.Random(5)
    for car in chance.sample(await seeded.fetch(_CARS), 1000):
        meant = car["vin"]
        at = chance.choice([at for at in range(17) if said_alike(meant[at])])
        heard = f"{meant[:at]}{chance.choice(said_alike(meant[at]))}{meant[at + 1 :]}"
        found = repair_vin(heard, latest_year=2027, on_file=[meant])
        assert isinstance(found, VinReading)
        assert (found.vin, found.repaired, found.confirm) == (meant, (at + 1,), (at + 1,))
