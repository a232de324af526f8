"""No text in any field breaks a query: it is found, stored, or refused with an error of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.addresses import Address
from crm.directory import CrmDirectory
from crm.errors import ConflictError, DatabaseError, InputError, NotFoundError
from crm.seed import seed_demo
from crm.verification import Fact, Means

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 14, tzinfo=ZONE)
WRITTEN = [
    "'; DROP TABLE customers; --", '" OR ""="', "Robert'); DELETE FROM customers;--", "$1", "$$",
    "%s %(x)s {0} {x!r}", "\\'; SELECT pg_sleep(10); --", "%", "_", "%%%_\\", "\\", "\0", "a\0b",
    "\ud800", "\udfff\ud800", "\u202eyadnoM", "مرحبا بالعالم", "שלום", "e\u0301" * 500, "🚗" * 300,
    "x" * 10_240, "'" * 10_240, "\U0010ffff", "\ufeff", "NULL", "null", "-1", "1e309", "\r\n\t\v",
    "{1,2}", "ARRAY[1]", "\\x00", "U&'\\0000'", "ﬀ" * 200, "İ" * 100, "ß" * 200,
]  # fmt: skip
TEXT = (
    st.sampled_from(WRITTEN)
    | st.text(st.characters(), max_size=60)
    | st.text("'\"\\%_;-$0(){}\0\ud800\u202e", max_size=40)
    | st.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", min_size=8, max_size=17)
)
REFUSED = (InputError, NotFoundError, ConflictError)
QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
async def directory(pool: asyncpg.Pool, connection: asyncpg.Connection) -> CrmDirectory:
    await seed_demo(connection, NOW)
    return CrmDirectory(pool, zone=ZONE, clock=lambda: NOW)


async def answered(query: Awaitable[object]) -> object:
    """Return what came back, or the error where it is one that refuses a value."""
    try:
        async with asyncio.timeout(5):
            return await query
    except REFUSED as error:
        return error


@QUICK
@given(last=TEXT, first=st.none() | TEXT, plate=st.none() | TEXT, postcode=st.none() | TEXT,
       suffix=st.none() | TEXT)  # fmt: skip
async def test_no_text_breaks_the_search_by_name(
    directory: CrmDirectory,
    last: str,
    first: str | None,
    plate: str | None,
    postcode: str | None,
    suffix: str | None,
) -> None:
    found = await directory.find_by_name(
        last, first_name=first, plate=plate, postcode=postcode, phone_suffix=suffix
    )
    assert len(found) <= 20


@QUICK
@given(TEXT)
async def test_no_text_breaks_the_other_searches(directory: CrmDirectory, text: str) -> None:
    for query in (directory.find_by_phone, directory.find_by_vin, directory.find_by_plate):
        assert len(await query(text)) <= 20


@pytest.mark.parametrize("text", ["%", "_", "%%", "________", "_" * 17, "%7421%", "BK_4219"])
async def test_wildcards_match_nothing_but_themselves(directory: CrmDirectory, text: str) -> None:
    assert await directory.find_by_name(text) == ()
    assert await directory.find_by_vin(text) == ()
    assert await directory.find_by_plate(text.replace("7421", "")) == ()
    assert await directory.find_by_name("Lopez", postcode=text) == ()


@QUICK
@given(first=TEXT, last=TEXT, phone=TEXT)
async def test_no_text_breaks_the_adding_of_people(
    directory: CrmDirectory, first: str, last: str, phone: str
) -> None:
    await answered(directory.create_customer(first_name=first, last_name=last, phone_e164=phone))
    made = await answered(
        directory.create_customer(first_name=first, last_name=last, phone_e164="+13125550193")
    )
    if not isinstance(made, InputError):
        found = await directory.find_by_phone("+13125550193")
        assert made in [record.customer for record in found] or len(found) == 20


@QUICK
@given(email=st.none() | TEXT, phone=st.none() | TEXT, version=st.integers(1, 3))
async def test_no_text_breaks_a_change_of_contact(
    directory: CrmDirectory, email: str | None, phone: str | None, version: int
) -> None:
    await answered(directory.update_contact(3, version=version, phone_e164=phone, email=email))


@QUICK
@given(street=TEXT, city=TEXT, region=TEXT, postcode=st.just("60614") | TEXT)
async def test_no_text_breaks_a_change_of_address(
    directory: CrmDirectory, street: str, city: str, region: str, postcode: str
) -> None:
    address = Address(street=street, city=city, region=region, postcode=postcode)
    version = (await directory.find_by_phone("+13125550142"))[0].customer.version
    changed = await answered(directory.update_address(1, version=version, address=address))
    assert isinstance(changed, InputError) or getattr(changed, "version", 0) == version + 1


@QUICK
@given(text=TEXT, author=TEXT, call_sid=st.none() | TEXT)
async def test_no_text_breaks_a_note(
    directory: CrmDirectory, text: str, author: str, call_sid: str | None
) -> None:
    note = await answered(directory.append_note(1, text, author=author, call_sid=call_sid))
    if not isinstance(note, InputError):
        assert note in await directory.notes(1, 1)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200])
async def test_a_key_that_no_row_can_have_is_a_typed_error(
    directory: CrmDirectory, number: int
) -> None:
    queries: list[Awaitable[object]] = [
        directory.history(number, 5),
        directory.upcoming(number),
        directory.spend(number),
        directory.verification(number),
        directory.notes(number, 5),
        directory.append_note(number, "x"),
        directory.mark_verified(1, Fact.EMAIL, version=number, by=Means.STAFF),
        directory.update_contact(number, version=1, phone_e164=None, email="a@example.com"),
    ]
    for query in queries:
        with pytest.raises(DatabaseError) as caught:
            await query
        assert not caught.value.retryable


@pytest.mark.parametrize("number", [0, -1, 2**62])
async def test_a_key_that_no_row_has_finds_nothing(directory: CrmDirectory, number: int) -> None:
    assert await directory.history(number, 5) == ()
    assert await directory.upcoming(number) == ()
    assert (await directory.spend(number)).total is None
    assert await directory.notes(number, 5) == ()
    for query in (directory.verification(number), directory.append_note(number, "x")):
        assert isinstance(await answered(query), NotFoundError)


async def test_after_all_that_the_people_are_still_there(
    directory: CrmDirectory, connection: asyncpg.Connection
) -> None:
    before = await connection.fetchval("SELECT count(*) FROM customers")
    for text in WRITTEN:
        await directory.find_by_name(text, first_name=text, plate=text, postcode=text)
        for query in (directory.find_by_phone, directory.find_by_vin, directory.find_by_plate):
            await query(text)
        await answered(directory.append_note(1, text, author=text, call_sid=text))
    assert await connection.fetchval("SELECT count(*) FROM customers") == before
