from __future__ import annotations

import pytest

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import (
    MARIA,
    MARIA_PHONE,
    THURSDAY_TWO,
    MemorySchedule,
    MemoryWorkshop,
    world,
)
from voicecore.dialog.reminder import Reminder


def ready(appointment_id: int = 500) -> tuple[DeskHand, MemoryWorkshop]:
    schedule, workshop = MemorySchedule(), MemoryWorkshop()
    schedule.add(MARIA, THURSDAY_TWO)
    reminder = Reminder(appointment_id=appointment_id, phone_e164=MARIA_PHONE, first_name="Maria")
    hand = DeskHand(world(schedule=schedule, workshop=workshop, reminder=reminder))
    hand.say(hand.world.conversation.greeting)
    return hand, workshop


def test_the_greeting_tells_the_first_name_and_nothing_more() -> None:
    hand, _ = ready()
    greeting = hand.world.conversation.greeting
    assert "Maria" in greeting
    assert not any(word in greeting for word in ("Lopez", "Camry", "oil", "Thursday"))


@pytest.mark.parametrize("said", ["Yes.", "Speaking.", "This is Maria.", "Yes, this is she."])
async def test_the_customer_confirms_the_visit(said: str) -> None:
    hand, workshop = ready()
    hand.hear(said)
    assert (await hand.use("note_reached", who="customer"))["name"] == "Maria Lopez"
    done = await hand.agree("confirm_visit")
    assert done["status"] == "confirmed"
    assert workshop.visits == [500]
    assert hand.world.conversation.review("You're confirmed.") == "You're confirmed."
    assert (await hand.use("confirm_visit"))["status"] == "confirmed"
    assert workshop.visits == [500]


@pytest.mark.parametrize(
    "said", ["Who is this?", "No, she is not here.", "Wrong number.", "Hello?"]
)
async def test_nobody_is_taken_for_the_customer_without_saying_so(said: str) -> None:
    hand, _ = ready()
    hand.hear(said)
    assert (await hand.use("note_reached", who="customer"))["error"] == "not_shown"
    assert (await hand.use("confirm_visit"))["error"] == "not_identified"
    assert "Lopez" not in str(hand.world.conversation.request(hand.history).messages)


@pytest.mark.parametrize("who", ["somebody_else", "machine"])
async def test_others_are_told_nothing_and_the_call_ends(who: str) -> None:
    hand, workshop = ready()
    hand.hear("You have reached the mailbox of Maria Lopez.")
    result = await hand.use("note_reached", who=who)
    assert not any(word in result["say"] for word in ("Maria", "oil", "Thursday", "appointment"))
    assert hand.last is not None
    assert hand.last.ends_call
    assert workshop.visits == []
    assert f"reminder: {who}" in hand.world.conversation.ledger.notes


async def test_an_appointment_that_is_gone_is_not_reminded_of() -> None:
    hand, _ = ready(appointment_id=999)
    hand.hear("Yes.")
    assert (await hand.use("note_reached", who="customer"))["error"] == "no_appointment"


async def test_a_caller_of_their_own_gets_no_reminder() -> None:
    hand = DeskHand(world())
    await hand.identify()
    assert (await hand.use("note_reached", who="customer"))["error"] == "not_now"
    assert (await hand.use("confirm_visit"))["error"] == "not_now"


async def test_a_confirmation_that_is_not_taken_is_no_deed() -> None:
    hand, workshop = ready()
    hand.hear("Yes.")
    await hand.use("note_reached", who="customer")
    workshop.refuses = True
    assert (await hand.agree("confirm_visit"))["error"] == "not_confirmed"
