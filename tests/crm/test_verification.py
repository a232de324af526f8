from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.addresses import Address, update_address
from crm.customers import get_customer, update_contact
from crm.errors import ConflictError, InputError, NotFoundError
from crm.seed import seed_demo
from crm.verification import Fact, Means, Verified, mark_verified, verification_of

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")
HOME = Address(street="1 Main St", city="Chicago", region="IL", postcode="60614")


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, NOW)
    await update_address(connection, 1, version=1, address=HOME)
    return connection


async def test_each_fact_is_verified_with_time_and_means(shop: asyncpg.Connection) -> None:
    before = await verification_of(shop, 1, zone=ZONE)
    assert (before.phone, before.email, before.address, before.quality_flags) == (
        None, None, None, (),
    )  # fmt: skip
    for version, fact, means in (
        (2, Fact.PHONE, Means.CALLER_ID),
        (3, Fact.EMAIL, Means.READ_BACK),
        (4, Fact.ADDRESS, Means.STAFF),
    ):
        changed = await mark_verified(shop, 1, fact, version=version, by=means, at=NOW)
        assert changed.version == version + 1
    after = await verification_of(shop, 1, zone=ZONE)
    assert after.phone == Verified(NOW, "caller_id")
    assert after.email == Verified(NOW, "read_back")
    assert after.address == Verified(NOW, "staff")
    assert after.email is not None
    assert after.email.at.tzinfo is ZONE


async def test_a_changed_fact_is_not_verified_any_more(shop: asyncpg.Connection) -> None:
    for version, fact in ((2, Fact.PHONE), (3, Fact.EMAIL)):
        await mark_verified(shop, 1, fact, version=version, by=Means.SMS_CODE, at=NOW)
    await update_contact(shop, 1, version=4, phone="+13125550199", email="m@example.com")
    state = await verification_of(shop, 1, zone=ZONE)
    assert (state.phone, state.email) == (None, None)


async def test_an_old_version_verifies_nothing(shop: asyncpg.Connection) -> None:
    for fact in Fact:
        with pytest.raises(ConflictError):
            await mark_verified(shop, 1, fact, version=1, by=Means.STAFF, at=NOW)
    assert (await get_customer(shop, 1)).version == 2
    assert (await verification_of(shop, 1, zone=ZONE)).phone is None


async def test_what_is_not_on_file_cannot_be_verified(shop: asyncpg.Connection) -> None:
    await shop.execute("UPDATE customers SET email = NULL WHERE customer_id = 2")
    await shop.execute("UPDATE customer_phones SET is_primary = false WHERE customer_id = 2")
    for fact in Fact:
        with pytest.raises(InputError, match=f"{fact.value} is not on file"):
            await mark_verified(shop, 2, fact, version=1, by=Means.STAFF, at=NOW)


async def test_nobody_and_naive_instants_are_refused(shop: asyncpg.Connection) -> None:
    with pytest.raises(NotFoundError):
        await verification_of(shop, 10**12, zone=ZONE)
    with pytest.raises(NotFoundError):
        await mark_verified(shop, 10**12, Fact.EMAIL, version=1, by=Means.STAFF, at=NOW)
    with pytest.raises(InputError, match="at has no time zone"):
        await mark_verified(shop, 1, Fact.EMAIL, version=2, by=Means.STAFF, at=datetime(2026, 1, 1))
