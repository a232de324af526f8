"""The directory over the demonstration's people, and what tries to break it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.directory import CallerRecord, CrmDirectory
from crm.errors import ConflictError, DatabaseError, InputError, NotFoundError
from crm.pool import close_pool, open_pool
from crm.seed import seed_demo
from voicecore.sandbox.postgres import EmbeddedPostgres

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 14, tzinfo=ZONE)
MARIA = "+13125550142"
ATTACKS = (
    "'; DROP TABLE customers; --",
    "\" OR 1=1 --",
    "Robert'); DELETE FROM customers;--",
    "$1",
    "%s %(x)s {}",
    "\\'; SELECT pg_sleep(10); --",
    "O'Brien-Smith",
)  # fmt: skip


@pytest.fixture
async def directory(pool: asyncpg.Pool, connection: asyncpg.Connection) -> CrmDirectory:
    await seed_demo(connection, NOW)
    return CrmDirectory(pool, zone=ZONE, clock=lambda: NOW)


async def only(directory: CrmDirectory, phone: str) -> CallerRecord:
    (record,) = await directory.find_by_phone(phone)
    return record


async def test_a_caller_comes_with_car_and_last_visits(directory: CrmDirectory) -> None:
    record = await only(directory, MARIA)
    assert (record.customer.first_name, record.customer.last_name) == ("Maria", "Lopez")
    assert record.customer.phone_e164 == MARIA
    (car,) = record.vehicles
    assert (car.year, car.make, car.model) == (2019, "Toyota", "Camry")
    assert [visit.service_name for visit in record.visits][:2] == ["Oil change", "Brake inspection"]
    assert record.visits[0].on_date == date(2026, 3, 4)
    assert record.visits[0].cost_cents == 6995
    assert record.upcoming == ()


async def test_every_spelling_of_a_number_finds_its_owner(directory: CrmDirectory) -> None:
    for text in ("(312) 555-0142", "3125550142", "+1 312-555-0142"):
        assert (await only(directory, text)).customer.last_name == "Lopez"


async def test_a_shared_number_brings_everybody_with_their_own_car(directory: CrmDirectory) -> None:
    found = await directory.find_by_phone("+13125550117")
    assert [record.customer.last_name for record in found] == ["O'Brien", "Nguyễn"]
    assert [record.vehicles[0].model for record in found] == ["F-150", "Civic"]
    assert [len(record.visits) for record in found] == [1, 2]


async def test_namesakes_are_told_apart_by_number(directory: CrmDirectory) -> None:
    one = await only(directory, "+13125550163")
    other = await only(directory, "+13125550178")
    assert one.customer.first_name == other.customer.first_name == "Wei"
    assert one.customer.customer_id != other.customer.customer_id


async def test_a_number_that_names_nobody_finds_nobody(directory: CrmDirectory) -> None:
    for phone in ("+13125550199", "anonymous", "+266696687", "911", "", *ATTACKS):
        assert await directory.find_by_phone(phone) == ()
    assert (await only(directory, MARIA)).customer.customer_id == 1


async def test_what_is_booked_comes_in_the_shops_zone_and_without_what_is_over(
    directory: CrmDirectory, connection: asyncpg.Connection
) -> None:
    add = (
        "INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, status, during,"
        " hold_expires_at) VALUES (1, 1, 'oil_change', 1, $1, tstzrange($2, $3), $2)"
    )
    for days, status in ((-1, "done"), (-2, "confirmed"), (30, "confirmed"), (31, "cancelled"),
                         (32, "held"), (0, "in_progress")):  # fmt: skip
        start = NOW + timedelta(days=days, minutes=-10)
        await connection.execute(add, status, start, start + timedelta(minutes=45))
    record = await only(directory, MARIA)
    assert [item.status for item in record.upcoming] == ["in_progress", "confirmed"]
    booked = record.upcoming[1]
    assert booked.start.tzinfo is ZONE
    assert booked.start == NOW + timedelta(days=30, minutes=-10)
    assert booked.end - booked.start == timedelta(minutes=45)
    assert (booked.service_name, booked.bay_name) == ("Oil change", "Bay 1")


async def test_history_is_limited_and_newest_first(directory: CrmDirectory) -> None:
    assert [visit.mileage for visit in await directory.history(1, 2)] == [54100, 49800]
    assert len(await directory.history(1, 10**9)) == 4
    assert await directory.history(1, 0) == ()
    assert await directory.history(1, -5) == ()
    assert await directory.history(10**12, 5) == ()


async def test_a_new_number_becomes_primary_and_the_old_one_still_finds_them(
    directory: CrmDirectory,
) -> None:
    before = (await only(directory, MARIA)).customer
    after = await directory.update_contact(
        before.customer_id, version=before.version, phone_e164="(312) 555-0150", email=None
    )
    assert (after.phone_e164, after.email) == ("+13125550150", before.email)
    assert after.version == before.version + 1
    assert (await only(directory, MARIA)).customer == after
    assert (await only(directory, "+13125550150")).customer == after
    back = await directory.update_contact(
        before.customer_id, version=after.version, phone_e164=MARIA, email="Maria@EXAMPLE.com"
    )
    assert (back.phone_e164, back.email) == (MARIA, "Maria@example.com")


async def test_an_update_on_an_old_version_changes_nothing(directory: CrmDirectory) -> None:
    await directory.update_contact(1, version=1, phone_e164=None, email="new@example.com")
    with pytest.raises(ConflictError) as caught:
        await directory.update_contact(
            1, version=1, phone_e164="+13125550151", email="old@example.com"
        )
    assert (caught.value.key, caught.value.version) == (1, 1)
    assert (await only(directory, MARIA)).customer.email == "new@example.com"
    assert await directory.find_by_phone("+13125550151") == ()


async def test_of_racing_updates_exactly_one_wins(directory: CrmDirectory) -> None:
    results = await asyncio.gather(
        *(
            directory.update_contact(1, version=1, phone_e164=f"+1312555016{n}", email=None)
            for n in range(8)
        ),
        return_exceptions=True,
    )
    wins = [result for result in results if not isinstance(result, BaseException)]
    losses = [result for result in results if isinstance(result, BaseException)]
    assert len(wins) == 1
    assert all(isinstance(loss, ConflictError) for loss in losses)
    assert (await only(directory, MARIA)).customer == wins[0]


async def test_nobody_cannot_be_updated(directory: CrmDirectory) -> None:
    with pytest.raises(NotFoundError):
        await directory.update_contact(10**6, version=1, phone_e164=None, email="a@example.com")


async def test_contacts_that_are_none_are_refused_before_the_database(
    directory: CrmDirectory,
) -> None:
    await directory.update_contact(1, version=1, phone_e164=None, email="new@example.com")
    for text in ("", *ATTACKS, None):
        for phone, email in ((text, None), (None, text)):
            with pytest.raises(InputError):
                await directory.update_contact(1, version=2, phone_e164=phone, email=email)
    assert (await only(directory, MARIA)).customer.version == 2


async def test_any_name_is_stored_as_it_is(directory: CrmDirectory) -> None:
    for place, name in enumerate((*ATTACKS, "Zoë", "李雷", "d'Àlba-Ø")):
        phone = f"+1872555{100 + place:04d}"
        made = await directory.create_customer(first_name=name, last_name=name, phone_e164=phone)
        found = (await only(directory, phone)).customer
        assert found == made
        assert (found.first_name, found.last_name) == (name, name)


async def test_the_same_person_is_added_once_however_often_and_at_once(
    directory: CrmDirectory,
) -> None:
    made = await asyncio.gather(
        *(
            directory.create_customer(first_name=first, last_name="Moss", phone_e164="3125550189")
            for first in ("Ada", "ADA", " ada ") * 3
        )
    )
    assert len({customer.customer_id for customer in made}) == 1
    other = await directory.create_customer(
        first_name="Ben", last_name="Moss", phone_e164="3125550189"
    )
    found = await directory.find_by_phone("+13125550189")
    assert [record.customer.customer_id for record in found] == [
        made[0].customer_id,
        other.customer_id,
    ]


async def test_a_switchboard_brings_a_bounded_answer(
    directory: CrmDirectory, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO customer_phones (customer_id, phone_e164)"
        " SELECT customer_id, '+13125550100' FROM customers"
    )
    assert len(await directory.find_by_phone("+13125550100")) == 20


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.text(st.characters(), max_size=30), phone=st.text(st.characters(), max_size=20))
async def test_no_text_breaks_a_query(directory: CrmDirectory, first: str, phone: str) -> None:
    await directory.find_by_phone(phone)
    try:
        made = await directory.create_customer(
            first_name=first, last_name="Case", phone_e164="+13125550190"
        )
    except InputError:
        return
    found = await directory.find_by_phone("+13125550190")
    assert made in [record.customer for record in found] or len(found) == 20


async def test_a_database_that_goes_away_is_a_typed_error_and_comes_back() -> None:
    with EmbeddedPostgres(durable=False) as server:
        pool = await open_pool(server.dsn(), max_size=2)
        directory = CrmDirectory(pool, zone=UTC)
        server.kill()
        with pytest.raises(DatabaseError) as caught:
            await directory.find_by_phone(MARIA)
        assert caught.value.retryable
        server.start()
        with pytest.raises(DatabaseError, match="42P01"):  # reached again, though it has no tables
            await directory.find_by_phone(MARIA)
        await close_pool(pool)
