from __future__ import annotations

from dataclasses import replace

import pytest

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import MARIA, THURSDAY_TWO, Car, world
from voicecore.dialog.tools.catalogue import Tool

ARGUMENTS = {"slot": "slot_3", "service": "oil_change", "vehicle": "vehicle_1"}
SAY = (
    "An oil change for your 2019 Toyota Camry on Thursday, November twenty-sixth at two p.m. "
    "Shall I book it?"
)


async def ready() -> DeskHand:
    hand = DeskHand(world())
    await hand.identify()
    await hand.offer()
    return hand


async def test_the_first_call_holds_and_reads_back() -> None:
    hand = await ready()
    assert await hand.use("book_appointment", **ARGUMENTS) == {"status": "read_back", "say": SAY}
    assert len(hand.world.schedule.holds) == 1
    assert hand.world.schedule.booked == {}
    assert hand.world.conversation.ledger.bookings == []


async def test_after_a_heard_read_back_and_a_yes_it_is_booked_once() -> None:
    hand = await ready()
    result = await hand.agree("book_appointment", **ARGUMENTS)
    assert result == {
        "status": "booked",
        "appointment": "appointment_1",
        "start": "2026-11-26T14:00:00-06:00",
        "spoken": "Thursday, November twenty-sixth at two p.m.",
        "bay": "Bay 2",
    }
    assert await hand.use("book_appointment", **ARGUMENTS) == result
    assert len(hand.world.schedule.booked) == 1
    (booking,) = hand.world.conversation.ledger.bookings
    assert (booking.start, booking.bay, booking.vehicle) == (
        THURSDAY_TWO,
        "Bay 2",
        "2019 Toyota Camry",
    )


async def test_without_the_yes_it_is_read_back_again_and_held_once() -> None:
    hand = await ready()
    for _ in range(3):
        assert (await hand.use("book_appointment", **ARGUMENTS))["say"] == SAY
    hand.say(SAY, heard=False)
    hand.hear("Yes.")
    assert (await hand.use("book_appointment", **ARGUMENTS))["status"] == "read_back"
    hand.say(SAY)
    hand.hear("No, Friday.")
    assert (await hand.use("book_appointment", **ARGUMENTS))["status"] == "read_back"
    assert hand.world.schedule.calls.count("hold") == 1
    hand.say(SAY)
    hand.hear("Yes.")
    assert (await hand.use("book_appointment", **ARGUMENTS))["status"] == "booked"


async def test_a_yes_for_one_time_does_not_book_another() -> None:
    hand = await ready()
    await hand.use("book_appointment", **ARGUMENTS)
    hand.say(SAY)
    hand.hear("Yes.")
    other = {**ARGUMENTS, "slot": "slot_1"}
    assert (await hand.use("book_appointment", **other))["status"] == "read_back"
    assert len(hand.world.schedule.holds) == 1
    assert hand.world.schedule.booked == {}


async def test_a_time_that_is_taken_brings_others() -> None:
    hand = await ready()
    hand.world.schedule.taken.add(THURSDAY_TWO)
    result = await hand.use("book_appointment", **ARGUMENTS)
    assert result["status"] == "taken"
    assert result["slots"][0]["spoken"] == "Thursday, November twenty-sixth at three p.m."


async def test_an_expired_hold_is_taken_again_for_the_same_yes() -> None:
    hand = await ready()
    await hand.use("book_appointment", **ARGUMENTS)
    hand.world.schedule.expire_all = True
    hand.say(SAY)
    hand.hear("Yes.")
    assert (await hand.use("book_appointment", **ARGUMENTS))["status"] == "booked"
    assert hand.world.schedule.calls.count("confirm") == 2


async def test_a_hold_lost_to_somebody_else_is_told() -> None:
    hand = await ready()
    await hand.use("book_appointment", **ARGUMENTS)
    hand.world.schedule.holds.clear()
    hand.say(SAY)
    hand.hear("Yes.")
    assert (await hand.use("book_appointment", **ARGUMENTS))["status"] == "taken"


async def test_a_confirmation_that_is_late_is_not_claimed_and_can_be_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Tool, "deadline_s", 0.05)
    hand = await ready()
    hand.world.schedule.confirm_delay_s = 0.5
    result = await hand.agree("book_appointment", **ARGUMENTS)
    assert result["error"] == "deadline"
    assert hand.world.conversation.ledger.bookings == []
    hand.world.schedule.confirm_delay_s = 0.0
    assert (await hand.use("book_appointment", **ARGUMENTS))["status"] == "booked"
    assert len(hand.world.schedule.booked) == 1


async def test_one_of_several_cars_must_be_named() -> None:
    second = Car(82, 2021, "Honda", "Civic", None, "1HGCM82633A004352", 9000)
    hand = DeskHand(world(replace(MARIA, vehicles=(*MARIA.vehicles, second))))
    await hand.identify()
    await hand.offer()
    result = await hand.use("book_appointment", slot="slot_1", service="oil_change")
    assert result["error"] == "vehicle_unclear"
    assert "2019 Toyota Camry or 2021 Honda Civic" in result["ask"]
    result = await hand.use("book_appointment", slot="slot_1", service="oil", vehicle="the Civic")
    assert "2021 Honda Civic" in result["say"]
    hand.say(result["say"])
    hand.hear("Yes, for the Camry.")
    result = await hand.use("book_appointment", slot="slot_1", service="oil", vehicle="the Civic")
    assert result["status"] == "read_back"


async def test_without_a_car_on_file_the_visit_is_booked_without_one() -> None:
    hand = DeskHand(world(replace(MARIA, vehicles=())))
    await hand.identify()
    await hand.offer()
    result = await hand.agree("book_appointment", slot="slot_3", service="oil_change")
    assert result["status"] == "booked"
    (entry,) = hand.world.schedule.booked.values()
    assert entry.vehicle_id is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"slot": "slot_99"}, "unknown_slot"),
        ({"service": "rocket"}, "service_unclear"),
        ({"vehicle": "vehicle_7"}, "vehicle_unclear"),
    ],
)
async def test_made_up_arguments_are_asked_back(change: dict[str, str], error: str) -> None:
    hand = await ready()
    assert (await hand.use("book_appointment", **{**ARGUMENTS, **change}))["error"] == error
    assert hand.world.schedule.holds == {}
