from __future__ import annotations

from dataclasses import replace

import pytest

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import MARIA, SHOP, world
from voicecore.call.history import CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.conversation import MOST_TOOLS_IN_A_ROW
from voicecore.sandbox.openai_requests import check_request


def test_the_greeting_names_the_shop_and_nobody() -> None:
    greeting = world().conversation.greeting
    assert "Northside Auto Care" in greeting
    assert "Maria" not in greeting
    assert greeting.endswith("?")


async def test_the_request_is_valid_and_ordered_for_prefix_caching() -> None:
    conversation = world().conversation
    await conversation.prefetch()
    first = conversation.request((CallerSaid(1, "Hi."),))
    second = conversation.request((CallerSaid(1, "Hi."), CallerSaid(2, "Hello?")))
    check_request({"model": "m", "messages": first.messages, "tools": first.tools}, ["m"])
    assert first.messages[:2] == second.messages[:2]
    assert first.messages[-1]["role"] == "system"
    context = first.messages[1]["content"]
    assert "- Thursday 2026-11-26: Thursday, November twenty-sixth" in context
    assert "- oil_change: Oil change, thirty minutes, forty-nine dollars" in context


async def test_nothing_of_the_lines_record_is_in_the_request_before_the_caller_is_known() -> None:
    hand = DeskHand(world())
    await hand.world.conversation.prefetch()
    text = str(hand.world.conversation.request((CallerSaid(1, "Hi."),)).messages)
    assert not any(word in text for word in ("Maria", "Lopez", "Camry", "3125550142"))
    await hand.identify()
    assert "Maria Lopez, identified by phone number" in str(
        hand.world.conversation.request(hand.history).messages[-1]
    )


def test_a_model_that_only_calls_tools_must_speak_in_the_end() -> None:
    conversation = world().conversation
    history: tuple[HistoryItem, ...] = (CallerSaid(1, "Hi."),)
    for number in range(MOST_TOOLS_IN_A_ROW):
        assert conversation.request(history).tools
        history = (*history, ToolUsed(1, f"c{number}", "end_call", "{}", "{}", ok=True))
    assert conversation.request(history).tools == []
    assert conversation.request((*history, CallerSaid(2, "Hello?"))).tools


def test_review_writes_numbers_as_words_and_drops_what_cannot_be_spoken() -> None:
    conversation = world().conversation
    assert conversation.review("It is $5.") == "It is five dollars."
    assert conversation.review(" ... ") is None


def test_a_false_claim_becomes_one_moment_once_and_the_model_is_told() -> None:
    conversation = world().conversation
    assert conversation.review("You're booked!") == "One moment please."
    assert conversation.review("I've sent a text.") is None
    assert conversation.ledger.notes == ["claim_held_back", "claim_held_back"]
    assert "did not hear it" in conversation.request(()).messages[-1]["content"]
    assert "did not hear it" not in conversation.request(()).messages[-1]["content"]
    assert conversation.review("You're booked!") == "One moment please."


async def test_what_fails_while_the_phone_rings_is_a_note() -> None:
    broken = world()
    broken.directory.failure = ConnectionError("gone")
    broken.schedule.failure = ConnectionError("gone")
    await broken.conversation.prefetch()
    assert broken.conversation.ledger.notes == ["prefetch: ConnectionError"] * 2
    assert "not loaded" in broken.conversation.request(()).messages[1]["content"]
    assert broken.conversation.keyterms() == [SHOP.name]


async def test_a_prefetch_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicecore.dialog.conversation.PREFETCH_DEADLINE_S", 0.05)
    slow = world()
    slow.directory.delay_s = 5.0
    await slow.conversation.prefetch()
    assert slow.conversation.ledger.notes == ["prefetch: deadline"]


async def test_a_call_without_caller_id_fetches_only_the_shop() -> None:
    unknown = world(caller=None)
    await unknown.conversation.prefetch()
    assert unknown.directory.asked == []
    services = ["Oil change", "Brake inspection", "Tire rotation"]
    assert unknown.conversation.keyterms() == [SHOP.name, *services]


async def test_keyterms_hold_services_names_and_cars() -> None:
    known = world()
    await known.conversation.prefetch()
    assert {"Oil change", "Maria", "Lopez", "Toyota Camry"} <= set(known.conversation.keyterms())


def test_unknown_hours_are_said_to_be_unknown() -> None:
    conversation = world(MARIA, shop=replace(SHOP, hours="")).conversation
    assert "Opening hours: not known" in conversation.request(()).messages[1]["content"]


def test_the_prompt_version_is_told() -> None:
    assert len(world().conversation.prompt_version) == 12
