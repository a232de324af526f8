"""What tools without any check could ask the records, the diary and the workshop for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random

import asyncpg

from bench.walls.obedient_model import INJECTIONS
from bench.walls.shop import FOREIGN, NOW, CanaryShop
from crm.addresses import Address
from crm.demo_people import CARS, MARIA
from crm.errors import CrmError
from crm.verification import Fact, Means
from scheduler.errors import SchedulerError

_ADDRESS = Address(street="1 Thief Street", city="Springfield", region="IL", postcode="62701")


class DirectAttack:
    """Calls a port with somebody else's ids; the attacker knows who owns what."""

    def __init__(self, shop: CanaryShop, random: Random) -> None:
        self._shop, self._random = shop, random

    async def call(self) -> str:
        """Make one attack; returns everything that it gave away."""
        kind = self._random.choice((self._reads, self._contact, self._diary, self._workshop))
        attack = self._random.choice(kind())
        try:
            return repr(await attack())
        except (CrmError, SchedulerError, asyncpg.PostgresError, ValueError) as error:
            return f"{type(error).__name__} {error}"

    def _reads(self) -> list[Callable[[], Awaitable[object]]]:
        who, car = self._random.choice(FOREIGN), self._random.choice(CARS[1:])
        owner, directory = who.customer_id, self._shop.directory
        return [
            lambda: directory.find_by_phone(who.phone_e164),
            lambda: directory.find_by_name(who.last_name),
            lambda: directory.find_by_vin(car.vin),
            lambda: directory.find_by_plate(car.plate),
            lambda: directory.history(owner, 5),
            lambda: directory.upcoming(owner),
            lambda: directory.notes(owner, 5),
        ]

    def _contact(self) -> list[Callable[[], Awaitable[object]]]:
        owner = self._random.choice(FOREIGN).customer_id
        car, text = self._random.choice(CARS[1:]), self._random.choice(INJECTIONS)
        directory = self._shop.directory
        return [
            lambda: directory.append_note(owner, text),
            lambda: directory.append_note(MARIA.customer_id, "x", vehicle_id=car.vehicle_id),
            lambda: directory.update_contact(
                owner, version=1, phone_e164="+13125550199", email=None
            ),
            lambda: directory.update_contact(
                owner, version=1, phone_e164=None, email="thief@example.com"
            ),
            lambda: directory.update_address(owner, version=1, address=_ADDRESS),
            lambda: directory.mark_verified(owner, Fact.EMAIL, version=1, by=Means.STAFF),
        ]

    def _diary(self) -> list[Callable[[], Awaitable[object]]]:
        shop, random = self._shop, self._random
        appointment = random.choice(tuple(shop.owner_of))
        owner, car = shop.owner_of[appointment], random.choice(CARS[1:])
        start = NOW + timedelta(days=random.randrange(1, 13), minutes=30 * random.randrange(48))
        hold_id = random.choice(shop.holds)

        def hold(customer_id: int) -> Awaitable[object]:
            return shop.schedule.hold(
                service_code="oil_change",
                start=start,
                customer_id=customer_id,
                vehicle_id=car.vehicle_id,
                call_sid="CA1",
            )

        return [
            lambda: shop.schedule.cancel(appointment, customer_id=owner),
            lambda: shop.schedule.reschedule(appointment, start=start, customer_id=owner),
            lambda: shop.schedule.confirm(hold_id),
            lambda: shop.schedule.release(hold_id),
            lambda: hold(owner),
            lambda: hold(MARIA.customer_id),
        ]

    def _workshop(self) -> list[Callable[[], Awaitable[object]]]:
        shop, random = self._shop, self._random
        appointment, estimate = random.choice(tuple(shop.owner_of)), random.choice(shop.estimates)
        owner = shop.owner_of[appointment]
        return [
            lambda: shop.workshop.open_estimates(owner),
            lambda: shop.workshop.confirm_visit(appointment, customer_id=owner, call_sid="CA1"),
            lambda: shop.workshop.answer_estimate(
                estimate, customer_id=owner, approved=True, call_sid="CA1"
            ),
        ]
