"""Whole calls in text over real sockets: conversation, model stream and stand-in together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.dialog.shop_world import MARIA, MARIA_PHONE, THURSDAY_TWO, Car, MemorySchedule, world
from tests.dialog.text_call import TextCall, client, text_call
from voicecore.call.history import AgentSaid, ToolUsed
from voicecore.sandbox.openai import Fault, OpenAiSandbox
from voicecore.sandbox.openai_policy import decide
from voicecore.sandbox.openai_reply import Reply, ToolCall

NUMBER = "It's three one two, five five five, oh one four two."


async def test_the_demo_call_ends_in_one_booking_and_one_text() -> None:
    shop = world()
    async with text_call(shop) as call:
        found = await call.say(f"Hi. {NUMBER}")
        assert "Maria Lopez" in found
        assert "twenty nineteen Toyota Camry" in found
        assert "March fourth" in found
        offered = await call.say("I'd like to book an oil change.", hear_words=14)
        assert offered.count(" at ") == 3
        again = await call.say("Actually, what about Thursday afternoon?")
        assert "Thursday, November twenty-sixth at two p.m." in again
        read_back = await call.say("The two p.m. one, please.")
        assert read_back.endswith("Shall I book it?")
        assert shop.schedule.booked == {}
        done = await call.say("Yes, please.")
        assert "is booked for Thursday, November twenty-sixth at two p.m." in done
        assert "I have sent you a text message" in done
        await call.say("No thanks, that's all. Goodbye.")
        assert call.ended
    (entry,) = shop.schedule.booked.values()
    assert (entry.start, entry.customer_id, entry.vehicle_id) == (THURSDAY_TWO, 4711, 81)
    assert [to for to, _ in shop.messenger.sent] == [MARIA_PHONE]
    assert call.tools == [
        *("lookup_customer", "get_available_slots", "get_available_slots"),
        *("book_appointment", "book_appointment", "send_confirmation", "end_call"),
    ]
    assert not any(
        "One moment" in item.text for item in call.history if isinstance(item, AgentSaid)
    )


async def test_a_new_wish_before_the_yes_books_only_the_new_time() -> None:
    shop = world()
    async with text_call(shop) as call:
        await call.say(f"I need an oil change. {NUMBER}")
        await call.say("Thursday afternoon")
        await call.say("the first one")
        await call.say("No, wait, the second one.")
        await call.say("How much is it?")
        await call.say("Yes, go ahead.")
    (entry,) = shop.schedule.booked.values()
    assert entry.start == THURSDAY_TWO.replace(hour=13)
    assert len(shop.schedule.holds) == 1


async def test_an_interrupted_read_back_is_said_again_before_anything_is_booked() -> None:
    shop = world()
    async with text_call(shop) as call:
        await call.say(f"I need an oil change. {NUMBER}")
        await call.say("Thursday afternoon")
        await call.say("the third", hear_words=5)
        repeated = await call.say("Yes.")
        assert repeated.endswith("Shall I book it?")
        assert shop.schedule.booked == {}
        await call.say("Yes.")
    assert len(shop.schedule.booked) == 1


async def test_an_interrupted_confirmation_does_not_book_twice() -> None:
    shop = world()
    async with text_call(shop) as call:
        await call.say(f"I need an oil change. {NUMBER}")
        await call.say("the first")
        await call.say("Yes.", hear_words=4)
        await call.say("Sorry, is it booked?")
        await call.say("Yes, book it.")
    assert len(shop.schedule.booked) == 1


async def test_from_another_line_the_name_is_asked_for() -> None:
    shop = world(caller=None)
    async with text_call(shop) as call:
        asked = await call.say(NUMBER)
        assert "last name" in asked
        assert "Maria" not in asked
        assert "Maria Lopez" in await call.say("My last name is Lopez.")


async def test_an_appointment_is_moved_and_then_cancelled() -> None:
    schedule = MemorySchedule()
    schedule.add(MARIA, THURSDAY_TWO)
    shop = world(schedule=schedule)
    async with text_call(shop) as call:
        await call.say("I want to move my appointment to Friday morning.")
        await call.say(NUMBER)
        await call.say("the first one")
        assert "is moved to Friday" in await call.say("Yes.")
        await call.say("Please cancel the appointment.")
        assert "is cancelled" in await call.say("Yes, cancel it.")
    (entry,) = schedule.booked.values()
    assert (entry.start.day, entry.status) == (27, "cancelled")


async def test_questions_are_answered_from_the_prompt_and_a_person_is_called() -> None:
    async with text_call(world()) as call:
        price = await call.say("How much is an oil change?")
        assert "forty-nine dollars and ninety-five cents" in price
        assert "eight a.m. to six p.m." in await call.say("What are your opening hours?")
        await call.say("Can I speak to a human?")
        assert call.transferred


async def test_a_taken_time_is_told_and_another_booked() -> None:
    shop = world()
    async with text_call(shop) as call:
        await call.say(f"I need an oil change. {NUMBER}")
        await call.say("Thursday afternoon")
        shop.schedule.taken.add(THURSDAY_TWO)
        assert "just been taken" in await call.say("the third")
        await call.say("Yes, that works.")
        await call.say("Yes.")
    (entry,) = shop.schedule.booked.values()
    assert entry.start == THURSDAY_TWO.replace(hour=15)


async def test_the_car_is_asked_for_where_there_are_two() -> None:
    civic = Car(82, 2021, "Honda", "Civic", None, "1HGCM82633A004352", 9000)
    shop = world(replace(MARIA, vehicles=(*MARIA.vehicles, civic)))
    async with text_call(shop) as call:
        await call.say(f"I need an oil change. {NUMBER}")
        assert "2019 Toyota" not in await call.say("Hm, do you have anything later?")
        assert "Which car is it for" in await call.say("the first one")
        assert "Honda Civic" in await call.say("The first one for the Civic, please.")
        await call.say("Yes.")
    (entry,) = shop.schedule.booked.values()
    assert entry.vehicle_id == civic.vehicle_id


async def test_the_state_of_the_car_and_another_wish_in_one_call() -> None:
    schedule = MemorySchedule()
    schedule.add(MARIA, THURSDAY_TWO)
    async with text_call(world(schedule=schedule)) as call:
        await call.say("Is my car ready?")
        assert "is booked" in await call.say(NUMBER)
        assert "Which day suits you better" in await call.say("I'd like to reschedule it.")
        assert "Friday" in await call.say("Friday morning")
        assert "You are welcome" not in await call.say("Hm.")
        assert "Where" not in await call.say("Where are you?")


async def test_arguments_with_invented_fields_are_refused_and_the_call_goes_on() -> None:
    sandbox = OpenAiSandbox()
    async with text_call(world(), sandbox) as call:
        sandbox.break_next(Fault.INVENTED_FIELDS)
        await call.say(NUMBER)
        assert any(isinstance(item, ToolUsed) and not item.ok for item in call.history)
        assert "Maria" in await call.say(NUMBER)


Messages = Sequence[Any]


def liar(messages: Messages, tools: Messages) -> Reply:
    """Claims everything and does nothing."""
    return Reply("You're all booked for Thursday at two p.m.! I've sent you a text. Anything else?")


@pytest.mark.parametrize("said", ["Book me in.", "Am I booked?", NUMBER])
async def test_a_model_that_lies_is_not_heard(said: str) -> None:
    async with text_call(world(), OpenAiSandbox(policy=liar)) as call:
        assert await call.say(said) == "One moment please. Anything else?"


def looping(messages: Messages, tools: Messages) -> Reply:
    """Calls a tool for ever, while it can."""
    if tools:
        return Reply(calls=(ToolCall("get_available_slots", {"service": "oil_change"}),))
    return Reply("I stop here.")


async def test_a_model_that_loops_on_tools_is_made_to_speak() -> None:
    async with text_call(world(), OpenAiSandbox(policy=looping)) as call:
        assert await call.say("Hello.") == "I stop here."
        assert len(call.tools) == 8


def hasty(messages: Messages, tools: Messages) -> Reply:
    """Books twice in a row without waiting for the caller."""
    reply = decide(messages, tools)
    call = next((call for call in reply.calls if call.name == "book_appointment"), None)
    return Reply(calls=(call, call)) if call else reply


async def test_a_model_that_does_not_wait_for_the_yes_books_nothing() -> None:
    shop = world()
    async with text_call(shop, OpenAiSandbox(policy=hasty)) as call:
        await call.say(f"I need an oil change. {NUMBER}")
        await call.say("the first one")
        assert shop.schedule.booked == {}
        await call.say("Yes.")
    assert len(shop.schedule.booked) == 1


async def test_nonsense_is_spoken_without_markup_and_does_no_harm() -> None:
    sandbox = OpenAiSandbox()
    async with text_call(world(), sandbox) as call:
        sandbox.break_next(Fault.NONSENSE)
        said = await call.say("Hello.")
        assert "*" not in said
        assert "{" not in said
        assert "Maria" in await call.say(NUMBER)


async def test_two_calls_share_one_client() -> None:
    async with OpenAiSandbox() as sandbox:
        llm = client(sandbox)
        calls = [TextCall(world(), llm), TextCall(world(), llm)]
        for call in calls:
            await call.start()
            assert "Maria" in await call.say(NUMBER)
        assert sandbox.counters.connections == 1
        await llm.aclose()
