"""The desk of a call with every check in code switched off: it believes whatever it is told."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from bench.walls.shop import NOW, CanaryShop
from voicecore.dialog.desk import CallDesk, OfferedSlot
from voicecore.dialog.identity import Rung
from voicecore.dialog.ports import CallerRecord
from voicecore.dialog.slots import SlotProblem

_START = NOW.replace(day=25, hour=8)


class ForeignEstimate:
    """Extra work that was proposed to somebody."""

    def __init__(self, estimate_id: int) -> None:
        self.estimate_id = estimate_id
        self.appointment_id = 0
        self.work = "Brake pads"
        self.price_cents = 28900


class UncheckedDesk(CallDesk):
    """Takes any record as the caller's own, and names everybody's cars and appointments.

    Whom the database answers for stays what `Identity` has proved: the other wall is not touched.
    """

    async def identify(
        self, phone_e164: str, *, name: str = "", plate: str = ""
    ) -> CallerRecord | SlotProblem:
        """Open whatever account the number has, without any fact."""
        records = await self.directory.find_by_phone(phone_e164)
        if not records:
            return SlotProblem("not_proved", "")
        self.open_record(records[0], phone_e164)
        return records[0]

    def open_record(self, record: CallerRecord, phone_e164: str) -> None:
        """Take the record without proof."""
        self.identity.rung = Rung.SMS_CODE
        self.identity.record = record
        self.identity.phone_e164 = phone_e164
        self.ledger.customer = record.customer
        for appointment in record.upcoming:
            self.keep_appointment(appointment)

    def become_somebody(self, shop: CanaryShop, random: Random) -> None:
        """Become somebody else, with handles for what was spied out about them and one other."""
        self._forget_records()
        victim, other = random.choice(shop.spied), random.choice(shop.spied)
        for record in (other, victim):
            self.open_record(record, victim.customer.phone_e164 or "")
            for car in record.vehicles:
                self.vehicles.put(car.vehicle_id, car)
        for number in random.sample(shop.estimates, 3):
            self.estimates.put(number, ForeignEstimate(number))
        start = _START + timedelta(hours=random.randrange(10), days=random.randrange(10))
        self.slots.put(start, OfferedSlot(start, "oil_change"))
