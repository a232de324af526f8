"""What the agent does while no model answers: true, useful, and made from the state of the call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import NOW, SHOP, Kept, world
from voicecore.call.history import ToolUsed
from voicecore.dialog import phrases
from voicecore.dialog.scripted import MOST_IN_A_ROW, ScriptedAnswer

ARGUMENTS = {"slot": "slot_3", "service": "oil_change", "vehicle": "vehicle_1"}


async def identified() -> DeskHand:
    hand = DeskHand(world(shop=replace(SHOP, transfer_number="")))
    await hand.identify()
    return hand


def scripted(hand: DeskHand) -> ScriptedAnswer:
    answer = hand.world.conversation.scripted_answer(hand.history)
    assert answer is not None
    return answer


def spoken(hand: DeskHand) -> str:
    """The next answer, as far as the claim guard lets it be heard."""
    text = scripted(hand).text
    assert text
    heard = hand.world.conversation.review(text)
    assert heard is not None and heard != phrases.HOLD_BACK, f"the guard holds back {text!r}"
    return text


async def test_a_message_is_taken_and_written_to_the_call() -> None:
    hand = await identified()
    hand.hear("I need new tires.")
    assert spoken(hand) == phrases.SCRIPTED_MESSAGE
    hand.hear("New tires for the Camry, please call me back, Maria.")
    assert spoken(hand) == phrases.SCRIPTED_MESSAGE_TAKEN
    hand.hear("No, thank you, bye.")
    stats = hand.world.conversation.stats
    assert stats["messages"] == ["New tires for the Camry, please call me back, Maria."]


async def test_a_goodbye_after_a_message_ends_the_call() -> None:
    hand = await identified()
    hand.hear("I need new tires.")
    spoken(hand)
    hand.hear("Hello?")
    assert spoken(hand) == phrases.SCRIPTED_MESSAGE_AGAIN
    hand.hear("Tires for Maria.")
    spoken(hand)
    hand.hear("Thank you, bye.")
    assert scripted(hand).tool == ("end_call", "{}")
    await hand.use("end_call")
    assert hand.last is not None and hand.last.ends_call
    assert hand.world.conversation.scripted_answer(hand.history) is None


async def test_a_yes_to_a_read_back_is_acted_on_and_the_deed_told() -> None:
    hand = await identified()
    await hand.offer()
    hand.say((await hand.use("book_appointment", **ARGUMENTS))["say"])
    hand.hear("Yes please.")
    tool = scripted(hand).tool
    assert tool is not None and tool[0] == "book_appointment"
    await hand.use("book_appointment", **ARGUMENTS)
    assert spoken(hand).startswith("It is booked: Thursday, November twenty-sixth at two p.m.")
    assert len(hand.world.schedule.booked) == 1


async def test_a_yes_to_a_read_back_that_was_not_heard_books_nothing() -> None:
    hand = await identified()
    await hand.offer()
    say = (await hand.use("book_appointment", **ARGUMENTS))["say"]
    hand.say(say, heard=False)
    hand.hear("Yes please.")
    tool = scripted(hand).tool
    assert tool is not None
    assert (await hand.use("book_appointment", **ARGUMENTS))["status"] == "read_back"
    assert spoken(hand) == say
    assert not hand.world.schedule.booked


async def test_a_read_back_that_waits_is_repeated_once_and_can_be_agreed_to() -> None:
    hand = await identified()
    await hand.offer()
    say = (await hand.use("book_appointment", **ARGUMENTS))["say"]
    hand.say(say)
    hand.hear("Sorry, what was that?")
    text = spoken(hand)
    assert text == f"{phrases.SCRIPTED_NOT_YET} {say}"
    hand.say(text)
    hand.hear("Yes please.")
    assert scripted(hand).tool is not None
    assert (await hand.use("book_appointment", **ARGUMENTS))["status"] == "booked"


async def test_a_hold_that_has_run_out_is_not_offered_again() -> None:
    hand = await identified()
    await hand.offer()
    hand.say((await hand.use("book_appointment", **ARGUMENTS))["say"])
    pending = hand.world.conversation._desk.pending
    waiting = pending["book_appointment"]
    assert waiting.hold is not None
    over = Kept("hold", waiting.hold.start, waiting.hold.end, NOW - timedelta(seconds=1))
    pending["book_appointment"] = replace(waiting, hold=over)
    hand.hear("Sorry, what was that?")
    assert spoken(hand) == phrases.SCRIPTED_MESSAGE


async def test_times_that_were_found_are_offered() -> None:
    hand = await identified()
    hand.hear("Thursday afternoon.")
    slots = await hand.offer()
    text = spoken(hand)
    assert text.startswith("I can offer ")
    assert all(slot["spoken"] in text for slot in slots)


async def test_danger_is_answered_with_the_emergency_number() -> None:
    hand = await identified()
    hand.hear("There is smoke coming out of the hood!")
    assert "nine one one" in spoken(hand)


async def test_a_write_whose_outcome_is_unknown_is_told_as_that() -> None:
    hand = await identified()
    await hand.offer()
    hand.say((await hand.use("book_appointment", **ARGUMENTS))["say"])
    hand.hear("Yes please.")
    await hand.use("book_appointment", **ARGUMENTS)
    error = '{"error": "deadline", "ask": "You are checking."}'
    late = ToolUsed(3, "call_9", "book_appointment", "{}", error, ok=False)
    hand.history = (*hand.history[:-1], late)
    assert spoken(hand).startswith(phrases.SCRIPTED_UNKNOWN)


@pytest.mark.parametrize("words", ["Hi there.", "I need new tires."])
async def test_with_a_person_at_hand_the_call_goes_to_them(words: str) -> None:
    hand = DeskHand(world())
    assert SHOP.transfer_number
    hand.hear(words)
    assert hand.world.conversation.scripted_answer(hand.history) is None


async def test_it_gives_up_after_a_few_and_starts_anew_when_the_model_is_back() -> None:
    hand = await identified()
    hand.hear("I need new tires.")
    for _ in range(MOST_IN_A_ROW):
        assert hand.world.conversation.scripted_answer(hand.history) is not None
    assert hand.world.conversation.scripted_answer(hand.history) is None
    hand.world.conversation.model_answered()
    assert spoken(hand) == phrases.SCRIPTED_MESSAGE
