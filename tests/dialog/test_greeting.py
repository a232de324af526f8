"""The agent's first words and its persona in the prompt."""

from __future__ import annotations

from dataclasses import replace

from tests.dialog.shop_world import SHOP, world
from voicecore.dialog.greeting import greeting, greetings

ROBIN = replace(SHOP, agent_name="Robin", persona="warm, with dry humour")


def test_without_a_name_the_agent_gives_none() -> None:
    assert greeting(SHOP, None, is_open=True) == (
        f"Thank you for calling {SHOP.name}. How can I help you today?"
    )


def test_with_a_name_the_agent_says_it_in_every_greeting() -> None:
    assert all(" This is Robin. " in text for text in greetings(ROBIN))
    assert greeting(ROBIN, None, is_open=False) == greetings(ROBIN)[1]


def test_the_model_is_told_who_it_is_and_how_it_speaks() -> None:
    context = world(shop=ROBIN).conversation.request(()).messages[1]["content"]
    assert "You are Robin, the automated phone assistant of this shop." in context
    assert "Your manner: warm, with dry humour" in context
    plain = world().conversation.request(()).messages[1]["content"]
    assert "You are the automated phone assistant" in plain
    assert "Your manner: friendly" in plain
