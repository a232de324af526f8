from __future__ import annotations

from tests.dialog.desk_hand import DeskHand
from tests.dialog.shop_world import world


def state(hand: DeskHand) -> str:
    return str(hand.world.conversation.request(hand.history).messages[-1]["content"])


async def test_wishes_are_kept_in_order_and_told_to_the_model() -> None:
    hand = DeskHand(world())
    await hand.use("note_wish", wish="book", about="oil change")
    noted = await hand.use("note_wish", wish="questions", about="price of {x}", state="later")
    assert noted == {"status": "noted", "open": ["book", "questions"]}
    assert "Working on: book (oil change); step: find out which service" in state(hand)
    assert "do it next: questions (price of x)" in state(hand)
    await hand.use("note_wish", wish="book", state="dropped")
    assert "Working on: questions" in state(hand)
    noted = await hand.use("note_wish", wish="questions", state="answered")
    assert noted["open"] == []
    assert "no wish is open" in state(hand)


async def test_what_was_searched_for_is_told() -> None:
    hand = DeskHand(world())
    await hand.identify()
    await hand.offer()
    assert "step: let the caller choose" in state(hand)
    assert "service oil change, from 2026-11-26, time afternoon" in state(hand)
