from __future__ import annotations

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import MARIA, THURSDAY_TWO, MemorySchedule, world

FRIDAY = {"from": "2026-11-27", "part_of_day": "morning"}


async def ready() -> DeskHand:
    schedule = MemorySchedule()
    schedule.add(MARIA, THURSDAY_TWO)
    hand = DeskHand(world(schedule=schedule))
    await hand.identify()
    await hand.offer(**FRIDAY)
    return hand


async def test_a_move_is_read_back_agreed_and_done_once() -> None:
    hand = await ready()
    arguments = {"appointment": "appointment_1", "slot": "slot_1"}
    first = await hand.use("reschedule_appointment", **arguments)
    assert first["say"] == (
        "Your oil change would move from Thursday, November twenty-sixth at two p.m. to Friday, "
        "November twenty-seventh at nine a.m. Shall I move it?"
    )
    hand.say(first["say"])
    hand.hear("Yes, Friday is good.")
    result = await hand.use("reschedule_appointment", **arguments)
    assert result["status"] == "rescheduled"
    assert result["spoken"] == "Friday, November twenty-seventh at nine a.m."
    assert await hand.use("reschedule_appointment", **arguments) == result
    assert hand.world.schedule.calls.count("reschedule") == 1
    review = hand.world.conversation.review
    assert (
        review("I've moved you to Friday at nine a.m.") == "I've moved you to Friday at nine a.m."
    )
    assert review("You're booked for Thursday.") == "One moment please."


async def test_a_yes_to_the_old_time_moves_nothing() -> None:
    hand = await ready()
    arguments = {"appointment": "appointment_1", "slot": "slot_1"}
    first = await hand.use("reschedule_appointment", **arguments)
    hand.say(first["say"])
    hand.hear("Yes, keep Thursday.")
    assert (await hand.use("reschedule_appointment", **arguments))["status"] == "read_back"
    assert "reschedule" not in hand.world.schedule.calls


async def test_a_time_that_is_taken_brings_others() -> None:
    hand = await ready()
    arguments = {"appointment": "appointment_1", "slot": "slot_1"}
    first = await hand.use("reschedule_appointment", **arguments)
    hand.say(first["say"])
    hand.hear("Yes.")
    hand.world.schedule.taken.add(THURSDAY_TWO.replace(day=27, hour=9))
    result = await hand.use("reschedule_appointment", **arguments)
    assert result["status"] == "taken"
    assert result["slots"]


async def test_an_appointment_can_be_moved_back() -> None:
    hand = await ready()
    await hand.agree("reschedule_appointment", appointment="appointment_1", slot="slot_1")
    await hand.agree("reschedule_appointment", appointment="appointment_1", slot="slot_2")
    result = await hand.agree("reschedule_appointment", appointment="appointment_1", slot="slot_1")
    assert result["status"] == "rescheduled"
    assert hand.world.schedule.calls.count("reschedule") == 3


async def test_a_cancellation_is_read_back_agreed_and_done_once() -> None:
    hand = await ready()
    first = await hand.use("cancel_appointment", appointment="appointment_1")
    assert first["say"] == (
        "That is your oil change on Thursday, November twenty-sixth at two p.m. Shall I cancel it?"
    )
    hand.say(first["say"])
    hand.hear("Yes, cancel it.")
    result = await hand.use("cancel_appointment", appointment="appointment_1")
    assert result["status"] == "cancelled"
    assert await hand.use("cancel_appointment", appointment="appointment_1") == result
    assert hand.world.schedule.calls.count("cancel") == 1
    said = "Your appointment on Thursday is cancelled."
    assert hand.world.conversation.review(said) == said


async def test_a_no_cancels_nothing() -> None:
    hand = await ready()
    first = await hand.use("cancel_appointment", appointment="appointment_1")
    hand.say(first["say"])
    hand.hear("No, don't cancel it.")
    await hand.use("cancel_appointment", appointment="appointment_1")
    assert "cancel" not in hand.world.schedule.calls


async def test_unknown_handles_are_asked_back() -> None:
    hand = await ready()
    unknown = await hand.use("cancel_appointment", appointment="appointment_9")
    assert unknown["error"] == "unknown_appointment"
    slot = await hand.use("reschedule_appointment", appointment="appointment_1", slot="slot_99")
    assert slot["error"] == "unknown_slot"
    nobody = DeskHand(world())
    await nobody.identify()
    result = await nobody.use("reschedule_appointment", appointment="appointment_1", slot="slot_1")
    assert result["error"] == "not_now"
    assert "find the appointment" in result["ask"]
